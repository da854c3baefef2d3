/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_SINK_H
#define CONNTAB_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntab/buffer.h"
#include "conntab/error.h"
#include "conntab/field.h"

/*
 * A sink takes records, one at a time. The query's loop feeds one sink; sinks
 * may stand before others (sort, delete).
 */
struct sink {
	/* 0 to go on, 1 when it wants no more, -errno. */
	int (*record)(struct sink *sink, const struct record *record);
	/*
	 * The end of the input; called once. `result` is negative when it broke off: what
	 * was begun is finished, but nothing that would look like a whole answer is
	 * printed. Returns 0 or -errno.
	 */
	int (*close)(struct sink *sink, int result);
	void (*free)(struct sink *sink);
};

/* A column of a format that prints columns. */
struct column {
	const char *name;
	enum field_id field; /* FIELD_NONE: a number that a command computes */
	enum kind_id kind;
	uint8_t prefix[2]; /* group keys: addresses are cut to this prefix, IPv4 and IPv6; 0: whole */
};

/* Formats can be told to add something: "-o conntrack,id". */
struct format_extra {
	const char *name; /* NULL ends the list */
	const char *help;
};

struct printer;

/*
 * A format: how entries are written. One row of the table `formats`. It takes
 * whole records when its grammar knows the fields (proc, conntrack, xml), else
 * rows of values, whatever they are.
 */
struct format {
	const char *name;
	const char *summary;
	const struct format_extra *extras;
	size_t state_size; /* of printer->state, zeroed */
	/* Adds what it reads of a record; NULL: its columns. */
	void (*fields)(const struct printer *printer, struct field_set *set);
	void (*open)(struct printer *printer);
	void (*record)(struct printer *printer, const struct record *record);
	/* `values`: one for each column. */
	void (*row)(struct printer *printer, const struct value *values);
	void (*close)(struct printer *printer);
	bool is_of_entries;   /* means nothing to expectations */
	const struct format *of_expectations; /* how it writes those; NULL: in the same way */
	bool has_all_columns; /* without --columns: every field, not only the default ones */
};

extern const struct format *const formats[]; /* ends with NULL */

/* Whether "NAME[,EXTRA...]" is a format that prints rows of columns. */
bool format_has_rows(const char *text);

enum { COLUMNS_MAX = FIELD_STORED + 8 };

/* A format at work. */
struct printer {
	const struct format *format;
	struct buffer *out; /* not owned */
	struct environment *environment;
	struct column columns[COLUMNS_MAX];
	size_t column_count;
	bool is_short;            /* few rows: a table may look at all of them before it prints */
	bool has_default_columns; /* nobody chose them: those without a value may be left out */
	bool is_colored;
	unsigned extras; /* bit n: the format's extra n */
	uint64_t rows;   /* written so far */
	void *state;
};

/*
 * Sets the format from "NAME[,EXTRA...]" and the columns from "FIELD,..." (NULL:
 * the format's own). Returns 0 or a usage fault.
 */
int printer_init(struct printer *printer, const char *format, const char *columns, struct buffer *out,
		 struct environment *environment, struct error *error);
void printer_done(struct printer *printer);
/* Adds the fields that the printer reads. */
void printer_fields(const struct printer *printer, struct field_set *set);
void printer_open(struct printer *printer);
void printer_record(struct printer *printer, const struct record *record);
void printer_row(struct printer *printer, const struct value *values);
/* Closes and flushes; 0 or -errno of the output. */
int printer_close(struct printer *printer);

/* Reads "FIELD,..." as columns; with `is_group` also prefixes: "src/24". 0 or a usage fault. */
int columns_parse(const char *text, bool is_group, struct column *columns, size_t *count,
		  struct error *error);

/* Prints records, `limit` of them (0: all). Closing it closes the printer. */
struct sink *print_sink_new(struct printer *printer, uint64_t limit);

/* Counts records into `*count`. */
struct sink *count_sink_new(uint64_t *count);

/*
 * Hands on records in the order of a field, `limit` of them (0: all). With a limit
 * it holds that many records at most; without, the whole table (about 450 bytes a
 * record). Owns `next`.
 */
struct sink *sort_sink_new(enum field_id field, bool is_descending, uint64_t limit, struct sink *next);

/*
 * Groups records by the key columns and prints a row for each group when closed:
 * the keys, then entries, packets and bytes (the last two where the kernel counts).
 */
struct group_settings {
	const char *by;   /* "FIELD,..." */
	const char *sort; /* NULL: by entries, most first; else [-]NAME of a key, entries, packets, bytes */
	uint64_t top;     /* 0: all */
};

/* Prepares the printer's columns too; it must have a format that takes rows. 0 or a usage fault. */
int group_sink_new(const struct group_settings *settings, struct printer *printer, struct sink **sink,
		   struct field_set *fields, struct error *error);

/* How many records passed, by what they are: "time_wait", "udp unreplied". */
struct tally_row {
	enum field_id field; /* FIELD_state, or FIELD_proto of what has no state */
	uint8_t value;
	bool is_unreplied;   /* told apart only without a state */
	uint64_t count;
};

struct tally {
	struct tally_row rows[64]; /* the last one counts what does not fit */
	size_t row_count;
};

/* Counts into `*tally`, then hands on to `next` (owned, may be NULL). */
struct sink *tally_sink_new(struct tally *tally, struct sink *next);
void tally_fields(struct field_set *set);
/* "8 time_wait, 3 udp unreplied, 2 others", most first. */
void tally_format(struct tally *tally, struct buffer *buffer);

struct netlink_batch;
struct store;

/*
 * Deletes every record; then hands it to `next` (owned, may be NULL). Takes the batch's
 * refusals: those that were not there any more are counted in `*vanished`, `error` gets
 * the first of the others. With a `store` (NULL: none) each record is kept there first,
 * in the place of what it held before, and what was not deleted by us is dropped from it.
 */
struct sink *delete_sink_new(struct netlink_batch *batch, enum subject subject, uint64_t *vanished,
			     struct store *store, struct sink *next, struct error *error);

struct draft;
struct netlink;

enum { UPDATE_REASONS_MAX = 8 };

/* A change of every record, and what became of it. */
struct update {
	const struct draft *draft;   /* of draft_change() */
	struct netlink_batch *batch; /* NULL: a dry run */
	struct netlink *second;      /* for what has to be looked at again while the batch is answered */

	/* Results; the first is complete once the sink is closed. */
	uint64_t changed, already, vanished, refused;
	struct update_reason {
		struct error words;
		uint64_t count;
	} reasons[UPDATE_REASONS_MAX]; /* of the refused; the last one counts what does not fit */
	size_t reason_count;
};

/* Changes every record; then hands it, as it was, to `next` (owned, may be NULL). Takes the batch's refusals. */
struct sink *update_sink_new(struct update *update, struct sink *next, struct error *error);

#endif
