/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON: one array, or one object a line. A dot in a column's name opens an object within. */
#include <string.h>

#include "conntab/json.h"
#include "format.h"

struct json_state {
	/* Columns in an order in which those of one object stand together. */
	uint8_t order[COLUMNS_MAX];
};

/* How much of the path two names share, in bytes up to and with the last common dot. */
static size_t common_path(const char *a, const char *b)
{
	size_t common = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '.')
			common = i + 1;
	return common;
}

/* Each column goes behind the last one that it shares the longest path with. */
static void json_open(struct printer *printer)
{
	struct json_state *state = printer->state;

	for (size_t i = 0; i < printer->column_count; i++) {
		size_t place = i, longest = 0;

		for (size_t j = 0; j < i; j++) {
			size_t common = common_path(printer->columns[i].name,
						    printer->columns[state->order[j]].name);

			if (common > 0 && common >= longest) {
				longest = common;
				place = j + 1;
			}
		}
		memmove(state->order + place + 1, state->order + place, i - place);
		state->order[place] = (uint8_t)i;
	}
}

static void put_list(struct buffer *out, const struct value *value)
{
	struct list_part part;
	unsigned position = 0;
	bool is_first = true;

	buffer_char(out, '[');
	while (kinds[value->kind].next(value, &position, &part)) {
		if (!is_first)
			buffer_char(out, ',');
		is_first = false;
		if (part.name)
			json_string(out, part.name, strlen(part.name));
		else if (kinds[value->kind].words)
			buffer_format(out, "\"bit%u\"", (unsigned)part.number);
		else
			buffer_unsigned(out, part.number);
	}
	buffer_char(out, ']');
}

static void put_value(struct printer *printer, const struct value *value)
{
	struct buffer *out = printer->out;

	switch (kinds[value->kind].json) {
	case JSON_NUMBER:
		buffer_unsigned(out, value->number);
		break;
	case JSON_LIST:
		put_list(out, value);
		break;
	case JSON_STRING:
		if (value->kind == KIND_TEXT) {
			json_string(out, value->data, strlen(value->data));
			break;
		}
		buffer_char(out, '"');
		kinds[value->kind].format(out, value, &printer->environment->naming);
		buffer_char(out, '"');
		break;
	}
}

/* Leaves the objects of the last name's path that the next one is not in; "" at the end. */
static void close_objects(struct buffer *out, const char *last, size_t common)
{
	for (const char *at = last + common; *at; at++)
		if (*at == '.')
			buffer_char(out, '}');
}

/* Enters the objects of a name's path beyond what is open; returns the key itself. */
static const char *open_objects(struct buffer *out, const char *name, size_t common)
{
	const char *key = name + common, *dot;

	while ((dot = strchr(key, '.'))) {
		json_string(out, key, (size_t)(dot - key));
		buffer_text(out, ":{");
		key = dot + 1;
	}
	return key;
}

static void put_object(struct printer *printer, const struct value *values)
{
	const struct json_state *state = printer->state;
	struct buffer *out = printer->out;
	const char *last = "";
	bool is_first = true;

	buffer_char(out, '{');
	for (size_t i = 0; i < printer->column_count; i++) {
		const struct value *value = &values[state->order[i]];
		const char *name = printer->columns[state->order[i]].name, *key;
		size_t common = common_path(last, name);

		if (!value->is_present)
			continue;
		close_objects(out, last, common);
		if (!is_first)
			buffer_char(out, ',');
		is_first = false;
		key = open_objects(out, name, common);
		json_string(out, key, strlen(key));
		buffer_char(out, ':');
		put_value(printer, value);
		last = name;
	}
	close_objects(out, last, 0);
	buffer_char(out, '}');
}

static void json_row(struct printer *printer, const struct value *values)
{
	buffer_text(printer->out, printer->rows == 0 ? "[\n" : ",\n");
	put_object(printer, values);
}

static void json_close(struct printer *printer)
{
	buffer_text(printer->out, printer->rows == 0 ? "[]\n" : "\n]\n");
}

static void jsonl_row(struct printer *printer, const struct value *values)
{
	put_object(printer, values);
	buffer_char(printer->out, '\n');
}

const struct format json_format = {
	.name = "json",
	.summary = "one JSON array of objects",
	.state_size = sizeof(struct json_state),
	.has_all_columns = true,
	.open = json_open,
	.row = json_row,
	.close = json_close,
};

const struct format jsonl_format = {
	.name = "jsonl",
	.summary = "JSON, one object a line",
	.state_size = sizeof(struct json_state),
	.has_all_columns = true,
	.open = json_open,
	.row = jsonl_row,
};
