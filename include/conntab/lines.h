/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_LINES_H
#define CONNTAB_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "conntab/text.h"

enum { LINE_LIMIT = 4096 }; /* bytes without the line's end */

/* Reads a file line by line in constant memory, whatever is in it. */
struct lines {
	int fd; /* not owned */
	char *data;
	size_t begin, end;
	uint64_t number; /* of the line that was read last, from 1 */
	bool is_at_end;
	char kept[LINE_LIMIT]; /* of a line that is too long */
};

enum line_flaw {
	LINE_WHOLE,
	LINE_LONG,      /* more than LINE_LIMIT bytes: the first of them are given */
	LINE_TRUNCATED, /* the file ends without the line's end */
};

/* 0 or -ENOMEM. */
int lines_init(struct lines *lines, int fd);
void lines_done(struct lines *lines);
/*
 * The next line without its end, valid until the next call. Returns 1, 0 at the end of
 * the file, or -errno.
 */
int lines_next(struct lines *lines, struct slice *line, enum line_flaw *flaw);
/* Back to the beginning of the file. 0 or -errno (-ESPIPE). */
int lines_rewind(struct lines *lines);

#endif
