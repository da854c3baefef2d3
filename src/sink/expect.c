/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expectations in the formats whose grammar is fixed elsewhere: the line of
 * /proc/net/nf_conntrack_expect (exp_seq_show() in net/netfilter/nf_conntrack_expect.c), that of
 * `conntrack -L expect` and its XML (libnetfilter_conntrack's src/expect/snprintf_*.c).
 */
#include <netinet/in.h>
#include <string.h>

#include "format.h"
#include "line.h"

static const uint8_t line_ids[] = {
	FIELD_event, FIELD_when, FIELD_family, FIELD_proto, FIELD_timeout,
	FIELD_src, FIELD_dst, FIELD_sport, FIELD_dport,
	FIELD_gre_srckey, FIELD_gre_dstkey, FIELD_icmp_type, FIELD_icmp_code, FIELD_icmp_id, FIELD_zone, FIELD_flags,
	FIELD_class, FIELD_helper, FIELD_mask_src, FIELD_mask_dst, FIELD_mask_sport, FIELD_mask_dport,
	FIELD_master_src, FIELD_master_dst, FIELD_master_sport, FIELD_master_dport, FIELD_NONE,
};

static void expect_fields(const struct printer *printer, struct field_set *set)
{
	(void)printer;
	fields_require(set, line_ids);
}

/* "PERMANENT,INACTIVE"; whether there was any. */
static bool put_flags(struct buffer *out, const struct record *record)
{
	struct value value = field_value(FIELD_flags, record);
	struct list_part part;
	unsigned position = 0;
	bool has_any = false;

	while (value.is_present && kinds[KIND_FLAGS].next(&value, &position, &part)) {
		if (!part.name)
			continue;
		if (has_any)
			buffer_char(out, ',');
		for (const char *at = part.name; *at; at++)
			buffer_char(out, (char)(*at & ~0x20));
		has_any = true;
	}
	return has_any;
}

/*
 * The name of a class is not in the message. Of the kernel's own helpers only sip names its
 * classes (sip_exp_policy in net/netfilter/nf_conntrack_sip.c).
 */
static const char *class_name(const struct record *record)
{
	static const char *const sip[] = { "signalling", "audio", "video", "image" };

	if (strncmp(record->helper.text, "sip", 3) != 0 || !record_has(record, FIELD_class) || record->class >= 4)
		return NULL;
	return sip[record->class];
}

static void put_helper(struct buffer *out, const char *label, const struct record *record)
{
	buffer_text(out, label);
	buffer_untrusted(out, record->helper.text, strlen(record->helper.text));
}

/* As ct_print_tuple() has it, blanks at the end included. */
static void proc_record(struct printer *printer, const struct record *record)
{
	struct buffer *out = printer->out;
	char *at = put_event(buffer_reserve(out, BUFFER_RESERVE_MAX), record);

	at = record_has(record, FIELD_timeout) ? put_number(at, "", record->timeout) : put_word(at, "-");
	at = put_number(at, "l3proto = ", record->family);
	at = put_number(at, "proto=", record->proto);
	buffer_advance(out, put_tuple(at, record, false, address_text_full));
	put_flags(out, record);
	if (record_has(record, FIELD_helper)) {
		put_helper(out, record_has(record, FIELD_flags) && record->flags ? " " : "", record);
		if (class_name(record))
			buffer_format(out, "/%s", class_name(record));
	}
	buffer_char(out, '\n');
}

const struct format proc_expectations = {
	.name = "proc",
	.summary = "the line of /proc/net/nf_conntrack_expect",
	.fields = expect_fields,
	.record = proc_record,
};

/* ---- conntrack ---- */

/* A mask, or the master's tuple. */
struct part {
	const char *src_label, *dst_label;
	uint8_t src, dst, sport, dport;
};

static const struct part parts[] = {
	{ "mask-src=", "mask-dst=", FIELD_mask_src, FIELD_mask_dst, FIELD_mask_sport, FIELD_mask_dport },
	{ "master-src=", "master-dst=", FIELD_master_src, FIELD_master_dst, FIELD_master_sport, FIELD_master_dport },
};

static char *put_address(char *at, const char *label, const struct value *address)
{
	size_t length = strlen(label);

	if (!address->is_present)
		return at;
	memcpy(at, label, length);
	at = address_text(at + length, address->data);
	*at++ = ' ';
	return at;
}

static char *put_part(char *at, const struct record *record, const struct part *part, bool is_gre)
{
	struct value src = field_value(part->src, record), dst = field_value(part->dst, record);

	at = put_address(put_address(at, part->src_label, &src), part->dst_label, &dst);
	if (!record_has(record, part->sport) || !record_has(record, part->dport))
		return at;
	if (is_gre) {
		at = put_hexadecimal(at, "srckey=0x", field_value(part->sport, record).number);
		return put_hexadecimal(at, "dstkey=0x", field_value(part->dport, record).number);
	}
	at = put_number(at, "sport=", field_value(part->sport, record).number);
	return put_number(at, "dport=", field_value(part->dport, record).number);
}

static void conntrack_record(struct printer *printer, const struct record *record)
{
	struct buffer *out = printer->out;
	char *at;

	conntrack_put_when(printer, record);
	at = put_event(buffer_reserve(out, BUFFER_RESERVE_MAX), record);
	if (record_has(record, FIELD_timeout))
		at = put_number(at, "", record->timeout);
	at = put_number(at, "proto=", record->proto);
	at = put_tuple(at, record, false, address_text);
	at = put_part(at, record, &parts[0], record->proto == IPPROTO_GRE);
	at = put_part(at, record, &parts[1], false);
	if (record_has(record, FIELD_zone))
		at = put_number(at, "zone=", record->zone);
	buffer_advance(out, at);
	if (put_flags(out, record))
		buffer_char(out, ' ');
	if (record_has(record, FIELD_class))
		buffer_format(out, "class=%u ", record->class);
	if (record_has(record, FIELD_helper))
		put_helper(out, "helper=", record);
	else
		out->length--; /* the last blank */
	buffer_char(out, '\n');
}

const struct format conntrack_expectations = {
	.name = "conntrack",
	.summary = "the line of conntrack -L expect",
	.extras = conntrack_extras,
	.fields = expect_fields,
	.record = conntrack_record,
};

/* ---- xml ---- */

static void xml_open(struct printer *printer)
{
	buffer_text(printer->out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<expect>\n");
}

static void put_group(struct printer *printer, const struct record *record, const char *name, uint8_t first,
		      const char *first_name, uint8_t second, const char *second_name)
{
	buffer_format(printer->out, "<%s>", name);
	xml_put_element(printer, record, first, first_name);
	xml_put_element(printer, record, second, second_name);
	buffer_format(printer->out, "</%s>", name);
}

/* Ports are written as numbers, masks of them too. */
static void put_mask_ports(struct printer *printer, const struct record *record)
{
	buffer_text(printer->out, "<mask>");
	if (record_has(record, FIELD_mask_sport))
		buffer_format(printer->out, "<sport>%u</sport>", record->mask_sport);
	if (record_has(record, FIELD_mask_dport))
		buffer_format(printer->out, "<dport>%u</dport>", record->mask_dport);
	buffer_text(printer->out, "</mask>");
}

static void put_meta(struct printer *printer, const struct record *record)
{
	struct value value = field_value(FIELD_flags, record);
	struct list_part part;
	unsigned position = 0;

	buffer_text(printer->out, "<meta>");
	xml_put_element(printer, record, FIELD_helper, "helper-name");
	xml_put_element(printer, record, FIELD_timeout, "timeout");
	xml_put_element(printer, record, FIELD_class, "class");
	xml_put_element(printer, record, FIELD_zone, "zone");
	while (value.is_present && kinds[KIND_FLAGS].next(&value, &position, &part))
		if (part.name)
			buffer_format(printer->out, "<%s/>", part.name);
	buffer_text(printer->out, "</meta>");
}

static void xml_record(struct printer *printer, const struct record *record)
{
	struct buffer *out = printer->out;
	const char *family = kind_word(KIND_FAMILY, record->family);

	if (record_has(record, FIELD_event))
		buffer_format(out, "<flow type=\"%s\">", kind_word(KIND_EVENT, record->event));
	else
		buffer_text(out, "<flow>");
	buffer_format(out, "<layer3 protonum=\"%u\" protoname=\"%s\">", record->family, family ? family : "unknown");
	put_group(printer, record, "expected", FIELD_src, "src", FIELD_dst, "dst");
	put_group(printer, record, "mask", FIELD_mask_src, "src", FIELD_mask_dst, "dst");
	put_group(printer, record, "master", FIELD_master_src, "src", FIELD_master_dst, "dst");
	buffer_format(out, "</layer3><layer4 protonum=\"%u\" protoname=\"%s\">", record->proto,
		      protocol_proc_name(record->proto));
	put_group(printer, record, "expected", FIELD_sport, "sport", FIELD_dport, "dport");
	put_mask_ports(printer, record);
	put_group(printer, record, "master", FIELD_master_sport, "sport", FIELD_master_dport, "dport");
	buffer_text(out, "</layer4>");
	put_meta(printer, record);
	buffer_text(out, "</flow>\n");
}

static void xml_close(struct printer *printer)
{
	buffer_text(printer->out, "</expect>\n");
}

const struct format xml_expectations = {
	.name = "xml",
	.summary = "the XML of conntrack -L expect -o xml",
	.fields = xml_fields,
	.open = xml_open,
	.record = xml_record,
	.close = xml_close,
};
