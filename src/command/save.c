/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

static int save_run(struct context *context)
{
	context->settings.output = "save";
	return list_command.run(context);
}

const struct command save_command = {
	.name = "save",
	.arguments = "[FILTER...]",
	.summary = "print entries so that restore makes them again",
	.details = "Prints a line for each entry that matches, in the form of conntrack -o save, which\n"
		   "conntab restore and conntrack -R read. What conntrack -R has no options for (labels\n"
		   "without a name, helper, tcp's window scales and flags, master, adjustments of sequence\n"
		   "numbers) follows behind \"--\", where conntrack does not look. An offloaded entry has no\n"
		   "timeout and cannot be made again: it becomes a comment. Counters, times and ids cannot\n"
		   "be given to the kernel and are not saved.\n",
	.examples = "conntab save >/tmp/table.save\n"
		    "conntab save tcp established zone 7 | conntab -n web2 restore\n"
		    "conntab save assured | gzip >/tmp/table.save.gz\n",
	.options = OPTION_BIT(OPTION_SORT) | OPTION_BIT(OPTION_LIMIT) | FILTER_OPTIONS,
	.refuses = OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_COLOR),
	.completes = COMPLETE_FILTER,
	.is_narrowed = true,
	.run = save_run,
};
