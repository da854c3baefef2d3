/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_DRAFT_H
#define CONNTAB_DRAFT_H

#include "conntab/error.h"
#include "conntab/field.h"
#include "conntab/nat.h"
#include "conntab/netlink.h"

/*
 * An entry that a user describes: by the words of `add`, or by a line of a save file.
 * First what was said is gathered, then the rest follows from it.
 */
struct draft {
	struct record record;
	struct {
		bool is_given, has_port;
		struct address address;
		uint16_t port;
	} nat[NAT_SIDES];
	struct field_set settable; /* netlink_create_fields() */
	const char *noun; /* what is described, for messages: "entry" */
	bool may_override; /* a field may be given again; the last one counts */
	bool is_change;    /* the words are no entry but what shall change of some: draft_change() */
	bool is_added, is_removed; /* the labels that come next; neither: they are those to have */
	struct netlink_masks masks; /* of a change: which bits of mark and labels */
};

void draft_init(struct draft *draft);

/*
 * Gives a field its value, written as in a filter. Flags of the status and labels add up
 * and may be lists ("seen_reply,assured"). All functions here return 0, or -EINVAL with
 * the fault in `error` (no column).
 */
int draft_set(struct draft *draft, enum field_id id, struct slice value, struct naming *naming, struct error *error);
/* Whether a flag of the status can be given. */
bool draft_takes_status(const struct word *word);
/* Translates one side to "ADDRESS", "ADDRESS:PORT" or "[ADDRESS]:PORT". */
int draft_set_nat(struct draft *draft, enum nat_side side, struct slice value, struct error *error);
/*
 * Reads "FIELD VALUE ...", words that stand alone (tcp, established, assured), and
 * "snat ADDRESS", "dnat ADDRESS". A fault's column counts in `text`.
 */
int draft_terms(struct draft *draft, struct slice text, struct naming *naming, struct error *error);

/*
 * Checks that the draft names one entry: protocol, addresses and what else the original
 * tuple of that protocol has. Sets the family. With `family` other than AF_UNSPEC it must
 * be that one.
 */
int draft_complete_tuple(struct draft *draft, uint8_t family, struct error *error);
/*
 * The same, and makes of it a whole entry: the reply mirrors the original tuple where
 * it is not given; then it is translated, and the status says so. tcp, sctp and dccp need a
 * state. Where nothing is known of tcp's windows they are not checked, as conntrack(8) has
 * it. The timeout is left to the caller.
 */
int draft_complete(struct draft *draft, uint8_t family, struct error *error);
/* Begins the description of an expectation instead of an entry. */
void draft_init_expectation(struct draft *draft);
/*
 * Checks that the draft names an expectation: protocol, dst, dport (of protocols that have
 * ports) and the master's tuple. Without src or sport any will do (mask 0), else the mask is
 * full unless it is given; the master's protocol is the expectation's own unless it is given.
 */
int draft_complete_expectation(struct draft *draft, uint8_t family, struct error *error);

/*
 * Reads what shall change of entries, in the same words: mark (also VALUE/MASK), labels (those
 * and no others, "add ONE", "remove OTHER" or "none"), timeout, state, helper ("none" takes it away), and flags,
 * which can only be set. Initializes the draft. 0 or a usage fault, its column in `text`.
 */
int draft_change(struct draft *draft, struct slice text, struct naming *naming, struct error *error);
/* The fields that draft_change() takes, added to `set`. */
void draft_change_fields(struct field_set *set);
/* The fields that draft_differs() reads, added to `set`. */
void draft_differs_fields(const struct draft *draft, struct field_set *set);
/*
 * What of the change is not so already in `record`: `update` becomes the record to hand to
 * netlink_batch_update() with the draft's masks. 1: something; 0: nothing; -EINVAL with `error`:
 * entries of this protocol cannot have it.
 */
int draft_differs(const struct draft *draft, const struct record *record, struct record *update, struct error *error);

#endif
