/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line of `conntrack -o save`: the words of conntrack(8) that make the entry again.
 * conntrack's own lacks mark, labels and more. What it has options for stands in them;
 * the rest follows behind "--", where conntrack -R reads no further, in the words of
 * the filter. src/compat/entry.c reads it.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "conntab/nat.h"
#include "conntab/netlink.h"
#include "format.h"
#include "line.h"

enum { STATUS_HELPER_SET = 1 << 13, DCCP_ROLE_SERVER = 1 };

static void save_fields(const struct printer *printer, struct field_set *set)
{
	(void)printer;
	netlink_create_fields(set);
}

static char *put_text(char *at, const char *text)
{
	return stpcpy(at, text);
}

static char *put_status(char *at, const struct record *record)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} words[] = {
		{ IPS_SEEN_REPLY, "SEEN_REPLY," }, { IPS_ASSURED, "ASSURED," }, { IPS_FIXED_TIMEOUT, "FIXED_TIMEOUT," },
	};
	char *start;

	if (!record_has(record, FIELD_status))
		return at;
	at = start = put_text(at, "-u ");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (record->status & words[i].bit)
			at = put_text(at, words[i].name);
	if (at == start)
		return put_word(at, "UNSET");
	at[-1] = ' ';
	return at;
}

static char *put_zones(char *at, const struct record *record)
{
	if (record_has(record, FIELD_zone) && record->zone)
		at = put_number(at, "-w ", record->zone);
	if (record_has(record, FIELD_orig_zone))
		at = put_number(at, "--orig-zone ", record->orig_zone);
	if (record_has(record, FIELD_reply_zone))
		at = put_number(at, "--reply-zone ", record->reply_zone);
	return at;
}

static char *put_address(char *at, const char *option, const struct record *record, enum field_id id)
{
	struct value value = field_value(id, record);

	if (!value.is_present)
		return at;
	at = address_text(put_text(at, option), value.data);
	*at++ = ' ';
	return at;
}

/* The port that a side is translated to, if the translation changes it. */
static bool translated_port(const struct record *record, const struct record *before, const struct nat *nat,
			    uint64_t *port)
{
	enum field_id id = nat->reply_port;

	if (!record_has(record, id) && nat->has_echo_id)
		id = FIELD_reply_icmp_id;
	if (!record_has(record, id))
		return false;
	*port = field_value(id, record).number;
	return *port != field_value(id, before).number;
}

/* "-n ADDRESS", "-n ADDRESS:PORT", "-n [ADDRESS]:PORT". */
static char *put_translation(char *at, const char *option, const struct record *record, const struct record *before,
			     const struct nat *nat)
{
	const struct address *address = field_value(nat->reply_address, record).data;
	bool is_ipv6 = address->family == AF_INET6;
	uint64_t port;

	if (!translated_port(record, before, nat, &port))
		return put_address(at, option, record, nat->reply_address);
	at = put_text(at, option);
	if (is_ipv6)
		*at++ = '[';
	at = address_text(at, address);
	return put_number(at, is_ipv6 ? "]:" : ":", port);
}

/*
 * One address of the reply: as it is, or, where the entry went through the NAT rules,
 * the option that sends it through them again. conntrack -R too then keeps the kernel
 * from choosing another mapping, even if the rules had changed nothing.
 */
static char *put_reply_address(char *at, const struct record *record, const struct record *before, enum nat_side side)
{
	const struct nat *nat = &nats[side];
	struct value original = field_value(nat->address, record), reply = field_value(nat->reply_address, before);
	bool is_source = side == NAT_SOURCE;

	if (!record_has(record, nat->reply_address))
		return at;
	if (!record_has(record, FIELD_status) || !(record->status & (nat->bit | nat->done_bit)))
		return put_address(at, is_source ? "-q " : "-r ", record, nat->reply_address);
	if (value_compare(&original, &reply) != 0)
		at = put_address(at, is_source ? "-q " : "-r ", before, nat->reply_address);
	return put_translation(at, is_source ? "-n " : "-g ", record, before, nat);
}

static char *put_protocol_option(char *at, uint8_t protocol)
{
	const char *name = protocol_proc_name(protocol);

	if (strcmp(name, "unknown") == 0)
		return put_number(at, "-p ", protocol);
	return put_word(put_text(at, "-p "), name);
}

/* A kernel without a tracker for the protocol (dccp since 6.17) keeps no ports of it; conntrack -R wants some. */
static char *put_ports(char *at, const struct record *record, const struct record *before)
{
	bool has_ports = record_has(record, FIELD_sport);
	bool has_reply = record_has(record, FIELD_reply_sport);

	at = put_number(at, "--sport ", has_ports ? record->sport : 0);
	at = put_number(at, "--dport ", has_ports ? record->dport : 0);
	at = put_number(at, "--reply-port-src ", has_reply ? before->reply_sport : 0);
	return put_number(at, "--reply-port-dst ", has_reply ? before->reply_dport : 0);
}

