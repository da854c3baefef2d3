/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

/* The table of formats; the first is the default. */
const struct format *const formats[] = {
	&proc_format, &conntrack_format, &table_format, &json_format,
	&jsonl_format, &csv_format, &xml_format, &save_format, NULL,
};

void fields_require(struct field_set *set, const uint8_t *ids)
{
	for (; *ids != FIELD_NONE; ids++)
		field_set_include(set, *ids);
}

static int find_format(struct slice name, const struct format **found, struct error *error)
{
	struct suggestion suggestion = { .typed = name };
	char nearest[64];

	for (size_t i = 0; formats[i]; i++) {
		if (slice_is(name, formats[i]->name)) {
			*found = formats[i];
			return 0;
		}
		suggestion_offer(&suggestion, formats[i]->name);
	}
	return error_usage(error, 0, "no format \"%.*s\"%s%s", (int)(name.length < 32 ? name.length : 32), name.at,
			   suggestion_text(&suggestion, nearest, sizeof(nearest)),
			   suggestion.best[0] ? "" : " (conntab help formats)");
}

bool format_has_rows(const char *text)
{
	const struct format *format;
	struct error error = { 0 };

	return find_format((struct slice){ text, strcspn(text, ",") }, &format, &error) == 0 && format->row;
}

static int add_extra(struct printer *printer, struct slice name, struct error *error)
{
	const struct format_extra *extras = printer->format->extras;
	struct suggestion suggestion = { .typed = name };
	char nearest[64];

	for (size_t i = 0; extras && extras[i].name; i++) {
		if (slice_is(name, extras[i].name)) {
			printer->extras |= 1u << i;
			return 0;
		}
		suggestion_offer(&suggestion, extras[i].name);
	}
	return error_usage(error, 0, "format %s has no extra \"%.*s\"%s", printer->format->name,
			   (int)(name.length < 32 ? name.length : 32), name.at,
			   suggestion_text(&suggestion, nearest, sizeof(nearest)));
}

static int choose_form(struct printer *printer, struct error *error)
{
	if (printer->environment->subject != SUBJECT_EXPECTATION)
		return 0;
	if (printer->format->is_of_entries)
		return error_usage(error, 0, "format %s is for entries; expectations have the others",
				   printer->format->name);
	if (printer->format->of_expectations)
		printer->format = printer->format->of_expectations;
	return 0;
}

static int parse_format(struct printer *printer, const char *text, struct error *error)
{
	size_t length = strcspn(text, ",");

	if (find_format((struct slice){ text, length }, &printer->format, error) || choose_form(printer, error))
		return error->code;
	while (text[length] == ',') {
		text += length + 1;
		length = strcspn(text, ",");
		if (add_extra(printer, (struct slice){ text, length }, error))
			return error->code;
	}
	return 0;
}

static void default_columns(struct printer *printer)
{
	const struct environment *environment = printer->environment;
	uint8_t wanted = COLUMN | (environment->subject == SUBJECT_EXPECTATION ? EXPECT_COLUMN : 0);

	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if ((printer->format->has_all_columns || fields[id].flags & wanted) &&
		    field_is_of(id, environment->subject, environment->is_live))
			printer->columns[printer->column_count++] =
				(struct column){ .name = fields[id].name, .field = id, .kind = fields[id].kind };
}

int printer_init(struct printer *printer, const char *format, const char *columns, struct buffer *out,
		 struct environment *environment, struct error *error)
{
	*printer = (struct printer){ .out = out, .environment = environment };
	if (parse_format(printer, format, error))
		return error->code;
	if (columns && !printer->format->row)
		return error_usage(error, 0, "format %s has no columns to choose; use table, csv, json or jsonl",
				   printer->format->name);
	if (columns && columns_parse(columns, false, printer->columns, &printer->column_count, error))
		return error->code;
	printer->has_default_columns = !columns;
	if (!columns)
		default_columns(printer);
	if (printer->format->state_size) {
		printer->state = calloc(1, printer->format->state_size);
		if (!printer->state)
			return error_set(error, -ENOMEM, "out of memory");
	}
	return 0;
}

