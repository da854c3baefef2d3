/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_ERROR_H
#define CONNTAB_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What went wrong, to be said once by the command. Functions that can fail in a
 * way that needs words fill one in and return its code; the first one wins.
 */
struct error {
	int code;       /* 0, or -errno */
	bool is_usage;  /* the user's words are at fault: exit status 2, nothing was changed */
	size_t column;  /* place of the fault in the user's text, from 1; 0: none */
	char text[384]; /* one line, without the program's name and without a newline */
};

/* Fills in a failure; returns `code`. An error that is already set is kept. */
int error_set(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Fills in a fault of the user's words; returns -EINVAL. `column` counts from 1, 0 for none. */
int error_usage(struct error *error, size_t column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
