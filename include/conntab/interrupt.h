/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_INTERRUPT_H
#define CONNTAB_INTERRUPT_H

#include <signal.h>

/*
 * The one mutable file-scope thing of the program: the number of the signal
 * (SIGINT, SIGTERM) that asked the running command to end, 0 for none. System
 * calls return EINTR, loops look here, everything is closed properly.
 */
extern volatile sig_atomic_t interrupt_signal;

void interrupt_install(void);

#endif
