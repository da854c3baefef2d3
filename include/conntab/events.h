/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_EVENTS_H
#define CONNTAB_EVENTS_H

#include "conntab/netlink.h"

/*
 * The events of ctnetlink: what begins, changes and ends while we listen. The kernel
 * puts a message for each into the socket's buffer and never waits: what finds no
 * room is lost, but counted (struct sock's sk_drops), to the message.
 */
struct netlink_events {
	int fd;          /* -1: closed */
	uint8_t *buffer; /* NETLINK_BUFFER bytes */
	uint64_t size;   /* bytes of kernel memory that may wait; an event takes some 1,280 */
};

/*
 * Subscribes to the events of `filter->events` that pass the rest of the filter, in
 * the namespace that the thread is in. `size` is what is asked for; the kernel
 * may give less (net.core.rmem_max, for those without CAP_NET_ADMIN in the first user
 * namespace) or, where it is very small, more: see events->size. Returns 0 or -errno
 * with `error`; closed then.
 */
int netlink_events_open(struct netlink_events *events, const struct kernel_filter *filter, uint64_t size,
			struct error *error);
void netlink_events_close(struct netlink_events *events);

/*
 * Hands what waits to `each`, some hundred messages at most, without waiting for
 * more. `is_empty` tells that nothing was left. Returns 0, what `each` returned when it was
 * not 0, -EINTR after a signal that set the flag in conntab/interrupt.h, or -errno with
 * `error`.
 */
int netlink_events_read(struct netlink_events *events,
			int (*each)(void *data, const struct nlmsghdr *message), void *data, bool *is_empty,
			struct error *error);

/*
 * How many messages were lost since the socket was opened (the number wraps), and
 * whether any waits to be read. False where the kernel does not tell (before 4.12).
 */
bool netlink_events_state(const struct netlink_events *events, uint32_t *lost, bool *is_waiting);

/* What a message of an event socket says: EVENT_NEW, EVENT_UPDATE or EVENT_DESTROY. */
uint8_t netlink_event(const struct nlmsghdr *message);

#endif
