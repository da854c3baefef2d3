/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "conntab/text.h"

const struct command *const commands[] = {
	&list_command, &count_command, &get_command, &delete_command, &flush_command,
	&watch_command, &check_command, &stats_command, &help_command, NULL,
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
	if (context->command && context->command->failure)
		return context->command->failure;
	return error->is_usage ? STATUS_USAGE : STATUS_FAILED;
}

void report_note(const struct context *context, const char *format, ...)
{
	char text[512];
	va_list arguments;

	if (context->settings.is_quiet)
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
		suggestion_offer(&suggestion, commands[i]->name);
	suggestion_text(&suggestion, nearest, sizeof(nearest));
	error_usage(&error, 0, "no command \"%.32s\"%s", name, suggestion.best[0] ? nearest : " (conntab help)");
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
	if (context->settings.netns_count > 1 && !context->command->takes_namespaces) {
		error_usage(&error, 0, "%s works in one network namespace at a time", context->command->name);
		return report_error(context, &error);
	}
	if (context->settings.netns_count == 1 && !context->command->takes_namespaces &&
	    namespace_enter(context->settings.netns[0], &error))
		return report_error(context, &error);
	return context->command->run(context);
}

/* The help that was asked for is output; the one that was not is a message. */
static int print_overview(struct context *context)
{
	struct buffer message;

	if (context->settings.is_help) {
		help_print_overview(context->out);
		return STATUS_OK;
	}
	if (buffer_init(&message, STDERR_FILENO))
		return STATUS_FAILED;
	help_print_overview(&message);
	buffer_flush(&message);
	buffer_done(&message);
	return STATUS_USAGE;
}

int command_run_line(int count, char **words, struct buffer *out)
{
	struct context context = { .out = out };
	struct error error = { 0 };
	int used = options_parse(&context, count, words, &error), status;

	if (used < 0)
		return report_error(&context, &error);
	if (context.settings.is_version)
		return print_version(out);
	if (used == count)
		return print_overview(&context);
	context.command = command_find(words[used]);
	if (!context.command)
		return unknown_command(&context, words[used]);
	status = run_command(&context, count - used - 1, words + used + 1);
	naming_done(&context.environment.naming);
	return status;
}
