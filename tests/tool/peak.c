// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peak: run a command and say how much memory it had resident at most, in KiB.
 *
 *     peak COMMAND [ARGUMENT...]
 *
 * The command's output goes to /dev/null. The kernel's number begins with what the process had
 * before it became the command, so this program is small: a shell's or Python's own memory
 * would hide what is measured. Exits with the command's status.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(char **command)
{
	const int null = open("/dev/null", O_WRONLY);

	if (null >= 0 && dup2(null, STDOUT_FILENO) >= 0)
		execvp(command[0], command);
	perror(command[0]);
	_exit(127);
}

int main(int count, char **words)
{
	struct rusage usage;
	int status;
	pid_t child;

	if (count < 2) {
		fputs("usage: peak COMMAND [ARGUMENT...]\n", stderr);
		return 2;
	}
	child = fork();
	if (child == 0)
		become(words + 1);
	if (child < 0 || wait4(child, &status, 0, &usage) != child) {
		perror("peak");
		return 1;
	}
	printf("%ld\n", usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
