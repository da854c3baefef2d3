/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_SESSION_H
#define CONNTAB_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "conntab/store.h"

struct buffer;

/*
 * What outlives a command line: of the shell and of a script. A single command
 * line has none. Texts are owned; NULL is "not set".
 */
struct session {
	char *filter;  /* the working filter, as text that parses (command is_narrowed) */
	char *output;  /* the format of entries and groups, instead of the command's own */
	char *columns; /* the columns of the formats that have some */
	char *color;   /* auto, always, never */
	char *pager;   /* a command for sh; "off" for none */
	bool is_quiet;
	bool is_without_undo; /* deletes are not kept */
	bool is_interactive;  /* a person types: deletes ask, long listings are paged */

	char *netns; /* as the user named it; NULL: where the program was started */
	int home;    /* descriptor of the namespace that it was started in, or -1 */
	char *home_netns; /* its name, as netns */

	struct store taken; /* what the last delete or flush took: for undo */

	const char *source; /* the script that is running, as messages name it; NULL: none */
	uint64_t line;      /* of the script, from 1 */
	unsigned depth;     /* of scripts within scripts */
	uint64_t failures;  /* failures that were said */
	bool is_leaving;    /* quit, exit */
};

#endif