static char *put_echo(char *at, const struct record *record, const char *type, const char *code, const char *id)
{
	at = put_number(at, type, record->icmp_type);
	at = put_number(at, code, record->icmp_code);
	return put_number(at, id, record->icmp_id);
}

static char *put_members(char *at, const struct record *record, const struct record *before)
{
	switch (protocol_class(record->proto)) {
	case CLASS_ICMP:
		return put_echo(at, record, "--icmp-type ", "--icmp-code ", "--icmp-id ");
	case CLASS_ICMPV6:
		return put_echo(at, record, "--icmpv6-type ", "--icmpv6-code ", "--icmpv6-id ");
	case CLASS_GRE:
		at = put_number(at, "--srckey ", record->gre_srckey);
		at = put_number(at, "--dstkey ", record->gre_dstkey);
		at = put_number(at, "--reply-key-src ", record->reply_gre_srckey);
		return put_number(at, "--reply-key-dst ", record->reply_gre_dstkey);
	case CLASS_OTHER:
		return at;
	default:
		return put_ports(at, record, before);
	}
}

/* conntrack 1.4.7 dies of these two names, and of a state that is none. */
static bool is_state_strange(const struct record *record)
{
	return record->state == STATE_HEARTBEAT_SENT || record->state == STATE_HEARTBEAT_ACKED ||
	       state_to_kernel(record->proto, record->state) == UINT8_MAX;
}

static char *put_state(char *at, const struct record *record)
{
	unsigned class = protocol_class(record->proto);

	if (!(class & (CLASS_TCP | CLASS_SCTP | CLASS_DCCP)))
		return at;
	if (!record_has(record, FIELD_state) || is_state_strange(record))
		at = put_word(at, "--state NONE");
	else
		at = put_word(put_text(at, "--state "), state_name(record->state));
	if (class & CLASS_SCTP) {
		/* conntrack has them in the order of the network's bytes, taken for a number of ours. */
		at = put_number(at, "--orig-vtag ", record_has(record, FIELD_sctp_vtag) ? htonl(record->sctp_vtag) : 0);
		at = put_number(at, "--reply-vtag ", record_has(record, FIELD_reply_sctp_vtag) ? htonl(record->reply_sctp_vtag) : 0);
	}
	if (class & CLASS_DCCP)
		at = put_word(at, record_has(record, FIELD_dccp_role) && record->dccp_role == DCCP_ROLE_SERVER ?
			      "--role server" : "--role client");
	return at;
}

/* ---- what conntrack has no options for ---- */

/* Numbers that are saved where they are not zero, in groups of which all or none is. */
static const uint8_t tail_groups[][7] = {
	{ FIELD_tcp_flags, FIELD_reply_tcp_flags, FIELD_NONE }, /* always: see is_worth_saving() */
	{ FIELD_tcp_wscale, FIELD_reply_tcp_wscale, FIELD_NONE },
	{ FIELD_dccp_handshake_seq, FIELD_NONE },
	{ FIELD_seqadj_position, FIELD_seqadj_before, FIELD_seqadj_after, FIELD_NONE },
	{ FIELD_reply_seqadj_position, FIELD_reply_seqadj_before, FIELD_reply_seqadj_after, FIELD_NONE },
	{ FIELD_synproxy_isn, FIELD_synproxy_its, FIELD_synproxy_tsoff, FIELD_NONE },
	{ FIELD_master_proto, FIELD_master_src, FIELD_master_sport, FIELD_master_dst, FIELD_master_dport, FIELD_NONE },
};

struct tail {
	struct printer *printer;
	bool has_begun;
};

static struct buffer *begin_term(struct tail *tail, const char *name)
{
	struct buffer *out = tail->printer->out;

	if (!tail->has_begun)
		buffer_text(out, "-- ");
	tail->has_begun = true;
	buffer_text(out, name);
	buffer_char(out, ' ');
	return out;
}

/*
 * No flags is not the same as none given, which stands for those that conntrack sets. The kernel
 * takes window scales only where both directions' flags say that there are some.
 */
static bool is_worth_saving(const uint8_t *group, const struct record *record)
{
	if (*group == FIELD_tcp_wscale && !(record_has(record, FIELD_tcp_flags) && record_has(record, FIELD_reply_tcp_flags) &&
					    record->tcp_flags & record->reply_tcp_flags & IP_CT_TCP_FLAG_WINDOW_SCALE))
		return false;
	for (; *group != FIELD_NONE; group++) {
		struct value value = field_value(*group, record);

		if (value.is_present && (value.number || *group == FIELD_tcp_flags))
			return true;
	}
	return false;
}

