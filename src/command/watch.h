/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_COMMAND_WATCH_H
#define CONNTAB_COMMAND_WATCH_H

#include "command.h"
#include "conntab/fill.h"

enum { HISTORY = 60 };

/* One namespace under watch. */
struct watched {
	struct fill_source source;
	struct sample first, before, now;
	uint64_t samples; /* taken */
	bool is_gone;
	struct trend trend;
	double history[HISTORY]; /* per cent, a ring */
	enum level level;     /* what has held for --for samples */
	enum level candidate; /* of the last sample */
	uint64_t run;         /* samples in a row with that candidate */
	bool has_matches;     /* a filter was given: these many entries match it */
	uint64_t matched, matched_before;
	struct environment environment; /* of that namespace, for the filter */
};

/* What is derived from the last two samples. */
struct pace {
	bool is_known;
	double entries, created, destroyed, matched; /* a second */
	bool is_growing;
	double seconds_to_full;
};

struct pace watched_pace(const struct watched *watched);
const char *watched_name(const struct watched *watched);
double watched_percent(const struct watched *watched);

/* One line a sample. */
void watch_print_line(struct buffer *out, const struct watched *watched);
/* One JSON object a sample. */
void watch_print_json(struct buffer *out, const struct watched *watched);
/* The block of a terminal, each line cut at `width` and ended by clearing its rest. */
void watch_print_block(struct buffer *out, const struct watched *watched, unsigned width, bool is_colored);
/* The number of lines of such a block. */
enum { WATCH_BLOCK_LINES = 3 };

/*
 * Opens all namespaces that the settings name: one without any. Their timeouts are
 * read for the filter where it needs them (`filter_reads`). Of --all-netns those
 * that cannot be opened are left out with a warning. Returns how many are open, or
 * -errno with `error`. The list is closed and freed by watched_close() either way.
 */
int watched_open(const struct context *context, bool has_events, const struct field_set *filter_reads,
		 struct watched **list, struct error *error);
void watched_close(struct watched *list, int count);

#endif
