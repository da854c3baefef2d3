/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "conntab/sink.h"

/* A line that people read holds about so many. */
enum { ROWS_SHOWN = 10 };

struct tally_sink {
	struct sink sink;
	struct tally *tally;
	struct sink *next;
};

static struct tally_row row_of(const struct record *record)
{
	struct tally_row row = { .field = FIELD_state, .value = record->state, .count = 0 };

	if (record_has(record, FIELD_state))
		return row;
	row.field = FIELD_proto;
	row.value = record->proto;
	row.is_unreplied = record_has(record, FIELD_status) && !(record->status & IPS_SEEN_REPLY);
	return row;
}

static struct tally_row *find_row(struct tally *tally, const struct tally_row *row)
{
	size_t i = 0, last = sizeof(tally->rows) / sizeof(tally->rows[0]) - 1;

	while (i < tally->row_count && (tally->rows[i].field != row->field || tally->rows[i].value != row->value ||
					tally->rows[i].is_unreplied != row->is_unreplied))
		i++;
	if (i == tally->row_count && i <= last)
		tally->rows[tally->row_count++] = *row;
	return &tally->rows[i <= last ? i : last];
}

static int tally_record(struct sink *sink, const struct record *record)
{
	struct tally_sink *tally = (struct tally_sink *)sink;
	struct tally_row row = row_of(record);

	find_row(tally->tally, &row)->count++;
	return tally->next ? tally->next->record(tally->next, record) : 0;
}

static int tally_close(struct sink *sink, int result)
{
	struct tally_sink *tally = (struct tally_sink *)sink;

	return tally->next ? tally->next->close(tally->next, result) : 0;
}

static void tally_free(struct sink *sink)
{
	struct tally_sink *tally = (struct tally_sink *)sink;

	if (tally->next)
		tally->next->free(tally->next);
	free(tally);
}

struct sink *tally_sink_new(struct tally *tally, struct sink *next)
{
	struct tally_sink *sink = malloc(sizeof(*sink));

	if (!sink) {
		if (next)
			next->free(next);
		return NULL;
	}
	*sink = (struct tally_sink){ .sink = { tally_record, tally_close, tally_free }, .tally = tally, .next = next };
	return &sink->sink;
}

void tally_fields(struct field_set *set)
{
	field_set_include(set, FIELD_proto);
	field_set_include(set, FIELD_state);
	field_set_include(set, FIELD_status);
}

static int compare_rows(const void *a, const void *b)
{
	uint64_t x = ((const struct tally_row *)a)->count, y = ((const struct tally_row *)b)->count;

	return (x < y) - (x > y);
}

void tally_format(struct tally *tally, struct buffer *buffer)
{
	uint64_t others = 0;

	qsort(tally->rows, tally->row_count, sizeof(tally->rows[0]), compare_rows);
	for (size_t i = ROWS_SHOWN; i < tally->row_count; i++)
		others += tally->rows[i].count;
	for (size_t i = 0; i < tally->row_count && i < ROWS_SHOWN; i++) {
		const struct tally_row *row = &tally->rows[i];

		buffer_format(buffer, "%s%llu ", i ? ", " : "", (unsigned long long)row->count);
		kinds[fields[row->field].kind].format_number(buffer, row->value);
		if (row->is_unreplied)
			buffer_text(buffer, " unreplied");
	}
	if (others)
		buffer_format(buffer, ", %llu others", (unsigned long long)others);
}
