/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_STATISTICS_H
#define CONNTAB_STATISTICS_H

#include "conntab/netlink.h"

/*
 * The kernel's counters of connection tracking, one set for each CPU of this
 * network namespace (struct ip_conntrack_stat). They start at 0 with the
 * namespace, hold 32 bits and wrap.
 */
enum counter_id {
	COUNTER_FOUND,
	COUNTER_INVALID,
	COUNTER_INSERT,
	COUNTER_INSERT_FAILED,
	COUNTER_DROP,
	COUNTER_EARLY_DROP,
	COUNTER_ERROR,
	COUNTER_SEARCH_RESTART,
	COUNTER_CLASH_RESOLVE,
	COUNTER_CHAIN_TOOLONG,
	COUNTER_ENTRIES_END,
	COUNTER_EXPECT_NEW = COUNTER_ENTRIES_END,
	COUNTER_EXPECT_CREATE,
	COUNTER_EXPECT_DELETE,
	COUNTER_COUNT,
};

/* The one table of counters. */
struct counter {
	const char *name;
	const char *conntrack_name; /* as `conntrack -S` spells it */
	const char *meaning;
	const char *advice;  /* what to do when it grows; NULL: nothing */
	bool is_watched;     /* worth a place in every sample of `watch` */
};

extern const struct counter counters[COUNTER_COUNT];

struct cpu_counters {
	unsigned cpu;     /* number of the CPU */
	uint32_t present; /* bit n: this kernel has counter n */
	uint32_t values[COUNTER_COUNT];
};

/*
 * Calls `each` for every CPU with the counters of entries, then with those of
 * expectations. Returns 0 or -errno with `error` filled in.
 */
int netlink_counters(struct netlink *netlink, void (*each)(void *data, const struct cpu_counters *counters),
		     void *data, struct error *error);
/* The same without those of expectations. */
int netlink_entry_counters(struct netlink *netlink,
			   void (*each)(void *data, const struct cpu_counters *counters), void *data,
			   struct error *error);

/* The sum over all CPUs; a difference of two sums is right modulo 2^32. */
struct counter_sums {
	uint32_t present;
	uint64_t values[COUNTER_COUNT];
};

/* Adds one CPU: an `each` of the functions above, with a struct counter_sums. */
void counter_sums_add(void *data, const struct cpu_counters *counters);

#endif
