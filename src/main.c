/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "conntab/interrupt.h"

/*
 * A closed standard stream would otherwise be taken by the next socket. It is opened
 * the wrong way round, so that using it is an error and not silence.
 */
static void open_standard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			_exit(STATUS_FAILED);
}

/* What is still held goes out now; a full disk or a broken pipe shows at the latest here. */
static int finish_output(struct buffer *out, int status)
{
	int result = buffer_flush(out);

	if (result == -EPIPE || result == -EINTR)
		return status;
	if (result == 0 && close(STDOUT_FILENO) < 0 && errno != EBADF)
		result = -errno;
	if (result == 0 || status != STATUS_OK)
		return status;
	fprintf(stderr, "conntab: cannot write to standard output: %s\n", strerror(-result));
	return STATUS_FAILED;
}

static int run(int count, char **words, struct buffer *out)
{
	/* Two services to scripts that come with conntab, not commands for people. */
	if (count == 4 && strcmp(words[1], "--complete") == 0)
		return complete_line(words[2], words[3], out);
	if (count == 2 && strcmp(words[1], "--man-page") == 0)
		return man_page(out);
	return command_run_line(NULL, count - 1, words + 1, out);
}

int main(int count, char **words)
{
	struct buffer out;
	int status;

	open_standard_streams();
	setlocale(LC_CTYPE, "");
	interrupt_install();
	if (buffer_init(&out, STDOUT_FILENO)) {
		fprintf(stderr, "conntab: out of memory\n");
		return STATUS_FAILED;
	}
	out.interrupt = &interrupt_signal;
	status = finish_output(&out, run(count, words, &out));
	buffer_done(&out);
	/* Whoever waits for us should see that it was the signal that ended us. */
	if (interrupt_signal) {
		signal(interrupt_signal, SIG_DFL);
		raise(interrupt_signal);
	}
	return status;
}
