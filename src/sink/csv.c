/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CSV as RFC 4180 has it, but with plain line ends: a header, then a line for each row. */
#include <string.h>

#include "format.h"

struct csv_state {
	struct buffer list; /* a list on its way to be quoted */
};

static void csv_open(struct printer *printer)
{
	struct csv_state *state = printer->state;

	buffer_init(&state->list, -1);
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
	struct csv_state *state = printer->state;

	if (value->kind == KIND_TEXT) {
		put_text(printer->out, value->data);
	} else if (kind->json == JSON_LIST) {
		state->list.length = 0;
		kind->format(&state->list, value, &printer->environment->naming);
		put_text(printer->out, buffer_string(&state->list));
	} else {
		kind->format(printer->out, value, &printer->environment->naming);
	}
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

static void csv_close(struct printer *printer)
{
	struct csv_state *state = printer->state;

	if (state->list.error && !printer->out->error)
		printer->out->error = state->list.error;
	buffer_done(&state->list);
}

const struct format csv_format = {
	.name = "csv",
	.summary = "comma-separated values with a header",
	.has_all_columns = true,
	.open = csv_open,
	.row = csv_row,
	.close = csv_close,
	.state_size = sizeof(struct csv_state),
};
