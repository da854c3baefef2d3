/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../command/command.h"

static int check_output(const char *value, struct error *error)
{
	struct environment environment = { 0 };
	struct printer printer;
	int result = printer_init(&printer, value, NULL, NULL, &environment, error);

	printer_done(&printer);
	return result;
}

static int check_columns(const char *value, struct error *error)
{
	struct column columns[COLUMNS_MAX];
	size_t count;

	return columns_parse(value, false, columns, &count, error);
}

static int check_color(const char *value, struct error *error)
{
	if (strcmp(value, "auto") == 0 || strcmp(value, "always") == 0 || strcmp(value, "never") == 0)
		return 0;
	return error_usage(error, 0, "color: \"%.32s\" is not auto, always or never", value);
}

static int check_switch(const char *value, struct error *error)
{
	if (strcmp(value, "on") == 0 || strcmp(value, "off") == 0)
		return 0;
	return error_usage(error, 0, "\"%.32s\" is not on or off", value);
}

#define TEXT(member) offsetof(struct session, member), false
#define SWITCH(member) offsetof(struct session, member), true

const struct shell_setting shell_settings[] = {
	{ "output", "FORMAT[,EXTRA]", "how entries and groups are printed, proc by default", COMPLETE_FORMAT,
	  TEXT(output), check_output },
	{ "columns", "FIELD,...", "the fields to print, in the formats that have columns", COMPLETE_FIELDS,
	  TEXT(columns), check_columns },
	{ "color", "WHEN", "auto, always or never", COMPLETE_COLOR, TEXT(color), check_color },
	{ "pager", "COMMAND", "for long listings, $PAGER by default; off for none", COMPLETE_NOTHING, TEXT(pager), NULL },
	{ "undo", "on|off", "keep what is deleted, so that it can be put back; on by default", COMPLETE_SWITCH,
	  SWITCH(is_without_undo), check_switch },
	{ NULL, NULL, NULL, COMPLETE_NOTHING, 0, false, NULL },
};

const struct shell_setting *shell_setting_find(const char *name)
{
	for (size_t i = 0; shell_settings[i].name; i++)
		if (strcmp(name, shell_settings[i].name) == 0)
			return &shell_settings[i];
	return NULL;
}

static void put_setting(struct buffer *out, const struct session *session, const struct shell_setting *setting)
{
	const void *member = (const char *)session + setting->offset;
	const char *value;

	/* The one switch that there is turns something off. */
	if (setting->is_switch)
		value = *(const bool *)member ? "off" : "on";
	else
		value = *(char *const *)member ? *(char *const *)member : "(default)";
	buffer_format(out, "%-9s", setting->name);
	buffer_untrusted(out, value, strlen(value));
	buffer_char(out, '\n');
}

static int change(struct session *session, const struct shell_setting *setting, const char *value, struct error *error)
{
	void *member = (char *)session + setting->offset;
	bool is_reset = strcmp(value, "reset") == 0;
	char *copy = NULL;

	if (!*value)
		return error_usage(error, 0, "%s: the value is empty, expected %s", setting->name, setting->argument);
	if (!is_reset && setting->check && setting->check(value, error))
		return error->code;
	if (setting->is_switch) {
		*(bool *)member = strcmp(value, "off") == 0;
		return 0;
	}
	if (!is_reset && !(copy = strdup(value)))
		return error_set(error, -ENOMEM, "out of memory");
	free(*(char **)member);
	*(char **)member = copy;
	return 0;
}

static int unknown_setting(struct context *context, const char *name)
{
	struct suggestion suggestion = { .typed = slice_of(name) };
	struct error error = { 0 };
	char nearest[64];

	for (size_t i = 0; shell_settings[i].name; i++)
		suggestion_offer(&suggestion, shell_settings[i].name);
	error_usage(&error, 0, "no setting \"%.32s\"%s", name,
		    suggestion.best[0] ? suggestion_text(&suggestion, nearest, sizeof(nearest)) : " (help set)");
	return report_error(context, &error);
}

static int set_run(struct context *context)
{
	const struct shell_setting *setting;
	struct error error = { 0 };

	for (size_t i = 0; context->argument_count == 0 && shell_settings[i].name; i++)
		put_setting(context->out, context->session, &shell_settings[i]);
	if (context->argument_count == 0)
		return STATUS_OK;
	setting = shell_setting_find(context->arguments[0]);
	if (!setting)
		return unknown_setting(context, context->arguments[0]);
	if (context->argument_count == 1)
		put_setting(context->out, context->session, setting);
	else if (context->argument_count > 2)
		error_usage(&error, 0, "set %s takes one value; quote what has blanks in it", setting->name);
	else
		change(context->session, setting, context->arguments[1], &error);
	return error.code ? report_error(context, &error) : STATUS_OK;
}

const struct command set_command = {
	.name = "set",
	.arguments = "[NAME [VALUE | reset]]",
	.summary = "how the commands of this session print and page",
	.details = "Without a value it shows, without a name all: output and columns (as -o and -c), color,\n"
		   "pager (a command, or off), undo (on or off: whether what is deleted is kept to be put\n"
		   "back). \"reset\" goes back to the default. Options of a command win over them.\n",
	.examples = "set output table\n"
		    "set columns src,dst,dport,state,idle\n"
		    "set pager 'less -S'\n"
		    "set output reset\n",
	.is_of_shell = true,
	.completes = COMPLETE_SETTING,
	.run = set_run,
};
