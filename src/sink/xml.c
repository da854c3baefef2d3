/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The XML of `conntrack -o xml` (libnetfilter_conntrack's src/conntrack/
 * snprintf_xml.c); what that grammar has no place for follows in each flow as
 * <field name="...">, by the names of the table of fields.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "format.h"
#include "line.h"

/* The members of one direction. */
struct side {
	const char *name;
	uint8_t src, dst, sport, dport, srckey, dstkey, zone, packets, bytes;
};

static const struct side sides[] = {
	{ "original", FIELD_src, FIELD_dst, FIELD_sport, FIELD_dport, FIELD_gre_srckey, FIELD_gre_dstkey,
	  FIELD_orig_zone, FIELD_orig_packets, FIELD_orig_bytes },
	{ "reply", FIELD_reply_src, FIELD_reply_dst, FIELD_reply_sport, FIELD_reply_dport,
	  FIELD_reply_gre_srckey, FIELD_reply_gre_dstkey, FIELD_reply_zone, FIELD_reply_packets,
	  FIELD_reply_bytes },
};

/* In the flow's common part, in this order, as elements of the same name. */
static const uint8_t common[] = { FIELD_state, FIELD_timeout, FIELD_mark, FIELD_secmark, FIELD_secctx,
				  FIELD_zone, FIELD_use, FIELD_id, FIELD_NONE };

void xml_fields(const struct printer *printer, struct field_set *set)
{
	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if (field_is_of(id, printer->environment->subject, true))
			field_set_include(set, id);
}

static void put_escaped(struct buffer *out, const char *text)
{
	for (size_t i = 0, length = strlen(text), size; i < length; i += size) {
		size = text_utf8_length(text + i, length - i);
		switch (text[i]) {
		case '<': buffer_text(out, "&lt;"); break;
		case '>': buffer_text(out, "&gt;"); break;
		case '&': buffer_text(out, "&amp;"); break;
		default: buffer_untrusted(out, text + i, size ? size : 1);
		}
		size = size ? size : 1;
	}
}

static void put_content(struct printer *printer, const struct value *value)
{
	if (value->kind == KIND_TEXT)
		put_escaped(printer->out, value->data);
	else
		kinds[value->kind].format(printer->out, value, &printer->environment->naming);
}

void xml_put_element(struct printer *printer, const struct record *record, enum field_id id, const char *name)
{
	struct value value = field_value(id, record);

	if (!value.is_present)
		return;
	buffer_format(printer->out, "<%s>", name);
	put_content(printer, &value);
	buffer_format(printer->out, "</%s>", name);
}

static void put_side(struct printer *printer, const struct record *record, const struct side *side)
{
	struct buffer *out = printer->out;
	const char *family = kind_word(KIND_FAMILY, record->family);

	buffer_format(out, "<meta direction=\"%s\"><layer3 protonum=\"%u\" protoname=\"%s\">", side->name,
		      record->family, family ? family : "unknown");
	xml_put_element(printer, record, side->src, "src");
	xml_put_element(printer, record, side->dst, "dst");
	buffer_format(out, "</layer3><layer4 protonum=\"%u\" protoname=\"%s\">", record->proto,
		      protocol_proc_name(record->proto));
	xml_put_element(printer, record, side->sport, "sport");
	xml_put_element(printer, record, side->dport, "dport");
	xml_put_element(printer, record, side->srckey, "srckey");
	xml_put_element(printer, record, side->dstkey, "dstkey");
	buffer_text(out, "</layer4>");
	xml_put_element(printer, record, side->zone, "zone");
	if (record_has(record, side->packets) && record_has(record, side->bytes)) {
		buffer_text(out, "<counters>");
		xml_put_element(printer, record, side->packets, "packets");
		xml_put_element(printer, record, side->bytes, "bytes");
		buffer_text(out, "</counters>");
	}
	buffer_text(out, "</meta>");
}

static void put_times(struct printer *printer, const struct record *record)
{
	if (!record_has(record, FIELD_start))
		return;
	buffer_format(printer->out, "<timestamp><start>%llu</start>", (unsigned long long)record->start);
	if (record_has(record, FIELD_stop))
		buffer_format(printer->out, "<stop>%llu</stop>", (unsigned long long)record->stop);
	buffer_text(printer->out, "</timestamp>");
	xml_put_element(printer, record, FIELD_age, "deltatime");
}

static void put_common(struct printer *printer, const struct record *record)
{
	uint32_t status = record_has(record, FIELD_status) ? record->status : IPS_SEEN_REPLY;

	buffer_text(printer->out, "<meta direction=\"independent\">");
	for (size_t i = 0; common[i] != FIELD_NONE; i++)
		if (common[i] != FIELD_zone || (record_has(record, FIELD_zone) && record->zone != 0))
			xml_put_element(printer, record, common[i], fields[common[i]].name);
	if (status & IPS_ASSURED)
		buffer_text(printer->out, "<assured/>");
	if (!(status & IPS_SEEN_REPLY))
		buffer_text(printer->out, "<unreplied/>");
	put_times(printer, record);
	buffer_text(printer->out, "</meta>");
	xml_put_element(printer, record, FIELD_helper, "helper");
}

/* What the grammar above has said already, here or as an attribute. */
static bool is_said(enum field_id id)
{
	static const uint8_t more[] = { FIELD_event, FIELD_family, FIELD_proto, FIELD_helper, FIELD_start,
					FIELD_stop, FIELD_age, FIELD_NONE };

	for (size_t i = 0; more[i] != FIELD_NONE; i++)
		if (more[i] == id)
			return true;
	for (size_t i = 0; common[i] != FIELD_NONE; i++)
		if (common[i] == id)
			return true;
	for (size_t i = 0; i < 2; i++) {
		const struct side *side = &sides[i];

		if (id == side->src || id == side->dst || id == side->sport || id == side->dport ||
		    id == side->srckey || id == side->dstkey || id == side->zone || id == side->packets ||
		    id == side->bytes)
			return true;
	}
	return false;
}

static void put_rest(struct printer *printer, const struct record *record)
{
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		struct value value = field_value(id, record);

		if (!value.is_present || is_said(id))
			continue;
		buffer_format(printer->out, "<field name=\"%s\">", fields[id].name);
		put_content(printer, &value);
		buffer_text(printer->out, "</field>");
	}
}

static void xml_open(struct printer *printer)
{
	buffer_text(printer->out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<conntrack>\n");
}

static void xml_record(struct printer *printer, const struct record *record)
{
	if (record_has(record, FIELD_event))
		buffer_format(printer->out, "<flow type=\"%s\">", kind_word(KIND_EVENT, record->event));
	else
		buffer_text(printer->out, "<flow>");
	put_side(printer, record, &sides[0]);
	put_side(printer, record, &sides[1]);
	put_common(printer, record);
	put_rest(printer, record);
	buffer_text(printer->out, "</flow>\n");
}

static void xml_close(struct printer *printer)
{
	buffer_text(printer->out, "</conntrack>\n");
}

const struct format xml_format = {
	.name = "xml",
	.summary = "the XML of conntrack -o xml, with every field",
	.fields = xml_fields,
	.open = xml_open,
	.record = xml_record,
	.of_expectations = &xml_expectations,
	.close = xml_close,
};
