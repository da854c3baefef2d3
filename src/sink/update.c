/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "conntab/draft.h"
#include "conntab/netlink.h"
#include "conntab/sink.h"

/* A connection can get two flags that it cannot lose: it was seen to be answered, and is assured. */
enum { TRIES_MAX = 3 };

struct update_sink {
	struct sink sink;
	struct update *update;
	struct sink *next;
	struct error *error;
	unsigned used;
	struct record pending[NETLINK_BATCH_MESSAGES]; /* the tag is the place here */
};

/* Each reason once, with how many it is the reason of. */
static void refuse(struct update *update, const struct error *words)
{
	size_t i = 0;

	update->refused++;
	while (i < update->reason_count && strcmp(update->reasons[i].words.text, words->text) != 0)
		i++;
	if (i == UPDATE_REASONS_MAX)
		i--;
	else if (i == update->reason_count)
		update->reasons[update->reason_count++].words = *words;
	update->reasons[i].count++;
}

/* What a code means of a change. Who may read the table may change it, so that only a fixed timeout is denied. */
static void explain(const struct record *record, int code, struct error *words)
{
	const char *text = NULL;

	if (code == -EPERM && record_has(record, FIELD_timeout))
		text = "the timeout is fixed";
	else if (record_has(record, FIELD_helper) && (code == -EOPNOTSUPP || code == -EBUSY))
		text = "the kernel gives helpers to new entries only; one that is there can be taken away (helper none)";
	if (!text)
		return;
	*words = (struct error){ 0 };
	error_set(words, code, "%s", text);
}

static int read_status(void *data, const struct nlmsghdr *message)
{
	struct field_set status = { { 0, 0 } };
	struct decoder decoder;
	struct record now;

	field_set_add(&status, FIELD_status);
	decoder_init(&decoder, &status);
	if (decoder_decode(&decoder, message, &now) && record_has(&now, FIELD_status))
		*(uint32_t *)data |= now.status;
	return 0;
}

/* The kernel takes a status as a whole, and packets went on setting flags since it was read. */
static int try_again(struct update *update, struct record *record, struct error *words)
{
	int code = -EBUSY;

	for (int i = 0; i < TRIES_MAX && code == -EBUSY; i++) {
		*words = (struct error){ 0 };
		code = netlink_get(update->second, record, false, read_status, &record->status, words);
		if (code == 0)
			code = netlink_update(update->second, record, &update->draft->masks, words);
	}
	return code;
}

static int update_refused(void *data, uint64_t tag, int code, const struct error *reason)
{
	struct update_sink *sink = data;
	struct record *record = &sink->pending[tag];
	struct error words = *reason;

	if (code == -EBUSY && record_has(record, FIELD_status))
		code = try_again(sink->update, record, &words);
	if (code == 0) {
		sink->update->changed++;
	} else if (code == -ENOENT) {
		sink->update->vanished++;
	} else {
		explain(record, code, &words);
		refuse(sink->update, &words);
	}
	return 0;
}

static int send_update(struct update_sink *sink, const struct record *record)
{
	struct update *update = sink->update;
	unsigned place = sink->used++ % NETLINK_BATCH_MESSAGES;
	struct record *change = &sink->pending[place];
	struct error words = { 0 };
	int result = draft_differs(update->draft, record, change, &words);

	if (result < 0)
		refuse(update, &words);
	else if (result == 0)
		update->already++;
	else if (update->batch)
		return netlink_batch_update(update->batch, change, &update->draft->masks, place, sink->error);
	else
		update->changed++;
	/* Nothing waits in that place. */
	sink->used -= result <= 0;
	return 0;
}

static int update_record(struct sink *base, const struct record *record)
{
	struct update_sink *sink = (struct update_sink *)base;
	int result = send_update(sink, record);

	/* A reader of the list that went away does not stop the update. */
	if (sink->next)
		sink->next->record(sink->next, record);
	return result;
}

/* Entries that were chosen are changed, also when the dump broke off behind them. */
static int update_close(struct sink *base, int result)
{
	struct update_sink *sink = (struct update_sink *)base;
	struct netlink_batch *batch = sink->update->batch;
	int sent = batch ? netlink_batch_send(batch, sink->error) : 0;
	int closed = sink->next ? sink->next->close(sink->next, result) : 0;

	if (batch)
		sink->update->changed += batch->done;
	return sent ? sent : closed;
}

static void update_free(struct sink *base)
{
	struct update_sink *sink = (struct update_sink *)base;

	if (sink->next)
		sink->next->free(sink->next);
	free(sink);
}

struct sink *update_sink_new(struct update *update, struct sink *next, struct error *error)
{
	struct update_sink *sink = malloc(sizeof(*sink));

	if (!sink) {
		if (next)
			next->free(next);
		return NULL;
	}
	sink->sink = (struct sink){ update_record, update_close, update_free };
	sink->update = update;
	sink->next = next;
	sink->error = error;
	sink->used = 0;
	if (update->batch) {
		update->batch->refusal = update_refused;
		update->batch->data = sink;
	}
	return &sink->sink;
}
