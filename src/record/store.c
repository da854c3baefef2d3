/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conntab/host.h"

/* What is in the file: entries behind each other. A place is an entry's offset. */
struct entry {
	uint32_t size; /* as much of it as the record needs */
	uint32_t is_dropped;
	struct record record;
};

static int open_in(const char *directory)
{
	char path[512];
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* Not every file system can do without a name. */
	if (snprintf(path, sizeof(path), "%s/conntab.XXXXXX", directory) >= (int)sizeof(path))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static int open_file(void)
{
	const char *const directories[] = { getenv("TMPDIR"), "/var/tmp", "/tmp" };
	int fd = -1;

	for (size_t i = 0; i < 3 && fd < 0; i++)
		if (directories[i] && *directories[i])
			fd = open_in(directories[i]);
	return fd < 0 ? -errno : fd;
}

int store_begin(struct store *store, struct error *error)
{
	int netns;

	if (!store->fd) {
		int fd = open_file();

		if (fd < 0)
			return error_set(error, fd, "no file to keep deleted entries in: %s", strerror(-fd));
		store->fd = fd;
	}
	if (ftruncate(store->fd, 0) < 0)
		return error_set(error, -errno, "cannot empty the file of deleted entries: %s", strerror(errno));
	store->size = 0;
	store->count = 0;
	netns = namespace_save();
	if (netns < 0)
		return error_set(error, netns, "network namespace: %s", strerror(-netns));
	if (store->netns)
		close(store->netns);
	store->netns = netns;
	return 0;
}

void store_done(struct store *store)
{
	if (store->fd)
		close(store->fd);
	if (store->netns)
		close(store->netns);
	*store = (struct store){ 0 };
}

int store_add(struct store *store, const struct record *record, uint64_t *place, struct error *error)
{
	struct entry entry = { .size = 0 };
	size_t size = record_size(record);
	ssize_t written;

	memcpy(&entry.record, record, size);
	entry.size = (uint32_t)(offsetof(struct entry, record) + size);
	do
		written = pwrite(store->fd, &entry, entry.size, (off_t)store->size);
	while (written < 0 && errno == EINTR);
	if (written != (ssize_t)entry.size) {
		int code = written < 0 ? -errno : -ENOSPC;

		return error_set(error, code, "cannot keep what is to be deleted: %s", strerror(-code));
	}
	*place = store->size;
	store->size += entry.size;
	store->count++;
	return 0;
}

static void mark(struct store *store, uint64_t place, uint32_t is_dropped)
{
	off_t offset = (off_t)(place + offsetof(struct entry, is_dropped));
	uint32_t before = is_dropped;

	if (pread(store->fd, &before, sizeof(before), offset) != sizeof(before) || before == is_dropped ||
	    pwrite(store->fd, &is_dropped, sizeof(is_dropped), offset) != sizeof(is_dropped))
		return;
	store->count = is_dropped ? store->count - 1 : store->count + 1;
}

void store_drop(struct store *store, uint64_t place)
{
	mark(store, place, 1);
}

void store_recall(struct store *store, uint64_t place)
{
	mark(store, place, 0);
}

/* The entry at `place`; 0 or -errno. */
static int read_entry(const struct store *store, uint64_t place, struct entry *entry)
{
	size_t header = offsetof(struct entry, record);
	ssize_t length = pread(store->fd, entry, sizeof(*entry), (off_t)place);

	if (length < 0)
		return -errno;
	if ((size_t)length < header || entry->size < header || entry->size > (size_t)length)
		return -EIO;
	return 0;
}

int store_read(const struct store *store, uint64_t *cursor, uint64_t *place, struct record *record)
{
	struct entry entry;

	while (*cursor < store->size) {
		int result = read_entry(store, *cursor, &entry);

		if (result)
			return result;
		*place = *cursor;
		*cursor += entry.size;
		if (entry.is_dropped)
			continue;
		memcpy(record, &entry.record, entry.size - offsetof(struct entry, record));
		return 1;
	}
	return 0;
}
