/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of expectations: what list, get, delete and events do for entries, and add and flush of its own. */
#include <errno.h>
#include <sys/socket.h>

#include "command.h"
#include "conntab/draft.h"

/* ---- add ---- */

static int read_draft(struct request *request, struct draft *draft)
{
	struct context *context = request->context;
	struct error *error = &request->error;
	struct buffer text;
	int result = request_join_arguments(context, &text);

	draft_init_expectation(draft);
	if (result)
		error_set(error, result, "out of memory");
	else if (text.length == 0)
		error_usage(error, 0, "which expectation? for example: tcp dst 192.0.2.9 dport 5000 "
			    "master.src 192.0.2.1 master.sport 4711 master.dst 192.0.2.9 master.dport 21");
	else if (draft_terms(draft, (struct slice){ text.data, text.length }, &context->environment.naming, error) == 0)
		draft_complete_expectation(draft, request_family(&context->settings), error);
	buffer_done(&text);
	return error->code;
}

static int add_expectation(struct request *request)
{
	const struct settings *settings = &request->context->settings;
	struct draft draft;
	int result = read_draft(request, &draft);

	if (result == 0 && settings->is_or_update && !record_has(&draft.record, FIELD_timeout))
		result = error_usage(&request->error, 0, "--or-update changes the timeout: give one");
	if (result == 0 && !settings->is_dry_run)
		result = netlink_open(&request->netlink, &request->error);
	if (result == 0 && !settings->is_dry_run)
		result = netlink_expect_put(&request->netlink, &draft.record, settings->is_or_update, &request->error);
	if (result)
		return request_failed(request, result);
	if (request_shows_changes(request->context)) {
		printer_open(&request->printer);
		printer_record(&request->printer, &draft.record);
		result = printer_close(&request->printer);
	}
	if (settings->is_dry_run)
		report_note(request->context, "dry run: the expectation would be added");
	return result ? request_failed(request, result) : STATUS_OK;
}

static int add_run(struct context *context)
{
	struct request request;
	int status = request_init_printer(&request, context, "proc") ? report_error(context, &request.error) :
								       add_expectation(&request);

	request_done(&request);
	return status;
}

/* ---- flush ---- */

static int count_all(struct request *request, uint64_t *count)
{
	int result = netlink_open(&request->netlink, &request->error);

	request->query.sink = count_sink_new(count);
	if (!request->query.sink)
		return error_set(&request->error, -ENOMEM, "out of memory");
	if (result == 0)
		result = query_run(&request->query, &request->netlink, &request->error);
	request->query.sink->free(request->query.sink);
	return result;
}

/* In one message, which knows no family: what -4 and -6 leave alone is deleted one by one. */
static int flush(struct request *request)
{
	const struct context *context = request->context;
	uint64_t count = 0;

	if (context->settings.is_dry_run)
		return request_dry_run(request, NULL, NULL);
	if (!request_confirm(context, "Delete every expectation of this network namespace?")) {
		report_note(context, "nothing was deleted");
		return STATUS_FAILED;
	}
	if (request->query.family != AF_UNSPEC)
		return request_delete(request, NULL, NULL);
	if (count_all(request, &count) || netlink_expect_flush(&request->netlink, &request->error))
		return request_failed(request, request->error.code ? request->error.code : -EIO);
	report_note(context, "deleted %llu %s", (unsigned long long)count, request_noun(request, count));
	return STATUS_OK;
}

static int flush_run(struct context *context)
{
	struct request request = { .context = context };
	int status;

	if (context->argument_count > 0)
		error_usage(&request.error, 0,
			    "flush takes no filter; for a part of the table: conntab expect delete FILTER");
	else
		request_init(&request, context, "proc");
	status = request.error.code ? report_error(context, &request.error) : flush(&request);
	request_done(&request);
	return status;
}

/* ---- the command ---- */

static const struct expect_action {
	const char *name; /* NULL ends the table */
	uint64_t options; /* of the command's, those that mean something to it */
	int (*run)(struct context *context);
} actions[] = {
	{ "list", PRINT_OPTIONS | FILTER_OPTIONS, request_list },
	{ "get", OPTION_BIT(OPTION_COLUMNS), request_get },
	{ "add", OPTION_BIT(OPTION_COLUMNS) | OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_OR_UPDATE), add_run },
	{ "delete", OPTION_BIT(OPTION_COLUMNS) | FILTER_OPTIONS | OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_YES),
	  request_delete_matches },
	{ "flush", OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_YES), flush_run },
	{ "events", OPTION_BIT(OPTION_COLUMNS) | FILTER_OPTIONS | OPTION_BIT(OPTION_COUNT_SAMPLES) |
		    OPTION_BIT(OPTION_BUFFER), request_follow },
	{ .name = NULL },
};

