/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../command/command.h"

/* Whether a text may hold an "or": brackets never hurt, so a value that is spelled like it does not matter. */
static bool has_or(const char *text)
{
	for (const char *at = text; (at = strcasestr(at, "or")); at++)
		if ((at == text || !isalnum((unsigned char)at[-1])) && !isalnum((unsigned char)at[2]))
			return true;
	return strstr(text, "||");
}

static void put_part(struct buffer *text, const char *part)
{
	buffer_text(text, has_or(part) ? "(" : "");
	buffer_text(text, part);
	buffer_text(text, has_or(part) ? ")" : "");
}

/* The words from `first` on, joined by blanks. */
static void put_words(struct buffer *text, const struct context *context, int first)
{
	for (int i = first; i < context->argument_count; i++) {
		if (i > first)
			buffer_char(text, ' ');
		buffer_text(text, context->arguments[i]);
	}
}

/* "FILTER" replaces, "and FILTER" narrows, "or FILTER" widens what is there. */
static int compose(const struct context *context, struct buffer *text)
{
	const char *before = context->session->filter, *first = context->arguments[0];
	bool is_and = strcasecmp(first, "and") == 0, is_or = strcasecmp(first, "or") == 0;
	struct buffer part;

	if (!before || (!is_and && !is_or)) {
		put_words(text, context, is_and || is_or);
		return text->error;
	}
	if (buffer_init(&part, -1))
		return -ENOMEM;
	put_words(&part, context, 1);
	if (is_and)
		put_part(text, before);
	else
		buffer_text(text, before);
	buffer_text(text, is_or ? " or " : " ");
	if (is_and)
		put_part(text, buffer_string(&part));
	else
		buffer_text(text, buffer_string(&part));
	buffer_done(&part);
	return text->error;
}

/* Takes the text for the session's if it parses; else everything stays as it was. */
static int adopt(struct context *context, struct buffer *text)
{
	struct error error = { 0 };
	struct filter *filter = NULL;
	struct reason reason;
	char *copy = NULL;

	if (compose(context, text) == 0 && filter_parse(buffer_string(text), &context->environment.naming, &filter, &error) == 0)
		copy = strdup(text->data);
	if (!error.code && (!copy || !filter))
		error_set(&error, -ENOMEM, "out of memory");
	if (error.code) {
		free(copy);
		/* The column would be that of the joined text. */
		if (context->session->filter)
			error.column = 0;
		return report_error(context, &error);
	}
	if (filter_is_never(filter, &reason))
		report_note(context, "warning: this filter never matches: %s", reason.text);
	filter_free(filter);
	free(context->session->filter);
	context->session->filter = copy;
	return STATUS_OK;
}

/* "and" and "or" join something to what is there. */
static bool is_bare_joint(const struct context *context)
{
	const char *first = context->arguments[0];

	return context->argument_count == 1 && (strcasecmp(first, "and") == 0 || strcasecmp(first, "or") == 0);
}

static int where_run(struct context *context)
{
	struct session *session = context->session;
	struct error error = { 0 };
	struct buffer text;
	int status;

	if (context->argument_count == 0) {
		buffer_text(context->out, session->filter ? session->filter : "no working filter: every entry");
		buffer_char(context->out, '\n');
		return STATUS_OK;
	}
	if (context->argument_count == 1 && strcasecmp(context->arguments[0], "reset") == 0) {
		free(session->filter);
		session->filter = NULL;
		return STATUS_OK;
	}
	if (is_bare_joint(context)) {
		error_usage(&error, 0, "where %s what? A filter has to follow", context->arguments[0]);
		return report_error(context, &error);
	}
	if (buffer_init(&text, -1))
		return STATUS_FAILED;
	status = adopt(context, &text);
	buffer_done(&text);
	return status;
}

const struct command where_command = {
	.name = "where",
	.arguments = "[FILTER... | and FILTER... | or FILTER... | reset]",
	.summary = "narrow all that follows to what matches",
	.details = "Sets the working filter: list, count, update, delete, flush idle, save, events and watch\n"
		   "see only what matches it and their own words. \"and\" narrows it further, \"or\" widens\n"
		   "it, \"reset\" drops it; without words it is shown.\n",
	.examples = "where tcp dport 443\n"
		    "where and not src 10.0.0.0/8\n"
		    "where reset\n",
	.is_of_shell = true,
	.completes = COMPLETE_WHERE,
	.run = where_run,
};
