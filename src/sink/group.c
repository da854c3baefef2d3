/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts per group: a hash table from the bytes of the keys to sums. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conntab/sink.h"

enum { GROUP_KEYS_MAX = 8, COLUMN_ENTRIES = 0, COLUMN_PACKETS, COLUMN_BYTES, COLUMN_SUMS };

/* Entries are shown to the last one, also where bytes are rounded. */
static const struct column sum_columns[COLUMN_SUMS] = {
	{ .name = "entries", .field = FIELD_NONE, .kind = KIND_NUMBER },
	{ .name = "packets", .field = FIELD_NONE, .kind = KIND_COUNTER },
	{ .name = "bytes", .field = FIELD_NONE, .kind = KIND_COUNTER },
};

/*
 * A group's key is one record that holds the key fields and nothing else; its
 * bytes are compared, so they are zeroed first.
 */
struct group {
	uint64_t sums[COLUMN_SUMS];
	uint64_t hash;
	bool has_counters; /* the kernel counted some of it */
};

struct group_sink {
	struct sink sink;
	struct printer *printer;
	struct column keys[GROUP_KEYS_MAX];
	size_t key_count;
	size_t key_offsets[GROUP_KEYS_MAX];
	size_t key_size; /* bytes of one key: a presence byte and the value, for each */
	uint64_t top;
	size_t sort_column; /* of the printer's columns */
	bool is_descending;
	struct group *groups;
	uint8_t *keys_bytes; /* key_size for each group */
	size_t count, capacity;
	uint32_t *slots; /* index + 1 of a group; 0: free. A power of two, at most half full. */
	size_t slot_count;
};

/* FNV-1a */
static uint64_t hash_bytes(const uint8_t *bytes, size_t length)
{
	uint64_t hash = 14695981039346656037ull;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 1099511628211ull;
	return hash ^ hash >> 32;
}

