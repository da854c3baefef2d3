/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/events.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conntab/interrupt.h"
#include "conntab/kind.h"
#include "internal.h"

/* How many messages are handled before the caller looks at the rest of the world. */
enum { READ_MESSAGES = 512 };

/* The kernel doubles what it is told, for its own overhead (sock_setsockopt() in net/core/sock.c). */
static void set_size(struct netlink_events *events, uint64_t size)
{
	int half = size / 2 > INT32_MAX / 2 ? INT32_MAX / 2 : (int)(size / 2), granted = 0;
	socklen_t length = sizeof(granted);

	if (setsockopt(events->fd, SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)) < 0)
		setsockopt(events->fd, SOL_SOCKET, SO_RCVBUF, &half, sizeof(half));
	if (getsockopt(events->fd, SOL_SOCKET, SO_RCVBUF, &granted, &length) == 0)
		events->size = (uint64_t)granted;
}

static int join(const struct netlink_events *events, const struct kernel_filter *filter)
{
	int first = filter->subject == SUBJECT_ENTRY ? NFNLGRP_CONNTRACK_NEW : NFNLGRP_CONNTRACK_EXP_NEW;

	for (int event = EVENT_NEW; event <= EVENT_DESTROY; event++) {
		int group = first + event - EVENT_NEW;

		if (filter->events >> event & 1 &&
		    setsockopt(events->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
			return -errno;
	}
	return 0;
}

static int open_socket(struct netlink_events *events, const struct kernel_filter *filter, uint64_t size)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int on = 1;

	events->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (events->fd < 0)
		return -errno;
	set_size(events, size);
	/* Without it the first loss makes the kernel drop everything until the socket is empty. */
	setsockopt(events->fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	/* A refinement: what it lets through is tested again. */
	netlink_attach_filter(events->fd, filter);
	if (bind(events->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return join(events, filter);
}

int netlink_events_open(struct netlink_events *events, const struct kernel_filter *filter, uint64_t size,
			struct error *error)
{
	int result = -ENOMEM;

	*events = (struct netlink_events){ .fd = -1, .buffer = malloc(NETLINK_BUFFER) };
	if (events->buffer)
		result = open_socket(events, filter, size);
	if (result == 0)
		return 0;
	netlink_events_close(events);
	if (result == -EPROTONOSUPPORT)
		return error_set(error, result, "this kernel has no netlink for netfilter (modprobe nf_conntrack_netlink)");
	return netlink_refused(NULL, result, error);
}

void netlink_events_close(struct netlink_events *events)
{
	if (events->fd >= 0)
		close(events->fd);
	free(events->buffer);
	*events = (struct netlink_events){ .fd = -1 };
}

/* One datagram; its length, -EAGAIN when none waits, or -errno. */
static ssize_t receive(struct netlink_events *events)
{
	struct sockaddr_nl sender = { 0 };

	for (;;) {
		socklen_t size = sizeof(sender);
		ssize_t length = recvfrom(events->fd, events->buffer, NETLINK_BUFFER, 0, (struct sockaddr *)&sender, &size);

		if (length >= 0 && sender.nl_pid == 0)
			return length;
		if (length < 0 && errno != EINTR)
			return -errno;
	}
}

int netlink_events_read(struct netlink_events *events,
			int (*each)(void *data, const struct nlmsghdr *message), void *data, bool *is_empty,
			struct error *error)
{
	*is_empty = false;
	for (unsigned i = 0; i < READ_MESSAGES; i++) {
		const struct nlmsghdr *message = (const void *)events->buffer;
		ssize_t length = interrupt_signal ? -EINTR : receive(events);
		int left = (int)length, result = 0;

		if (length == -EAGAIN) {
			*is_empty = true;
			return 0;
		}
		if (length < 0 && length != -EINTR)
			error_set(error, (int)length, "netlink: cannot receive: %s", strerror((int)-length));
		if (length < 0)
			return (int)length;
		for (; result == 0 && mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			result = each(data, message);
		if (result)
			return result;
	}
	return 0;
}

bool netlink_events_state(const struct netlink_events *events, uint32_t *lost, bool *is_waiting)
{
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(memory);

	if (events->fd < 0 || getsockopt(events->fd, SOL_SOCKET, SO_MEMINFO, memory, &size) < 0)
		return false;
	*lost = memory[SK_MEMINFO_DROPS];
	*is_waiting = memory[SK_MEMINFO_RMEM_ALLOC] > 0;
	return true;
}

/* As libnetfilter_conntrack tells them apart (__parse_message_type()). */
uint8_t netlink_event(const struct nlmsghdr *message)
{
	if ((message->nlmsg_type & 0xff) == IPCTNL_MSG_CT_DELETE)
		return EVENT_DESTROY;
	return message->nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL) ? EVENT_NEW : EVENT_UPDATE;
}
