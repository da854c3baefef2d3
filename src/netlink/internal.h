/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_NETLINK_INTERNAL_H
#define CONNTAB_NETLINK_INTERNAL_H

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "conntab/netlink.h"

/* The tuples in a struct record: an entry's two directions, and the original one of its master. */
enum direction {
	DIRECTION_ORIGINAL,
	DIRECTION_REPLY,
	DIRECTION_MASTER,
	/* Those of an expectation: the expected one, kept as the original; its mask; the one before translation. */
	DIRECTION_EXPECTED,
	DIRECTION_MASK,
	DIRECTION_NAT, /* kept as the original, too */
	DIRECTION_EXPECT_MASTER,
	DIRECTIONS,
};

/* Begins a ctnetlink request (IPCTNL_MSG_*) in `buffer` with the next sequence number. */
struct nlmsghdr *netlink_message(struct netlink *netlink, void *buffer, uint16_t type, uint16_t flags,
				 uint8_t family);
/* The same for any subsystem of nfnetlink (NFNL_SUBSYS_*). */
struct nlmsghdr *netlink_message_of(struct netlink *netlink, void *buffer, uint8_t subsystem, uint8_t type,
				    uint16_t flags, uint8_t family);
/*
 * Sends a message that asks for an acknowledgement and hands what comes before
 * that to `each` (NULL: drops it). Returns the kernel's code, its refusal in `error`
 * unless it is -ENOENT.
 */
int netlink_transact(struct netlink *netlink, const struct nlmsghdr *request,
		     int (*each)(void *data, const struct nlmsghdr *message), void *data, struct error *error);
/* A dump without a filter, of another sort than entries; as netlink_dump(). */
int netlink_dump_plain(struct netlink *netlink, uint8_t subsystem, uint8_t type,
		       int (*each)(void *data, const struct nlmsghdr *message), void *data, struct error *error);
/* The code that an NLMSG_ERROR carries: 0 for an acknowledgement, else -errno. */
int netlink_answer(const struct nlmsghdr *message);
/* Puts a refusal into words, with the kernel's own where there are some; returns `code`. */
int netlink_refused(const struct nlmsghdr *message, int code, struct error *error);
/* Whether this is nfnetlink's code for a subsystem that is not there and cannot be loaded. */
bool netlink_is_absent(int code);
/* "this kernel has no WHAT (WHERE)" in the place of any other text; returns -EOPNOTSUPP. */
int netlink_absent(struct error *error, const char *what, const char *where);
/* Copies an attribute's text, cut to `size` with its '\0'; untrusted as it was. */
void netlink_read_text(const struct nlattr *attribute, char *out, size_t size);
/* Adds the members of `tuple` that are in `present` as CTA_TUPLE_ORIG, CTA_EXPECT_TUPLE and so on. */
void netlink_put_tuple(struct nlmsghdr *message, enum direction direction, const struct record *tuple,
		       const struct field_set *present);
/* Adds the fields of a tuple, but for protocol and zone. */
void netlink_tuple_fields(struct field_set *set, enum direction direction);

/* The most that netlink_put_creation() adds to a message, headers included. */
enum { NETLINK_CREATION_MAX = 768 };

/* Adds all that describes a new entry to its message. */
void netlink_put_creation(struct nlmsghdr *message, const struct record *record);
/* The same of what can be changed of one that exists; `masks` as in netlink_batch_update(). */
void netlink_put_update(struct nlmsghdr *message, const struct record *record, const struct netlink_masks *masks);
/* As netlink_refused(), of what netlink_put_creation() built. */
int netlink_creation_refused(const struct nlmsghdr *message, int code, bool is_update, struct error *error);
/* As netlink_message() of a request about expectations (IPCTNL_MSG_EXP_*). */
struct nlmsghdr *netlink_expect_message(struct netlink *netlink, void *buffer, uint8_t type, uint16_t flags,
					uint8_t family);
/* Names one expectation: the expected tuple, zone and id, as far as the record has them. */
void netlink_put_expected(struct nlmsghdr *message, const struct record *record);
/* Lets an event socket take only what the filter selects, where the kernel can. */
void netlink_attach_filter(int fd, const struct kernel_filter *filter);

#endif
