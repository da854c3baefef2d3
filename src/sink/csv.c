/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CSV as RFC 4180 has it, but with plain line ends: a header, then a line for each row. */
#include <string.h>

#include "format.h"

static void csv_open(struct printer *printer)
{
	for (size_t i = 0; i < printer->column_count; i++) {
		if (i > 0)
			buffer_char(printer->out, ',');
		buffer_text(printer->out, printer->columns[i].name);
	}
	buffer_char(printer->out, '\n');
}

/*
 * Quoted where it must be; quotes are doubled. Control characters are escaped as
 * everywhere, so a value never holds a line end.
 */
static void put_text(struct buffer *out, const char *text)
{
	bool is_quoted = strpbrk(text, ",\"\r\n") != NULL;

	if (is_quoted)
		buffer_char(out, '"');
	for (; *text; text += strcspn(text, "\"") ) {
		if (*text == '"') {
			buffer_text(out, "\"\"");
			text++;
		}
		buffer_untrusted(out, text, strcspn(text, "\""));
	}
	if (is_quoted)
		buffer_char(out, '"');
}

static void put_value(struct printer *printer, const struct value *value)
{
	const struct kind *kind = &kinds[value->kind];
	bool is_list = kind->json == JSON_LIST;

	if (value->kind == KIND_TEXT) {
		put_text(printer->out, value->data);
		return;
	}
	if (is_list)
		buffer_char(printer->out, '"');
	kind->format(printer->out, value, &printer->environment->naming);
	if (is_list)
		buffer_char(printer->out, '"');
}

static void csv_row(struct printer *printer, const struct value *values)
{
	for (size_t i = 0; i < printer->column_count; i++) {
		if (i > 0)
			buffer_char(printer->out, ',');
		if (values[i].is_present)
			put_value(printer, &values[i]);
	}
	buffer_char(printer->out, '\n');
}

const struct format csv_format = {
	.name = "csv",
	.summary = "comma-separated values with a header",
	.has_all_columns = true,
	.open = csv_open,
	.row = csv_row,
};
