/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_TEXT_H
#define CONNTAB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;

/*
 * A piece of somebody's text, not terminated. Parsers take slices, so that no
 * text is copied and every place can be told back as a column.
 */
struct slice {
	const char *at;
	size_t length;
};

struct slice slice_of(const char *text);
/* The same letters, upper and lower case alike. */
bool slice_is(struct slice slice, const char *text);
/* Copies into `out` (terminated); false when it does not fit. */
bool slice_copy(struct slice slice, char *out, size_t size);
/* A decimal or 0x number without sign or units, up to `maximum`. */
bool slice_number(struct slice slice, uint64_t maximum, uint64_t *number);

/* Numbers with units: 10k 10M 10G 10T (powers of 1000), Ki Mi Gi Ti (of 1024). */
bool unit_parse_number(struct slice slice, uint64_t maximum, uint64_t *number);
/* The shortest exact form that unit_parse_number() reads back: 10000000 is 10M. */
void unit_format_number(struct buffer *buffer, uint64_t number);
/* Durations in seconds: 90, 90s, 15m, 1h30m, 5d, 2w. */
bool unit_parse_duration(struct slice slice, uint64_t maximum, uint64_t *seconds);
/* Seconds with fractions ("0.5", "1.25s") or a duration, in nanoseconds; up to a year. */
bool unit_parse_seconds(struct slice slice, uint64_t *nanoseconds);
/* The form that unit_parse_duration() reads back: 5400 is 1h30m. */
void unit_format_duration(struct buffer *buffer, uint64_t seconds);

/*
 * Looks for the word that was meant: offer every candidate, then ask. A word is
 * near when few letters differ, or when it begins with what was typed.
 */
struct suggestion {
	struct slice typed;
	char best[48]; /* a copy, in lower case; empty: nothing near */
	unsigned distance;
};

void suggestion_offer(struct suggestion *suggestion, const char *candidate);
/* `; did you mean "X"?` or an empty text, into `out`; returns out. */
const char *suggestion_text(const struct suggestion *suggestion, char *out, size_t size);

#endif