static void put_group(struct tail *tail, const uint8_t *group, const struct record *record)
{
	if (!is_worth_saving(group, record))
		return;
	for (; *group != FIELD_NONE; group++) {
		struct value value = field_value(*group, record);
		struct buffer *out;

		if (!value.is_present)
			continue;
		out = begin_term(tail, fields[*group].name);
		kinds[value.kind].format(out, &value, &tail->printer->environment->naming);
		buffer_char(out, ' ');
	}
}

/* conntrack's options are split at blanks only; names that hold anything else go by number. */
static const char *label_name(struct nfct_labelmap *map, unsigned bit)
{
	const char *name = map ? nfct_labelmap_get_name(map, bit) : NULL;

	for (size_t i = 0; name && name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("_.+-", name[i]))
			return NULL;
	return name && *name && *name != '-' ? name : NULL;
}

/* Labels by name in conntrack's option, or those without a name in the tail. */
static void put_labels(struct tail *tail, const struct record *record, bool is_named)
{
	struct value value = field_value(FIELD_labels, record);
	struct nfct_labelmap *map = naming_labels(&tail->printer->environment->naming);
	struct buffer *out = tail->printer->out;
	struct list_part part;
	unsigned position = 0;
	bool has_any = false;

	while (value.is_present && kinds[KIND_LABELS].next(&value, &position, &part)) {
		const char *name = label_name(map, (unsigned)part.number);

		if (is_named != (name != NULL))
			continue;
		if (has_any)
			buffer_char(out, ',');
		else if (is_named)
			buffer_text(out, "--label-add ");
		else
			begin_term(tail, fields[FIELD_labels].name);
		if (is_named)
			buffer_text(out, name);
		else
			buffer_unsigned(out, part.number);
		has_any = true;
	}
	if (has_any)
		buffer_char(out, ' ');
}

static void put_helper(struct tail *tail, const struct record *record)
{
	struct buffer *out;

	if (!record_has(record, FIELD_helper)) {
		if (record_has(record, FIELD_status) && record->status & STATUS_HELPER_SET)
			buffer_text(begin_term(tail, "status"), "helper_set ");
		return;
	}
	out = begin_term(tail, fields[FIELD_helper].name);
	buffer_char(out, '"');
	buffer_untrusted(out, record->helper.text, strlen(record->helper.text));
	buffer_text(out, "\" ");
}

static void put_tail(struct printer *printer, const struct record *record, const struct record *before)
{
	struct tail tail = { .printer = printer };

	put_labels(&tail, record, true);
	put_labels(&tail, record, false);
	put_helper(&tail, record);
	if (record_has(record, FIELD_state) && is_state_strange(record) &&
	    state_to_kernel(record->proto, record->state) != UINT8_MAX)
		buffer_format(begin_term(&tail, "state"), "%s ", state_name(record->state));
	if (record_has(before, FIELD_reply_icmp_id) && before->reply_icmp_id != before->icmp_id)
		buffer_format(begin_term(&tail, fields[FIELD_reply_icmp_id].name), "%u ", before->reply_icmp_id);
	for (size_t i = 0; i < sizeof(tail_groups) / sizeof(tail_groups[0]); i++)
		put_group(&tail, tail_groups[i], record);
}

static void save_record(struct printer *printer, const struct record *record)
{
	char *at = buffer_reserve(printer->out, BUFFER_RESERVE_MAX);
	struct record before;

	nat_undo(record, &before);
	if (record_has(record, FIELD_timeout))
		at = put_number(at, "-A -t ", record->timeout);
	else
		at = put_text(at, "# offloaded, without a timeout to restore: -A ");
	at = put_status(at, record);
	at = put_zones(at, record);
	at = put_address(at, "-s ", record, FIELD_src);
	at = put_address(at, "-d ", record, FIELD_dst);
	at = put_reply_address(at, record, &before, NAT_DESTINATION);
	at = put_reply_address(at, record, &before, NAT_SOURCE);
	at = put_protocol_option(at, record->proto);
	at = put_members(at, record, &before);
	at = put_state(at, record);
	if (record_has(record, FIELD_mark) && record->mark)
		at = put_number(at, "-m ", record->mark);
	buffer_advance(printer->out, at);
	put_tail(printer, record, &before);
	/* The last blank becomes the end of the line. */
	printer->out->data[printer->out->length - 1] = '\n';
}

const struct format save_format = {
	.name = "save",
	.is_of_entries = true,
	.summary = "the options of conntrack(8) that make the entry again",
	.fields = save_fields,
	.record = save_record,
};
