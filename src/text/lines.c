/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES_BUFFER = 64 * 1024 };

int lines_init(struct lines *lines, int fd)
{
	memset(lines, 0, sizeof(*lines));
	lines->fd = fd;
	lines->data = malloc(LINES_BUFFER);
	return lines->data ? 0 : -ENOMEM;
}

void lines_done(struct lines *lines)
{
	free(lines->data);
	lines->data = NULL;
}

int lines_rewind(struct lines *lines)
{
	if (lseek(lines->fd, 0, SEEK_SET) < 0)
		return -errno;
	lines->begin = lines->end = 0;
	lines->number = 0;
	lines->is_at_end = false;
	return 0;
}

/* Moves what is left to the front and reads more behind it. */
static int fill(struct lines *lines)
{
	ssize_t length;

	memmove(lines->data, lines->data + lines->begin, lines->end - lines->begin);
	lines->end -= lines->begin;
	lines->begin = 0;
	length = read(lines->fd, lines->data + lines->end, LINES_BUFFER - lines->end);
	if (length < 0)
		return -errno;
	lines->end += (size_t)length;
	lines->is_at_end = length == 0;
	return 0;
}

/* Throws away what is held up to the line's end, and says whether it was there. */
static bool skip_rest(struct lines *lines)
{
	const char *end = memchr(lines->data + lines->begin, '\n', lines->end - lines->begin);

	lines->begin = end ? (size_t)(end - lines->data) + 1 : lines->end;
	return end != NULL;
}

/* The rest of a long line goes unread, but for its beginning. */
static int take_long(struct lines *lines, struct slice *line)
{
	int result = 0;

	memcpy(lines->kept, lines->data + lines->begin, LINE_LIMIT);
	while (result == 0 && !skip_rest(lines) && !lines->is_at_end)
		result = fill(lines);
	*line = (struct slice){ lines->kept, LINE_LIMIT };
	return result;
}

int lines_next(struct lines *lines, struct slice *line, enum line_flaw *flaw)
{
	for (;;) {
		const char *begin = lines->data + lines->begin;
		size_t held = lines->end - lines->begin;
		const char *end = memchr(begin, '\n', held);
		size_t length = end ? (size_t)(end - begin) : held;
		int result;

		if (length > LINE_LIMIT) {
			lines->number++;
			*flaw = LINE_LONG;
			result = take_long(lines, line);
			return result ? result : 1;
		}
		if (end || (lines->is_at_end && held > 0)) {
			lines->number++;
			*flaw = end ? LINE_WHOLE : LINE_TRUNCATED;
			*line = (struct slice){ begin, length };
			lines->begin += length + (end != NULL);
			return 1;
		}
		if (lines->is_at_end)
			return 0;
		result = fill(lines);
		if (result)
			return result;
	}
}
