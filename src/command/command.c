/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "conntab/interrupt.h"
#include "conntab/text.h"

const struct command *const commands[] = {
	&list_command,
	&count_command,
	&get_command,
	&add_command,
	&update_command,
	&delete_command,
	&flush_command,
	&save_command,
	&restore_command,
	&events_command,
	&watch_command,
	&check_command,
	&stats_command,
	&timeout_command,
	&helper_command,
	&expect_command,
	&shell_command,
	&where_command,
	&netns_command,
	&set_command,
	&undo_command,
	&quit_command,
	&help_command,
	NULL,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(name, commands[i]->name) == 0 ||
		    (commands[i]->alias && strcmp(name, commands[i]->alias) == 0))
			return commands[i];
	return NULL;
}

static void say(const struct context *context, const char *text)
{
	struct buffer line;

	if (buffer_init(&line, STDERR_FILENO))
		return;
	buffer_text(&line, "conntab: ");
	if (context->session && context->session->source) {
		buffer_untrusted(&line, context->session->source, strlen(context->session->source));
		buffer_format(&line, ":%llu: ", (unsigned long long)context->session->line);
	}
	if (context->command)
		buffer_format(&line, "%s: ", context->command->name);
	buffer_untrusted(&line, text, strlen(text));
	buffer_char(&line, '\n');
	buffer_flush(&line);
	buffer_done(&line);
}

int report_error(const struct context *context, const struct error *error)
{
	char text[sizeof(error->text) + 32];

	if (error->column)
		snprintf(text, sizeof(text), "column %zu: %s", error->column, error->text);
	else
		snprintf(text, sizeof(text), "%s", error->text);
	if (context->command && context->command->fail)
		context->command->fail(context, error);
	else
		say(context, text);
	if (context->session)
		context->session->failures++;
	if (context->command && context->command->failure)
		return context->command->failure;
	return error->is_usage ? STATUS_USAGE : STATUS_FAILED;
}

void report_ended(const struct context *context)
{
	if (!context->session || !context->session->source)
		interrupt_signal = 0;
}

void report_note(const struct context *context, const char *format, ...)
{
	char text[512];
	va_list arguments;

	if (context->settings.is_quiet || (context->session && context->session->is_quiet))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	say(context, text);
}

static int unknown_command(const struct context *context, const char *name)
{
	struct suggestion suggestion = { .typed = slice_of(name) };
	struct error error = { 0 };
	char nearest[64];

	for (size_t i = 0; commands[i]; i++)
		if (context->session || !commands[i]->is_of_shell)
			suggestion_offer(&suggestion, commands[i]->name);
	suggestion_text(&suggestion, nearest, sizeof(nearest));
	error_usage(&error, 0, "no command \"%.32s\"%s", name,
		    suggestion.best[0] ? nearest : context->session ? " (help)" : " (conntab help)");
	return report_error(context, &error);
}

static int check_settings(const struct settings *settings, struct error *error)
{
	static const char *const colors[] = { "auto", "always", "never" };
	bool is_known = !settings->color;

	for (size_t i = 0; i < 3 && !is_known; i++)
		is_known = strcmp(settings->color, colors[i]) == 0;
	if (!is_known)
		return error_usage(error, 0, "--color: \"%.32s\" is not auto, always or never", settings->color);
	if (settings->is_json && settings->output && strncmp(settings->output, "json", 4) != 0)
		return error_usage(error, 0, "-j and -o %.32s contradict each other", settings->output);
	return 0;
}

static int print_version(struct buffer *out)
{
	buffer_text(out, "conntab " CONNTAB_VERSION "\n");
	return STATUS_OK;
}

/* Options in front of the command are read before it is known what it refuses. */
static int check_refused(const struct context *context, struct error *error)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (context->command->refuses >> id & 1 && option_is_set(&context->settings, id))
			return error_usage(error, 0, "%s takes no --%s", context->command->name, options[id].name);
	return 0;
}

static int check_place(const struct context *context, struct error *error)
{
	const struct command *command = context->command;

	if (command->is_of_shell && !context->session)
		return error_usage(error, 0, "this is a word of the shell and of scripts (conntab help shell)");
	if (context->settings.netns_count > 1 && !command->takes_namespaces)
		return error_usage(error, 0, "%s works in one network namespace at a time", command->name);
	return 0;
}

/* Runs the command where -n says. A session comes back from there; a single command line ends there. */
static int run_in_namespace(struct context *context)
{
	struct error error = { 0 };
	int saved, status;

	if (context->settings.netns_count != 1 || context->command->takes_namespaces)
		return context->command->run(context);
	saved = context->session ? namespace_save() : 0;
	if (saved < 0)
		error_set(&error, saved, "network namespace: %s", strerror(-saved));
	else
		namespace_enter(context->settings.netns[0], &error);
	status = error.code ? report_error(context, &error) : context->command->run(context);
	if (context->session && saved >= 0 && namespace_return(saved) < 0)
		_exit(STATUS_FAILED); /* what follows would be done to the wrong machine's table */
	return status;
}

/* Everything between the words and the command's own code. */
static int run_command(struct context *context, int count, char **words)
{
	struct error error = { 0 };

	if (options_parse(context, count, words, &error) < 0 || check_settings(&context->settings, &error))
		return report_error(context, &error);
	if (context->settings.is_help) {
		help_print_command(context->out, context->command);
		return STATUS_OK;
	}
	if (context->settings.is_version)
		return print_version(context->out);
	if (check_place(context, &error) || check_refused(context, &error))
		return report_error(context, &error);
	return run_in_namespace(context);
}

/* The command that the words name; without a word it is the shell. */
static int find_command(struct context *context, const char *name)
{
	struct error error = { 0 };

	if (!name) {
		context->command = &shell_command;
		return STATUS_OK;
	}
	context->command = command_find(name);
	if (!context->command)
		return unknown_command(context, name);
	if (context->command != &shell_command && (context->settings.file || context->settings.is_keep_going)) {
		error_usage(&error, 0, "--%s is for files of commands: no command follows it (conntab help shell)",
			    context->settings.file ? "file" : "keep-going");
		return report_error(context, &error);
	}
	return STATUS_OK;
}

int command_run_line(struct session *session, int count, char **words, struct buffer *out)
{
	struct context context = { .session = session, .out = out };
	struct error error = { 0 };
	int used = options_parse(&context, count, words, &error), status;

	if (used < 0)
		return report_error(&context, &error);
	if (context.settings.is_version)
		return print_version(out);
	if (context.settings.is_help && used == count) {
		help_print_overview(out, session != NULL);
		return STATUS_OK;
	}
	status = find_command(&context, used < count ? words[used++] : NULL);
	if (status == STATUS_OK)
		status = run_command(&context, count - used, words + used);
	naming_done(&context.environment.naming);
	return status;
}
