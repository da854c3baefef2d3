/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "../command/command.h"
#include "conntab/interrupt.h"
#include "shell.h"

/* The longest line, its continuations included: sets of addresses can be long. */
enum { LINE_MAX_LENGTH = 1024 * 1024 };

struct script {
	FILE *input;
	struct buffer text;  /* of the line at work */
	uint64_t lines;      /* read so far */
	bool is_too_long, has_zero;
};

/* Adds a line without its end; false at the end of the file. */
static bool read_part(struct script *script)
{
	size_t before = script->text.length;
	int letter;

	while ((letter = getc_unlocked(script->input)) != EOF && letter != '\n') {
		script->has_zero |= letter == '\0';
		if (script->text.length < LINE_MAX_LENGTH)
			buffer_char(&script->text, (char)letter);
		else
			script->is_too_long = true;
	}
	if (letter == EOF && script->text.length == before)
		return false;
	/* Files from elsewhere end their lines with CR LF. */
	if (script->text.length > before && script->text.data[script->text.length - 1] == '\r')
		script->text.length--;
	script->lines++;
	return true;
}

/* An odd number of backslashes at the end, but not of a comment, takes the next line in. */
static bool is_continued(const struct script *script)
{
	const char *text = script->text.data;
	size_t end = script->text.length, first = 0;

	while (first < end && (text[first] == ' ' || text[first] == '\t'))
		first++;
	if (first < end && text[first] == '#')
		return false;
	while (end > first && text[end - 1] == '\\')
		end--;
	return (script->text.length - end) % 2 == 1;
}

/* Reads a whole line into script->text, a string. False at the end of the file. */
static bool read_line(struct script *script)
{
	script->text.length = 0;
	script->is_too_long = script->has_zero = false;
	if (!read_part(script))
		return false;
	while (is_continued(script)) {
		script->text.length--;
		if (!read_part(script))
			break;
	}
	buffer_string(&script->text);
	return true;
}

static int run_one(struct session *session, const struct script *script, struct buffer *out)
{
	struct error error = { 0 };

	if (script->text.error)
		error_set(&error, script->text.error, "out of memory");
	else if (script->has_zero)
		error_usage(&error, 0, "the line has a byte 0 in it: this is no text");
	else if (script->is_too_long)
		error_usage(&error, 0, "the line is longer than %d bytes", LINE_MAX_LENGTH);
	return error.code ? shell_report(session, &error) : shell_run_line(session, script->text.data, out);
}

/* Every failure is said, with its place; a command that only answered by its status says nothing itself. */
static void say_status(struct session *session, int status)
{
	struct error error = { 0 };

	error_set(&error, -ECANCELED, "ended with status %d", status);
	shell_report(session, &error);
}

static int run_lines(struct session *session, struct script *script, bool is_keep_going, struct buffer *out)
{
	int worst = STATUS_OK;

	while (!interrupt_signal && !session->is_leaving) {
		uint64_t said = session->failures;
		int status;

		session->line = script->lines + 1;
		if (!read_line(script))
			break;
		status = run_one(session, script, out);
		if (status != STATUS_OK && session->failures == said && !interrupt_signal)
			say_status(session, status);
		if (status > worst)
			worst = status;
		if (status != STATUS_OK && !is_keep_going)
			break;
	}
	return worst;
}

int shell_run_script(struct session *session, FILE *input, const char *name, bool is_keep_going, struct buffer *out)
{
	const char *source_before = session->source;
	uint64_t line_before = session->line;
	struct script script = { .input = input };
	struct error error = { 0 };
	int status;

	if (buffer_init(&script.text, -1))
		return STATUS_FAILED;
	session->source = name;
	status = run_lines(session, &script, is_keep_going, out);
	if (ferror(input) && !interrupt_signal) {
		error_set(&error, -errno, "cannot read: %s", strerror(errno));
		status = shell_report(session, &error);
	}
	session->source = source_before;
	session->line = line_before;
	buffer_done(&script.text);
	return status;
}
