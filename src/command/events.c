/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "conntab/interrupt.h"

/* At 115,000 connections a second the default of 208 KiB loses some per cent, this nothing (measured on 6.18). */
enum { BUFFER_DEFAULT = 8 * 1024 * 1024 };

struct events {
	struct request request;
	struct follow follow;
	struct picture picture;
	struct kernel_filter kernel;
	struct timespec said; /* when the last loss may have been told of again */
	uint64_t said_lost;
};

/* What goes to the kernel, and what contradicts itself. */
static int plan(struct events *events)
{
	struct request *request = &events->request;
	bool is_resync = request->context->settings.is_resync;
	struct field_set read = { { 0, 0 } };

	filter_fields(request->filter, &read);
	filter_plan_events(request->query.is_without_kernel ? NULL : request->filter, request->query.family, is_resync,
			   &events->kernel);
	/* Of expectations the kernel's packet filter knows only the family. */
	if (request->context->environment.subject == SUBJECT_EXPECTATION)
		events->kernel = (struct kernel_filter){ .subject = SUBJECT_EXPECTATION,
							 .family = request->query.family,
							 .events = events->kernel.events };
	if (!events->kernel.events)
		return error_usage(&request->error, 0, "no event that the kernel sends can match: they are new, update and destroy");
	if (is_resync && (field_set_has(&read, FIELD_event) || field_set_has(&read, FIELD_when)))
		return error_usage(&request->error, 0, "--resync follows entries from beginning to end: "
				   "the filter cannot choose among their events");
	return 0;
}

/* Said at once, but in a storm no more than once a second. */
static void notice_lost(void *data, uint64_t lost)
{
	struct events *events = data;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (events->said_lost && (now.tv_sec < events->said.tv_sec ||
				  (now.tv_sec == events->said.tv_sec && now.tv_nsec < events->said.tv_nsec)))
		return;
	report_note(events->request.context, "warning: %llu events were lost, more came than were read; a larger --buffer "
		    "helps%s", (unsigned long long)(lost - events->said_lost),
		    events->follow.picture ? "" : ", --resync repairs");
	events->said_lost = lost;
	events->said = now;
	interrupt_due_add(&events->said, 1000000000);
}

static void warn_of_settings(const struct events *events, uint64_t asked)
{
	const struct context *context = events->request.context;
	uint64_t setting;

	if (sysctl_read("nf_conntrack_events", &setting) == 0 && setting == 0)
		report_note(context, "warning: the kernel sends no events here; to have them of new entries: "
			    "sysctl -w net.netfilter.nf_conntrack_events=1");
	if (events->follow.events.size < asked)
		report_note(context, "warning: the buffer has %llu bytes, not %llu; without CAP_NET_ADMIN in the first "
			    "user namespace net.core.rmem_max limits it", (unsigned long long)events->follow.events.size,
			    (unsigned long long)asked);
}

static void summarize(const struct events *events)
{
	const struct follow *follow = &events->follow;
	struct buffer text;
	uint64_t total = 0;

	if (buffer_init(&text, -1))
		return;
	for (unsigned event = EVENT_NEW; event < EVENT_COUNT; event++) {
		if (follow->told[event])
			buffer_format(&text, "%s%llu %s", total ? ", " : " (", (unsigned long long)follow->told[event],
				      kind_word(KIND_EVENT, event));
		total += follow->told[event];
	}
	if (total)
		buffer_char(&text, ')');
	buffer_format(&text, ", %llu lost", (unsigned long long)follow->lost);
	if (follow->lost && follow->picture)
		buffer_text(&text, follow->is_behind ? " and not all made good" : " and made good");
	report_note(events->request.context, "%llu event%s%s", (unsigned long long)total, total == 1 ? "" : "s",
		    buffer_string(&text));
	buffer_done(&text);
}

