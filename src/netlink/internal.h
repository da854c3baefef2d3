/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_NETLINK_INTERNAL_H
#define CONNTAB_NETLINK_INTERNAL_H

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "conntab/netlink.h"

/* A direction of an entry, as the tuples of struct record have it. */
enum direction { DIRECTION_ORIGINAL, DIRECTION_REPLY };

/* Begins a ctnetlink request (IPCTNL_MSG_*) in `buffer` with the next sequence number. */
struct nlmsghdr *netlink_message(struct netlink *netlink, void *buffer, uint16_t type, uint16_t flags,
				 uint8_t family);
/* A dump without a filter, of another sort than entries; as netlink_dump(). */
int netlink_dump_plain(struct netlink *netlink, uint8_t subsystem, uint8_t type,
		       int (*each)(void *data, const struct nlmsghdr *message), void *data, struct error *error);
/* The code that an NLMSG_ERROR carries: 0 for an acknowledgement, else -errno. */
int netlink_answer(const struct nlmsghdr *message);
/* Puts a refusal into words, with the kernel's own where there are some; returns `code`. */
int netlink_refused(const struct nlmsghdr *message, int code, struct error *error);
/* Adds the members of `tuple` that are in `present` as CTA_TUPLE_ORIG or CTA_TUPLE_REPLY. */
void netlink_put_tuple(struct nlmsghdr *message, enum direction direction, const struct record *tuple,
		       const struct field_set *present);

#endif
