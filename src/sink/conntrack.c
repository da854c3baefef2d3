/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line that `conntrack -L` and `conntrack -E` print: libnetfilter_conntrack's default output
 * (src/conntrack/snprintf_default.c), with the extras that its -o takes.
 */
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <string.h>
#include <time.h>

#include "format.h"
#include "line.h"

#define NANOSECONDS 1000000000ull

enum { EXTRA_EXTENDED, EXTRA_ID, EXTRA_TIMESTAMP, EXTRA_KTIMESTAMP, EXTRA_LABELS };

const struct format_extra conntrack_extras[] = {
	[EXTRA_EXTENDED] = { "extended", "the address family in front" },
	[EXTRA_ID] = { "id", "the entry's identifier" },
	[EXTRA_TIMESTAMP] = { "timestamp", "when an event was (nothing in a list)" },
	[EXTRA_KTIMESTAMP] = { "ktimestamp", "the kernel's start and end as dates" },
	[EXTRA_LABELS] = { "labels", "labels by name" },
	{ NULL, NULL },
};

static bool has_extra(const struct printer *printer, unsigned extra)
{
	return printer->extras >> extra & 1;
}

static void conntrack_fields(const struct printer *printer, struct field_set *set)
{
	static const uint8_t more[] = {
		FIELD_when, FIELD_start, FIELD_stop, FIELD_zone, FIELD_secmark, FIELD_secctx,
		FIELD_helper, FIELD_id, FIELD_labels, FIELD_NONE,
	};

	(void)printer;
	line_fields(set);
	fields_require(set, more);
}

/* "[start=Sun Nov 22 12:00:00 2026] " */
static void put_date(struct buffer *out, const char *label, uint64_t nanoseconds)
{
	time_t seconds = (time_t)(nanoseconds / NANOSECONDS);
	char text[32] = "";
	struct tm when;

	localtime_r(&seconds, &when);
	asctime_r(&when, text);
	text[strcspn(text, "\n")] = '\0';
	buffer_format(out, "[%s=%s] ", label, text);
}

static void put_times(struct printer *printer, const struct record *record)
{
	struct buffer *out = printer->out;
	uint64_t end = record_has(record, FIELD_stop) && record->stop ? record->stop : printer->environment->now;

	if (record_has(record, FIELD_start))
		buffer_format(out, "delta-time=%llu ",
			      (unsigned long long)(end / NANOSECONDS - record->start / NANOSECONDS));
	if (!has_extra(printer, EXTRA_KTIMESTAMP))
		return;
	if (record_has(record, FIELD_start))
		put_date(out, "start", record->start);
	if (record_has(record, FIELD_stop))
		put_date(out, "stop", record->stop);
}

/* Only labels that have a name are shown, and where none has, the "=" is lost, as it is there. */
static void put_labels(struct printer *printer, const struct record *record)
{
	struct nfct_labelmap *map = naming_labels(&printer->environment->naming);
	struct value value = field_value(FIELD_labels, record);
	struct list_part part;
	unsigned position = 0;
	bool has_any = false;

	if (!map || !value.is_present)
		return;
	buffer_text(printer->out, "labels");
	while (kinds[KIND_LABELS].next(&value, &position, &part)) {
		const char *name = nfct_labelmap_get_name(map, (unsigned)part.number);

		if (!name || !*name)
			continue;
		buffer_char(printer->out, has_any ? ',' : '=');
		buffer_untrusted(printer->out, name, strlen(name));
		has_any = true;
	}
	buffer_char(printer->out, ' ');
}

static void put_tail(struct printer *printer, const struct record *record)
{
	struct buffer *out = printer->out;

	if (record_has(record, FIELD_mark))
		buffer_format(out, "mark=%u ", record->mark);
	if (record_has(record, FIELD_secmark))
		buffer_format(out, "secmark=%u ", record->secmark);
	put_secctx(out, record);
	if (record_has(record, FIELD_zone) && record->zone != 0)
		buffer_format(out, "zone=%u ", record->zone);
	put_times(printer, record);
	if (record_has(record, FIELD_helper)) {
		buffer_text(out, "helper=");
		buffer_untrusted(out, record->helper.text, strlen(record->helper.text));
		buffer_char(out, ' ');
	}
	if (record_has(record, FIELD_use))
		buffer_format(out, "use=%u ", record->use);
	if (has_extra(printer, EXTRA_ID) && record_has(record, FIELD_id))
		buffer_format(out, "id=%u ", record->id);
	if (has_extra(printer, EXTRA_LABELS))
		put_labels(printer, record);
}

/* The library prints ports for every protocol that should have some. */
static char *put_missing_ports(char *at, const struct record *record, enum field_id id)
{
	if (!(protocol_class(record->proto) & CLASS_PORTS) || record_has(record, id))
		return at;
	return put_number(put_number(at, "sport=", 0), "dport=", 0);
}

void conntrack_put_when(struct printer *printer, const struct record *record)
{
	uint64_t nanoseconds = record->when;

	if (!has_extra(printer, EXTRA_TIMESTAMP) || !record_has(record, FIELD_when))
		return;
	buffer_format(printer->out, "[%llu.%06llu]\t", (unsigned long long)(nanoseconds / NANOSECONDS),
		      (unsigned long long)(nanoseconds % NANOSECONDS / 1000));
}

static void conntrack_record(struct printer *printer, const struct record *record)
{
	char *at;

	conntrack_put_when(printer, record);
	at = put_event(buffer_reserve(printer->out, BUFFER_RESERVE_MAX), record);
	if (has_extra(printer, EXTRA_EXTENDED))
		at = put_family(at, record->family);
	at = put_protocol(at, protocol_proc_name(record->proto), record->proto);
	if (record_has(record, FIELD_timeout))
		at = put_number(at, "", record->timeout);
	if (record_has(record, FIELD_state))
		at = put_word(at, state_name(record->state));
	at = put_tuple(at, record, false, address_text);
	at = put_missing_ports(at, record, FIELD_sport);
	if (record_has(record, FIELD_orig_zone))
		at = put_number(at, "zone-orig=", record->orig_zone);
	at = put_counters(at, record, false);
	at = put_unreplied(at, record);
	at = put_tuple(at, record, true, address_text);
	at = put_missing_ports(at, record, FIELD_reply_sport);
	if (record_has(record, FIELD_reply_zone))
		at = put_number(at, "zone-reply=", record->reply_zone);
	at = put_counters(at, record, true);
	at = put_assured(at, record);
	buffer_advance(printer->out, at);
	put_tail(printer, record);
	/* The last blank becomes the end of the line. */
	printer->out->data[printer->out->length - 1] = '\n';
}

const struct format conntrack_format = {
	.name = "conntrack",
	.summary = "the line of conntrack -L; of events (their default) that of conntrack -E",
	.extras = conntrack_extras,
	.fields = conntrack_fields,
	.record = conntrack_record,
	.of_expectations = &conntrack_expectations,
};
