/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "command.h"
#include "conntab/draft.h"

#define WHITE " \t"

/* The word "set", outside of quotes; NULL: there is none. */
static char *find_set(char *text)
{
	for (char *at = text + strspn(text, WHITE); *at; at += strspn(at, WHITE)) {
		size_t length = strcspn(at, WHITE "\"");

		if (length == 3 && strncmp(at, "set", 3) == 0 && at[3] != '"')
			return at;
		at += length;
		if (*at == '"')
			at = strchr(at + 1, '"') ? strchr(at + 1, '"') + 1 : at + strlen(at);
	}
	return NULL;
}

/* FILTER... set FIELD VALUE... */
static int read_words(struct request *request, struct context *context, struct draft *draft)
{
	struct buffer text;
	int result = request_join_arguments(context, &text);
	char *set = result ? NULL : find_set(text.data);

	if (set)
		*set = '\0';
	request_init_filter(request, context, "proc", result ? "" : text.data);
	if (result)
		error_set(&request->error, result, "out of memory");
	else if (!request->error.code && !set)
		error_usage(&request->error, 0, "the word \"set\" is missing: FILTER... set FIELD VALUE..., for example: "
			    "tcp dport 22 set mark 0x10");
	else if (!request->error.code && !request->filter)
		error_usage(&request->error, 0, "refused without a filter, nothing was updated; to take every entry: "
			    "conntab update ipv4 or ipv6 set ...");
	else if (!request->error.code &&
		 draft_change(draft, slice_of(set + 3), &context->environment.naming, &request->error) &&
		 request->error.column)
		request->error.column += (size_t)(set + 3 - text.data);
	buffer_done(&text);
	return request->error.code;
}

static void note(const struct request *request, const struct update *update)
{
	bool is_dry = request->context->settings.is_dry_run;
	struct buffer text;

	if (buffer_init(&text, -1))
		return;
	buffer_format(&text, "%s%llu %s%s", is_dry ? "dry run: " : "updated ", (unsigned long long)update->changed,
		      update->changed == 1 ? "entry" : "entries", is_dry ? " would be updated" : "");
	if (update->already)
		buffer_format(&text, "; %llu %s so already", (unsigned long long)update->already,
			      is_dry ? update->already == 1 ? "is" : "are" : update->already == 1 ? "was" : "were");
	if (update->vanished)
		buffer_format(&text, "; %llu had gone", (unsigned long long)update->vanished);
	report_note(request->context, "%s", buffer_string(&text));
	buffer_done(&text);
}

/* Says what happened, whatever else went wrong. */
static int summarize(const struct request *request, const struct update *update, int status)
{
	/* A failure that comes before the first entry has been told already. */
	if (!request->error.code || request->query.matched > 0)
		note(request, update);
	for (size_t i = 0; i < update->reason_count; i++) {
		const struct update_reason *reason = &update->reasons[i];
		struct error error = { 0 };

		error_set(&error, reason->words.code, "%llu %s: %s", (unsigned long long)reason->count,
			  reason->count == 1 ? "entry was refused" : "entries were refused", reason->words.text);
		report_error(request->context, &error);
	}
	return status == STATUS_OK && update->refused ? STATUS_FAILED : status;
}

static int update_with(struct request *request, struct update *update, struct sink *shown)
{
	struct sink *sink;
	int status;

	draft_differs_fields(update->draft, &request->query.fields);
	sink = update_sink_new(update, shown, &request->error);
	if (!sink)
		return request_failed(request, -ENOMEM);
	status = request_run(request, sink);
	return summarize(request, update, status);
}

/* Takes `shown` over. */
static int update_entries(struct request *request, const struct draft *draft, struct sink *shown)
{
	struct netlink first = { 0 }, second = { 0 };
	struct netlink_batch batch = { 0 };
	struct update update = { .draft = draft };
	int result = 0, status;

	if (!request->context->settings.is_dry_run) {
		update.batch = &batch;
		update.second = &second;
		result = netlink_open(&first, &request->error);
		if (result == 0)
			result = netlink_open(&second, &request->error);
		if (result == 0)
			result = netlink_batch_init(&batch, &first);
	}
	if (result == 0)
		status = update_with(request, &update, shown);
	else
		status = request_failed(request, result);
	if (result && shown)
		shown->free(shown);
	netlink_batch_done(&batch);
	netlink_close(&second);
	netlink_close(&first);
	return status;
}

static int update_run(struct context *context)
{
	struct request request;
	struct sink *shown = NULL;
	struct draft draft;
	int status;

	if (read_words(&request, context, &draft) == 0 && !context->settings.is_explain)
		shown = request_sink_to_show(&request);
	if (request.error.code)
		status = report_error(context, &request.error);
	else if (context->settings.is_explain)
		status = request_explain(&request);
	else
		status = update_entries(&request, &draft, shown);
	request_done(&request);
	return status;
}

const struct command update_command = {
	.name = "update",
	.arguments = "FILTER... set FIELD VALUE...",
	.summary = "change the entries that match",
	.details = "Before the word \"set\" stands a filter, behind it what shall be so: \"mark VALUE\" or \"mark\n"
		   "VALUE/MASK\" (the other bits stay); \"labels A,B\" (those and no others), \"labels add A,B\",\n"
		   "\"labels remove A,B\" or \"labels none\"; \"timeout DURATION\"; \"state STATE\" of tcp or sctp (the\n"
		   "timeout stays); \"helper none\"; the flags assured, seen_reply and fixed_timeout. The kernel\n"
		   "sets flags and never takes one away, takes a helper away but gives one to new entries\n"
		   "only, and leaves a fixed timeout alone. What is so already is not sent; what is refused is\n"
		   "counted, each reason once, and the status is 1. (The kernel changes helper, timeout, flags,\n"
		   "state, mark and labels in this order, up to what it refuses.) Needs a filter.\n"
		   "The entries that matched are printed, as they were, if -o, -j or -c ask for it. --dry-run\n"
		   "prints them and changes nothing. The kernel finds an entry by its tuple and zone here, not\n"
		   "by its id: a connection that ended meanwhile and began anew is changed too. In the shell,\n"
		   "undo does not take it back.\n",
	.examples = "conntab update tcp dport 443 set mark 0x10/0xff\n"
		    "conntab update src 10.0.0.0/8 set labels add 5 labels remove 6 timeout 5m\n"
		    "conntab update --dry-run tcp syn_recv set state close timeout 10s\n"
		    "conntab update helper ftp set helper none\n"
		    "conntab update udp dport 53 unreplied set fixed_timeout timeout 3s\n",
	.options = FILTER_OPTIONS | OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_COLUMNS),
	.is_narrowed = true,
	.completes = COMPLETE_CHANGE,
	.run = update_run,
};
