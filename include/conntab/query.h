/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_QUERY_H
#define CONNTAB_QUERY_H

#include "conntab/events.h"
#include "conntab/filter.h"
#include "conntab/picture.h"
#include "conntab/sink.h"

/* A question to the table: source -> filter -> sink. */
struct query {
	const struct filter *filter; /* NULL: everything */
	uint8_t family;              /* AF_UNSPEC, AF_INET, AF_INET6 */
	bool is_without_kernel;      /* the kernel selects by family only */
	struct sink *sink;
	struct field_set fields; /* what sinks read; the filter's fields are added */
	struct environment *environment; /* its `subject` is what is asked for */

	/* Results. */
	uint64_t received;       /* entries that the kernel sent */
	uint64_t matched;
	uint64_t undecided;      /* those of which the filter is neither true nor false */
	bool is_interrupted;     /* the table changed shape under the dump: parts may be missing */
	struct field_set seen;   /* fields that at least one received entry had */
};

/*
 * Runs the query over a dump and closes the sink, also after a failure, so that
 * what was printed is whole. Returns 0, -EINTR after a signal, or -errno: with
 * `error` filled in when netlink failed, without when a sink did.
 */
int query_run(struct query *query, struct netlink *netlink, struct error *error);

/* The dumps that a query makes. */
void query_plan(const struct query *query, struct kernel_plan *plan);

/*
 * The same for one entry by its tuple, or for the expectation that a connection with it would meet; -ENOENT
 * without words when there is none.
 */
int query_get(struct query *query, struct netlink *netlink, const struct record *tuple, bool is_reply,
	      struct error *error);

/* Events as they come. */
struct follow {
	struct netlink_events events; /* open */
	struct picture *picture;      /* NULL: what is lost stays lost */
	struct netlink *netlink;      /* for requests */
	struct buffer *out;           /* flushed whenever nothing more waits */
	/* Called when something was lost, with the total. */
	void (*notice)(void *data, uint64_t lost);
	void *data;

	/* Results. */
	uint64_t told[EVENT_COUNT];   /* handed to the sink */
	uint64_t lost;                /* messages that the kernel could not deliver */
	uint64_t looks;               /* dumps that the picture was held against, the first one included */
	bool is_behind;               /* something was lost since the last look */
};

/*
 * Hands the events that match to the sink until it wants no more or a signal comes,
 * and closes it. With a picture, the entries of the table come first, and after a loss what
 * was missed, as the events EVENT_PRESENT, EVENT_UPDATE and EVENT_DESTROY. Entries of which
 * no event ever came may end in silence (those that began before somebody listened): as
 * long as there are any the table is looked at now and then. Returns as query_run(),
 * but 0 after a signal.
 */
int query_follow(struct query *query, struct follow *follow, struct error *error);

#endif