static int follow_events(struct events *events, struct sink *sink)
{
	struct request *request = &events->request;
	struct follow *follow = &events->follow;
	const struct settings *settings = &request->context->settings;
	uint64_t size = settings->buffer ? settings->buffer : BUFFER_DEFAULT;
	int result;

	*follow = (struct follow){ .netlink = &request->netlink, .out = request->context->out,
				   .notice = notice_lost, .data = events };
	request->query.sink = sink;
	result = netlink_events_open(&follow->events, &events->kernel, size, &request->error);
	if (result == 0 && settings->is_resync) {
		follow->picture = &events->picture;
		result = picture_init(&events->picture);
	}
	if (result == 0)
		result = netlink_open(&request->netlink, &request->error);
	if (result == 0) {
		warn_of_settings(events, size);
		result = query_follow(&request->query, follow, &request->error);
		summarize(events);
	}
	if (follow->told[EVENT_DESTROY]) /* the others have neither counters nor times */
		request_warn_unkept(request);
	netlink_events_close(&follow->events);
	picture_done(&events->picture);
	sink->free(sink);
	return result;
}

int request_follow(struct context *context)
{
	struct events events = { 0 };
	struct request *request = &events.request;
	struct sink *sink = NULL;
	int result = 0, status;

	context->environment.is_live = true;
	context->settings.limit = context->settings.count;
	if (request_init_matching(request, context, "conntrack") == 0 && plan(&events) == 0 &&
	    !context->settings.is_explain)
		sink = request_print_sink(request);
	if (sink)
		result = follow_events(&events, sink);
	/* That is how it is meant to end. */
	if (sink && result >= 0)
		report_ended(context);
	if (request->error.code)
		status = report_error(context, &request->error);
	else if (context->settings.is_explain)
		status = request_explain_events(request, &events.kernel);
	else
		status = result < 0 ? request_failed(request, result) : request_status(request);
	request_done(request);
	return status;
}

const struct command events_command = {
	.name = "events",
	.arguments = "[FILTER...]",
	.summary = "follow what begins, changes and ends",
	.details = "Prints new, changed and destroyed entries as it happens, until it is interrupted or\n"
		   "--count is reached, and then how many there were. The filter is that of list, with\n"
		   "the words new, update and destroy; the kernel leaves out what it can. An event has\n"
		   "not all of an entry: an update only what changed, counters and times come with the\n"
		   "end. The default format is the line of conntrack -E; -o proc puts the event before\n"
		   "the line of /proc; -j means jsonl, since an array would not end.\n"
		   "\n"
		   "Events that find the buffer full are lost. The kernel counts them, and so they are\n"
		   "told of, at once and at the end. --resync makes up for them from a dump and gives\n"
		   "what was missed: entries not seen to begin as the event present, and those that\n"
		   "differ in state, status or mark as update, those that are gone as destroy. The\n"
		   "entries that are there at the start come first. Who adds and removes accordingly has\n"
		   "the table, or the part of it that the filter ever matched. It takes about 160 bytes\n"
		   "of memory for each entry.\n"
		   "\n"
		   "With net.netfilter.nf_conntrack_events=2, the default, entries that began before\n"
		   "anybody listened send no events, and end in silence. As long as there are some of which\n"
		   "no event came, --resync looks at the table every ten seconds or less often, so that\n"
		   "a large one takes no more than a fiftieth of the time. Without --resync they are\n"
		   "never heard of; nf_conntrack_events=1 gives all new entries events.\n",
	.examples = "conntab events --count 5 tcp dport 443\n"
		    "conntab events --count 5 destroy -c when,src,dst,dport,age,bytes  # what ended, and what it was\n"
		    "conntab events --count 5 -o conntrack,timestamp,id new udp\n"
		    "conntab events --count 5 --resync -j | jq -c '[.event, .src, .dst]'\n",
	.options = OPTION_BIT(OPTION_COLUMNS) | FILTER_OPTIONS | OPTION_BIT(OPTION_COUNT_SAMPLES) |
		   OPTION_BIT(OPTION_BUFFER) | OPTION_BIT(OPTION_RESYNC),
	.completes = COMPLETE_FILTER,
	.is_narrowed = true,
	.is_endless = true,
	.run = request_follow,
};
