/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/query.h"

#include <errno.h>
#include <time.h>

#include "conntab/netlink.h"

/* What the loop below works with. */
struct feed {
	struct query *query;
	struct decoder decoder;
	int sink_result;
};

static void prepare(struct feed *feed, struct query *query)
{
	struct timespec now;

	*feed = (struct feed){ .query = query };
	filter_fields(query->filter, &query->fields);
	query->fields = field_set_closure(&query->fields);
	decoder_init(&feed->decoder, &query->fields);
	clock_gettime(CLOCK_REALTIME, &now);
	query->environment->now = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* The only loop over entries: bytes -> record -> filter -> sink. */
static int feed_message(void *data, const struct nlmsghdr *message)
{
	struct feed *feed = data;
	struct query *query = feed->query;
	struct record record;
	enum truth truth;

	if (!decoder_decode(&feed->decoder, message, &record))
		return 0;
	record_derive(&record, &query->fields, query->environment);
	query->received++;
	field_set_merge(&query->seen, &record.present);
	truth = filter_evaluate(query->filter, &record);
	query->undecided += truth == IS_UNKNOWN;
	if (truth != IS_TRUE)
		return 0;
	query->matched++;
	feed->sink_result = query->sink->record(query->sink, &record);
	return feed->sink_result;
}

static int finish(struct query *query, int result)
{
	int closed = query->sink->close(query->sink, result);

	if (result < 0)
		return result;
	return closed;
}

int query_run(struct query *query, struct netlink *netlink, struct error *error)
{
	struct kernel_plan plan;
	struct feed feed;
	int result = 0;

	prepare(&feed, query);
	if (field_set_has(&query->fields, FIELD_idle))
		netlink_timeout_policies(netlink, query->environment->policies);
	if (!netlink->socket)
		return finish(query, error_set(error, -EBADF, "netlink: cannot open a socket"));
	filter_plan(query->is_without_kernel ? NULL : query->filter, query->family, &plan);
	for (unsigned i = 0; i < plan.count && result == 0; i++)
		result = netlink_dump(netlink, &plan.dumps[i], feed_message, &feed, &query->is_interrupted, error);
	return finish(query, result);
}

int query_get(struct query *query, struct netlink *netlink, const struct record *tuple, bool is_reply,
	      struct error *error)
{
	struct feed feed;
	int result;

	prepare(&feed, query);
	if (field_set_has(&query->fields, FIELD_idle))
		netlink_timeout_policies(netlink, query->environment->policies);
	if (!netlink->socket)
		return finish(query, error_set(error, -EBADF, "netlink: cannot open a socket"));
	result = netlink_get(netlink, tuple, is_reply, feed_message, &feed, error);
	return finish(query, result == 0 ? feed.sink_result : result);
}
