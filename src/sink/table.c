/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table for people. Widths come from the first rows, which are held back; later
 * rows are written as they come, and one that is wider pushes its line out.
 */
#include <string.h>

#include "format.h"

enum { SAMPLE_ROWS = 256 };

struct table_state {
	struct buffer cells;  /* the held rows: every cell as text and '\0' */
	unsigned held;
	bool is_streaming;
	size_t widths[COLUMNS_MAX];
	bool is_empty[COLUMNS_MAX]; /* no row had anything to show */
};

static bool is_number(const struct column *column)
{
	switch (column->kind) {
	case KIND_PORT:
	case KIND_NUMBER:
	case KIND_COUNTER:
	case KIND_DURATION:
		return true;
	default:
		return false;
	}
}

/* Writes the cell; "-" for what is absent or not worth a look. Returns its width in columns. */
static size_t format_cell(struct printer *printer, struct buffer *out, const struct value *value, bool *is_empty)
{
	const struct kind *kind = &kinds[value->kind];
	size_t start = out->length, width = 0;

	if (value->is_present && kind->format_brief)
		kind->format_brief(out, value);
	else if (value->is_present)
		kind->format(out, value, &printer->environment->naming);
	*is_empty = out->length == start;
	if (*is_empty)
		buffer_char(out, '-');
	for (size_t i = start; i < out->length; i++)
		width += ((unsigned char)out->data[i] & 0xc0) != 0x80;
	return width;
}

static void put_cell(struct printer *printer, size_t index, const char *text, size_t length, size_t width,
		     bool is_last)
{
	const struct table_state *state = printer->state;
	size_t padding = state->widths[index] > width ? state->widths[index] - width : 0;

	if (is_number(&printer->columns[index]))
		buffer_repeat(printer->out, ' ', padding);
	buffer_bytes(printer->out, text, length);
	if (is_last)
		return;
	if (!is_number(&printer->columns[index]))
		buffer_repeat(printer->out, ' ', padding);
	buffer_text(printer->out, "  ");
}

static size_t last_column(const struct printer *printer)
{
	const struct table_state *state = printer->state;
	size_t last = printer->column_count - 1;

	while (last > 0 && state->is_empty[last])
		last--;
	return last;
}

static void put_header(struct printer *printer)
{
	const struct table_state *state = printer->state;
	size_t last = last_column(printer);

	if (printer->is_colored)
		buffer_text(printer->out, "\033[1m");
	for (size_t i = 0; i <= last; i++) {
		char name[64];
		size_t length = 0;

		if (state->is_empty[i])
			continue;
		for (const char *at = printer->columns[i].name; *at && length < sizeof(name); at++)
			name[length++] = *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at;
		put_cell(printer, i, name, length, length, i == last);
	}
	if (printer->is_colored)
		buffer_text(printer->out, "\033[0m");
	buffer_char(printer->out, '\n');
}

/* What values of that kind mostly need, for a table that cannot wait for its rows. */
static size_t usual_width(enum kind_id kind)
{
	switch (kind) {
	case KIND_EVENT: return strlen("destroy");
	case KIND_PROTOCOL: return strlen("icmpv6");
	case KIND_STATE: return strlen("ESTABLISHED");
	case KIND_STATUS: return strlen("assured,snat");
	case KIND_ADDRESS: return strlen("255.255.255.255");
	case KIND_TIME: return strlen("2026-11-22T12:00:00.123456789Z");
	default: return strlen("65535");
	}
}

static void table_open(struct printer *printer)
{
	struct table_state *state = printer->state;

	buffer_init(&state->cells, -1);
	state->is_streaming = printer->environment->is_live;
	for (size_t i = 0; i < printer->column_count; i++) {
		size_t usual = state->is_streaming ? usual_width(printer->columns[i].kind) : 0;

		state->widths[i] = strlen(printer->columns[i].name);
		if (state->widths[i] < usual)
			state->widths[i] = usual;
		state->is_empty[i] = printer->has_default_columns && !state->is_streaming;
	}
	if (state->is_streaming)
		put_header(printer);
}

static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* Writes the header and the rows held back; from here on rows are streamed. */
static void release(struct printer *printer)
{
	struct table_state *state = printer->state;
	const char *cell = state->cells.data;
	size_t last;

	state->is_streaming = true;
	if (state->held == 0)
		return;
	last = last_column(printer);
	put_header(printer);
	for (unsigned row = 0; row < state->held; row++) {
		for (size_t i = 0; i < printer->column_count; i++, cell += strlen(cell) + 1)
			if (!state->is_empty[i])
				put_cell(printer, i, cell, strlen(cell), text_width(cell), i == last);
		buffer_char(printer->out, '\n');
	}
	state->cells.length = 0;
	state->held = 0;
}

static void hold(struct printer *printer, const struct value *values)
{
	struct table_state *state = printer->state;

	for (size_t i = 0; i < printer->column_count; i++) {
		bool is_empty;
		size_t width = format_cell(printer, &state->cells, &values[i], &is_empty);

		buffer_char(&state->cells, '\0');
		state->is_empty[i] &= is_empty;
		if (width > state->widths[i])
			state->widths[i] = width;
	}
	if (++state->held < SAMPLE_ROWS || printer->is_short)
		return;
	/* More may follow, with values where these rows had none. */
	memset(state->is_empty, 0, sizeof(state->is_empty));
	release(printer);
}

static void table_row(struct printer *printer, const struct value *values)
{
	struct table_state *state = printer->state;
	size_t last;

	if (!state->is_streaming) {
		hold(printer, values);
		return;
	}
	last = last_column(printer);
	for (size_t i = 0; i < printer->column_count; i++) {
		bool is_empty;
		size_t width;

		if (state->is_empty[i])
			continue;
		state->cells.length = 0;
		width = format_cell(printer, &state->cells, &values[i], &is_empty);
		put_cell(printer, i, state->cells.data, state->cells.length, width, i == last);
	}
	buffer_char(printer->out, '\n');
}

static void table_close(struct printer *printer)
{
	struct table_state *state = printer->state;

	if (!state->is_streaming)
		release(printer);
	if (state->cells.error && !printer->out->error)
		printer->out->error = state->cells.error;
	buffer_done(&state->cells);
}

const struct format table_format = {
	.name = "table",
	.summary = "aligned columns for people",
	.state_size = sizeof(struct table_state),
	.open = table_open,
	.row = table_row,
	.close = table_close,
};
