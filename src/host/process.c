/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int start(const char *command, const posix_spawn_file_actions_t *files, char *const *environment, pid_t *process)
{
	char *words[] = { (char *)"sh", (char *)"-c", (char *)(uintptr_t)command, NULL };
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int result;

	/* What is ignored here would stay ignored there: a writer has to die of a closed pipe. */
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	result = posix_spawnattr_init(&attributes);
	if (result)
		return -result;
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	result = posix_spawn(process, "/bin/sh", files, &attributes, words, environment ? environment : environ);
	posix_spawnattr_destroy(&attributes);
	return -result;
}

pid_t process_start(const char *command, int input, int output, char *const *environment)
{
	posix_spawn_file_actions_t files;
	pid_t process = 0;
	int result = -posix_spawn_file_actions_init(&files);

	if (result)
		return result;
	if (input >= 0)
		result = -posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	if (output >= 0 && result == 0)
		result = -posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	if (result == 0)
		result = start(command, &files, environment, &process);
	posix_spawn_file_actions_destroy(&files);
	return result ? result : process;
}

pid_t process_start_reader(const char *command, int *input)
{
	int ends[2];
	pid_t process;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	process = process_start(command, ends[0], -1, NULL);
	close(ends[0]);
	if (process < 0)
		close(ends[1]);
	else
		*input = ends[1];
	return process;
}

int process_wait(pid_t process)
{
	int status;

	while (waitpid(process, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
