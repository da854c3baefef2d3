/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "conntab/word.h"

static void put_indented(struct buffer *out, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		buffer_text(out, "  ");
		buffer_bytes(out, text, length);
		buffer_char(out, '\n');
		text += length + (text[length] == '\n');
	}
}

/* "  left      right", the right side at a fixed column or on a line of its own. */
static void put_pair(struct buffer *out, const char *left, const char *right, size_t column)
{
	size_t length = strlen(left);

	buffer_format(out, "  %s", left);
	if (length + 2 >= column) {
		buffer_char(out, '\n');
		length = 0;
		buffer_text(out, "  ");
	}
	buffer_repeat(out, ' ', column - length - 2);
	buffer_format(out, "%s\n", right);
}

static void put_option(struct buffer *out, const struct option *option)
{
	char left[64];

	snprintf(left, sizeof(left), "%c%c%s--%s%s%s", option->letter ? '-' : ' ', option->letter ? option->letter : ' ',
		 option->letter ? ", " : "  ", option->name, option->argument ? " " : "",
		 option->argument ? option->argument : "");
	put_pair(out, left, option->help, 34);
}

static void put_options(struct buffer *out, uint64_t set)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (set >> id & 1)
			put_option(out, &options[id]);
}

void help_print_command(struct buffer *out, const struct command *command)
{
	buffer_format(out, "%s%s%s%s\n\n%s%s", command->is_of_shell ? "" : "conntab ", command->name,
		      *command->arguments ? " " : "", command->arguments, command->summary, command->alias ? "" : "\n");
	if (command->alias)
		buffer_format(out, " (also: %s)\n", command->alias);
	buffer_text(out, "\nExamples:\n");
	put_indented(out, command->examples);
	buffer_char(out, '\n');
	buffer_text(out, command->details);
	if (command->options) {
		buffer_text(out, "\nOptions:\n");
		put_options(out, command->options);
	}
	if (command->is_of_shell)
		return;
	buffer_text(out, "\nOptions of every command:\n");
	put_options(out, GLOBAL_OPTIONS & ~command->refuses);
}

static const char overview_examples[] =
	"conntab list tcp dport 443 established   # entries, as /proc/net/nf_conntrack has them\n"
	"conntab count --by src --top 10          # who fills the table\n"
	"conntab delete --dry-run udp unreplied   # what would go\n"
	"conntab list -o table --sort -idle --limit 20\n";

static void print_filter(struct buffer *out)
{
	buffer_text(out,
		"A filter is written in words, without quotes in the common case:\n\n"
		"  tcp dport 443 established not src 10.0.0.0/8\n"
		"  udp unreplied\n"
		"  dst 192.0.2.7 port 53\n"
		"  'bytes > 10M and (idle > 1h or state in {time_wait, close_wait})'\n\n"
		"FIELD [OP] VALUE   no operator means \"is\"; OP is = != < <= > >= in\n"
		"WORD               a protocol, state, status flag or family stands alone\n"
		"and or not ( )     terms that follow each other mean \"and\", which binds closer than \"or\"\n\n"
		"Values: addresses 192.0.2.7, 10.0.0.0/8, 2001:db8::/32, a-b; ports 443, https, 8000-8100;\n"
		"sets {80, 443} or 80,443; numbers 10k 10M (1000) 10Ki 10Mi (1024); times 90s 15m 1h30m 5d;\n"
		"dates 2026-11-22T18:30; marks 5, 0x1/0xff; texts with * and ?. src, dst, sport and dport are\n"
		"the original direction, reply.src and so on the other one; addr and port match any of them.\n\n"
		"A term about a value that the kernel does not keep (counters, times) is never true, nor is\n"
		"its negation. Words that stand alone:\n\n");
	for (size_t i = 0; bare_word_fields[i] != FIELD_NONE; i++) {
		const struct field *field = &fields[bare_word_fields[i]];

		buffer_format(out, "  %-8s", field->name);
		for (const struct word *word = kinds[field->kind].words; word->name; word++) {
			if (word->is_alias)
				continue;
			buffer_char(out, ' ');
			for (const char *at = word->name; *at; at++)
				buffer_char(out, *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at);
		}
		buffer_char(out, '\n');
	}
	buffer_text(out, "\nFields: conntab help fields. What the kernel evaluates itself: --explain.\n");
}

static void print_fields(struct buffer *out)
{
	char text[256];

	for (enum field_id id = 0; id < FIELD_COUNT; id++) {
		const struct field *field = &fields[id];

		snprintf(text, sizeof(text), "%s%s%s%s%s%s", field->help, field->unit ? ", in " : "",
			 field->unit ? field->unit : "", field->needs ? "; needs " : "",
			 field->needs ? field->needs : "", field->flags & COLUMN ? " *" : "");
		put_pair(out, field->name, text, 26);
		if (field->alias) {
			snprintf(text, sizeof(text), "also: %s", field->alias);
			put_pair(out, "", text, 26);
		}
	}
	buffer_text(out, "\n* a default column of the table format\n");
}

