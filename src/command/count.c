/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "command.h"

static int print_number(struct request *request, uint64_t number)
{
	struct buffer *out = request->context->out;
	int result;

	if (request->context->settings.is_json)
		buffer_format(out, "{\"entries\":%llu}\n", (unsigned long long)number);
	else
		buffer_format(out, "%llu\n", (unsigned long long)number);
	result = buffer_flush(out);
	return result ? request_failed(request, result) : STATUS_OK;
}

/* Without a filter the kernel knows the number: no dump is needed. */
static int count_all(struct request *request)
{
	uint64_t entries, maximum;
	int status;

	if (netlink_open(&request->netlink, &request->error) ||
	    netlink_statistics(&request->netlink, &entries, &maximum, &request->error))
		return report_error(request->context, &request->error);
	status = print_number(request, entries);
	request->query.matched = entries;
	return status ? status : request_status(request);
}

static int count_matches(struct request *request)
{
	struct sink *sink = count_sink_new(&request->count);
	int status, printed;

	if (!sink)
		return request_failed(request, -ENOMEM);
	status = request_run(request, sink);
	if (request->error.code || status > STATUS_USAGE)
		return status;
	printed = print_number(request, request->count);
	return printed ? printed : status;
}

static int count_groups(struct request *request)
{
	const struct settings *settings = &request->context->settings;
	struct group_settings groups = { .by = settings->by, .sort = settings->sort, .top = settings->top };
	struct sink *sink;

	if (settings->limit && !settings->top)
		groups.top = settings->limit;
	if (group_sink_new(&groups, &request->printer, &sink, &request->query.fields, &request->error))
		return report_error(request->context, &request->error);
	return request_run(request, sink);
}

static int check(struct request *request)
{
	const struct settings *settings = &request->context->settings;
	const char *only = settings->top ? "--top" : settings->sort ? "--sort" : settings->limit ? "--limit" :
			   settings->output ? "-o" : NULL;

	if (!settings->by && only)
		return error_usage(&request->error, 0, "%s goes with groups: add --by FIELD,...", only);
	return 0;
}

static int count_run(struct context *context)
{
	struct request request;
	int status;

	if (request_init(&request, context, "table") || check(&request))
		status = report_error(context, &request.error);
	else if (context->settings.is_explain)
		status = request_explain(&request);
	else if (context->settings.by)
		status = count_groups(&request);
	else if (request.filter || request.query.family)
		status = count_matches(&request);
	else
		status = count_all(&request);
	request_done(&request);
	return status;
}

const struct command count_command = {
	.name = "count",
	.arguments = "[FILTER...]",
	.summary = "count entries, or groups of them",
	.details = "Prints the number of entries that match. Without a filter the kernel answers at\n"
		   "once. With --by it prints entries, packets and bytes (where the kernel counts\n"
		   "them) for each group of equal fields, the most entries first; --sort takes a key,\n"
		   "entries, packets or bytes. A group costs about 50 bytes and its keys.\n",
	.examples = "conntab count udp unreplied\n"
		    "conntab count --by src --top 10  # who fills the table\n"
		    "conntab count --by state tcp\n"
		    "conntab count --by src/24,dport --sort -bytes --top 5 dport 443\n",
	.options = FILTER_OPTIONS | OPTION_BIT(OPTION_BY) | OPTION_BIT(OPTION_TOP) | OPTION_BIT(OPTION_SORT) |
		   OPTION_BIT(OPTION_LIMIT),
	.completes = COMPLETE_FILTER,
	.is_narrowed = true,
	.run = count_run,
};
