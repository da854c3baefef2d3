/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "command.h"

static int get_entry(struct request *request, struct sink *sink)
{
	struct error *error = &request->error;
	struct record tuple;
	bool is_reply;
	int result;

	request->query.sink = sink;
	result = filter_as_tuple(request->filter, request->query.family, &tuple, &is_reply, error);
	/* Of an expectation the kernel looks for the one that a connection with this tuple meets. */
	if (request->context->environment.subject == SUBJECT_EXPECTATION)
		request->query.filter = NULL;
	if (result == 0)
		result = netlink_open(&request->netlink, error);
	if (result == 0)
		result = query_get(&request->query, &request->netlink, &tuple, is_reply, error);
	sink->free(sink);
	/* The kernel looks in both directions; the words name one, and the filter holds them to it. */
	if (result == 0 && request->query.matched == 0)
		result = -ENOENT;
	if (result == -ENOENT && !error->code)
		error_set(error, result, "no such %s", request_noun(request, 1));
	return result < 0 ? request_failed(request, result) : STATUS_OK;
}

int request_get(struct context *context)
{
	struct request request;
	struct sink *sink = NULL;
	int status;

	if (request_init(&request, context, "proc") == 0)
		sink = request_print_sink(&request);
	status = sink ? get_entry(&request, sink) : report_error(context, &request.error);
	request_done(&request);
	return status;
}

const struct command get_command = {
	.name = "get",
	.arguments = "TUPLE...",
	.summary = "print one entry by its tuple",
	.details = "Asks the kernel for one entry, without reading the table. The tuple is written as\n"
		   "a filter: protocol, src, dst and the protocol's own members (sport and dport;\n"
		   "icmp.type, icmp.code and icmp.id; gre.srckey and gre.dstkey), or all of them with\n"
		   "reply. in front; zone if it is not 0. Exit status 1 when there is none.\n",
	.examples = "conntab get tcp src 192.0.2.1 sport 40000 dst 192.0.2.9 dport 443\n"
		    "conntab get udp reply.src 192.0.2.53 reply.sport 53 reply.dst 192.0.2.1 reply.dport 5353 zone 7\n",
	.options = OPTION_BIT(OPTION_COLUMNS),
	.completes = COMPLETE_FILTER,
	.run = request_get,
};
