/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntab/sink.h"

/*
 * Records are kept in an array of copies. With a limit the array is a heap whose
 * top is the record that would leave first, so that it never grows beyond it.
 */
struct kept {
	uint64_t arrival; /* records that compare equal stay in the kernel's order */
	struct record *record;
};

struct sort_sink {
	struct sink sink;
	struct sink *next;
	enum field_id field;
	bool is_descending;
	uint64_t limit;
	uint64_t arrivals;
	struct kept *kept;
	size_t count, capacity;
};

/* Whether `a` is printed after `b`. What lacks the field comes last either way. */
static int compare_kept(const struct sort_sink *sort, const struct kept *a, const struct kept *b)
{
	struct value x = field_value(sort->field, a->record), y = field_value(sort->field, b->record);
	int order;

	if (x.is_present != y.is_present)
		return x.is_present ? -1 : 1;
	order = value_compare(&x, &y);
	if (order)
		return sort->is_descending ? -order : order;
	return (a->arrival > b->arrival) - (a->arrival < b->arrival);
}

static void swap_kept(struct kept *a, struct kept *b)
{
	struct kept other = *a;

	*a = *b;
	*b = other;
}

static void sift_down(const struct sort_sink *sort, size_t parent, size_t count)
{
	for (;;) {
		size_t last = parent, left = parent * 2 + 1;

		for (size_t child = left; child < left + 2 && child < count; child++)
			if (compare_kept(sort, &sort->kept[child], &sort->kept[last]) > 0)
				last = child;
		if (last == parent)
			return;
		swap_kept(&sort->kept[parent], &sort->kept[last]);
		parent = last;
	}
}

static void sift_up(const struct sort_sink *sort, size_t child)
{
	while (child > 0) {
		size_t parent = (child - 1) / 2;

		if (compare_kept(sort, &sort->kept[child], &sort->kept[parent]) <= 0)
			return;
		swap_kept(&sort->kept[child], &sort->kept[parent]);
		child = parent;
	}
}

static int keep(struct sort_sink *sort, const struct record *record)
{
	size_t size = record_size(record);
	struct record *copy;

	if (sort->count == sort->capacity) {
		size_t capacity = sort->capacity ? sort->capacity * 2 : 256;
		struct kept *kept = realloc(sort->kept, capacity * sizeof(*kept));

		if (!kept)
			return -ENOMEM;
		sort->kept = kept;
		sort->capacity = capacity;
	}
	copy = malloc(size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, record, size);
	sort->kept[sort->count].arrival = sort->arrivals++;
	sort->kept[sort->count++].record = copy;
	return 0;
}

static int sort_record(struct sink *sink, const struct record *record)
{
	struct sort_sink *sort = (struct sort_sink *)sink;
	int result;

	if (!sort->limit || sort->count < sort->limit) {
		result = keep(sort, record);
		if (result == 0 && sort->limit)
			sift_up(sort, sort->count - 1);
		return result;
	}
	/* Full: the newcomer replaces the top, if it comes before it. It arrived last, so it loses ties. */
	struct kept newcomer = { sort->arrivals, (struct record *)(uintptr_t)record };

	if (compare_kept(sort, &newcomer, &sort->kept[0]) >= 0)
		return 0;
	free(sort->kept[0].record);
	sort->kept[0] = sort->kept[--sort->count];
	result = keep(sort, record);
	if (result)
		return result;
	swap_kept(&sort->kept[0], &sort->kept[sort->count - 1]);
	sift_down(sort, 0, sort->count);
	return 0;
}

/* Heap sort: the array ends in the order of printing. */
static void sort_kept(struct sort_sink *sort)
{
	for (size_t i = sort->count / 2; i-- > 0;)
		sift_down(sort, i, sort->count);
	for (size_t end = sort->count; end > 1; end--) {
		swap_kept(&sort->kept[0], &sort->kept[end - 1]);
		sift_down(sort, 0, end - 1);
	}
}

/* The first of a part of the table are not the first of the table: after a failure nothing is handed on. */
static int sort_close(struct sink *sink, int result)
{
	struct sort_sink *sort = (struct sort_sink *)sink;
	int handed = 0, closed;

	if (result >= 0)
		sort_kept(sort);
	for (size_t i = 0; i < sort->count && result >= 0 && handed == 0; i++)
		handed = sort->next->record(sort->next, sort->kept[i].record);
	closed = sort->next->close(sort->next, handed < 0 ? handed : result);
	return handed < 0 ? handed : closed;
}

static void sort_free(struct sink *sink)
{
	struct sort_sink *sort = (struct sort_sink *)sink;

	for (size_t i = 0; i < sort->count; i++)
		free(sort->kept[i].record);
	free(sort->kept);
	sort->next->free(sort->next);
	free(sort);
}

struct sink *sort_sink_new(enum field_id field, bool is_descending, uint64_t limit, struct sink *next)
{
	struct sort_sink *sort = next ? calloc(1, sizeof(*sort)) : NULL;

	if (!sort) {
		if (next)
			next->free(next);
		return NULL;
	}
	*sort = (struct sort_sink){ .sink = { sort_record, sort_close, sort_free }, .next = next,
				    .field = field, .is_descending = is_descending, .limit = limit };
	return &sort->sink;
}