static int check_options(const struct context *context, const struct expect_action *action, struct error *error)
{
	for (enum option_id id = OPTION_COLUMNS; id < OPTION_COUNT; id++)
		if (!(action->options >> id & 1) && option_is_set(&context->settings, id))
			return error_usage(error, 0, "%s takes no --%s", action->name, options[id].name);
	return 0;
}

static int expect_run(struct context *context)
{
	struct error error = { 0 };
	const struct expect_action *action = action_find(context, actions, sizeof(actions[0]), &error);

	if (!action || check_options(context, action, &error))
		return report_error(context, &error);
	context->arguments++;
	context->argument_count--;
	context->environment.subject = SUBJECT_EXPECTATION;
	return action->run(context);
}

static void expect_complete(char **words, int count, const struct completer *completer)
{
	(void)words;
	(void)count;
	action_offer(actions, sizeof(actions[0]), completer);
}

const struct command expect_command = {
	.name = "expect",
	.arguments = "list | get | add | delete | flush | events ...",
	.summary = "expectations: connections that helpers foresee",
	.details = "Actions: list [FILTER...]; get TUPLE...; add FIELD VALUE...; delete FILTER...; flush;\n"
		   "events [FILTER...]\n"
		   "\n"
		   "A helper such as ftp reads in a connection, the master, which one comes next, and\n"
		   "expects it: its first packet is then related, not new. Filters, formats and columns\n"
		   "are those of entries, with the fields that an expectation has: proto, src, sport, dst,\n"
		   "dport, timeout, helper, id, the tuple of its master (master.src, ...), and of its own\n"
		   "mask.src and mask.sport (bits that must be equal), class, flags (permanent, inactive,\n"
		   "userspace), fn and, where it is translated, nat.src, nat.sport and nat.dir. Other\n"
		   "fields are refused. The default format of list is the line of\n"
		   "/proc/net/nf_conntrack_expect; -o conntrack and xml are those of conntrack -L expect.\n"
		   "\n"
		   "get asks the kernel which expectation a connection with that tuple would meet. delete\n"
		   "and flush are as those of entries, but cannot be undone in the shell. The kernel does not\n"
		   "tell the zone of an expectation: one that is not in zone 0 is listed and flushed, get\n"
		   "finds it by its zone, and delete leaves it alone and counts it as gone already.\n"
		   "\n"
		   "add describes one: protocol, dst, dport, the master's tuple, and what else it shall\n"
		   "have. src and sport may be anything unless they are given; a mask narrows what of\n"
		   "them must be equal. The master needs a helper, whose class (0 if none is given) sets\n"
		   "timeout and maximum; timeout gives it another. helper names what shall follow the\n"
		   "expected connection; newer kernels ignore it. With --or-update the timeout of one that\n"
		   "exists is changed.\n"
		   "\n"
		   "events follows what begins and ends, as conntab events does; the kernel sends no\n"
		   "updates of expectations, and none at all of those whose master began before anybody\n"
		   "listened, unless net.netfilter.nf_conntrack_events is 1.\n",
	.examples = "conntab expect list\n"
		    "conntab expect list helper ftp -c timeout,src,dst,dport,master.src\n"
		    "conntab expect get tcp src 192.0.2.1 sport 4712 dst 192.0.2.9 dport 5000\n"
		    "conntab expect add tcp src 192.0.2.1 dst 192.0.2.9 dport 5000 timeout 1m "
		    "master.src 192.0.2.1 master.sport 4711 master.dst 192.0.2.9 master.dport 21\n"
		    "conntab expect delete --dry-run dst 192.0.2.9\n"
		    "conntab expect flush -y\n"
		    "timeout 1 conntab expect events -j\n",
	.options = PRINT_OPTIONS | FILTER_OPTIONS | OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_YES) |
		   OPTION_BIT(OPTION_OR_UPDATE) | OPTION_BIT(OPTION_COUNT_SAMPLES) | OPTION_BIT(OPTION_BUFFER),
	.completes = COMPLETE_EXPECT,
	.complete = expect_complete,
	.run = expect_run,
};
