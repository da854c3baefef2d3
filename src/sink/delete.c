/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "conntab/netlink.h"
#include "conntab/sink.h"
#include "conntab/store.h"

struct delete_sink {
	struct sink sink;
	struct netlink_batch *batch;
	int (*remove)(struct netlink_batch *batch, const struct record *record, uint64_t tag, struct error *error);
	uint64_t *vanished;
	struct store *store;
	bool has_begun; /* the store */
	struct sink *next;
	struct error *error;
};

/*
 * No entry with that tuple, zone and id is not an error: it ended, or was deleted by
 * somebody else, since it was seen.
 */
static int delete_refused(void *data, uint64_t tag, int code, const struct error *words)
{
	struct delete_sink *delete = data;

	/* Whatever the reason: it was not we who took it. */
	if (delete->store)
		store_drop(delete->store, tag);
	if (code == -ENOENT) {
		++*delete->vanished;
		return 0;
	}
	return error_set(delete->error, code, "%s", words->text);
}

/* What was kept before stays there until there is something new to keep. */
static int keep(struct delete_sink *delete, const struct record *record, uint64_t *place)
{
	if (!delete->has_begun && store_begin(delete->store, delete->error))
		return delete->error->code;
	delete->has_begun = true;
	return store_add(delete->store, record, place, delete->error);
}

static int delete_record(struct sink *sink, const struct record *record)
{
	struct delete_sink *delete = (struct delete_sink *)sink;
	uint64_t place = 0;
	int result = delete->store ? keep(delete, record, &place) : 0;

	if (result == 0)
		result = delete->remove(delete->batch, record, place, delete->error);
	/* A reader of the list that went away does not stop the deletion. */
	if (delete->next)
		delete->next->record(delete->next, record);
	return result;
}

/* Entries that were chosen go, also when the dump broke off behind them. */
static int delete_close(struct sink *sink, int result)
{
	struct delete_sink *delete = (struct delete_sink *)sink;
	int sent = netlink_batch_send(delete->batch, delete->error);
	int closed = delete->next ? delete->next->close(delete->next, result) : 0;

	return sent ? sent : closed;
}

static void delete_free(struct sink *sink)
{
	struct delete_sink *delete = (struct delete_sink *)sink;

	if (delete->next)
		delete->next->free(delete->next);
	free(delete);
}

struct sink *delete_sink_new(struct netlink_batch *batch, enum subject subject, uint64_t *vanished,
			     struct store *store, struct sink *next, struct error *error)
{
	struct delete_sink *delete = malloc(sizeof(*delete));
	bool is_entry = subject == SUBJECT_ENTRY;

	if (!delete) {
		if (next)
			next->free(next);
		return NULL;
	}
	*delete = (struct delete_sink){ .sink = { delete_record, delete_close, delete_free }, .batch = batch,
					.remove = is_entry ? netlink_batch_delete : netlink_batch_delete_expectation,
					.vanished = vanished, .store = store, .next = next, .error = error };
	batch->refusal = delete_refused;
	batch->data = delete;
	return &delete->sink;
}
