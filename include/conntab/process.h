/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_PROCESS_H
#define CONNTAB_PROCESS_H

#include <sys/types.h>

/*
 * Other programs, started through sh(1) with the signals as a shell leaves them.
 * They stay in our process group: Ctrl-C at the terminal reaches them too.
 */

/*
 * Starts `sh -c command` with those descriptors as its standard input and output
 * (-1: ours). `environment`: NULL for ours. Returns the process or -errno.
 */
pid_t process_start(const char *command, int input, int output, char *const *environment);

/*
 * Starts it with a pipe to its standard input. `*input` is the end to write to,
 * close-on-exec, for the caller to close.
 */
pid_t process_start_reader(const char *command, int *input);

/* Waits for its end. Its exit status, 128 + N after signal N; 0 when somebody else has waited for it. */
int process_wait(pid_t process);

#endif
