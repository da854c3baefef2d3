/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line.h"

#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "format.h"

void line_fields(struct field_set *set)
{
	static const uint8_t ids[] = {
		FIELD_event, FIELD_family, FIELD_proto, FIELD_state, FIELD_timeout, FIELD_status, FIELD_mark, FIELD_use,
		FIELD_src, FIELD_dst, FIELD_sport, FIELD_dport, FIELD_gre_srckey, FIELD_gre_dstkey,
		FIELD_icmp_type, FIELD_icmp_code, FIELD_icmp_id, FIELD_orig_zone,
		FIELD_orig_packets, FIELD_orig_bytes,
		FIELD_reply_src, FIELD_reply_dst, FIELD_reply_sport, FIELD_reply_dport,
		FIELD_reply_gre_srckey, FIELD_reply_gre_dstkey, FIELD_reply_icmp_type,
		FIELD_reply_icmp_code, FIELD_reply_icmp_id, FIELD_reply_zone,
		FIELD_reply_packets, FIELD_reply_bytes, FIELD_NONE,
	};

	fields_require(set, ids);
}

static char *put_text(char *at, const char *text)
{
	size_t length = strlen(text);

	memcpy(at, text, length);
	return at + length;
}

char *put_event(char *at, const struct record *record)
{
	const char *word = record_has(record, FIELD_event) ? kind_word(KIND_EVENT, record->event) : NULL;
	size_t length = word ? strlen(word) : 0;

	if (!word)
		return at;
	for (size_t i = length; i < 7; i++)
		*at++ = ' ';
	*at++ = '[';
	for (size_t i = 0; i < length; i++)
		*at++ = (char)(word[i] & ~0x20);
	*at++ = ']';
	*at++ = ' ';
	return at;
}

char *put_word(char *at, const char *word)
{
	at = put_text(at, word);
	*at++ = ' ';
	return at;
}

char *put_number(char *at, const char *label, uint64_t number)
{
	at = text_unsigned(put_text(at, label), number);
	*at++ = ' ';
	return at;
}

/* The names are padded to eight letters, as "%-8s" does. */
static char *put_padded(char *at, const char *name, uint8_t number)
{
	size_t length = strlen(name);

	memcpy(at, name, length);
	while (length < 8)
		at[length++] = ' ';
	at += length;
	*at++ = ' ';
	return put_number(at, "", number);
}

char *put_family(char *at, uint8_t family)
{
	const char *name = kind_word(KIND_FAMILY, family);

	return put_padded(at, name ? name : "unknown", family);
}

char *put_protocol(char *at, const char *name, uint8_t protocol)
{
	return put_padded(at, name, protocol);
}

char *put_hexadecimal(char *at, const char *label, uint64_t number)
{
	at = text_hexadecimal(put_text(at, label), number);
	*at++ = ' ';
	return at;
}

static char *put_address(char *at, const char *label, const struct address *address,
			 char *(*text)(char *at, const struct address *address))
{
	at = text(put_text(at, label), address);
	*at++ = ' ';
	return at;
}

static char *put_original_ports(char *at, const struct record *record)
{
	if (record_has(record, FIELD_sport)) {
		at = put_number(at, "sport=", record->sport);
		return put_number(at, "dport=", record->dport);
	}
	if (record_has(record, FIELD_icmp_type)) {
		at = put_number(at, "type=", record->icmp_type);
		at = put_number(at, "code=", record->icmp_code);
		return put_number(at, "id=", record->icmp_id);
	}
	if (record_has(record, FIELD_gre_srckey)) {
		at = put_hexadecimal(at, "srckey=0x", record->gre_srckey);
		return put_hexadecimal(at, "dstkey=0x", record->gre_dstkey);
	}
	return at;
}

static char *put_reply_ports(char *at, const struct record *record)
{
	if (record_has(record, FIELD_reply_sport)) {
		at = put_number(at, "sport=", record->reply_sport);
		return put_number(at, "dport=", record->reply_dport);
	}
	if (record_has(record, FIELD_reply_icmp_type)) {
		at = put_number(at, "type=", record->reply_icmp_type);
		at = put_number(at, "code=", record->reply_icmp_code);
		return put_number(at, "id=", record->reply_icmp_id);
	}
	if (record_has(record, FIELD_reply_gre_srckey)) {
		at = put_hexadecimal(at, "srckey=0x", record->reply_gre_srckey);
		return put_hexadecimal(at, "dstkey=0x", record->reply_gre_dstkey);
	}
	return at;
}

char *put_tuple(char *at, const struct record *record, bool is_reply,
		char *(*address)(char *at, const struct address *address))
{
	if (is_reply) {
		if (record_has(record, FIELD_reply_src))
			at = put_address(at, "src=", &record->reply_src, address);
		if (record_has(record, FIELD_reply_dst))
			at = put_address(at, "dst=", &record->reply_dst, address);
		return put_reply_ports(at, record);
	}
	if (record_has(record, FIELD_src))
		at = put_address(at, "src=", &record->src, address);
	if (record_has(record, FIELD_dst))
		at = put_address(at, "dst=", &record->dst, address);
	return put_original_ports(at, record);
}

char *put_counters(char *at, const struct record *record, bool is_reply)
{
	enum field_id packets = is_reply ? FIELD_reply_packets : FIELD_orig_packets;
	enum field_id bytes = is_reply ? FIELD_reply_bytes : FIELD_orig_bytes;

	if (!record_has(record, packets) || !record_has(record, bytes))
		return at;
	at = put_number(at, "packets=", is_reply ? record->reply_packets : record->orig_packets);
	return put_number(at, "bytes=", is_reply ? record->reply_bytes : record->orig_bytes);
}

char *put_unreplied(char *at, const struct record *record)
{
	if (!record_has(record, FIELD_status) || record->status & IPS_SEEN_REPLY)
		return at;
	return put_word(at, "[UNREPLIED]");
}

char *put_assured(char *at, const struct record *record)
{
	if (!record_has(record, FIELD_status))
		return at;
	if (record->status & IPS_HW_OFFLOAD)
		return put_word(at, "[HW_OFFLOAD]");
	if (record->status & IPS_OFFLOAD)
		return put_word(at, "[OFFLOAD]");
	return record->status & IPS_ASSURED ? put_word(at, "[ASSURED]") : at;
}

void put_secctx(struct buffer *buffer, const struct record *record)
{
	if (!record_has(record, FIELD_secctx))
		return;
	buffer_text(buffer, "secctx=");
	buffer_untrusted(buffer, record->secctx.text, strlen(record->secctx.text));
	buffer_char(buffer, ' ');
}
