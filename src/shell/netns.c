/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "../command/command.h"

static void put_name(void *data, const char *name)
{
	struct buffer *out = data;

	buffer_untrusted(out, name, strlen(name));
	buffer_char(out, '\n');
}

static int go_home(struct context *context)
{
	struct session *session = context->session;
	struct error error = { 0 };

	if (session->home < 0 || setns(session->home, CLONE_NEWNET) < 0) {
		error_set(&error, -errno, "cannot go back to where the shell was started: %s", strerror(errno));
		return report_error(context, &error);
	}
	free(session->netns);
	session->netns = session->home_netns ? strdup(session->home_netns) : NULL;
	return STATUS_OK;
}

static int move(struct context *context, const char *name)
{
	struct session *session = context->session;
	struct error error = { 0 };
	char *copy = strdup(name);

	if (!copy)
		error_set(&error, -ENOMEM, "out of memory");
	if (error.code || namespace_enter(name, &error)) {
		free(copy);
		return report_error(context, &error);
	}
	free(session->netns);
	session->netns = copy;
	return STATUS_OK;
}

static int netns_run(struct context *context)
{
	struct error error = { 0 };

	if (context->argument_count == 0) {
		namespace_each_name(put_name, context->out);
		return STATUS_OK;
	}
	if (context->argument_count > 1) {
		error_usage(&error, 0, "netns takes one name, path or process number, or \"reset\"");
		return report_error(context, &error);
	}
	if (strcmp(context->arguments[0], "reset") == 0)
		return go_home(context);
	return move(context, context->arguments[0]);
}

const struct command netns_command = {
	.name = "netns",
	.arguments = "[NAME|PATH|PID | reset]",
	.summary = "move to another network namespace",
	.details = "All that follows works there; \"reset\" goes back to where the shell was started. Without\n"
		   "a name the namespaces that have one are listed.\n",
	.examples = "netns web1\n"
		    "netns /proc/4711/ns/net\n"
		    "netns reset\n",
	.is_of_shell = true,
	.refuses = OPTION_BIT(OPTION_NETNS),
	.completes = COMPLETE_NAMESPACE,
	.run = netns_run,
};
