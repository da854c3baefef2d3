/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shell as a command: a terminal's lines, a script's, or those of standard input. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/tilde.h>

#include "../command/command.h"
#include "shell.h"

/* Scripts that run scripts: deeper is a script that runs itself. */
enum { DEPTH_MAX = 16 };

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* The options of its command line become what its commands do by default. */
static void session_init(struct session *session, const struct settings *settings)
{
	*session = (struct session){
		.output = copy(settings->output ? settings->output : settings->is_json ? "json" : NULL),
		.color = copy(settings->color),
		.is_quiet = settings->is_quiet,
		.netns = copy(settings->netns_count ? settings->netns[0] : NULL),
		.home_netns = copy(settings->netns_count ? settings->netns[0] : NULL),
		.home = namespace_save(),
	};
}

static void session_done(struct session *session)
{
	char *const texts[] = { session->filter, session->output, session->columns, session->color, session->pager,
				session->netns, session->home_netns };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	if (session->home >= 0)
		close(session->home);
	store_done(&session->taken);
}

/*
 * Takes the script away from standard input: what the script starts must not read the
 * lines that are still to come.
 */
static FILE *open_standard_input(struct error *error)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	FILE *input = fd < 0 ? NULL : fdopen(fd, "r");

	if (!input || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
		error_set(error, -errno, "standard input: %s", strerror(errno));
	if (nothing > STDERR_FILENO)
		close(nothing);
	return input;
}

static FILE *open_script(const char *name, struct error *error)
{
	char *path = tilde_expand(name);
	FILE *input = path ? fopen(path, "re") : NULL;
	struct stat status;

	if (input && fstat(fileno(input), &status) == 0 && S_ISDIR(status.st_mode)) {
		fclose(input);
		input = NULL;
		errno = EISDIR;
	}
	if (!input)
		error_usage(error, 0, "%.200s: %s", name, strerror(errno));
	free(path);
	return input;
}

static int run_file(struct context *context, struct session *session, const char *name)
{
	struct error error = { 0 };
	bool is_standard = strcmp(name, "-") == 0;
	FILE *input = NULL;
	int status;

	if (session->depth == DEPTH_MAX)
		error_usage(&error, 0, "%.200s: scripts within scripts, %d deep: does it run itself?", name, DEPTH_MAX);
	else
		input = is_standard ? open_standard_input(&error) : open_script(name, &error);
	if (error.code) {
		status = report_error(context, &error);
	} else {
		session->depth++;
		status = shell_run_script(session, input, is_standard ? "standard input" : name,
					  context->settings.is_keep_going, context->out);
		session->depth--;
	}
	if (input)
		fclose(input);
	return status;
}

static int run_session(struct context *context)
{
	struct session session;
	int status;

	session_init(&session, &context->settings);
	if (!context->settings.file && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		status = shell_interact(&session, context->out);
	else
		status = run_file(context, &session, context->settings.file ? context->settings.file : "-");
	session_done(&session);
	return status;
}

static int shell_run(struct context *context)
{
	struct error error = { 0 };

	if (context->argument_count > 0)
		error_usage(&error, 0, "shell takes no \"%.32s\"; a file of commands: shell -f FILE", context->arguments[0]);
	else if (context->session && !context->settings.file)
		error_usage(&error, 0, "this is the shell; a file of commands: shell -f FILE");
	if (error.code)
		return report_error(context, &error);
	if (context->session)
		return run_file(context, context->session, context->settings.file);
	return run_session(context);
}

const struct command shell_command = {
	.name = "shell",
	.arguments = "",
	.summary = "the prompt; or the commands of a file or of standard input",
	.details = "What conntab does without a command. On a terminal it is a prompt, else the commands\n"
		   "are read from standard input, one a line; with -f from a file. Every command works with\n"
		   "the same words as outside; where, netns, set, undo and quit are the shell's own.\n"
		   "\n"
		   "The prompt shows the namespace if it is another, how full the table is, and the working\n"
		   "filter (where). delete and flush say how many entries would go, by state, and ask; undo\n"
		   "puts them back. \"| COMMAND\" sends the output through a pipe, \"> FILE\" and \">> FILE\" write\n"
		   "it; behind a filter's field > compares. A listing longer than the screen goes through\n"
		   "$PAGER. \"!COMMAND\" runs a command. Ctrl-C ends the running command, Ctrl-D leaves.\n"
		   "History is kept in $XDG_STATE_HOME/conntab/history (~/.local/state); a line that begins\n"
		   "with a blank is not.\n"
		   "\n"
		   "A script ends at its first failure, which is said with file and line, and with the exit\n"
		   "status of the command that failed; --keep-going runs the rest too. # begins a comment, a\n"
		   "backslash at the end takes the next line in. Scripts do not ask.\n",
	.examples = "conntab\n"
		    "conntab -n web1 -f /etc/conntab/nightly.conntab\n"
		    "echo 'count udp unreplied' | conntab\n"
		    "conntab shell -f cleanup.conntab --keep-going\n",
	.options = OPTION_BIT(OPTION_FILE) | OPTION_BIT(OPTION_KEEP_GOING),
	.refuses = OPTION_BIT(OPTION_IPV4) | OPTION_BIT(OPTION_IPV6),
	.run = shell_run,
};
