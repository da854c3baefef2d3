/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line of the shell or of a script: where its output goes, and who carries it out. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <readline/tilde.h>

#include "../command/command.h"
#include "conntab/interrupt.h"
#include "conntab/process.h"
#include "line.h"
#include "shell.h"

/* Where the output of a line goes. */
struct output {
	struct session *session;
	struct buffer *buffer;
	int standard; /* the standard output, kept aside; -1: it is in its place */
	pid_t reader; /* the command behind |, or the pager; 0: none */
	bool is_to_empty; /* the file behind >, not yet written to */
};

int shell_report(struct session *session, const struct error *error)
{
	const struct context context = { .session = session };

	return report_error(&context, error);
}

static void note(struct session *session, const char *text)
{
	const struct context context = { .session = session };

	report_note(&context, "%s", text);
}

/* Puts `fd` (closed here) in the place of the standard output: all that is started writes there, too. */
static int redirect(struct output *output, int fd)
{
	int result = 0;

	output->standard = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (output->standard < 0 || dup2(fd, STDOUT_FILENO) < 0)
		result = -errno;
	close(fd);
	return result;
}

/* Whether the first word of a command is a program; of one with variables in front sh has to see. */
static bool is_program(const char *command)
{
	const char *path = getenv("PATH"), *end;
	size_t length = strcspn(command, " \t");
	char file[4096];

	if (memchr(command, '=', length))
		return true;
	if (memchr(command, '/', length))
		return snprintf(file, sizeof(file), "%.*s", (int)length, command) < (int)sizeof(file) && access(file, X_OK) == 0;
	for (; path && *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		if (snprintf(file, sizeof(file), "%.*s/%.*s", (int)(end - path), path, (int)length, command) <
			    (int)sizeof(file) && access(file, X_OK) == 0)
			return true;
	}
	return false;
}

/* What the user set, the environment's, or less where there is one; NULL for none. */
static const char *find_pager(struct session *session)
{
	const char *pager = session->pager ? session->pager : getenv("PAGER");
	struct error error = { 0 };

	if (!pager)
		return is_program("less") ? "less" : NULL;
	if (!*pager || strcmp(pager, "off") == 0 || strcmp(pager, "cat") == 0)
		return NULL;
	if (is_program(pager))
		return pager;
	error_set(&error, -ENOENT, "no program for the pager \"%.64s\"; printed without one (set pager off, or PAGER)", pager);
	note(session, error.text);
	return NULL;
}

static bool is_long(const struct buffer *buffer, const struct winsize *size)
{
	const char *at = buffer->data, *end = at + buffer->length;
	unsigned lines = 0;

	while (at < end && lines < size->ws_row) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((stop ? stop : end) - at);

		lines += 1 + (length ? (unsigned)((length - 1) / size->ws_col) : 0);
		at = stop ? stop + 1 : end;
	}
	return lines >= size->ws_row;
}

/* The first output of a command: more than a screen full goes to the pager, and what follows it, too. */
static void page(struct buffer *buffer, void *data)
{
	struct output *output = data;
	struct winsize size;
	const char *pager;
	struct buffer command;
	int fd;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col || !is_long(buffer, &size))
		return;
	pager = find_pager(output->session);
	if (!pager || buffer_init(&command, -1))
		return;
	/* less: colours as they are, and an end that stays on the screen. */
	buffer_format(&command, "LESS=${LESS-FRX}; export LESS; ");
	buffer_text(&command, pager);
	output->reader = process_start_reader(buffer_string(&command), &fd);
	buffer_done(&command);
	if (output->reader < 0)
		output->reader = 0;
	else
		redirect(output, fd);
}

/* Not before there is something to put into it: a mistyped command must not cost the file. */
static void empty_file(struct buffer *buffer, void *data)
{
	struct output *output = data;

	output->is_to_empty = false;
	/* What is no plain file has nothing to empty. */
	if (ftruncate(STDOUT_FILENO, 0) < 0 && errno != EINVAL)
		buffer->error = -errno;
}

static bool is_paged(const struct session *session, const struct line *line)
{
	const struct command *command = command_find(line->words[0]);
	const char *terminal = getenv("TERM");

	return !(command && command->is_endless) && session->is_interactive && isatty(STDOUT_FILENO) && terminal &&
	       strcmp(terminal, "dumb") != 0;
}

/* 0, or a failure in `error`. */
static int begin_output(struct output *output, const struct line *line, struct error *error)
{
	int fd = -1, result = 0;

	if (line->pipe) {
		output->reader = process_start_reader(line->pipe, &fd);
		if (output->reader < 0) {
			result = output->reader;
			output->reader = 0;
		}
	} else if (line->file) {
		char *path = tilde_expand(line->file);

		fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (line->is_append ? O_APPEND : 0), 0666) : -1;
		result = fd < 0 ? -errno : 0;
		free(path);
		output->is_to_empty = !line->is_append;
		output->buffer->before_write = line->is_append ? NULL : empty_file;
		output->buffer->before_write_data = output;
	} else if (is_paged(output->session, line)) {
		output->buffer->before_write = page;
		output->buffer->before_write_data = output;
	}
	if (result == 0 && fd >= 0)
		result = redirect(output, fd);
	if (result)
		error_set(error, result, "%s: %s", line->file ? line->file : "cannot start the command behind |",
			  strerror(-result));
	return result;
}

/* Puts the standard output back. `*reader_status`: of the command behind |. 0 or the output's -errno. */
static int end_output(struct output *output, int status, int *reader_status)
{
	struct buffer *buffer = output->buffer;
	int result = buffer_flush(buffer);

	if (output->is_to_empty && output->standard >= 0 && status == STATUS_OK)
		empty_file(buffer, output);

	*reader_status = 0;
	if (output->standard >= 0) {
		/* Some file systems tell a full disk only here. */
		if (close(STDOUT_FILENO) < 0 && result == 0)
			result = -errno;
		dup2(output->standard, STDOUT_FILENO);
		close(output->standard);
	}
	if (output->reader)
		*reader_status = process_wait(output->reader);
	buffer->length = 0;
	buffer->error = 0;
	buffer->before_write = NULL;
	return result == -EPIPE || result == -EINTR ? 0 : result;
}

static int run_words(struct session *session, struct line *line, struct buffer *out)
{
	struct output output = { .session = session, .buffer = out, .standard = -1 };
	int status = STATUS_OK, result, reader_status;
	struct error error = { 0 };

	if (begin_output(&output, line, &error) == 0)
		status = command_run_line(session, line->count, line->words, out);
	result = end_output(&output, status, &reader_status);
	if (result && status == STATUS_OK)
		error_set(&error, result, "cannot write to %s: %s", line->file ? line->file : "standard output",
			  strerror(-result));
	if (error.code)
		return shell_report(session, &error);
	return status == STATUS_OK && line->pipe ? reader_status : status;
}

static int run_system(struct session *session, const char *command)
{
	pid_t process = process_start(command, -1, -1, NULL);
	struct error error = { 0 };

	if (process > 0)
		return process_wait(process);
	error_set(&error, process, "cannot start /bin/sh: %s", strerror(-process));
	return shell_report(session, &error);
}

int shell_run_line(struct session *session, const char *text, struct buffer *out)
{
	struct error error = { 0 };
	struct line line;
	int status = STATUS_OK;

	if (line_parse(&line, text, &error))
		status = shell_report(session, &error);
	else if (line.system)
		status = run_system(session, line.system);
	else if (line.count > 0)
		status = run_words(session, &line, out);
	line_done(&line);
	return status;
}