static void cut_address(struct address *address, const uint8_t prefix[2])
{
	unsigned bits = address->family == AF_INET ? prefix[0] : prefix[1];

	for (unsigned bit = bits; bits && bit < 128; bit++)
		address->bytes[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
}

static size_t key_length(enum field_id id)
{
	return fields[id].size + 1u;
}

/* The lower end of the number's bucket, as wide as the field. */
static void put_bucket(uint8_t *at, const struct value *value, size_t size)
{
	uint64_t low, end;
	uint32_t narrow;

	kinds[value->kind].bucket(value->number, &low, &end);
	narrow = (uint32_t)low;
	memcpy(at, size == sizeof(low) ? (const void *)&low : &narrow, size);
}

static void make_key(const struct group_sink *group, const struct record *record, uint8_t *key)
{
	memset(key, 0, group->key_size);
	for (size_t i = 0; i < group->key_count; i++) {
		const struct column *column = &group->keys[i];
		struct value value = field_value(column->field, record);
		uint8_t *at = key + group->key_offsets[i];

		if (!value.is_present)
			continue;
		*at = 1;
		if (column->kind == KIND_TEXT)
			memcpy(at + 1, value.data, strlen(value.data));
		else if (kinds[column->kind].bucket)
			put_bucket(at + 1, &value, fields[column->field].size);
		else
			memcpy(at + 1, value.data, fields[column->field].size);
		if (column->kind == KIND_ADDRESS && column->prefix[1])
			cut_address((struct address *)(at + 1), column->prefix);
	}
}

static uint32_t *find_slot(const struct group_sink *group, const uint8_t *key, uint64_t hash)
{
	size_t i = hash & (group->slot_count - 1);

	while (group->slots[i]) {
		size_t index = group->slots[i] - 1;

		if (group->groups[index].hash == hash &&
		    memcmp(group->keys_bytes + index * group->key_size, key, group->key_size) == 0)
			break;
		i = (i + 1) & (group->slot_count - 1);
	}
	return &group->slots[i];
}

static int grow(struct group_sink *group)
{
	size_t capacity = group->capacity ? group->capacity * 2 : 256;
	struct group *groups = realloc(group->groups, capacity * sizeof(*groups));
	uint8_t *bytes;
	uint32_t *slots;

	if (!groups)
		return -ENOMEM;
	group->groups = groups;
	bytes = realloc(group->keys_bytes, capacity * group->key_size);
	if (!bytes)
		return -ENOMEM;
	group->keys_bytes = bytes;
	slots = calloc(capacity * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(group->slots);
	group->slots = slots;
	group->slot_count = capacity * 2;
	group->capacity = capacity;
	for (size_t i = 0; i < group->count; i++)
		*find_slot(group, group->keys_bytes + i * group->key_size, groups[i].hash) = (uint32_t)i + 1;
	return 0;
}

static int group_record(struct sink *sink, const struct record *record)
{
	struct group_sink *group = (struct group_sink *)sink;
	uint8_t key[GROUP_KEYS_MAX * (sizeof(struct security_context) + 1)];
	struct group *entry;
	uint64_t hash;
	uint32_t *slot;

	if (group->count == group->capacity && grow(group))
		return -ENOMEM;
	make_key(group, record, key);
	hash = hash_bytes(key, group->key_size);
	slot = find_slot(group, key, hash);
	if (!*slot) {
		group->groups[group->count] = (struct group){ .hash = hash };
		memcpy(group->keys_bytes + group->count * group->key_size, key, group->key_size);
		*slot = (uint32_t)++group->count;
	}
	entry = &group->groups[*slot - 1];
	entry->sums[COLUMN_ENTRIES]++;
	if (record_has(record, FIELD_packets) && record_has(record, FIELD_bytes)) {
		entry->has_counters = true;
		entry->sums[COLUMN_PACKETS] += record->packets;
		entry->sums[COLUMN_BYTES] += record->bytes;
	}
	return 0;
}

/* The value of a column of one group; key values point into `record`, which is filled in. */
static struct value group_value(const struct group_sink *group, size_t index, size_t column,
				struct record *record)
{
	const struct group *entry = &group->groups[index];

	if (column < group->key_count) {
		enum field_id id = group->keys[column].field;
		const uint8_t *at = group->keys_bytes + index * group->key_size + group->key_offsets[column];

		field_set_remove(&record->present, id);
		if (*at)
			field_set_add(&record->present, id);
		memcpy((char *)record + fields[id].offset, at + 1, fields[id].size);
		return field_value(id, record);
	}
	column -= group->key_count;
	return (struct value){ .kind = sum_columns[column].kind,
			       .is_present = column == COLUMN_ENTRIES || entry->has_counters,
			       .number = entry->sums[column] };
}

static int compare_groups(const void *a, const void *b, void *data)
{
	const struct group_sink *group = data;
	struct record left = { 0 }, right = { 0 };
	size_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	struct value x_value = group_value(group, x, group->sort_column, &left);
	struct value y_value = group_value(group, y, group->sort_column, &right);
	int order;

	/* What lacks the key comes last either way, as in a sorted list. */
	if (x_value.is_present != y_value.is_present)
		return x_value.is_present ? -1 : 1;
	order = value_compare(&x_value, &y_value);
	if (order)
		return group->is_descending ? -order : order;
	/* Then by the keys, so that two runs print the same. */
	for (size_t i = 0; i < group->key_count && order == 0; i++) {
		x_value = group_value(group, x, i, &left);
		y_value = group_value(group, y, i, &right);
		order = value_compare(&x_value, &y_value);
	}
	return order;
}

/* An address that was cut, with its prefix: 10.20.0.0/16. */
static void put_prefixed(struct buffer *text, const struct column *column, const struct value *value)
{
	const struct address *address = value->data;

	buffer_advance(text, address_text(buffer_reserve(text, 64), address));
	buffer_format(text, "/%u", column->prefix[address->family != AF_INET]);
}

/* From one minute to below ten: 1m-10m. */
static void put_bucket_span(struct buffer *text, const struct column *column, const struct value *value)
{
	const struct kind *kind = &kinds[column->kind];
	uint64_t low, end;

	kind->bucket(value->number, &low, &end);
	kind->format_number(text, low);
	if (end == UINT64_MAX) {
		buffer_char(text, '+');
	} else if (end > low + 1) {
		buffer_char(text, '-');
		kind->format_number(text, end);
	}
}

/*
 * Keys that stand for more than one value are shown as what they stand for. The
 * texts of one row fit into the buffer's first allocation, so that none moves.
 */
static void show_spans(struct group_sink *group, struct value *values, struct buffer *text)
{
	text->length = 0;
	for (size_t i = 0; i < group->key_count; i++) {
		const struct column *column = &group->keys[i];
		size_t start = text->length;

		if (!values[i].is_present || (!column->prefix[1] && !kinds[column->kind].bucket))
			continue;
		if (column->prefix[1])
			put_prefixed(text, column, &values[i]);
		else
			put_bucket_span(text, column, &values[i]);
		buffer_char(text, '\0');
		values[i] = (struct value){ .kind = KIND_TEXT, .is_present = true, .data = text->data + start };
	}
}

static int print_groups(struct group_sink *group, uint32_t *order, struct buffer *text)
{
	size_t rows = group->top && group->top < group->count ? group->top : group->count;
	struct value values[GROUP_KEYS_MAX + COLUMN_SUMS];
	struct record record = { 0 };

	for (size_t i = 0; i < group->count; i++)
		order[i] = (uint32_t)i;
	group->printer->is_short = true;
	printer_open(group->printer);
	qsort_r(order, group->count, sizeof(*order), compare_groups, group);
	for (size_t row = 0; row < rows && !group->printer->out->error; row++) {
		for (size_t i = 0; i < group->key_count + COLUMN_SUMS; i++)
			values[i] = group_value(group, order[row], i, &record);
		show_spans(group, values, text);
		printer_row(group->printer, values);
	}
	return printer_close(group->printer);
}

static int group_close(struct sink *sink, int result)
{
	struct group_sink *group = (struct group_sink *)sink;
	struct buffer text = { .fd = -1 };
	uint32_t *order;

	if (result < 0)
		return 0; /* the groups of a part of the table would be wrong numbers */
	order = calloc(group->count + 1, sizeof(*order));
	result = order ? buffer_init(&text, -1) : -ENOMEM;
	if (result == 0)
		result = print_groups(group, order, &text);
	buffer_done(&text);
	free(order);
	return result;
}

static void group_free(struct sink *sink)
{
	struct group_sink *group = (struct group_sink *)sink;

	free(group->groups);
	free(group->keys_bytes);
	free(group->slots);
	free(group);
}

static int parse_keys(struct group_sink *group, const char *by, struct error *error)
{
	struct column keys[COLUMNS_MAX];

	if (columns_parse(by, true, keys, &group->key_count, error))
		return error->code;
	if (group->key_count > GROUP_KEYS_MAX)
		return error_usage(error, 0, "--by takes up to %d fields", GROUP_KEYS_MAX);
	for (size_t i = 0; i < group->key_count; i++) {
		group->keys[i] = keys[i];
		group->key_offsets[i] = group->key_size;
		group->key_size += key_length(keys[i].field);
	}
	return 0;
}

/* The printer's columns become the keys and the sums. */
static void set_columns(struct group_sink *group)
{
	struct printer *printer = group->printer;

	memcpy(printer->columns, group->keys, group->key_count * sizeof(group->keys[0]));
	memcpy(printer->columns + group->key_count, sum_columns, sizeof(sum_columns));
	printer->column_count = group->key_count + COLUMN_SUMS;
}

static int parse_sort(struct group_sink *group, const char *sort, struct error *error)
{
	struct suggestion suggestion = { 0 };
	char nearest[64];

	group->sort_column = group->key_count + COLUMN_ENTRIES;
	group->is_descending = true;
	if (!sort)
		return 0;
	group->is_descending = *sort == '-';
	sort += *sort == '-' || *sort == '+';
	suggestion.typed = slice_of(sort);
	for (size_t i = 0; i < group->printer->column_count; i++) {
		if (strcmp(sort, group->printer->columns[i].name) == 0) {
			group->sort_column = i;
			return 0;
		}
		suggestion_offer(&suggestion, group->printer->columns[i].name);
	}
	return error_usage(error, 0, "--sort: groups have no \"%.32s\"; they sort by a key, entries, packets or bytes%s",
			   sort, suggestion_text(&suggestion, nearest, sizeof(nearest)));
}

int group_sink_new(const struct group_settings *settings, struct printer *printer, struct sink **sink,
		   struct field_set *set, struct error *error)
{
	struct group_sink *group;

	*sink = NULL;
	if (!printer->format->row)
		return error_usage(error, 0, "format %s is for entries only; groups go to table, csv, json or jsonl",
				   printer->format->name);
	group = calloc(1, sizeof(*group));
	if (!group)
		return error_set(error, -ENOMEM, "out of memory");
	group->sink = (struct sink){ group_record, group_close, group_free };
	group->printer = printer;
	group->top = settings->top;
	if (parse_keys(group, settings->by, error) == 0) {
		set_columns(group);
		parse_sort(group, settings->sort, error);
	}
	if (error->code) {
		group_free(&group->sink);
		return error->code;
	}
	for (size_t i = 0; i < group->key_count; i++)
		field_set_include(set, group->keys[i].field);
	field_set_include(set, FIELD_packets);
	field_set_include(set, FIELD_bytes);
	*sink = &group->sink;
	return 0;
}
