/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_SHELL_LINE_H
#define CONNTAB_SHELL_LINE_H

#include <stdbool.h>

#include "conntab/error.h"

/*
 * A line of the shell or of a script:
 *
 *   line    = [ words [ "|" COMMAND | ">" FILE | ">>" FILE ] ] [ "#" comment ]
 *           | "!" COMMAND
 *
 * Words are separated by blanks; '...' is literal, in "..." a backslash takes the
 * meaning from the next " or \, elsewhere from any character. What follows "|" or "!"
 * is for sh(1), as it stands. Where a filter's field awaits a value, ">" compares
 * and does not redirect: "list bytes > 10M". So do ">=" and "||" everywhere.
 */
struct line {
	char **words;        /* owned, with what they point to */
	int count;
	const char *pipe;    /* for sh; NULL: none */
	const char *file;    /* to write to; NULL: none */
	bool is_append;
	const char *system;  /* for sh, alone; NULL: none */
	char *text;          /* where the words are */
};

/* Reads `text`. 0, or a usage fault with its column. Free it either way. */
int line_parse(struct line *line, const char *text, struct error *error);
void line_done(struct line *line);

#endif
