/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>

#include "conntab/buffer.h"

enum {
	LINE_KEPT = 4096,                           /* longer ones are not kept */
	FILE_READ = HISTORY_LINES * 2 * LINE_KEPT, /* no more of a file is looked at */
};

static int make_folder(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* $XDG_STATE_HOME/conntab, made where it is missing; without it ~/.local/state/conntab. */
static int find_folder(char *path, size_t size, struct error *error)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	static const char *const below[] = { "/.local", "/state" };
	int result = 0;

	/* The specification has relative paths ignored. */
	if (state && *state == '/') {
		snprintf(path, size, "%.3000s", state);
	} else if (home && *home == '/') {
		snprintf(path, size, "%.3000s", home);
		for (size_t i = 0; i < 2 && result == 0; i++) {
			strcat(path, below[i]);
			result = make_folder(path);
		}
	} else {
		return error_set(error, -ENOENT, "history is not kept: neither XDG_STATE_HOME nor HOME is set");
	}
	if (result == 0)
		result = make_folder(path);
	strcat(path, "/conntab");
	if (result == 0)
		result = make_folder(path);
	return result ? error_set(error, result, "history is not kept: %s: %s", path, strerror(-result)) : 0;
}

static int unusable(const struct history *history, int code, const char *why, struct error *error)
{
	return error_set(error, code, "history is not kept: %s: %s", history->path, why);
}

/* The file, locked, and still the one of that name: another shell may have put a shorter one in its place. */
static int open_locked(const struct history *history, struct error *error)
{
	for (;;) {
		/* Not blocking: it may be a pipe. */
		int fd = open(history->path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
		struct stat opened, named;

		if (fd < 0)
			return unusable(history, -errno, errno == ELOOP ? "it is a symbolic link" : strerror(errno), error);
		if (fstat(fd, &opened) < 0 || !S_ISREG(opened.st_mode) || opened.st_uid != geteuid()) {
			close(fd);
			return unusable(history, -EPERM, S_ISREG(opened.st_mode) ? "it belongs to somebody else" :
					"it is no file", error);
		}
		while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
			;
		if (stat(history->path, &named) == 0 && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev)
			return fd;
		close(fd);
	}
}

/* A line that may go to a terminal. */
static bool is_text(const char *line, size_t length)
{
	while (length > 0) {
		size_t letter = *line == '\t' ? 1 : text_utf8_length(line, length);

		if (letter == 0)
			return false;
		line += letter;
		length -= letter;
	}
	return true;
}

/* Gives the lines to readline; returns how many there are, those that are no text left out. */
static size_t take_lines(char *text, size_t *broken)
{
	size_t lines = 0;

	*broken = 0;
	for (char *line = text, *end; *line; line = end) {
		size_t length = strcspn(line, "\n");

		end = line + length + (line[length] == '\n');
		line[length] = '\0';
		if (!is_text(line, length) || length > LINE_KEPT) {
			++*broken;
		} else if (length > 0) {
			add_history(line);
			lines++;
		}
	}
	return lines;
}

/* The end of the file, as a string; bytes 0 become line breaks. NULL when out of memory. */
static char *read_end(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END), from = size > FILE_READ ? size - FILE_READ : 0;
	char *text = malloc((size_t)(size - from) + 1);
	ssize_t length = 0, part = 1;

	if (!text)
		return NULL;
	while (from + length < size && part > 0) {
		part = pread(fd, text + length, (size_t)(size - from - length), from + length);
		length += part > 0 ? part : 0;
	}
	for (ssize_t i = 0; i < length; i++)
		if (!text[i])
			text[i] = '\x01';
	text[length] = '\0';
	return text;
}

/* Writes what readline holds into a new file and puts it in the place of the old one; the lock is held. */
static void shorten(const struct history *history)
{
	char path[sizeof(history->path) + 8];
	HIST_ENTRY **entries = history_list();
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "%s.new", history->path);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		return;
	for (size_t i = 0; entries && entries[i]; i++)
		fprintf(file, "%s\n", entries[i]->line);
	/* A failure leaves the long file as it was. */
	if (fflush(file) == 0 && !ferror(file) && fsync(fd) == 0)
		rename(path, history->path);
	else
		unlink(path);
	fclose(file);
}

int history_open(struct history *history, struct error *error)
{
	size_t lines, broken;
	char *text;
	int fd = -1;

	using_history();
	stifle_history(HISTORY_LINES);
	if (find_folder(history->path, sizeof(history->path), error) == 0) {
		strcat(history->path, "/history");
		fd = open_locked(history, error);
	}
	if (error->code) {
		history->path[0] = '\0';
		return error->code;
	}
	text = read_end(fd);
	lines = text ? take_lines(text, &broken) : 0;
	if (lines > 2 * HISTORY_LINES || (text && broken))
		shorten(history);
	fchmod(fd, 0600);
	close(fd);
	if (text && broken)
		error_set(error, -EILSEQ, "history: %zu lines of %s were no text and are dropped", broken, history->path);
	free(text);
	return error->code;
}

int history_keep(struct history *history, const char *line, struct error *error)
{
	size_t length = strlen(line);
	HIST_ENTRY *last = history_get(history_base + history_length - 1);
	char *text;
	int fd, result = 0;

	if (line[0] == ' ' || line[0] == '\t' || !is_text(line, length) || length > LINE_KEPT ||
	    (last && strcmp(last->line, line) == 0))
		return 0;
	add_history(line);
	if (!history->path[0])
		return 0;
	fd = open_locked(history, error);
	if (fd < 0) {
		history->path[0] = '\0';
		return error->code;
	}
	if (asprintf(&text, "%s\n", line) > 0) {
		if (write(fd, text, length + 1) != (ssize_t)length + 1)
			result = unusable(history, -errno, strerror(errno), error);
		free(text);
	}
	close(fd);
	if (result)
		history->path[0] = '\0';
	return result;
}
