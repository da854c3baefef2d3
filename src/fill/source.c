/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "conntab/fill.h"
#include "conntab/host.h"
#include "conntab/kind.h"

/*
 * A socket that only counts: it is never read, so that its queue, as small as it
 * can be made, holds one message and all others are lost, and every loss is
 * counted. Nobody is slowed down: a broadcast does not wait.
 */
static void open_counter(struct netlink_events *events)
{
	static const struct kernel_filter new_entries = { .events = EVENT_BIT(EVENT_NEW) };
	struct error ignored = { 0 };

	netlink_events_open(events, &new_entries, 1, &ignored);
}

static bool read_counter(const struct netlink_events *events, uint64_t *messages)
{
	uint32_t lost;
	bool is_waiting;

	if (!netlink_events_state(events, &lost, &is_waiting))
		return false;
	*messages = lost + is_waiting;
	return true;
}

/* Remembers which namespace this is, to notice when its name goes or means another one. */
static int remember(struct fill_source *source, const char *name, struct error *error)
{
	struct stat status;

	if (!name)
		return 0;
	snprintf(source->name, sizeof(source->name), "%s", name);
	if (!namespace_path(name, source->path, sizeof(source->path)) || stat(source->path, &status) < 0)
		return error_set(error, -ENOENT, "network namespace %s: gone", name);
	source->device = status.st_dev;
	source->inode = status.st_ino;
	return 0;
}

int fill_source_open(struct fill_source *source, const char *name, bool has_events, struct error *error)
{
	*source = (struct fill_source){ .events.fd = -1 };
	if (remember(source, name, error) || netlink_open(&source->netlink, error))
		return error->code;
	if (has_events)
		open_counter(&source->events);
	return 0;
}

void fill_source_close(struct fill_source *source)
{
	netlink_close(&source->netlink);
	netlink_events_close(&source->events);
}

static bool is_gone(const struct fill_source *source)
{
	struct stat status;

	return source->name[0] && (stat(source->path, &status) < 0 || status.st_dev != source->device ||
				status.st_ino != source->inode);
}

int fill_source_sample(struct fill_source *source, struct sample *sample, struct error *error)
{
	struct timespec now;

	*sample = (struct sample){ 0 };
	/* Our sockets keep the namespace alive, but nobody else is in it any more. */
	if (is_gone(source))
		return error_set(error, -ENOENT, "network namespace %s: gone", source->name);
	if (netlink_statistics(&source->netlink, &sample->entries, &sample->maximum, error) ||
	    netlink_entry_counters(&source->netlink, counter_sums_add, &sample->counters, error))
		return error->code;
	if (sample->maximum == 0)
		return error_set(error, -ENOTSUP, "the kernel does not tell the maximum (nf_conntrack_max)");
	sample->has_events = read_counter(&source->events, &sample->created);
	clock_gettime(CLOCK_MONOTONIC, &now);
	sample->time = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
	return 0;
}

uint64_t sample_growth(const struct sample *before, const struct sample *now, enum counter_id counter)
{
	/* Each CPU's counter wraps at 32 bits; so does the difference of the sums. */
	return (uint32_t)(now->counters.values[counter] - before->counters.values[counter]);
}
