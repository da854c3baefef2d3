/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_SHELL_SHELL_H
#define CONNTAB_SHELL_SHELL_H

#include <stdio.h>

#include "conntab/buffer.h"
#include "conntab/error.h"
#include "conntab/session.h"

/* Runs one line (line.h) and says what fails. The exit status. */
int shell_run_line(struct session *session, const char *text, struct buffer *out);

/*
 * Runs a script's lines until one fails, or with `is_keep_going` all of them. The
 * exit status of the line that failed, or the highest. `name` is for messages.
 */
int shell_run_script(struct session *session, FILE *input, const char *name, bool is_keep_going, struct buffer *out);

/* Reads lines from the terminal until the end. The exit status. */
int shell_interact(struct session *session, struct buffer *out);

/*
 * The prompt: "conntab[web1] 43% tcp dport 443> ". Colours stand between \001 and
 * \002, as readline wants it. Without privilege or ctnetlink there is no fill level.
 */
void prompt_format(const struct session *session, struct buffer *prompt);

/* A failure that is no command's; returns the exit status that goes with it. */
int shell_report(struct session *session, const struct error *error);

#endif
