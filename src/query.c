/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/query.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "conntab/interrupt.h"
#include "conntab/netlink.h"

#define NANOSECONDS 1000000000ull

/* What the loop below works with. */
struct feed {
	struct query *query;
	struct decoder decoder;
	int sink_result;

	/* Of events. */
	struct follow *follow;
	struct error *error;
	uint32_t lost;          /* as the socket counts it */
	unsigned unread;        /* messages of a dump since the events were last looked after */
	struct timespec rested; /* when the table may be looked at again, after the work of the last time */
	struct timespec due;    /* when it should be, for entries that end in silence */
};

static uint64_t clock_nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

static int prepare(struct feed *feed, struct query *query, struct netlink *netlink, struct error *error)
{
	*feed = (struct feed){ .query = query, .error = error };
	filter_fields(query->filter, &query->fields);
	query->fields = field_set_closure(&query->fields);
	decoder_init_of(&feed->decoder, query->environment->subject, &query->fields);
	query->environment->now = clock_nanoseconds(CLOCK_REALTIME);
	if (field_set_has(&query->fields, FIELD_idle))
		netlink_timeout_policies(netlink, query->environment->policies);
	return netlink->socket ? 0 : error_set(error, -EBADF, "netlink: cannot open a socket");
}

static enum truth evaluate(struct query *query, const struct record *record)
{
	enum truth truth = filter_evaluate(query->filter, record);

	query->received++;
	field_set_merge(&query->seen, &record->present);
	query->undecided += truth == IS_UNKNOWN;
	return truth;
}

static int hand_on(struct feed *feed, const struct record *record)
{
	feed->query->matched++;
	feed->sink_result = feed->query->sink->record(feed->query->sink, record);
	return feed->sink_result;
}

/* The only loop over entries: bytes -> record -> filter -> sink. */
static int feed_message(void *data, const struct nlmsghdr *message)
{
	struct feed *feed = data;
	struct query *query = feed->query;
	struct record record;

	if (!decoder_decode(&feed->decoder, message, &record))
		return 0;
	record_derive(&record, &query->fields, query->environment);
	return evaluate(query, &record) == IS_TRUE ? hand_on(feed, &record) : 0;
}

static int finish(struct query *query, int result)
{
	int closed = query->sink->close(query->sink, result);

	if (result < 0)
		return result;
	return closed;
}

void query_plan(const struct query *query, struct kernel_plan *plan)
{
	enum subject subject = query->environment->subject;
	/* Of expectations the kernel selects by family only. */
	bool is_without_kernel = query->is_without_kernel || subject == SUBJECT_EXPECTATION;

	filter_plan(is_without_kernel ? NULL : query->filter, query->family, plan);
	for (unsigned i = 0; i < plan->count; i++)
		plan->dumps[i].subject = subject;
}

int query_run(struct query *query, struct netlink *netlink, struct error *error)
{
	struct kernel_plan plan;
	struct feed feed;
	int result = prepare(&feed, query, netlink, error);

	query_plan(query, &plan);
	for (unsigned i = 0; i < plan.count && result == 0; i++)
		result = netlink_dump(netlink, &plan.dumps[i], feed_message, &feed, &query->is_interrupted, error);
	return finish(query, result);
}

int query_get(struct query *query, struct netlink *netlink, const struct record *tuple, bool is_reply,
	      struct error *error)
{
	struct feed feed;
	int result = prepare(&feed, query, netlink, error);

	if (result == 0 && query->environment->subject == SUBJECT_EXPECTATION)
		result = netlink_expect_get(netlink, tuple, feed_message, &feed, error);
	else if (result == 0)
		result = netlink_get(netlink, tuple, is_reply, feed_message, &feed, error);
	return finish(query, result == 0 ? feed.sink_result : result);
}

/* ---- events ---- */

enum {
	DUMP_PART = 64,          /* entries of a dump that are handled before the events have their turn */
	READ_LEAST = 128 * 1024, /* bytes of the socket's buffer that a full netlink_events_read() empties */
};

/*
 * How long to leave the table alone after a look, in times of what that took: after a
 * loss, and for entries that may end in silence, then ten seconds at least.
 */
enum { REST_AFTER_LOSS = 1, REST_IN_SILENCE = 50 };
#define SILENCE_LEAST (10 * NANOSECONDS)

static void set_event(struct feed *feed, struct record *record, int event)
{
	record->event = (uint8_t)event;
	field_set_add(&record->present, FIELD_event);
	if (record_has(record, FIELD_when))
		return;
	record->when = feed->query->environment->now;
	field_set_add(&record->present, FIELD_when);
}

/* Hands on an event of that sort; 0 is none, and a negative one a failure. */
static int tell(struct feed *feed, struct record *record, int event)
{
	if (event < 0)
		return error_set(feed->error, event, "out of memory for the picture of the table (--resync)");
	if (event == 0)
		return 0;
	set_event(feed, record, event);
	feed->follow->told[event]++;
	return hand_on(feed, record);
}

/* An event may leave out a mark of 0 (ctnetlink_conntrack_event()). To the filter it is one. */
static bool event_matches(struct query *query, struct record *record)
{
	bool has_mark = record_has(record, FIELD_mark), matches;

	if (!has_mark)
		record->mark = 0;
	field_set_add(&record->present, FIELD_mark);
	matches = evaluate(query, record) == IS_TRUE;
	if (!has_mark)
		field_set_remove(&record->present, FIELD_mark);
	return matches;
}

