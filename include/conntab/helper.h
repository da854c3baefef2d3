/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_HELPER_H
#define CONNTAB_HELPER_H

#include <stdbool.h>
#include <stdint.h>

#include "conntab/error.h"

struct netlink;
struct nlmsghdr;

/*
 * User-space helpers: programs such as conntrackd that read the packets of some
 * connections from a queue and announce what they will open. The kernel's list of them
 * is one for the machine, not for a network namespace
 * (net/netfilter/nfnetlink_cthelper.c).
 */

enum {
	HELPER_NAME_SIZE = 16,   /* NF_CT_HELPER_NAME_LEN, with the '\0' */
	HELPER_POLICIES_MAX = 4, /* NF_CT_MAX_EXPECT_CLASSES */
	HELPER_EXPECT_MAX = 255, /* NF_CT_EXPECT_MAX_CNT */
	HELPER_DATA_MAX = 32,    /* bytes: the room in the kernel's struct nf_conn_help */
};

/* What a helper may expect: one class of expectations. */
struct helper_policy {
	char name[HELPER_NAME_SIZE]; /* untrusted */
	uint32_t max;     /* expectations of one connection at a time */
	uint32_t timeout; /* seconds until an expectation goes */
};

enum helper_part {
	HELPER_QUEUE = 1 << 0,
	HELPER_DATA = 1 << 1,
	HELPER_STATUS = 1 << 2,
	HELPER_POLICIES = 1 << 3,
};

struct helper {
	char name[HELPER_NAME_SIZE]; /* untrusted; with family and protocol it is the key */
	uint8_t family;   /* AF_INET, AF_INET6 */
	uint8_t protocol;
	unsigned present; /* enum helper_part */
	uint32_t queue;   /* of nfnetlink_queue */
	uint32_t data;    /* bytes that it keeps with each connection */
	bool is_enabled;  /* packets are queued */
	unsigned policy_count;
	struct helper_policy policies[HELPER_POLICIES_MAX];
};

/*
 * Calls `each` with every helper; its result: 0 to go on. Loads no module: what a module
 * that is not loaded would do is not there. Returns 0, `each`'s result, or -errno with
 * `error`; -EOPNOTSUPP: this kernel cannot have any.
 */
int netlink_helper_list(struct netlink *netlink, int (*each)(void *data, const struct helper *helper), void *data,
			struct error *error);
/*
 * Makes a helper, which takes data and policies, or with `is_change` changes the parts
 * that are present: not the data, and of policies neither number nor names. Returns 0,
 * -EEXIST (no error text; also for a helper of the kernel's own), or -errno with `error`.
 */
int netlink_helper_put(struct netlink *netlink, const struct helper *helper, bool is_change, struct error *error);
/* Deletes the one of that name, family and protocol. 0, -ENOENT or -EBUSY (no error text), or -errno with `error`. */
int netlink_helper_delete(struct netlink *netlink, const struct helper *helper, struct error *error);
/* Reads a message. Attributes that are unknown or of an odd length are skipped. False: no helper. */
bool helper_decode(const struct nlmsghdr *message, struct helper *helper);

#endif
