/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_QUERY_H
#define CONNTAB_QUERY_H

#include "conntab/filter.h"
#include "conntab/sink.h"

/* A question to the table: source -> filter -> sink. */
struct query {
	const struct filter *filter; /* NULL: everything */
	uint8_t family;              /* AF_UNSPEC, AF_INET, AF_INET6 */
	bool is_without_kernel;      /* the kernel selects by family only */
	struct sink *sink;
	struct field_set fields; /* what sinks read; the filter's fields are added */
	struct environment *environment;

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

/* The same for one entry by its tuple; -ENOENT without words when there is none. */
int query_get(struct query *query, struct netlink *netlink, const struct record *tuple, bool is_reply,
	      struct error *error);

#endif
