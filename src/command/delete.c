/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "command.h"

/* "12 entries", and by state where that is wanted: " (8 time_wait, 4 udp unreplied)". */
static void note_count(const struct request *request, const char *before, uint64_t count, const char *behind,
		       const char *end, struct tally *tally)
{
	struct buffer text;

	if (buffer_init(&text, -1))
		return;
	buffer_format(&text, "%s%llu %s%s", before, (unsigned long long)count, request_noun(request, count), behind);
	if (tally && tally->row_count > 0) {
		buffer_text(&text, " (");
		tally_format(tally, &text);
		buffer_char(&text, ')');
	}
	buffer_text(&text, end);
	report_note(request->context, "%s", buffer_string(&text));
	buffer_done(&text);
}

/* Where a session keeps what it deletes; NULL: nowhere. An expectation cannot be put back. */
static struct store *find_store(const struct context *context)
{
	struct session *session = context->session;

	if (!session || session->is_without_undo || context->environment.subject != SUBJECT_ENTRY)
		return NULL;
	return &session->taken;
}

/* Says what happened, whatever else went wrong. */
static void summarize(const struct request *request, uint64_t deleted, uint64_t vanished, struct tally *tally)
{
	const struct context *context = request->context;
	bool is_undone = deleted > 0 && find_store(context) && context->session->is_interactive;
	char gone[64] = "";

	/* A failure that comes before the first entry has been told already. */
	if (request->error.code && deleted + vanished == 0)
		return;
	if (vanished)
		snprintf(gone, sizeof(gone), "; %llu more were gone already", (unsigned long long)vanished);
	note_count(request, "deleted ", deleted, gone, is_undone ? "; undo puts them back" : "", tally);
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
		note_count(request, "dry run: ", request->query.matched, " would be deleted", "", tally);
	return status;
}

/* How many would go, and by state. 0 or a failure in request->error. */
static int count_matches(struct request *request, struct tally *tally, uint64_t *count)
{
	struct query query = request->query;
	struct netlink netlink;
	int result = netlink_open(&netlink, &request->error);

	if (result)
		return result;
	tally_fields(&query.fields);
	query.sink = count_sink_new(count);
	query.sink = query.sink ? tally_sink_new(tally, query.sink) : NULL;
	if (query.sink) {
		result = query_run(&query, &netlink, &request->error);
		query.sink->free(query.sink);
	} else {
		result = error_set(&request->error, -ENOMEM, "out of memory");
	}
	netlink_close(&netlink);
	return result;
}

/* In the shell a person sees what would go, and agrees. Else false, with the status in `*status`. */
static bool is_agreed(struct request *request, int *status)
{
	const struct context *context = request->context;
	struct tally tally = { .row_count = 0 };
	uint64_t count = 0;
	struct buffer text;
	bool is_yes;

	if (!context->session || !context->session->is_interactive || context->settings.is_yes)
		return true;
	*status = STATUS_FAILED;
	if (count_matches(request, &tally, &count) || buffer_init(&text, -1)) {
		*status = request_failed(request, request->error.code ? request->error.code : -ENOMEM);
		return false;
	}
	tally_format(&tally, &text);
	is_yes = count > 0 && request_confirm(context, "Delete %llu %s (%s)?", (unsigned long long)count,
					      request_noun(request, count), buffer_string(&text));
	buffer_done(&text);
	if (count == 0)
		*status = request_status(request);
	if (!is_yes)
		report_note(context, count == 0 ? "nothing matches" : "nothing was deleted");
	return is_yes;
}

/* Runs the deletion with a batch that is ready. Takes `shown` over. The exit status. */
static int delete_with(struct request *request, struct netlink_batch *batch, struct sink *shown, struct tally *tally)
{
	struct store *store = find_store(request->context);
	uint64_t vanished = 0;
	struct sink *sink;
	int status;

	netlink_delete_fields(&request->query.fields);
	if (store)
		netlink_create_fields(&request->query.fields);
	sink = delete_sink_new(batch, request->context->environment.subject, &vanished, store, shown, &request->error);
	sink = sink ? with_tally(request, tally, sink) : NULL;
	if (!sink)
		return request_failed(request, -ENOMEM);
	status = request_run(request, sink);
	summarize(request, batch->done, vanished, tally);
	return status;
}

int request_delete(struct request *request, struct sink *shown, struct tally *tally)
{
	struct netlink second = { 0 };
	struct netlink_batch batch = { 0 };
	struct tally in_session = { .row_count = 0 };
	int status;

	if (!tally && request->context->session)
		tally = &in_session;
	if (is_agreed(request, &status)) {
		int result = netlink_open(&second, &request->error);

		if (result == 0)
			result = netlink_batch_init(&batch, &second);
		if (result == 0) {
			status = delete_with(request, &batch, shown, tally);
			shown = NULL;
		} else {
			status = request_failed(request, result);
		}
	}
	if (shown)
		shown->free(shown);
	netlink_batch_done(&batch);
	netlink_close(&second);
	return status;
}

int request_delete_matches(struct context *context)
{
	struct request request;
	struct sink *shown = NULL;
	int status;

	if (request_init_matching(&request, context, "proc") == 0 && !request.filter)
		error_usage(&request.error, 0,
			    "refused without a filter, nothing was deleted; to empty the table: conntab %s",
			    context->environment.subject == SUBJECT_ENTRY ? "flush all" : "expect flush");
	if (!request.error.code && !context->settings.is_explain)
		shown = request_sink_to_show(&request);
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
		   "and deletes nothing. In the shell it says how many would go, by state, and asks (-y\n"
		   "does not); undo puts them back.\n",
	.examples = "conntab delete dst 192.0.2.7 port 53\n"
		    "conntab delete --dry-run tcp time_wait\n"
		    "conntab delete -o conntrack udp dport 53 reply.src 10.240.0.3  # a backend that moved\n"
		    "conntab delete 'idle > 1h and not dport 22'\n",
	.options = FILTER_OPTIONS | OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_COLUMNS) | OPTION_BIT(OPTION_YES),
	.is_narrowed = true,
	.completes = COMPLETE_FILTER,
	.run = request_delete_matches,
};
