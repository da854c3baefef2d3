/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts back what the last delete or flush of this session took. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "../command/command.h"
#include "conntab/interrupt.h"

/* That many refused entries are named; the others are counted. */
enum { NAMED_MAX = 20 };

struct undo {
	struct context *context;
	struct store *store;
	struct netlink netlink;
	struct netlink_batch batch;
	struct printer printer;  /* for those that are refused */
	struct buffer text;
	uint64_t refused;
	bool has_labels;
	struct record labelled; /* the first with labels, to see whether the kernel kept them */
	struct error error;
};

static void name_refused(struct undo *undo, const struct record *record, const char *why)
{
	size_t length;

	if (undo->refused++ >= NAMED_MAX)
		return;
	undo->text.length = 0;
	printer_record(&undo->printer, record);
	length = undo->text.length - (undo->text.length > 0);
	report_note(undo->context, "not put back: %.*s: %s", (int)length, undo->text.data, why);
}

/* It stays in the store: what stood in its way may go away. */
static int refuse(void *data, uint64_t place, int code, const struct error *words)
{
	struct undo *undo = data;
	struct record record;
	uint64_t cursor = place;

	store_recall(undo->store, place);
	if (code == -EPERM)
		return error_set(&undo->error, code, "%s", words->text);
	if (store_read(undo->store, &cursor, &place, &record) > 0)
		name_refused(undo, &record, words->text);
	return 0;
}

static int put_back_one(struct undo *undo, uint64_t place, const struct record *record)
{
	struct error error = { 0 };
	int result;

	if (!record_has(record, FIELD_timeout)) {
		name_refused(undo, record, "how long it would have lived is not known (it was offloaded)");
		return 0;
	}
	if (record_has(record, FIELD_labels) && !undo->has_labels) {
		undo->has_labels = true;
		memcpy(&undo->labelled, record, record_size(record));
	}
	store_drop(undo->store, place);
	result = netlink_batch_create(&undo->batch, record, place, false, &error);
	if (result)
		error_set(&undo->error, result, "%s", error.text);
	return result;
}

/*
 * In two passes: an entry that was expected from another one needs that one first.
 */
static int put_back(struct undo *undo)
{
	int result = 0;

	for (int pass = 0; pass < 2 && result == 0; pass++) {
		uint64_t cursor = 0, place;
		struct record record;

		while (result == 0 && !interrupt_signal && (result = store_read(undo->store, &cursor, &place, &record)) > 0)
			result = record_has(&record, FIELD_master_proto) == (pass == 1) ? put_back_one(undo, place, &record) : 0;
		if (result == 0)
			result = netlink_batch_send(&undo->batch, &undo->error);
	}
	if (result)
		error_set(&undo->error, result, "what was deleted cannot be read back: %s", strerror(-result));
	return result;
}

static int look_for_labels(void *data, const struct nlmsghdr *message)
{
	struct field_set wanted = { { 0, 0 } };
	struct decoder decoder;
	struct record record;

	field_set_add(&wanted, FIELD_labels);
	decoder_init(&decoder, &wanted);
	if (decoder_decode(&decoder, message, &record) && record_has(&record, FIELD_labels))
		*(bool *)data = true;
	return 0;
}

/* The kernel takes labels and drops them in silence where no rule uses any (nf_ct_labels_ext_add()). */
static void check_labels(struct undo *undo)
{
	struct error error = { 0 };
	bool is_kept = false;

	if (undo->has_labels && netlink_get(&undo->netlink, &undo->labelled, false, look_for_labels, &is_kept, &error) == 0 &&
	    !is_kept)
		report_note(undo->context, "warning: the kernel kept no labels: no rule of this namespace uses them now");
}