static void print_formats(struct buffer *out)
{
	for (size_t i = 0; formats[i]; i++) {
		put_pair(out, formats[i]->name, formats[i]->summary, 14);
		for (const struct format_extra *extra = formats[i]->extras; extra && extra->name; extra++) {
			char name[32];

			snprintf(name, sizeof(name), "  ,%s", extra->name);
			put_pair(out, name, extra->help, 18);
		}
	}
	buffer_text(out, "\nExtras follow the name: -o conntrack,extended,id. Columns: -c FIELD,...\n");
}

static void print_examples(struct buffer *out)
{
	for (size_t i = 0; commands[i]; i++) {
		buffer_format(out, "%s: %s\n", commands[i]->name, commands[i]->summary);
		put_indented(out, commands[i]->examples);
		buffer_char(out, '\n');
	}
}

const struct help_topic help_topics[] = {
	{ "filter", "the filter language", print_filter },
	{ "fields", "the table of fields", print_fields },
	{ "formats", "output formats", print_formats },
	{ "examples", "examples of every command", print_examples },
	{ NULL, NULL, NULL },
};

static void put_commands(struct buffer *out, bool is_of_shell)
{
	for (size_t i = 0; commands[i]; i++)
		if (commands[i]->is_of_shell == is_of_shell)
			put_pair(out, commands[i]->name, commands[i]->summary, 14);
}

static const char shell_examples[] =
	"where tcp dport 443 unreplied   # narrows all that follows\n"
	"list | less -S\n"
	"count --by src --top 10 > who.txt\n"
	"delete                          # what where selects; says how many, asks\n"
	"undo\n"
	"where reset\n";

/* In the shell its own words come first. */
void help_print_overview(struct buffer *out, bool is_in_shell)
{
	buffer_format(out, "%sCOMMAND [OPTIONS] [FILTER...]\n%s\n", is_in_shell ? "" : "conntab [OPTIONS] ",
		      is_in_shell ? "" : "conntab [OPTIONS] [-f FILE]   the shell: a prompt, or a file of commands\n");
	buffer_text(out, "Manages the Linux connection tracking table.\n\nExamples:\n");
	put_indented(out, is_in_shell ? shell_examples : overview_examples);
	if (is_in_shell) {
		buffer_text(out, "\nWords of the shell:\n");
		put_commands(out, true);
		buffer_text(out, "  | COMMAND   send the output of a command through a pipe\n"
				 "  > FILE      write it to a file; >> adds to it\n"
				 "  ! COMMAND   run another program\n"
				 "  Ctrl-C      end the command that runs; Ctrl-D leaves, Tab completes, Ctrl-R searches\n");
	}
	buffer_text(out, "\nCommands:\n");
	put_commands(out, false);
	buffer_text(out, "\nOptions, before or behind the command:\n");
	put_options(out, GLOBAL_OPTIONS);
	if (!is_in_shell) {
		buffer_text(out, "\nOptions of the shell:\n");
		put_options(out, shell_command.options);
	}
	buffer_format(out, "\nMore: %shelp COMMAND", is_in_shell ? "" : "conntab ");
	for (size_t i = 0; help_topics[i].name; i++)
		buffer_format(out, ", help %s", help_topics[i].name);
	buffer_char(out, '\n');
}

static int unknown_topic(struct context *context, const char *name)
{
	struct suggestion suggestion = { .typed = slice_of(name) };
	struct error error = { 0 };
	char nearest[64];

	for (size_t i = 0; commands[i]; i++)
		suggestion_offer(&suggestion, commands[i]->name);
	for (size_t i = 0; help_topics[i].name; i++)
		suggestion_offer(&suggestion, help_topics[i].name);
	error_usage(&error, 0, "no command and no topic \"%.32s\"%s", name,
		    suggestion_text(&suggestion, nearest, sizeof(nearest)));
	return report_error(context, &error);
}

static int help_run(struct context *context)
{
	const char *name = context->argument_count > 0 ? context->arguments[0] : NULL;
	const struct command *command = name ? command_find(name) : NULL;

	if (!name) {
		help_print_overview(context->out, context->session != NULL);
		return STATUS_OK;
	}
	if (context->argument_count > 1)
		return unknown_topic(context, context->arguments[1]);
	for (size_t i = 0; help_topics[i].name; i++) {
		if (strcmp(name, help_topics[i].name) == 0) {
			help_topics[i].print(context->out);
			return STATUS_OK;
		}
	}
	if (!command)
		return unknown_topic(context, name);
	help_print_command(context->out, command);
	return STATUS_OK;
}

const struct command help_command = {
	.name = "help",
	.alias = "?",
	.arguments = "[COMMAND|TOPIC]",
	.summary = "commands, filter, fields, formats, examples",
	.details = "Topics: filter, fields, formats, examples.\n",
	.examples = "conntab help delete\n"
		    "conntab help filter\n"
		    "conntab help fields\n",
	.completes = COMPLETE_TOPIC,
	.run = help_run,
};
