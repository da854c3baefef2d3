/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_NAT_H
#define CONNTAB_NAT_H

#include "conntab/record.h"

/*
 * What network address translation changes. The kernel (nf_nat_setup_info() in
 * net/netfilter/nf_nat_core.c) begins with a reply that mirrors the original tuple,
 * rewrites in it what is translated, and marks an entry as translated only where
 * that made a difference.
 */
enum nat_side { NAT_SOURCE, NAT_DESTINATION, NAT_SIDES };

struct nat {
	uint32_t bit;      /* of the status: translated */
	uint32_t done_bit; /* went through the rules, whether they changed it or not */
	uint8_t address, port;             /* fields of the original tuple */
	uint8_t reply_address, reply_port; /* what they became in the reply */
	bool has_echo_id;  /* an echo's identifier is translated with its source */
};

extern const struct nat nats[NAT_SIDES];

/* The bits of both sides. */
#define NAT_STATUS_BITS (nats[0].bit | nats[1].bit | nats[0].done_bit | nats[1].done_bit)

/*
 * The entry as it was before the translation that its status tells of: the reply's
 * translated members are those of the original tuple again. GRE's keys stay as they are:
 * the kernel does not translate them without help.
 */
void nat_undo(const struct record *record, struct record *before);

#endif
