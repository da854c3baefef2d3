/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "command.h"

/* "12 entries", and by state where that is wanted: " (8 time_wait, 4 udp unreplied)". */
static void note_count(const struct request *request, const char *before, uint64_t count, const char *behind,
		       struct tally *tally)
{
	struct buffer text;

	if (buffer_init(&text, -1))
		return;
	buffer_format(&text, "%s%llu %s%s", before, (unsigned long long)count, count == 1 ? "entry" : "entries", behind);
	if (tally && tally->row_count > 0) {
		buffer_text(&text, " (");
		tally_format(tally, &text);
		buffer_char(&text, ')');
	}
	report_note(request->context, "%s", buffer_string(&text));
	buffer_done(&text);
}

/* Says what happened, whatever else went wrong. */
static void summarize(const struct request *request, uint64_t deleted, uint64_t vanished, struct tally *tally)
{
	char gone[64] = "";

	/* A failure that comes before the first entry has been told already. */
	if (request->error.code && deleted + vanished == 0)
		return;
	if (vanished)
		snprintf(gone, sizeof(gone), "; %llu more were gone already", (unsigned long long)vanished);
	note_count(request, "deleted ", deleted, gone, tally);
}

/* Puts the count by state in front of a sink; NULL when out of memory. */
static struct sink *with_tally(struct request *request, struct tally *tally, struct sink *next)
{
	if (!tally)
		return next;
	tally_fields(&request->query.fields);
	return tally_sink_new(tally, next);
}

int request_dry_run(struct request *request, struct sink *shown, struct tally *tally)
{
	struct sink *sink = shown ? shown : count_sink_new(&request->count);
	int status;

	if (sink)
		sink = with_tally(request, tally, sink);
	if (!sink)
		return request_failed(request, -ENOMEM);
	status = request_run(request, sink);
	if (!request->error.code)
		note_count(request, "dry run: ", request->query.matched, " would be deleted", tally);
	return status;
}

int request_delete(struct request *request, struct sink *shown, struct tally *tally)
{
	struct netlink second = { 0 };
	struct netlink_batch batch = { 0 };
	struct sink *sink = NULL;
	uint64_t vanished = 0;
	int result, status;

	result = netlink_open(&second, &request->error);
	if (result == 0)
		result = netlink_batch_init(&batch, &second);
	if (result == 0) {
		netlink_delete_fields(&request->query.fields);
		sink = delete_sink_new(&batch, &vanished, shown, &request->error);
		shown = NULL;
		sink = sink ? with_tally(request, tally, sink) : NULL;
		result = sink ? 0 : -ENOMEM;
	}
	if (result == 0) {
		status = request_run(request, sink);
		summarize(request, batch.done, vanished, tally);
	} else {
		status = request_failed(request, result);
		if (shown)
			shown->free(shown);
	}
	netlink_batch_done(&batch);
	netlink_close(&second);
	return status;
}

/* The deleted entries are printed only if a format was asked for; a dry run prints always. */
static struct sink *sink_to_show(struct request *request)
{	const struct settings *settings = &request->context->settings;

	if ((settings->is_dry_run && !settings->is_quiet) || settings->output || settings->is_json || settings->columns)
		return request_print_sink(request);
	return NULL;
}

static int delete_run(struct context *context)
{
	struct request request;
	struct sink *shown = NULL;
	int status;

	if (request_init(&request, context, "proc") == 0 && !request.filter)
		error_usage(&request.error, 0,
			    "refused without a filter, nothing was deleted; to empty the table: conntab flush all");
	if (!request.error.code && !context->settings.is_explain)
		shown = sink_to_show(&request);
	if (request.error.code)
		status = report_error(context, &request.error);
	else if (context->settings.is_explain)
		status = request_explain(&request);
	else if (context->settings.is_dry_run)
		status = request_dry_run(&request, shown, NULL);
	else
		status = request_delete(&request, shown, NULL);
	request_done(&request);
	return status;
}

const struct command delete_command = {
	.name = "delete",
	.arguments = "FILTER...",
	.summary = "delete the entries that match",
	.details = "Reads the table and deletes each entry that matches by its tuple, zone and id\n"
		   "together, so that a new connection with the same tuple is left alone. Entries that\n"
		   "end meanwhile count as gone, not as errors. Refuses to run without a filter. The\n"
		   "entries that matched are printed if -o, -j or -c ask for it. --dry-run prints them\n"
		   "and deletes nothing.\n",
	.examples = "conntab delete dst 192.0.2.7 port 53\n"
		    "conntab delete --dry-run tcp time_wait\n"
		    "conntab delete -o conntrack udp dport 53 reply.src 10.240.0.3  # a backend that moved\n"
		    "conntab delete 'idle > 1h and not dport 22'\n",
	.options = FILTER_OPTIONS | OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_COLUMNS),
	.completes = COMPLETE_FILTER,
	.run = delete_run,
};
