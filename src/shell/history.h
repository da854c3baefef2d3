/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_SHELL_HISTORY_H
#define CONNTAB_SHELL_HISTORY_H

#include <stdbool.h>

#include "conntab/error.h"

/*
 * The lines of earlier sessions: $XDG_STATE_HOME/conntab/history, or that of
 * ~/.local/state, mode 0600. Each line is added under a lock as soon as it is typed,
 * so that two shells lose none of each other's; the oldest go when it holds more than
 * twice HISTORY_LINES. A symbolic link, or a file of somebody else, is not used.
 */
struct history {
	char path[4096]; /* empty: lines are not kept */
};

enum { HISTORY_LINES = 2000 };

/* Finds the file and gives its lines to readline. 0, or -errno with `error`: then lines are not kept. */
int history_open(struct history *history, struct error *error);
/* Adds a line here and there; not one that begins with a blank or repeats the last. 0 or -errno with `error`. */
int history_keep(struct history *history, const char *line, struct error *error);

#endif
