/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>

volatile sig_atomic_t interrupt_signal;

static void note_signal(int number)
{
	interrupt_signal = number;
}

void interrupt_install(void)
{
	/*
	 * No SA_RESTART: a blocked call has to return. The handler stays: timeout(1), for
	 * one, sends its signal twice, and the second one must not cut the end short.
	 */
	struct sigaction action = { .sa_handler = note_signal };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* A closed pipe is an error of write(), so that a delete is not cut short by `| head`. */
	action = (struct sigaction){ .sa_handler = SIG_IGN };
	sigemptyset(&action.sa_mask);
	sigaction(SIGPIPE, &action, NULL);
}

/* The time that is left until `due`; zero when it has passed. */
static struct timespec time_left(const struct timespec *due)
{
	struct timespec now, left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left.tv_sec = due->tv_sec - now.tv_sec;
	left.tv_nsec = due->tv_nsec - now.tv_nsec;
	if (left.tv_nsec < 0) {
		left.tv_nsec += 1000000000;
		left.tv_sec--;
	}
	if (left.tv_sec < 0)
		left = (struct timespec){ 0 };
	return left;
}

void interrupt_due_add(struct timespec *due, uint64_t nanoseconds)
{
	due->tv_sec += (time_t)(nanoseconds / 1000000000);
	due->tv_nsec += (long)(nanoseconds % 1000000000);
	due->tv_sec += due->tv_nsec / 1000000000;
	due->tv_nsec %= 1000000000;
}

int interrupt_wait(int fd, const struct timespec *due)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	struct timespec left = { 0 };
	sigset_t blocked, before;
	int ready = -1, code = EINTR;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGWINCH);
	/* Blocked while we look, delivered while we wait. */
	sigprocmask(SIG_BLOCK, &blocked, &before);
	if (due)
		left = time_left(due);
	if (!interrupt_signal) {
		ready = ppoll(&readable, 1, due ? &left : NULL, &before);
		code = errno;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ready < 0 ? -code : 0;
}