static int report(struct undo *undo)
{
	const struct context *context = undo->context;

	if (undo->refused > NAMED_MAX)
		report_note(context, "and %llu more were not put back", (unsigned long long)(undo->refused - NAMED_MAX));
	if (undo->error.code)
		return report_error(context, &undo->error);
	report_note(context, "%llu %s back%s", (unsigned long long)undo->batch.done,
		    undo->batch.done == 1 ? "entry is" : "entries are",
		    undo->store->count ? "; undo tries the rest again" : "");
	if (!undo->refused)
		return STATUS_OK;
	/* Each was named above. */
	undo->context->session->failures++;
	return STATUS_FAILED;
}

static int undo_all(struct context *context)
{
	struct undo undo = { .context = context, .store = &context->session->taken };
	int status;

	if (buffer_init(&undo.text, -1) ||
	    printer_init(&undo.printer, "conntrack", NULL, &undo.text, &context->environment, &undo.error) ||
	    netlink_open(&undo.netlink, &undo.error))
		error_set(&undo.error, -ENOMEM, "out of memory");
	else if (netlink_batch_init(&undo.batch, &undo.netlink))
		error_set(&undo.error, -ENOMEM, "out of memory");
	undo.batch.refusal = refuse;
	undo.batch.data = &undo;
	if (!undo.error.code && put_back(&undo) == 0)
		check_labels(&undo);
	status = report(&undo);
	netlink_batch_done(&undo.batch);
	netlink_close(&undo.netlink);
	printer_done(&undo.printer);
	buffer_done(&undo.text);
	return status;
}

/* --dry-run: what would be put back, printed as list does. */
static int show_all(struct context *context)
{
	struct store *store = &context->session->taken;
	uint64_t cursor = 0, place;
	struct request request;
	struct record record;
	struct sink *sink = NULL;
	int result = 0;

	if (request_init(&request, context, "proc") == 0)
		sink = request_print_sink(&request);
	while (sink && result == 0 && !interrupt_signal && store_read(store, &cursor, &place, &record) > 0)
		result = sink->record(sink, &record);
	if (sink) {
		result = sink->close(sink, result);
		sink->free(sink);
	}
	if (request.error.code)
		result = report_error(context, &request.error);
	else
		result = result < 0 ? request_failed(&request, result) : STATUS_OK;
	request_done(&request);
	return result;
}

/* Where the entries were, wherever the session is now. */
static int undo_run(struct context *context)
{
	struct store *store = &context->session->taken;
	struct error error = { 0 };
	int here, status;

	if (context->argument_count > 0)
		error_usage(&error, 0, "undo takes no \"%.32s\": it puts back all that the last delete or flush took",
			    context->arguments[0]);
	else if (store->count == 0)
		error_set(&error, -ENOENT, "nothing to undo: %s", context->session->is_without_undo ?
			  "set undo is off" : "no delete or flush of this session took anything that is not back");
	if (error.code)
		return report_error(context, &error);
	if (context->settings.is_dry_run)
		return show_all(context);
	here = namespace_save();
	if (here < 0 || setns(store->netns, CLONE_NEWNET) < 0)
		error_set(&error, -errno, "cannot enter the namespace that the entries are of: %s", strerror(errno));
	status = error.code ? report_error(context, &error) : undo_all(context);
	if (here >= 0 && namespace_return(here) < 0)
		exit(STATUS_FAILED); /* what follows would be done to the wrong table */
	return status;
}

const struct command undo_command = {
	.name = "undo",
	.arguments = "[--dry-run]",
	.summary = "put back what the last delete or flush took",
	.details = "Creates the entries again, in the namespace that they were taken from: tuples, NAT,\n"
		   "state, remaining timeout, mark, labels, zones, helper and master connection. Counters,\n"
		   "start times and identifiers begin anew, since the kernel takes none from outside. Entries\n"
		   "that it refuses are named with its reason and kept for another undo: most often a new\n"
		   "connection has the same tuple. --dry-run prints what would be put back.\n",
	.examples = "undo --dry-run\n"
		    "undo\n",
	.options = OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_COLUMNS),
	.refuses = OPTION_BIT(OPTION_NETNS) | OPTION_BIT(OPTION_IPV4) | OPTION_BIT(OPTION_IPV6),
	.is_of_shell = true,
	.run = undo_run,
};
