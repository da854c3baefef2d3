/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line of /proc/net/nf_conntrack: ct_seq_show() in
 * net/netfilter/nf_conntrack_standalone.c.
 */
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "format.h"
#include "line.h"

static void proc_fields(const struct printer *printer, struct field_set *set)
{
	static const uint8_t more[] = { FIELD_age, FIELD_zone, FIELD_secctx, FIELD_synproxy_isn, FIELD_NONE };

	(void)printer;
	line_fields(set);
	fields_require(set, more);
}

/*
 * GRE's own timeouts are fixed when a packet makes the entry and are not in the
 * dump: the settings of today are what they were unless somebody changed them.
 * An entry made over ctnetlink has none. Such entries alone are given synproxy's
 * extension (ctnetlink_create_conntrack()), which tells them apart.
 */
static char *put_gre_timeouts(char *at, const struct record *record, const struct timeouts *timeouts)
{
	bool has_none = record_has(record, FIELD_synproxy_isn);

	at = put_number(at, "timeout=", has_none ? 0 : timeouts->gre);
	at[-1] = ',';
	*at++ = ' ';
	return put_number(at, "stream_timeout=", has_none ? 0 : timeouts->gre_stream);
}

/* A protocol with ports that comes without has no tracker in this kernel (DCCP since 6.17). */
static const char *tracker_name(const struct record *record)
{
	if (protocol_class(record->proto) & CLASS_PORTS && !record_has(record, FIELD_sport))
		return "unknown";
	return protocol_proc_name(record->proto);
}

static char *put_zone(char *at, const struct record *record, enum field_id id, const char *label, uint16_t zone)
{
	return record_has(record, id) ? put_number(at, label, zone) : at;
}

static void proc_record(struct printer *printer, const struct record *record)
{
	char *at = buffer_reserve(printer->out, BUFFER_RESERVE_MAX);

	at = put_family(put_event(at, record), record->family);
	at = put_protocol(at, tracker_name(record), record->proto);
	if (record_has(record, FIELD_timeout))
		at = put_number(at, "", record->timeout);
	if (record_has(record, FIELD_state))
		at = put_word(at, state_name(record->state));
	if (record->proto == IPPROTO_GRE)
		at = put_gre_timeouts(at, record, environment_timeouts(printer->environment));
	at = put_tuple(at, record, false, address_text_full);
	at = put_zone(at, record, FIELD_orig_zone, "zone-orig=", record->orig_zone);
	at = put_counters(at, record, false);
	at = put_unreplied(at, record);
	at = put_tuple(at, record, true, address_text_full);
	at = put_zone(at, record, FIELD_reply_zone, "zone-reply=", record->reply_zone);
	at = put_counters(at, record, true);
	at = put_assured(at, record);
	if (record_has(record, FIELD_mark))
		at = put_number(at, "mark=", record->mark);
	buffer_advance(printer->out, at);
	put_secctx(printer->out, record);
	at = buffer_reserve(printer->out, BUFFER_RESERVE_MAX);
	at = put_zone(at, record, FIELD_zone, "zone=", record->zone);
	if (record_has(record, FIELD_age))
		at = put_number(at, "delta-time=", record->age);
	/* Whoever reads the file holds a reference of his own. */
	if (record_has(record, FIELD_use))
		at = put_number(at, "use=", record->use + 1ull);
	at[-1] = '\n';
	buffer_advance(printer->out, at);
}

const struct format proc_format = {
	.name = "proc",
	.summary = "the line of /proc/net/nf_conntrack, byte for byte (default)",
	.fields = proc_fields,
	.record = proc_record,
	.of_expectations = &proc_expectations,
};
