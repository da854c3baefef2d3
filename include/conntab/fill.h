/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_FILL_H
#define CONNTAB_FILL_H

#include <sys/types.h>

#include "conntab/events.h"
#include "conntab/statistics.h"

/* How full the table is: samples of it, what they mean, where they lead. */

/* One look at a namespace's table. */
struct sample {
	uint64_t time;    /* CLOCK_MONOTONIC, nanoseconds: stands still while the machine sleeps */
	uint64_t entries; /* of this namespace */
	uint64_t maximum; /* of the machine: each namespace fills up to it on its own */
	struct counter_sums counters;
	bool has_events;
	uint64_t created; /* entries since the source was opened, as the kernel's events tell */
};

/*
 * A namespace under observation. Its sockets stay in the namespace that the
 * thread is in when it is opened.
 */
struct fill_source {
	char name[256]; /* as the user wrote it; empty: the namespace that we are in */
	char path[512]; /* of a named one, to see whether it is still there */
	dev_t device;
	ino_t inode;
	struct netlink netlink;
	struct netlink_events events; /* of new entries; closed: not counted */
};

/*
 * Opens the sockets. With `has_events` it subscribes to new entries, only to count
 * them: the socket is never read, its queue fills, and the kernel counts what it
 * could not deliver. (Entries that were there before send no event when they end,
 * so destroyed ones follow from the new ones and the change of the total.) Returns
 * 0 or -errno with `error`.
 */
int fill_source_open(struct fill_source *source, const char *name, bool has_events, struct error *error);
void fill_source_close(struct fill_source *source);
/* Takes a sample: about ten system calls. -ENOENT with `error` when the named namespace is gone. */
int fill_source_sample(struct fill_source *source, struct sample *sample, struct error *error);

/* What grew between two samples of one source. */
uint64_t sample_growth(const struct sample *before, const struct sample *now, enum counter_id counter);

enum level { LEVEL_OK, LEVEL_WARNING, LEVEL_CRITICAL, LEVEL_UNKNOWN };

extern const char *const level_names[]; /* "OK", "WARNING", "CRITICAL", "UNKNOWN" */

/*
 * A range as the Monitoring Plugins guidelines define it: N, N:, ~:N, N:M, and
 * with @ in front the inside of it. It alerts outside of low to high. Bounds are
 * numbers of entries, or per cent of the maximum.
 */
struct threshold {
	double low, high; /* -INFINITY and INFINITY where open */
	bool low_is_percent, high_is_percent;
	bool is_inverted;
	bool is_limit; /* from threshold_parse_limit() */
	const char *text; /* as written, borrowed; NULL: not set */
};

/* Reads a range. 0 or a usage fault that names `option`. */
int threshold_parse(const char *text, const char *option, struct threshold *threshold, struct error *error);
/* The plain form for watch: reached at N or N% and above. */
int threshold_parse_limit(const char *text, const char *option, struct threshold *threshold,
			  struct error *error);
/*
 * Once the maximum is known: whether one of the two is upside down, or a plain upper
 * limit (or lower, of watch) for WARNING lies above that for CRITICAL.
 */
bool thresholds_contradict(const struct threshold *warn, const struct threshold *crit, uint64_t maximum);
/* Whether it alerts at that number of entries. */
bool threshold_alerts(const struct threshold *threshold, uint64_t entries, uint64_t maximum);
/* The range in entries, as perfdata wants it: "209715" or "10:209715". `out` has 64 bytes. */
const char *threshold_text(const struct threshold *threshold, uint64_t maximum, char *out);

/* The recent past, for a trend that a single jump does not upset. */
enum { TREND_SAMPLES = 32 };

struct trend {
	double times[TREND_SAMPLES], entries[TREND_SAMPLES]; /* seconds; a ring */
	unsigned count, next;
};

void trend_add(struct trend *trend, uint64_t time, uint64_t entries);
/* Entries a second: the median slope of all pairs (Theil-Sen). False with fewer than three samples. */
bool trend_slope(const struct trend *trend, double *slope);

#endif
