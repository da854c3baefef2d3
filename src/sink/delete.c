/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "conntab/netlink.h"
#include "conntab/sink.h"

struct delete_sink {
	struct sink sink;
	struct netlink_batch *batch;
	uint64_t *vanished;
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

	(void)tag;
	if (code == -ENOENT) {
		++*delete->vanished;
		return 0;
	}
	return error_set(delete->error, code, "%s", words->text);
}

static int delete_record(struct sink *sink, const struct record *record)
{
	struct delete_sink *delete = (struct delete_sink *)sink;
	int result = netlink_batch_delete(delete->batch, record, 0, delete->error);

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

struct sink *delete_sink_new(struct netlink_batch *batch, uint64_t *vanished, struct sink *next,
			     struct error *error)
{
	struct delete_sink *delete = malloc(sizeof(*delete));

	if (!delete) {
		if (next)
			next->free(next);
		return NULL;
	}
	*delete = (struct delete_sink){ .sink = { delete_record, delete_close, delete_free }, .batch = batch,
					.vanished = vanished, .next = next, .error = error };
	batch->refusal = delete_refused;
	batch->data = delete;
	return &delete->sink;
}
