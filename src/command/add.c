/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "command.h"
#include "conntab/draft.h"

/* Without a timeout the entry gets the one that the kernel would give it by its settings. */
static int default_timeout(struct record *record, struct environment *environment, struct error *error)
{
	if (record_has(record, FIELD_timeout))
		return 0;
	record->timeout = UINT32_MAX;
	record->timeout = timeout_given(record, environment_timeouts(environment));
	if (record->timeout == UINT32_MAX)
		return error_usage(error, 0, "the entry lacks its timeout, and this namespace has no setting for it");
	field_set_add(&record->present, FIELD_timeout);
	return 0;
}

static int read_draft(struct request *request, struct draft *draft)
{
	struct environment *environment = &request->context->environment;
	struct buffer text;
	int result = request_join_arguments(request->context, &text);

	draft_init(draft);
	if (result)
		error_set(&request->error, result, "out of memory");
	else if (text.length == 0)
		error_usage(&request->error, 0, "which entry? for example: tcp established src 192.0.2.1 sport 4711 "
			    "dst 192.0.2.9 dport 443");
	else if (draft_terms(draft, (struct slice){ text.data, text.length }, &environment->naming, &request->error) == 0 &&
		 draft_complete(draft, request_family(&request->context->settings), &request->error) == 0)
		default_timeout(&draft->record, environment, &request->error);
	buffer_done(&text);
	return request->error.code;
}

static int refused(void *data, uint64_t tag, int code, const struct error *words)
{
	(void)tag;
	return error_set(data, code, "%s", words->text);
}

static int create(struct request *request, const struct record *record)
{
	struct netlink_batch batch = { 0 };
	int result = netlink_open(&request->netlink, &request->error);

	if (result == 0)
		result = netlink_batch_init(&batch, &request->netlink);
	batch.refusal = refused;
	batch.data = &request->error;
	if (result == 0)
		result = netlink_batch_create(&batch, record, 0, request->context->settings.is_or_update, &request->error);
	if (result == 0)
		result = netlink_batch_send(&batch, &request->error);
	netlink_batch_done(&batch);
	return result;
}

static int show(struct request *request, const struct record *record)
{
	if (!request_shows_changes(request->context))
		return 0;
	printer_open(&request->printer);
	printer_record(&request->printer, record);
	return printer_close(&request->printer);
}

static int add_entry(struct request *request)
{
	const struct settings *settings = &request->context->settings;
	struct draft draft;
	int result = read_draft(request, &draft);

	if (result == 0 && !settings->is_dry_run)
		result = create(request, &draft.record);
	if (result == 0)
		result = show(request, &draft.record);
	if (result)
		return request_failed(request, result);
	if (settings->is_dry_run)
		report_note(request->context, "dry run: the entry would be added");
	return STATUS_OK;
}

static int add_run(struct context *context)
{
	struct request request;
	int status;

	if (request_init_printer(&request, context, "proc"))
		status = report_error(context, &request.error);
	else
		status = add_entry(&request);
	request_done(&request);
	return status;
}

const struct command add_command = {
	.name = "add",
	.arguments = "FIELD VALUE...",
	.summary = "make an entry",
	.details = "Describes the entry in the words of a filter: protocol, src, dst and the protocol's own\n"
		   "members (sport and dport; icmp.type, icmp.code, icmp.id; gre.srckey, gre.dstkey), then\n"
		   "what else it shall have: state (tcp and sctp need one), timeout, mark, zone or orig.zone\n"
		   "and reply.zone, labels, helper, the flags seen_reply, assured and fixed_timeout, and any\n"
		   "other field that the kernel takes. \"snat ADDRESS[:PORT]\" and \"dnat ADDRESS[:PORT]\"\n"
		   "translate; of icmp the port is the identifier. The reply follows from that unless its\n"
		   "own fields (reply.src, ...) are given. Without a timeout the entry gets that of the\n"
		   "namespace's settings. Fails where the entry exists, unless --or-update is given.\n",
	.examples = "conntab add tcp established seen_reply assured src 192.0.2.1 sport 4711 dst 192.0.2.9 dport 443\n"
		    "conntab add udp src 10.0.0.5 sport 5353 dst 192.0.2.53 dport 53 snat 198.51.100.1:2000 timeout 5m\n"
		    "conntab add --or-update icmp icmp.type 8 icmp.id 7 src 10.0.0.5 dst 192.0.2.9 mark 0x10 zone 3\n"
		    "conntab add --dry-run gre src 2001:db8::1 dst 2001:db8::2 gre.srckey 0x10 gre.dstkey 0x20\n",
	.options = OPTION_BIT(OPTION_OR_UPDATE) | OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_COLUMNS),
	.completes = COMPLETE_TERMS,
	.run = add_run,
};
