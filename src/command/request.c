/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command.h"
#include "conntab/interrupt.h"

int request_join_arguments(const struct context *context, struct buffer *text)
{
	if (buffer_init(text, -1))
		return -ENOMEM;
	for (int i = 0; i < context->argument_count; i++) {
		if (i > 0)
			buffer_char(text, ' ');
		buffer_text(text, context->arguments[i]);
	}
	buffer_string(text);
	return text->error;
}

/* The shell's working filter: what the user narrowed the table to before. */
static int narrow_to_session(struct request *request)
{
	const struct session *session = request->context->session;
	struct filter *filter = NULL;

	if (!session || !session->filter || !request->context->command->is_narrowed)
		return 0;
	if (filter_parse(session->filter, &request->context->environment.naming, &filter, &request->error) == 0)
		request_narrow(request, filter);
	return request->error.code;
}

/* An array that never ends serves nobody. */
static const char *json_format(const struct context *context)
{
	return context->environment.is_live ? "jsonl" : "json";
}

/* What -o, -j and -c say, then the session, then what the command does by itself. */
static void choose_format(const struct context *context, const char **format, const char **columns)
{
	const struct settings *settings = &context->settings;
	const struct session *session = context->session;
	bool prints_entries = !format_has_rows(*format);

	if (settings->output)
		*format = settings->output;
	else if (settings->is_json)
		*format = json_format(context);
	else if (session && session->output && (prints_entries || format_has_rows(session->output)))
		*format = strcmp(session->output, "json") == 0 ? json_format(context) : session->output;
	*columns = settings->columns;
	if (!*columns && session && prints_entries && (format_has_rows(*format) || !(settings->output || session->output)))
		*columns = session->columns;
	/* Who names columns wants to see columns. */
	if (*columns && !settings->output && !format_has_rows(*format))
		*format = "table";
}

static void warn_never(const struct request *request)
{
	struct reason reason;

	if (filter_is_never(request->filter, &reason))
		report_note(request->context, "warning: this filter never matches: %s", reason.text);
}

bool request_wants_color(const struct context *context)
{
	const char *color = context->settings.color;

	if (!color && context->session)
		color = context->session->color;
	if (color && strcmp(color, "auto") != 0)
		return strcmp(color, "always") == 0;
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

const char *request_noun(const struct request *request, uint64_t count)
{
	if (request->context->environment.subject == SUBJECT_EXPECTATION)
		return count == 1 ? "expectation" : "expectations";
	return count == 1 ? "entry" : "entries";
}

/* A condition about what an entry never has would be a trap: with "not" in front it would take all of them. */
static int refuse_strange_fields(struct request *request)
{
	const struct environment *environment = &request->context->environment;
	bool is_entry = environment->subject == SUBJECT_ENTRY;
	const char *subject = request_noun(request, 0);

	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		if (!field_set_has(&request->chosen, id) || field_is_of(id, environment->subject, environment->is_live))
			continue;
		if (fields[id].flags & OF_EVENT)
			return error_usage(&request->error, 0, "%s have no %s: it belongs to %sevents", subject,
					   fields[id].name, is_entry ? "conntab " : "conntab expect ");
		return error_usage(&request->error, 0, "%s have no %s%s", subject, fields[id].name,
				   fields[id].flags & OF_EXPECTATION ? ": it belongs to conntab expect" : "");
	}
	return 0;
}

/* "addr" and "port", known by having named all, mean of an expectation those members that it can have. */
static void drop_strange_members(struct request *request)
{
	const struct environment *environment = &request->context->environment;

	for (enum field_id id = FIELD_STORED; id < FIELD_COUNT; id++) {
		const uint8_t *members = fields[id].members;
		size_t count = 0;

		while (count < sizeof(fields[id].members) && field_set_has(&request->chosen, members[count]))
			count++;
		for (size_t i = 0; count == sizeof(fields[id].members) && i < count; i++)
			if (!field_is_of(members[i], environment->subject, environment->is_live))
				field_set_remove(&request->chosen, members[i]);
	}
}

