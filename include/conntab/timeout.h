/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_TIMEOUT_H
#define CONNTAB_TIMEOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "conntab/error.h"
#include "conntab/text.h"

struct netlink;
struct nlmsghdr;

/*
 * Timeout policies of this network namespace: those of nfct(8), which rules of
 * iptables attach (net/netfilter/nfnetlink_cttimeout.c), and the objects "ct timeout"
 * of nftables (net/netfilter/nft_ct.c). Both hold the same timeouts in the same
 * attributes (CTA_TIMEOUT_TCP_* ...).
 */

enum {
	TIMEOUT_STATES_MAX = 11,
	/* CTNL_TIMEOUT_NAME_MAX, with the '\0' */
	TIMEOUT_NAME_SIZE = 32,
	/*
	 * What can be set, in seconds, 24d20h: the kernel counts in ticks of 31 bits, a
	 * thousand a second on some, and an entry whose timeout is longer ends at once.
	 */
	TIMEOUT_SECONDS_MAX = INT32_MAX / 1000,
	/* Stands for every protocol that the kernel does not track by itself. */
	TIMEOUT_PROTOCOL_GENERIC = 255,
};

/* A state of a protocol, or what else has a timeout there. */
struct timeout_state {
	const char *name;
	const char *nft; /* the word of nft(8), NULL: it has none for it */
};

/* A row of the one table of protocols that have timeouts. State n is in attribute n + 1. */
struct timeout_protocol {
	const char *name;
	uint8_t number;
	bool is_ipv6; /* belongs to IPv6 */
	struct timeout_state states[TIMEOUT_STATES_MAX + 1]; /* ends with a NULL name */
};

extern const struct timeout_protocol timeout_protocols[]; /* ends with a NULL name */

/* NULL: it has no timeouts of its own. */
const struct timeout_protocol *timeout_protocol_find(uint8_t number);
/* How many timeouts it has. */
unsigned timeout_protocol_count(const struct timeout_protocol *protocol);

struct timeout_policy {
	char name[256];  /* untrusted; of nftables up to 255 bytes */
	char table[288]; /* of an object of nftables: "inet filter"; empty: a policy of nfct's sort */
	uint8_t family;  /* AF_INET, AF_INET6; of nftables also NFPROTO_INET and others */
	uint8_t protocol;
	bool has_use;
	uint32_t use;     /* references that rules hold: one each, or two of iptables-nft (seen with Linux 6.1) */
	uint32_t present; /* bit n: values[n] */
	uint32_t values[TIMEOUT_STATES_MAX]; /* seconds, by the protocol's states */
};

/*
 * Calls `each` with every policy, those of nfct's sort first; its result: 0 to go on.
 * Loads no module: what a module that is not loaded would do is not there. Returns 0,
 * `each`'s result, or -errno with `error`; -EOPNOTSUPP: this kernel cannot have
 * policies of nfct's sort.
 */
int netlink_timeout_list(struct netlink *netlink, int (*each)(void *data, const struct timeout_policy *policy),
			 void *data, struct error *error);
/*
 * Makes a policy (name, family, protocol and the values that are present; the kernel
 * fills in the namespace's settings for the others), or with `is_replacement` gives
 * one that exists new values, all of them. Returns 0; without error text -EEXIST and
 * -EPROTONOSUPPORT (this kernel does not track the protocol); or -errno with `error`.
 */
int netlink_timeout_put(struct netlink *netlink, const struct timeout_policy *policy, bool is_replacement,
			struct error *error);
/*
 * Deletes a policy. Returns 0, -ENOENT or -EBUSY (no error text), or -errno with
 * `error`.
 */
int netlink_timeout_delete(struct netlink *netlink, const char *name, struct error *error);
/*
 * The namespace's own timeouts of a protocol: policy->protocol is given, the rest
 * filled in. Unless it `may_load` the module, a missing one is an error. Returns 0,
 * -EPROTONOSUPPORT (no error text: this kernel does not track the protocol), or -errno
 * with `error`.
 */
int netlink_timeout_default_get(struct netlink *netlink, struct timeout_policy *policy, bool may_load,
				struct error *error);
/* Sets those that are present, leaves the others as they are; results as above. */
int netlink_timeout_default_set(struct netlink *netlink, const struct timeout_policy *policy,
				struct error *error);

/*
 * Reads a message of either sort, `is_object`: of nftables. False: no policy. Attributes
 * that are unknown or of an odd length are skipped.
 */
bool timeout_decode(const struct nlmsghdr *message, bool is_object, struct timeout_policy *policy);

#endif