static int feed_event(void *data, const struct nlmsghdr *message)
{
	struct feed *feed = data;
	struct query *query = feed->query;
	struct picture *picture = feed->follow->picture;
	struct record record;
	bool matches;
	int event = netlink_event(message);

	if (!decoder_decode(&feed->decoder, message, &record))
		return 0;
	/* The packet filter has seen to it, if there is one. */
	if (query->family != AF_UNSPEC && record.family != query->family)
		return 0;
	query->environment->now = clock_nanoseconds(CLOCK_REALTIME);
	set_event(feed, &record, event);
	record_derive(&record, &query->fields, query->environment);
	matches = event_matches(query, &record);
	if (picture)
		event = picture_event(picture, &record, matches);
	else if (!matches)
		event = 0;
	return tell(feed, &record, event);
}

static void count_lost(struct feed *feed)
{
	struct follow *follow = feed->follow;
	uint32_t lost;
	bool is_waiting;

	if (!netlink_events_state(&follow->events, &lost, &is_waiting) || lost == feed->lost)
		return;
	follow->lost += (uint32_t)(lost - feed->lost);
	feed->lost = lost;
	follow->is_behind = true;
	follow->notice(follow->data, follow->lost);
}

/* What waits, all of it or a good part. */
static int read_events(struct feed *feed, bool *is_empty)
{
	struct follow *follow = feed->follow;
	int result = netlink_events_read(&follow->events, feed_event, feed, is_empty, feed->error);

	count_lost(feed);
	return result;
}

static int feed_look(void *data, const struct nlmsghdr *message)
{
	struct feed *feed = data;
	struct query *query = feed->query;
	struct record record;
	bool is_empty;
	int result = 0;

	if (decoder_decode(&feed->decoder, message, &record)) {
		record_derive(&record, &query->fields, query->environment);
		result = tell(feed, &record, picture_look(feed->follow->picture, &record,
							  filter_matches(query->filter, &record)));
	}
	if (result || ++feed->unread % DUMP_PART)
		return result;
	return read_events(feed, &is_empty);
}

static int feed_gone(void *data, struct record *record)
{
	record_derive(record, &((struct feed *)data)->query->fields, ((struct feed *)data)->query->environment);
	return tell(data, record, EVENT_DESTROY);
}

/* Sets when the next look may be, and when it has to be, by what this one cost. */
static void rest(struct feed *feed, uint64_t duration)
{
	uint64_t silence = duration * REST_IN_SILENCE;

	clock_gettime(CLOCK_MONOTONIC, &feed->rested);
	feed->due = feed->rested;
	interrupt_due_add(&feed->rested, duration * REST_AFTER_LOSS);
	interrupt_due_add(&feed->due, silence > SILENCE_LEAST ? silence : SILENCE_LEAST);
}

/*
 * Holds the picture against the table. The events that wait are older than the dump
 * and go first: an end that was lost behind a beginning that waits would be missed.
 */
static int look(struct feed *feed)
{
	struct query *query = feed->query;
	struct follow *follow = feed->follow;
	struct kernel_filter all = { .family = query->family };
	uint64_t begin = clock_nanoseconds(CLOCK_MONOTONIC);
	bool is_interrupted = false, is_empty = false;
	int result = 0, ended;

	/* Not for ever: in a storm they never end, but no more than the buffer holds are older. */
	for (uint64_t left = follow->events.size; result == 0 && !is_empty; left -= READ_LEAST) {
		result = read_events(feed, &is_empty);
		if (left <= READ_LEAST)
			break;
	}
	if (result)
		return result;
	follow->is_behind = false;
	picture_look_begin(follow->picture);
	query->environment->now = clock_nanoseconds(CLOCK_REALTIME);
	result = netlink_dump(follow->netlink, &all, feed_look, feed, &is_interrupted, feed->error);
	ended = picture_look_end(follow->picture, result == 0 && !is_interrupted, feed_gone, feed);
	follow->looks++;
	/* What was not seen whole, or overtaken by another loss, is to be seen again. */
	count_lost(feed);
	follow->is_behind |= is_interrupted;
	rest(feed, clock_nanoseconds(CLOCK_MONOTONIC) - begin);
	return result ? result : ended;
}

static bool is_past(const struct timespec *due)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > due->tv_sec || (now.tv_sec == due->tv_sec && now.tv_nsec >= due->tv_nsec);
}

/* Until what the next look is put off; NULL when there is no need for one. */
static const struct timespec *next_look(const struct feed *feed)
{
	const struct follow *follow = feed->follow;

	if (!follow->picture)
		return NULL;
	if (follow->is_behind)
		return &feed->rested;
	return follow->picture->unproven ? &feed->due : NULL;
}

static int follow_events(struct feed *feed)
{
	struct follow *follow = feed->follow;
	int result = follow->picture ? look(feed) : 0;

	while (result == 0 && !interrupt_signal) {
		const struct timespec *next;
		bool is_empty;

		result = read_events(feed, &is_empty);
		if (result == 0 && is_empty)
			result = buffer_flush(follow->out);
		next = next_look(feed);
		if (result == 0 && next && is_past(next))
			result = look(feed);
		else if (result == 0 && is_empty)
			interrupt_wait(follow->events.fd, next);
	}
	return result == -EINTR && interrupt_signal ? 0 : result;
}

int query_follow(struct query *query, struct follow *follow, struct error *error)
{
	struct feed feed;
	int result;

	field_set_add(&query->fields, FIELD_family);
	if (follow->picture)
		picture_fields(&query->fields);
	result = prepare(&feed, query, follow->netlink, error);
	feed.follow = follow;
	return finish(query, result ? result : follow_events(&feed));
}
