/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conntab/fill.h"
#include "conntab/host.h"

/*
 * A socket that only counts: it is never read, so that its queue, as small as it
 * can be made, holds one message and all others are dropped, and every drop is
 * counted (SO_MEMINFO). Nobody is slowed down: a broadcast does not wait.
 */
static int open_counter(uint32_t group)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER), size = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool read_counter(int fd, uint64_t *messages)
{
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(memory);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size) < 0)
		return false;
	*messages = memory[SK_MEMINFO_DROPS] + (memory[SK_MEMINFO_RMEM_ALLOC] > 0);
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
	*source = (struct fill_source){ .event_socket = -1 };
	if (remember(source, name, error) || netlink_open(&source->netlink, error))
		return error->code;
	if (has_events)
		source->event_socket = open_counter(NFNLGRP_CONNTRACK_NEW);
	return 0;
}

void fill_source_close(struct fill_source *source)
{
	netlink_close(&source->netlink);
	if (source->event_socket >= 0)
		close(source->event_socket);
	source->event_socket = -1;
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
	sample->has_events = read_counter(source->event_socket, &sample->created);
	clock_gettime(CLOCK_MONOTONIC, &now);
	sample->time = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
	return 0;
}

uint64_t sample_growth(const struct sample *before, const struct sample *now, enum counter_id counter)
{
	/* Each CPU's counter wraps at 32 bits; so does the difference of the sums. */
	return (uint32_t)(now->counters.values[counter] - before->counters.values[counter]);
}
