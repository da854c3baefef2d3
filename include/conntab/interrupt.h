/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_INTERRUPT_H
#define CONNTAB_INTERRUPT_H

#include <signal.h>
#include <stdint.h>
#include <time.h>

/*
 * The one mutable file-scope thing of the program: the number of the signal
 * (SIGINT, SIGTERM) that asked the running command to end, 0 for none. System
 * calls return EINTR, loops look here, everything is closed properly.
 */
extern volatile sig_atomic_t interrupt_signal;

void interrupt_install(void);

/*
 * Waits until `fd` can be read (-1: none) or until `due` (CLOCK_MONOTONIC; NULL:
 * without end). A signal that comes just before the wait ends it too: looking at
 * interrupt_signal first and blocking then would miss it. Returns 0, or -EINTR
 * after any signal that is handled.
 */
int interrupt_wait(int fd, const struct timespec *due);
/* Moves a due time on. */
void interrupt_due_add(struct timespec *due, uint64_t nanoseconds);

#endif
