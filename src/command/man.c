/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fills the tables into a man page's source (mdoc), so that they cannot differ
 * from the program: conntab --man-page <man/conntab.8.in >build/man/conntab.8
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "conntab/word.h"

/* Text on a line of its own: a leading dot or quote would be a request, a backslash an escape. */
static void put_text(struct buffer *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		buffer_text(out, "\\&");
	for (; *text; text++) {
		if (*text == '\\')
			buffer_text(out, "\\e");
		else if (*text == '-')
			buffer_text(out, "\\-");
		else
			buffer_char(out, *text);
	}
	buffer_char(out, '\n');
}

static void put_option(struct buffer *out, enum option_id id)
{
	const struct option *option = &options[id];

	buffer_text(out, ".It");
	if (option->letter)
		buffer_format(out, " Fl %c ,", option->letter);
	buffer_format(out, " Fl \\-%s", option->name);
	if (option->argument)
		buffer_format(out, " Ar %s", option->argument);
	buffer_char(out, '\n');
	put_text(out, option->help);
}

static void put_option_list(struct buffer *out, uint64_t set)
{
	buffer_text(out, ".Bl -tag -width Ds\n");
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (set >> id & 1)
			put_option(out, id);
	buffer_text(out, ".El\n");
}

static void put_options(struct buffer *out)
{
	put_option_list(out, GLOBAL_OPTIONS);
}

static void put_literal(struct buffer *out, const char *text)
{
	buffer_text(out, ".Bd -literal -offset indent\n");
	while (*text) {
		char line[160];
		size_t length = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		put_text(out, line);
		text += length + (text[length] == '\n');
	}
	buffer_text(out, ".Ed\n");
}

/* Each sentence begins a line of its own: so mandoc sees where one ends. */
static void put_sentences(struct buffer *out, char *line)
{
	for (char *at = line; *at; at++) {
		if (at[0] != '.' || at[1] != ' ' || ((at[2] < 'A' || at[2] > 'Z') && at[2] != '-'))
			continue;
		at[1] = '\0';
		put_text(out, line);
		line = at + 2;
		at++;
	}
	put_text(out, line);
}

/* Paragraphs: the lines of the text as they are, but for the ends of sentences. */
static void put_paragraph(struct buffer *out, const char *text)
{
	while (*text) {
		char line[160];
		size_t length = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		if (length == 0)
			buffer_text(out, ".Pp\n");
		else
			put_sentences(out, line);
		text += length + (text[length] == '\n');
	}
}

static void put_command(struct buffer *out, const struct command *command)
{
	buffer_format(out, ".Ss %s%s%s%s\n", command->is_of_shell ? "" : "conntab ", command->name,
		      *command->arguments ? " " : "", command->arguments);
	if (command->alias)
		buffer_format(out, "Also:\n.Cm \\&%s .\n", command->alias);
	put_paragraph(out, command->details);
	put_literal(out, command->examples);
	if (command->options)
		put_option_list(out, command->options);
}

static void put_commands(struct buffer *out)
{
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->is_of_shell)
			put_command(out, commands[i]);
}

static void put_shell(struct buffer *out)
{
	for (size_t i = 0; commands[i]; i++)
		if (commands[i]->is_of_shell)
			put_command(out, commands[i]);
}

static void put_formats(struct buffer *out)
{
	buffer_text(out, ".Bl -tag -width conntrack\n");
	for (size_t i = 0; formats[i]; i++) {
		buffer_format(out, ".It Cm %s\n", formats[i]->name);
		put_text(out, formats[i]->summary);
		if (!formats[i]->extras)
			continue;
		buffer_text(out, ".Bl -tag -width ktimestamp\n");
		for (const struct format_extra *extra = formats[i]->extras; extra->name; extra++) {
			buffer_format(out, ".It Cm %s\n", extra->name);
			put_text(out, extra->help);
		}
		buffer_text(out, ".El\n");
	}
	buffer_text(out, ".El\n");
}

static void put_fields(struct buffer *out)
{
	char text[256];

	buffer_text(out, ".Bl -tag -width reply.seqadj.pos\n");
	for (enum field_id id = 0; id < FIELD_COUNT; id++) {
		const struct field *field = &fields[id];

		snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", field->help, field->unit ? ", in " : "",
			 field->unit ? field->unit : "", field->needs ? "; needs " : "", field->needs ? field->needs : "",
			 field->alias ? "; also: " : "", field->alias ? field->alias : "");
		buffer_format(out, ".It Cm %s\n", field->name);
		put_text(out, text);
	}
	buffer_text(out, ".El\n");
}

static void put_words(struct buffer *out)
{
	buffer_text(out, ".Bl -tag -width status\n");
	for (size_t i = 0; bare_word_fields[i] != FIELD_NONE; i++) {
		const struct field *field = &fields[bare_word_fields[i]];

		buffer_format(out, ".It Cm %s\n", field->name);
		for (const struct word *word = kinds[field->kind].words; word->name; word++) {
			if (word->is_alias)
				continue;
			for (const char *at = word->name; *at; at++)
				buffer_char(out, *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at);
			buffer_char(out, '\n');
		}
	}
	buffer_text(out, ".El\n");
}

static const struct {
	const char *mark;
	void (*put)(struct buffer *out);
} tables[] = {
	{ "@OPTIONS@\n", put_options }, { "@COMMANDS@\n", put_commands }, { "@FORMATS@\n", put_formats },
	{ "@FIELDS@\n", put_fields },	{ "@WORDS@\n", put_words },
	{ "@SHELL@\n", put_shell },
};

int man_page(struct buffer *out)
{
	char line[512];

	while (fgets(line, sizeof(line), stdin)) {
		size_t i = 0, count = sizeof(tables) / sizeof(tables[0]);

		while (i < count && strcmp(line, tables[i].mark) != 0)
			i++;
		if (i < count)
			tables[i].put(out);
		else
			buffer_text(out, line);
	}
	return ferror(stdin) ? STATUS_FAILED : STATUS_OK;
}
