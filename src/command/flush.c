/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "command.h"

/* In the shell each deletion shows what would go, and asks. */
static bool asks_itself(const struct context *context)
{
	return context->session && context->session->is_interactive;
}

/*
 * A flush of one family is a dump with deletes: kernels before 5.3, and all kernels
 * for a message of version 0, ignore the family and empty the other one too.
 */
static int flush_family(struct request *request)
{
	const struct context *context = request->context;
	const char *family = request->query.family == AF_INET ? "IPv4" : "IPv6";

	if (context->settings.is_dry_run)
		return request_dry_run(request, NULL, NULL);
	if (!asks_itself(context) && !request_confirm(context, "Delete all %s entries of this namespace? "
							"Connections through NAT will break.", family)) {
		report_note(context, "nothing was deleted");
		return STATUS_FAILED;
	}
	return request_delete(request, NULL, NULL);
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
		request->query.matched = before;
		return request_status(request);
	}
	if (!asks_itself(context) &&
	    !request_confirm(context, "Delete all %llu entries of this namespace? Connections through NAT will break.",
			     (unsigned long long)before)) {
		report_note(context, "nothing was deleted");
		return STATUS_FAILED;
	}
	/* What can be put back has to be read. */
	if (context->session) {
		netlink_close(&request->netlink);
		return request_delete(request, NULL, NULL);
	}
	if (netlink_flush(&request->netlink, &request->error) ||
	    netlink_statistics(&request->netlink, &after, &maximum, &request->error))
		return report_error(context, &request->error);
	report_note(context, "flushed: %llu entries before, %llu now", (unsigned long long)before,
		    (unsigned long long)after);
	request->query.matched = before;
	return request_status(request);
}

/*
 * What "idle" takes by default. Finished: nothing but stray packets can come. Half
 * closed or on the way there, and never answered: these could still carry data or
 * get their answer, so they go only after two quiet seconds. Established
 * connections are not in it.
 */
#define QUIET "2s"

static const char default_idle[] =
	"state in {time_wait, close, last_ack, closed, shutdown_ack_sent, timewait} or "
	"(idle >= " QUIET " and (unreplied or "
	"state in {fin_wait, close_wait, shutdown_sent, shutdown_recd, closereq, closing}))";

static int check_states(const char *states, struct error *error)
{
	for (;;) {
		size_t length = strcspn(states, ",");
		struct suggestion suggestion = { .typed = { states, length } };
		char nearest[64];

		if (!word_find(kinds[KIND_STATE].words, suggestion.typed)) {
			for (const struct word *word = kinds[KIND_STATE].words; word->name; word++)
				suggestion_offer(&suggestion, word->name);
			return error_usage(error, 0, "--state: no state \"%.*s\"%s", (int)(length < 32 ? length : 32), states,
					   suggestion_text(&suggestion, nearest, sizeof(nearest)));
		}
		if (!states[length])
			return 0;
		states += length + 1;
	}
}

/* The filter that the options stand for. 0, or a fault in `error`. */
static int idle_filter(struct context *context, struct filter **filter, struct error *error)
{
	const struct settings *settings = &context->settings;
	struct buffer text;
	uint64_t seconds = 0;
	int result;

	if (settings->state && check_states(settings->state, error))
		return error->code;
	if (settings->idle && !unit_parse_duration(slice_of(settings->idle), UINT32_MAX, &seconds))
		return error_usage(error, 0, "--idle: \"%.32s\" is no time such as 90s, 15m, 1h30m or 5d", settings->idle);
	if (buffer_init(&text, -1))
		return error_set(error, -ENOMEM, "out of memory");
	if (settings->state)
		buffer_format(&text, "state in {%s}", settings->state);
	else
		buffer_text(&text, default_idle);
	/* Beside states that were named the age narrows; beside the default set it adds. */
	if (settings->idle)
		buffer_format(&text, " %s idle >= %llus", settings->state ? "and" : "or", (unsigned long long)seconds);
	result = filter_parse(buffer_string(&text), &context->environment.naming, filter, error);
	buffer_done(&text);
	return result;
}

static void note_undecided(const struct request *request)
{
	if (request->query.undecided)
		report_note(request->context, "left %llu more alone: how long they have been idle cannot be known",
			    (unsigned long long)request->query.undecided);
}