uint8_t request_family(const struct settings *settings)
{
	if (settings->is_ipv4 == settings->is_ipv6)
		return AF_UNSPEC;
	return settings->is_ipv4 ? AF_INET : AF_INET6;
}

static int init_printer(struct request *request, const char *format)
{
	struct context *context = request->context;
	const char *columns;

	choose_format(context, &format, &columns);
	if (printer_init(&request->printer, format, columns, context->out, &context->environment, &request->error))
		return request->error.code;
	request->printer.is_colored = request_wants_color(context);
	if (columns)
		printer_fields(&request->printer, &request->chosen);
	return 0;
}

int request_init_printer(struct request *request, struct context *context, const char *format)
{
	*request = (struct request){ .context = context };
	return init_printer(request, format);
}

int request_init(struct request *request, struct context *context, const char *format)
{
	struct buffer text;
	int result = request_join_arguments(context, &text);

	if (result == 0) {
		result = request_init_filter(request, context, format, text.data);
	} else {
		*request = (struct request){ .context = context };
		error_set(&request->error, result, "out of memory");
	}
	buffer_done(&text);
	return result;
}

int request_init_filter(struct request *request, struct context *context, const char *format, const char *filter)
{
	const struct settings *settings = &context->settings;

	*request = (struct request){ .context = context };
	if (filter_parse(filter, &context->environment.naming, &request->filter, &request->error) ||
	    narrow_to_session(request) || init_printer(request, format))
		return request->error.code;
	filter_fields(request->filter, &request->chosen);
	drop_strange_members(request);
	if (refuse_strange_fields(request))
		return request->error.code;
	request->query = (struct query){ .filter = request->filter, .family = request_family(settings),
					 .is_without_kernel = settings->is_no_kernel,
					 .environment = &context->environment };
	return 0;
}

int request_init_matching(struct request *request, struct context *context, const char *format)
{
	int result = request_init(request, context, format);

	if (result == 0 && context->environment.subject == SUBJECT_EXPECTATION &&
	    field_set_has(&request->chosen, FIELD_zone))
		result = error_usage(&request->error, 0, "the kernel does not tell the zone of an expectation; "
				     "conntab expect get takes it");
	return result;
}

void request_narrow(struct request *request, struct filter *filter)
{
	request->filter = filter_and(request->filter, filter);
	request->query.filter = request->filter;
	filter_fields(request->filter, &request->chosen);
	if (!request->filter)
		error_set(&request->error, -ENOMEM, "out of memory");
}

void request_done(struct request *request)
{
	netlink_close(&request->netlink);
	printer_done(&request->printer);
	filter_free(request->filter);
}

static int sort_field(struct request *request, const char *name, enum field_id *field)
{
	struct column column[COLUMNS_MAX];
	size_t count;

	if (strchr(name, ','))
		return error_usage(&request->error, 0, "--sort takes one field");
	if (columns_parse(name, false, column, &count, &request->error))
		return request->error.code;
	*field = column[0].field;
	return 0;
}

struct sink *request_print_sink(struct request *request)
{
	const struct settings *settings = &request->context->settings;
	const char *sort = settings->sort;
	enum field_id field = FIELD_NONE;
	struct sink *sink;

	if (sort && sort_field(request, sort + (*sort == '-' || *sort == '+'), &field))
		return NULL;
	printer_fields(&request->printer, &request->query.fields);
	sink = print_sink_new(&request->printer, sort ? 0 : settings->limit);
	if (sort && sink) {
		field_set_include(&request->query.fields, field);
		field_set_include(&request->chosen, field);
		sink = sort_sink_new(field, *sort == '-', settings->limit, sink);
	}
	if (!sink)
		error_set(&request->error, -ENOMEM, "out of memory");
	return sink;
}

bool request_shows_changes(const struct context *context)
{
	const struct settings *settings = &context->settings;

	return (settings->is_dry_run && !settings->is_quiet) || settings->output || settings->is_json ||
	       settings->columns;
}

struct sink *request_sink_to_show(struct request *request)
{
	return request_shows_changes(request->context) ? request_print_sink(request) : NULL;
}

