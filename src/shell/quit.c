/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../command/command.h"

static int quit_run(struct context *context)
{
	struct error error = { 0 };

	if (context->argument_count > 0) {
		error_usage(&error, 0, "quit takes no \"%.32s\"", context->arguments[0]);
		return report_error(context, &error);
	}
	context->session->is_leaving = true;
	return STATUS_OK;
}

const struct command quit_command = {
	.name = "quit",
	.alias = "exit",
	.arguments = "",
	.summary = "leave the shell",
	.details = "Ctrl-D on an empty line does the same. In a script it ends the script.\n",
	.examples = "quit\n",
	.is_of_shell = true,
	.run = quit_run,
};
