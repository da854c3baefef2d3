/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/interrupt.h"

#include <stddef.h>

volatile sig_atomic_t interrupt_signal;

static void note_signal(int number)
{
	interrupt_signal = number;
}

void interrupt_install(void)
{
	/* No SA_RESTART: a blocked call has to return. A second signal kills. */
	struct sigaction action = { .sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* A closed pipe is an error of write(), so that a delete is not cut short by `| head`. */
	action = (struct sigaction){ .sa_handler = SIG_IGN };
	sigemptyset(&action.sa_mask);
	sigaction(SIGPIPE, &action, NULL);
}