static void explain_fields(struct buffer *out, const struct field_set *set)
{
	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if (field_set_has(set, id))
			buffer_format(out, " %s", fields[id].name);
}

static int explain(struct request *request, const struct kernel_plan *plan)
{
	struct naming *naming = &request->context->environment.naming;
	struct buffer *out = request->context->out;
	const char *what = request->context->environment.is_live ? "event" : request_noun(request, 1);
	struct buffer part;
	int result;

	warn_never(request);
	buffer_text(out, "filter   ");
	if (request->filter)
		filter_format(request->filter, out, naming);
	else
		buffer_format(out, "none: every %s", what);
	for (unsigned i = 0; i < plan->count; i++) {
		if (buffer_init(&part, -1))
			return STATUS_FAILED;
		kernel_filter_format(&plan->dumps[i], &part, naming);
		if (part.length)
			buffer_format(out, "\nkernel   %s", buffer_string(&part));
		else
			buffer_format(out, "\nkernel   sends every %s", what);
		buffer_done(&part);
	}
	buffer_text(out, "\nconntab  ");
	buffer_text(out, request->filter ? "tests the whole filter on what the kernel sends; reads" :
					   "reads nothing for the filter");
	explain_fields(out, &request->chosen);
	buffer_char(out, '\n');
	result = buffer_flush(out);
	return result ? request_failed(request, result) : STATUS_OK;
}

int request_explain(struct request *request)
{
	struct kernel_plan plan;

	query_plan(&request->query, &plan);
	return explain(request, &plan);
}

int request_explain_events(struct request *request, const struct kernel_filter *kernel)
{
	struct kernel_plan plan = { .dumps = { *kernel }, .count = 1 };

	return explain(request, &plan);
}

void request_warn_unkept(const struct request *request)
{
	const struct query *query = &request->query;

	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		bool is_said = false;

		if (!fields[id].needs || query->received == 0 || !field_set_has(&request->chosen, id) ||
		    field_set_has(&query->seen, id) || id == FIELD_stop)
			continue;
		for (enum field_id earlier = 0; earlier < id && !is_said; earlier++)
			is_said = field_set_has(&request->chosen, earlier) && fields[earlier].needs == fields[id].needs &&
				  !field_set_has(&query->seen, earlier);
		if (!is_said)
			report_note(request->context,
				    "warning: the kernel does not keep %s here; to have it for new entries: sysctl -w %s",
				    fields[id].name, fields[id].needs);
	}
}

int request_failed(struct request *request, int result)
{
	struct error *error = &request->error;

	/* The reader of a pipe had enough: that is no failure. */
	if (!error->code && result == -EPIPE)
		return STATUS_OK;
	if (!error->code && result == -EINTR && interrupt_signal)
		return 128 + interrupt_signal;
	if (!error->code && request->context->out->error)
		error_set(error, result, "cannot write to standard output: %s", strerror(-result));
	error_set(error, result, "%s", strerror(-result));
	return report_error(request->context, error);
}

int request_run(struct request *request, struct sink *sink)
{
	struct query *query = &request->query;
	int result;

	query->sink = sink;
	warn_never(request);
	result = netlink_open(&request->netlink, &request->error);
	if (result == 0)
		result = query_run(query, &request->netlink, &request->error);
	sink->free(sink);
	if (query->is_interrupted)
		report_note(request->context, "warning: the table was resized while it was read; entries may be missing");
	request_warn_unkept(request);
	if (result < 0)
		return request_failed(request, result);
	return request_status(request);
}

int request_status(const struct request *request)
{
	return request->context->settings.is_require_match && request->query.matched == 0 ? STATUS_FAILED : STATUS_OK;
}

bool request_confirm(const struct context *context, const char *format, ...)
{
	char answer[16];
	va_list arguments;

	if (context->settings.is_yes || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return true;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs(" [y/N] ", stderr);
	fflush(stderr);
	return interrupt_wait(STDIN_FILENO, NULL) == 0 && fgets(answer, sizeof(answer), stdin) &&
	       (answer[0] | 0x20) == 'y';
}
