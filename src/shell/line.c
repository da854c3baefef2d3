/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../command/command.h"

#define WHITE " \t\r\n\v\f"

struct reader {
	struct line *line;
	const char *start, *at;
	char *to;       /* where the next letter of a word goes, in line->text */
	char *word;     /* the word at work, NULL between words */
	size_t room;    /* of line->words */
	struct error *error;
};

static int fault(struct reader *reader, const char *at, const char *text)
{
	return error_usage(reader->error, (size_t)(at - reader->start) + 1, "%s", text);
}

static int add_word(struct reader *reader, char *word)
{
	struct line *line = reader->line;

	if ((size_t)line->count == reader->room) {
		size_t room = reader->room ? reader->room * 2 : 16;
		char **words = realloc(line->words, room * sizeof(*words));

		if (!words)
			return error_set(reader->error, -ENOMEM, "out of memory");
		line->words = words;
		reader->room = room;
	}
	line->words[line->count++] = word;
	return 0;
}

/* Words that are empty ('') count, too: a letter is not what begins one. */
static void begin_word(struct reader *reader)
{
	if (!reader->word)
		reader->word = reader->to;
}

static int end_word(struct reader *reader)
{
	char *word = reader->word;

	if (!word)
		return 0;
	*reader->to++ = '\0';
	reader->word = NULL;
	/* Lines that were copied from elsewhere have the program's name in front. */
	if (reader->line->count == 0 && strcmp(word, "conntab") == 0)
		return 0;
	return add_word(reader, word);
}

static int take_quoted(struct reader *reader)
{
	const char *opening = reader->at;
	char quote = *reader->at++;

	begin_word(reader);
	for (; *reader->at != quote; reader->at++) {
		if (quote == '"' && *reader->at == '\\' && (reader->at[1] == '"' || reader->at[1] == '\\'))
			reader->at++;
		if (!*reader->at)
			return fault(reader, opening, quote == '"' ? "the quote \" is not closed" : "the quote ' is not closed");
		*reader->to++ = *reader->at;
	}
	reader->at++;
	return 0;
}

/* One file name, and nothing behind it. */
static int take_file(struct reader *reader)
{
	struct line *line = reader->line;
	const char *operator = reader->at;
	int before = line->count, result = 0;

	line->is_append = operator[1] == '>';
	reader->at += line->is_append ? 2 : 1;
	while (!result && *reader->at && !(*reader->at == '#' && !reader->word)) {
		if (strchr(WHITE, *reader->at)) {
			result = end_word(reader);
			reader->at++;
		} else if (*reader->at == '\'' || *reader->at == '"') {
			result = take_quoted(reader);
		} else if (*reader->at == '|' || *reader->at == '>') {
			return fault(reader, reader->at, "the output goes to one file or one command, not to more");
		} else {
			begin_word(reader);
			if (*reader->at == '\\' && reader->at[1])
				reader->at++;
			*reader->to++ = *reader->at++;
		}
	}
	if (result || (result = end_word(reader)))
		return result;
	if (line->count == before || !line->words[before][0])
		return fault(reader, operator, "> is followed by the name of a file");
	if (line->count > before + 1)
		return fault(reader, operator, "> and one file name end the line");
	line->file = line->words[before];
	line->count = before;
	return 0;
}

/* The rest of the line is for sh. */
static int take_pipe(struct reader *reader)
{
	const char *operator = reader->at++;

	reader->at += strspn(reader->at, WHITE);
	if (!*reader->at)
		return fault(reader, operator, "| is followed by a command");
	reader->line->pipe = reader->to;
	strcpy(reader->to, reader->at);
	return 0;
}

/* Whether the > here compares: then it belongs to a filter. Ends the word to have a look at it. */
static bool is_comparison(struct reader *reader)
{
	struct line *line = reader->line;
	bool is_open = reader->word != NULL, compares;

	if (reader->at[1] == '=')
		return true;
	if (is_open) {
		*reader->to = '\0';
		if (add_word(reader, reader->word))
			return false;
	}
	compares = command_line_awaits_operator(line->count, line->words);
	line->count -= is_open;
	return compares;
}

/* What is no quote, no operator of ours and no comment: "||", ">" and ">=" of filters are taken whole. */
static void take_letters(struct reader *reader)
{
	size_t length = 1;

	begin_word(reader);
	if (*reader->at == '\\' && reader->at[1])
		reader->at++;
	else if ((*reader->at == '|' && reader->at[1] == '|') || (*reader->at == '>' && reader->at[1] == '='))
		length = 2;
	memcpy(reader->to, reader->at, length);
	reader->to += length;
	reader->at += length;
}

static int take_words(struct reader *reader)
{
	while (*reader->at) {
		int result = 0;

		if (strchr(WHITE, *reader->at)) {
			result = end_word(reader);
			reader->at++;
		} else if (*reader->at == '#' && !reader->word) {
			break;
		} else if (*reader->at == '\'' || *reader->at == '"') {
			result = take_quoted(reader);
		} else if (*reader->at == '|' && reader->at[1] != '|') {
			result = end_word(reader);
			return result ? result : take_pipe(reader);
		} else if (*reader->at == '>' && !is_comparison(reader)) {
			result = reader->error->code ? reader->error->code : end_word(reader);
			return result ? result : take_file(reader);
		} else {
			take_letters(reader);
		}
		if (result)
			return result;
	}
	return end_word(reader);
}

static int take_system(struct reader *reader)
{
	const char *operator = reader->at++;

	reader->at += strspn(reader->at, WHITE);
	if (!*reader->at)
		return fault(reader, operator, "! is followed by a command");
	reader->line->system = reader->to;
	strcpy(reader->to, reader->at);
	return 0;
}

int line_parse(struct line *line, const char *text, struct error *error)
{
	struct reader reader = { .line = line, .start = text, .at = text + strspn(text, WHITE), .error = error };
	int result;

	*line = (struct line){ 0 };
	/* No word grows, and what ends one stands in the place of what separated it. */
	line->text = malloc(strlen(text) + 2);
	if (!line->text)
		return error_set(error, -ENOMEM, "out of memory");
	reader.to = line->text;
	result = *reader.at == '!' ? take_system(&reader) : take_words(&reader);
	if (result)
		return result;
	if ((line->pipe || line->file) && line->count == 0)
		return error_usage(error, 1, "no command stands in front of %s", line->pipe ? "|" : ">");
	return 0;
}

void line_done(struct line *line)
{
	free(line->words);
	free(line->text);
	*line = (struct line){ 0 };
}