static int flush_idle(struct context *context)
{
	struct request request = { .context = context };
	struct tally tally = { .row_count = 0 };
	struct filter *filter = NULL;
	struct sink *shown = NULL;
	int status;

	if (request_init(&request, context, "proc") == 0 && idle_filter(context, &filter, &request.error) == 0)
		request_narrow(&request, filter);
	if (!request.error.code && !context->settings.is_explain && (context->settings.output || context->settings.is_json))
		shown = request_print_sink(&request);
	if (request.error.code) {
		status = report_error(context, &request.error);
	} else if (context->settings.is_explain) {
		status = request_explain(&request);
	} else {
		status = context->settings.is_dry_run ? request_dry_run(&request, shown, &tally) :
							 request_delete(&request, shown, &tally);
		note_undecided(&request);
	}
	request_done(&request);
	return status;
}

static int flush_all(struct context *context)
{
	struct request request = { .context = context };
	int status;

	if (context->argument_count > 0)
		error_usage(&request.error, 0, "flush all takes no filter; for a part of the table: conntab delete FILTER");
	else if (context->session && context->session->filter)
		error_usage(&request.error, 0, "flush all takes no notice of the working filter; delete takes what it selects, "
			    "where reset drops it");
	else if (context->settings.idle || context->settings.state)
		error_usage(&request.error, 0, "--idle and --state belong to flush idle");
	else
		request_init(&request, context, "proc");
	if (request.error.code)
		status = report_error(context, &request.error);
	else if (context->settings.is_explain)
		status = request_explain(&request);
	else if (request.query.family != AF_UNSPEC)
		status = flush_family(&request);
	else
		status = flush_everything(&request);
	request_done(&request);
	return status;
}

static int flush_run(struct context *context)
{
	const char *what = context->argument_count > 0 ? context->arguments[0] : "";
	struct error error = { 0 };

	context->arguments++;
	context->argument_count--;
	if (strcmp(what, "all") == 0)
		return flush_all(context);
	if (strcmp(what, "idle") == 0)
		return flush_idle(context);
	if (*what)
		error_usage(&error, 0, "flush what? \"%.32s\" is neither \"all\" nor \"idle\"", what);
	else
		error_usage(&error, 0, "flush what? \"all\" or \"idle\"; for a part of the table: conntab delete FILTER");
	return report_error(context, &error);
}

const struct command flush_command = {
	.name = "flush",
	.arguments = "all | idle [FILTER...]",
	.summary = "delete every entry, or those that are finished or idle",
	.details = "\"all\" empties the table of this network namespace, or with -4 or -6 one family of\n"
		   "it. On a terminal it asks first (-y does not). Connections that need NAT or a rule\n"
		   "for established traffic break; the others are picked up again.\n"
		   "\n"
		   "\"idle\" makes room without touching established connections. It deletes what is\n"
		   "finished (tcp time_wait, close, last_ack; sctp closed, shutdown_ack_sent) and, after\n"
		   "two quiet seconds, what is half closed (tcp fin_wait, close_wait; sctp shutdown_sent,\n"
		   "shutdown_recd) or was never answered (unreplied, any protocol). --idle AGE takes also\n"
		   "every entry, established ones too, that saw no packet for AGE. --state names the\n"
		   "states to take instead; then --idle narrows. A filter narrows always. Idle time is the\n"
		   "timeout that the kernel gives an entry in its state less what remains of it; where\n"
		   "that cannot be known (fixed timeouts, offloaded entries, a timeout policy for the\n"
		   "protocol) the entry is left alone and counted as such. Entries that got their timeout\n"
		   "before somebody raised the setting seem idle for longer than they are, unless\n"
		   "net.netfilter.nf_conntrack_timestamp tells how old they are.\n",
	.examples = "conntab flush all --dry-run\n"
		    "conntab flush all -y\n"
		    "conntab -n web1 flush all -6\n"
		    "conntab flush idle --dry-run\n"
		    "conntab flush idle --idle 1h not dport 22\n"
		    "conntab flush idle --state syn_sent,syn_recv dst 192.0.2.7  # a SYN flood\n",
	.options = OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_YES) | OPTION_BIT(OPTION_IDLE) |
		   OPTION_BIT(OPTION_STATE) | FILTER_OPTIONS,
	.completes = COMPLETE_FLUSH,
	.is_narrowed = true,
	.run = flush_run,
};
