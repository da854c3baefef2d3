/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "conntab/sink.h"

struct print_sink {
	struct sink sink;
	struct printer *printer;
	uint64_t limit;
	bool is_open;
};

/* Not before there is something to say: a dump that fails must not look like an empty table. */
static void open_printer(struct print_sink *print)
{
	if (!print->is_open)
		printer_open(print->printer);
	print->is_open = true;
}

static int print_record(struct sink *sink, const struct record *record)
{
	struct print_sink *print = (struct print_sink *)sink;

	open_printer(print);
	printer_record(print->printer, record);
	if (print->printer->out->error)
		return print->printer->out->error;
	return print->limit && print->printer->rows >= print->limit;
}

static int print_close(struct sink *sink, int result)
{
	struct print_sink *print = (struct print_sink *)sink;

	if (result < 0 && !print->is_open)
		return 0;
	open_printer(print);
	return printer_close(print->printer);
}

static void print_free(struct sink *sink)
{
	free(sink);
}

struct sink *print_sink_new(struct printer *printer, uint64_t limit)
{
	struct print_sink *print = malloc(sizeof(*print));

	if (!print)
		return NULL;
	*print = (struct print_sink){ .sink = { print_record, print_close, print_free },
				      .printer = printer, .limit = limit };
	return &print->sink;
}

struct count_sink {
	struct sink sink;
	uint64_t *count;
};

static int count_record(struct sink *sink, const struct record *record)
{
	(void)record;
	++*((struct count_sink *)sink)->count;
	return 0;
}

static int count_close(struct sink *sink, int result)
{
	(void)sink;
	(void)result;
	return 0;
}

struct sink *count_sink_new(uint64_t *count)
{
	struct count_sink *counter = malloc(sizeof(*counter));

	if (!counter)
		return NULL;
	*counter = (struct count_sink){ .sink = { count_record, count_close, print_free }, .count = count };
	return &counter->sink;
}
