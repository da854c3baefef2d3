/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_FILTER_H
#define CONNTAB_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "conntab/error.h"
#include "conntab/field.h"
#include "conntab/netlink.h"

struct buffer;

/*
 * The filter language (conntab-filter(7)):
 *
 *   expression  = conjunction { "or" conjunction }
 *   conjunction = factor { [ "and" ] factor }
 *   factor      = "not" factor | "(" expression ")" | term
 *   term        = FIELD [ operator ] values | WORD
 *   operator    = "=" "is" "!=" "<" "<=" ">" ">=" "in" "not" "in"
 *   values      = VALUE { "," VALUE } | "{" VALUE { [ "," ] VALUE } "}"
 *
 * A parsed filter has its negations pushed down to the terms. Evaluation is
 * three-valued: a term about a value that the kernel did not keep is unknown, and
 * so is its negation; only what is true matches, so that "not bytes > 10M" never
 * takes entries whose bytes were not counted.
 */
struct filter;

/*
 * Parses `text`. On success `*filter` is the caller's, NULL for an empty text.
 * On a fault returns -EINVAL with message and column in `error`.
 */
int filter_parse(const char *text, struct naming *naming, struct filter **filter, struct error *error);
void filter_free(struct filter *filter);

/*
 * Joins two filters, which it owns from then on; either may be NULL. NULL when out
 * of memory.
 */
struct filter *filter_and(struct filter *left, struct filter *right);

/* What is known of a filter for a record. In this order "and" is the smaller, "or" the larger. */
enum truth { IS_FALSE, IS_UNKNOWN, IS_TRUE };

/* Evaluates a record, which must have been decoded with filter_fields(). NULL is true. */
enum truth filter_evaluate(const struct filter *filter, const struct record *record);
/* Whether it is true: the one meaning of "matches". */
bool filter_matches(const struct filter *filter, const struct record *record);
/* Adds the fields that the filter reads. */
void filter_fields(const struct filter *filter, struct field_set *set);
/* Writes the filter in its plain form, which parses to the same filter. */
void filter_format(const struct filter *filter, struct buffer *buffer, struct naming *naming);

/*
 * Looks for a contradiction: a filter that no entry can satisfy. Fills `reason`
 * with what contradicts and returns true.
 */
bool filter_is_never(const struct filter *filter, struct reason *reason);

/*
 * The dumps to make for a filter, and what the kernel selects in each. Two where
 * the kernel's tuple filter is worth it but no family is given, since it needs one.
 */
struct kernel_plan {
	struct kernel_filter dumps[2];
	unsigned count;
};

/* `family`: AF_UNSPEC, or the only one that is wanted. */
void filter_plan(const struct filter *filter, uint8_t family, struct kernel_plan *plan);
/*
 * What the kernel selects of events. With `is_lasting` only what stays as it is as long
 * as the entry lives. `kernel->events` is 0 when no event can match.
 */
void filter_plan_events(const struct filter *filter, uint8_t family, bool is_lasting, struct kernel_filter *kernel);
/* Writes the terms that the kernel evaluates, joined by "and"; nothing when there are none. */
void kernel_filter_format(const struct kernel_filter *kernel, struct buffer *buffer, struct naming *naming);

/*
 * Reads a filter as the tuple of one entry: a conjunction of "FIELD VALUE" terms
 * that gives protocol, addresses and ports (icmp: type, code, id; gre: keys) of
 * one direction, and perhaps a zone. What is missing or too much is a usage fault.
 */
int filter_as_tuple(const struct filter *filter, uint8_t family, struct record *tuple, bool *is_reply,
		    struct error *error);

#endif
