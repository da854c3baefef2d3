/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

int request_list(struct context *context)
{
	struct request request;
	struct sink *sink = NULL;
	int status;

	if (request_init_matching(&request, context, "proc") == 0 && !context->settings.is_explain)
		sink = request_print_sink(&request);
	if (request.error.code)
		status = report_error(context, &request.error);
	else
		status = context->settings.is_explain ? request_explain(&request) : request_run(&request, sink);
	request_done(&request);
	return status;
}

const struct command list_command = {
	.name = "list",
	.alias = "ls",
	.arguments = "[FILTER...]",
	.summary = "print entries",
	.details = "Prints the entries that match the filter, all without one, in the kernel's order\n"
		   "(of a filter with a port but no family: IPv4 first). The default format is the\n"
		   "line of /proc/net/nf_conntrack. --sort without --limit holds the whole table in\n"
		   "memory, about 450 bytes an entry; with --limit only so many.\n",
	.examples = "conntab list tcp dport 443 established not src 10.0.0.0/8\n"
		    "conntab list -o table --sort -bytes --limit 20  # the largest (needs accounting)\n"
		    "conntab list -c src,dst,dport,idle 'idle > 1h and (assured or bytes > 10M)'\n"
		    "conntab list -j udp unreplied | jq -r '.[].src' | sort | uniq -c\n",
	.options = PRINT_OPTIONS | FILTER_OPTIONS,
	.completes = COMPLETE_FILTER,
	.is_narrowed = true,
	.run = request_list,
};
