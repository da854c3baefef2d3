/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/socket.h>

#include "command.h"

/*
 * A flush of one family is a dump with deletes: kernels before 5.3, and all kernels
 * for a message of version 0, ignore the family and empty the other one too.
 */
static int flush_family(struct request *request)
{
	struct sink *sink;

	if (!request->context->settings.is_dry_run)
		return request_delete(request, NULL);
	sink = count_sink_new(&request->count);
	if (!sink)
		return STATUS_FAILED;
	int status = request_run(request, sink);

	if (!request->error.code)
		report_note(request->context, "dry run: %llu entries would be deleted",
			    (unsigned long long)request->count);
	return status;
}

static int flush_everything(struct request *request)
{
	const struct context *context = request->context;
	uint64_t before, after, maximum;

	if (netlink_open(&request->netlink, &request->error) ||
	    netlink_statistics(&request->netlink, &before, &maximum, &request->error))
		return report_error(context, &request->error);
	if (context->settings.is_dry_run) {
		report_note(context, "dry run: all %llu entries of this namespace would be deleted",
			    (unsigned long long)before);
		return STATUS_OK;
	}
	if (!request_confirm(context, "Delete all %llu entries of this namespace? Connections through NAT will break.",
			     (unsigned long long)before)) {
		report_note(context, "nothing was deleted");
		return STATUS_FAILED;
	}
	if (netlink_flush(&request->netlink, &request->error) ||
	    netlink_statistics(&request->netlink, &after, &maximum, &request->error))
		return report_error(context, &request->error);
	report_note(context, "flushed: %llu entries before, %llu now", (unsigned long long)before,
		    (unsigned long long)after);
	return STATUS_OK;
}

static int flush_run(struct context *context)
{
	struct request request;
	const char *what = context->argument_count > 0 ? context->arguments[0] : "";
	struct error error = { 0 };
	int status;

	if (strcmp(what, "all") != 0)
		error_usage(&error, 0, *what ? "flush what? \"%.32s\" is not \"all\"" :
			    "flush what? \"all\"; for a part of the table: conntab delete FILTER", what);
	else if (context->argument_count > 1)
		error_usage(&error, 0, "flush all takes no filter; for a part of the table: conntab delete FILTER");
	if (error.code)
		return report_error(context, &error);
	context->argument_count = 0;
	if (request_init(&request, context, "proc"))
		status = report_error(context, &request.error);
	else if (request.query.family != AF_UNSPEC)
		status = flush_family(&request);
	else
		status = flush_everything(&request);
	request_done(&request);
	return status;
}

const struct command flush_command = {
	.name = "flush",
	.arguments = "all",
	.summary = "delete every entry",
	.details = "Empties the table of this network namespace, or with -4 or -6 one family of it.\n"
		   "On a terminal it asks first (-y does not). Connections that need NAT or a rule for\n"
		   "established traffic break; the others are picked up again.\n",
	.examples = "conntab flush all --dry-run\n"
		    "conntab flush all -y\n"
		    "conntab -n web1 flush all -6\n",
	.options = OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_YES),
	.completes = COMPLETE_FLUSH,
	.run = flush_run,
};