void printer_done(struct printer *printer)
{
	free(printer->state);
	printer->state = NULL;
}

void printer_fields(const struct printer *printer, struct field_set *set)
{
	if (printer->format->fields) {
		printer->format->fields(printer, set);
		return;
	}
	for (size_t i = 0; i < printer->column_count; i++)
		if (printer->columns[i].field != FIELD_NONE)
			field_set_include(set, printer->columns[i].field);
}

void printer_open(struct printer *printer)
{
	if (printer->format->open)
		printer->format->open(printer);
}

void printer_row(struct printer *printer, const struct value *values)
{
	printer->format->row(printer, values);
	printer->rows++;
}

void printer_record(struct printer *printer, const struct record *record)
{
	struct value values[COLUMNS_MAX];

	if (printer->format->record) {
		printer->format->record(printer, record);
		printer->rows++;
		return;
	}
	for (size_t i = 0; i < printer->column_count; i++)
		values[i] = field_value(printer->columns[i].field, record);
	printer_row(printer, values);
}

int printer_close(struct printer *printer)
{
	if (printer->format->close)
		printer->format->close(printer);
	return buffer_flush(printer->out);
}

static int unknown_column(struct slice name, struct error *error)
{
	struct suggestion suggestion = { .typed = name };
	char nearest[64];

	for (enum field_id id = 0; id < FIELD_STORED; id++)
		suggestion_offer(&suggestion, fields[id].name);
	return error_usage(error, 0, "no field \"%.*s\"%s%s", (int)(name.length < 32 ? name.length : 32), name.at,
			   suggestion_text(&suggestion, nearest, sizeof(nearest)),
			   suggestion.best[0] ? "" : " (conntab help fields)");
}

/* "24" or "24/64" behind an address field: the prefixes to group by. */
static int parse_prefixes(struct slice text, struct column *column, struct error *error)
{
	const char *slash = memchr(text.at, '/', text.length);
	struct slice first = { text.at, slash ? (size_t)(slash - text.at) : text.length };
	struct slice second = first;
	uint64_t ipv4, ipv6;

	if (slash)
		second = (struct slice){ slash + 1, text.length - first.length - 1 };
	if (column->kind != KIND_ADDRESS)
		return error_usage(error, 0, "%s is no address, it has no prefix", column->name);
	if (!slice_number(second, 128, &ipv6) || !slice_number(first, slash ? 32 : 128, &ipv4) || !ipv4 || !ipv6)
		return error_usage(error, 0, "%s: a prefix is 1 to 32 for IPv4, 1 to 128 for IPv6: src/24 or src/24/64",
				   column->name);
	column->prefix[0] = (uint8_t)(ipv4 > 32 ? 32 : ipv4);
	column->prefix[1] = (uint8_t)ipv6;
	return 0;
}

int columns_parse(const char *text, bool is_group, struct column *columns, size_t *count,
		  struct error *error)
{
	*count = 0;
	for (;;) {
		size_t length = strcspn(text, ",");
		struct slice whole = { text, length };
		const char *slash = is_group ? memchr(text, '/', length) : NULL;
		struct slice name = { text, slash ? (size_t)(slash - text) : length };
		enum field_id id = field_find(name);
		struct column *column = &columns[*count];

		if (id == FIELD_NONE)
			return unknown_column(whole, error);
		if (field_is_any_of(id))
			return error_usage(error, 0, "%s is several fields, good for filters only; name one of them",
					   fields[id].name);
		*column = (struct column){ .name = fields[id].name, .field = id, .kind = fields[id].kind };
		if (slash && parse_prefixes((struct slice){ slash + 1, length - name.length - 1 }, column, error))
			return error->code;
		for (size_t i = 0; i < *count; i++)
			if (columns[i].field == id)
				return error_usage(error, 0, "%s is named twice", column->name);
		++*count;
		if (!text[length])
			return 0;
		text += length + 1;
	}
}
