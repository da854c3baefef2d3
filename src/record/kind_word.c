/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds whose values have names: event, family, protocol, state, status. */
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "conntab/buffer.h"
#include "kind.h"

const struct word event_words[] = {
	{ .name = "new", .value = EVENT_NEW },
	{ .name = "update", .value = EVENT_UPDATE },
	{ .name = "destroy", .value = EVENT_DESTROY },
	{ .name = "present", .value = EVENT_PRESENT },
	{ .name = NULL },
};

const struct word family_words[] = {
	{ .name = "ipv4", .value = AF_INET },
	{ .name = "ipv6", .value = AF_INET6 },
	{ .name = "inet", .value = AF_INET, .is_alias = true },
	{ .name = "inet6", .value = AF_INET6, .is_alias = true },
	{ .name = NULL },
};

/* The first eight are those that the kernel tracks by name; IANA's numbers, the common ones. */
const struct word protocol_words[] = {
	{ .name = "tcp", .value = IPPROTO_TCP },
	{ .name = "udp", .value = IPPROTO_UDP },
	{ .name = "udplite", .value = IPPROTO_UDPLITE },
	{ .name = "icmp", .value = IPPROTO_ICMP },
	{ .name = "icmpv6", .value = IPPROTO_ICMPV6 },
	{ .name = "sctp", .value = IPPROTO_SCTP },
	{ .name = "dccp", .value = IPPROTO_DCCP },
	{ .name = "gre", .value = IPPROTO_GRE },
	{ .name = "icmp6", .value = IPPROTO_ICMPV6, .is_alias = true },
	{ .name = "ipv6-icmp", .value = IPPROTO_ICMPV6, .is_alias = true },
	{ .name = "igmp", .value = IPPROTO_IGMP },
	{ .name = "ipip", .value = IPPROTO_IPIP },
	{ .name = "esp", .value = IPPROTO_ESP },
	{ .name = "ah", .value = IPPROTO_AH },
	{ .name = "ospf", .value = 89 },
	{ .name = "pim", .value = IPPROTO_PIM },
	{ .name = "vrrp", .value = 112 },
	{ .name = "l2tp", .value = 115 },
	{ .name = NULL },
};

enum { PROTOCOLS_TRACKED = 8 };

/* States in the order of enum state_code, as the kernel's tables of names spell them. */
const struct word state_words[] = {
	{ .name = "NONE", .value = STATE_NONE },
	{ .name = "SYN_SENT", .value = STATE_SYN_SENT },
	{ .name = "SYN_RECV", .value = STATE_SYN_RECV },
	{ .name = "ESTABLISHED", .value = STATE_ESTABLISHED },
	{ .name = "FIN_WAIT", .value = STATE_FIN_WAIT },
	{ .name = "CLOSE_WAIT", .value = STATE_CLOSE_WAIT },
	{ .name = "LAST_ACK", .value = STATE_LAST_ACK },
	{ .name = "TIME_WAIT", .value = STATE_TIME_WAIT },
	{ .name = "CLOSE", .value = STATE_CLOSE },
	{ .name = "SYN_SENT2", .value = STATE_SYN_SENT2 },
	{ .name = "CLOSED", .value = STATE_CLOSED },
	{ .name = "COOKIE_WAIT", .value = STATE_COOKIE_WAIT },
	{ .name = "COOKIE_ECHOED", .value = STATE_COOKIE_ECHOED },
	{ .name = "SHUTDOWN_SENT", .value = STATE_SHUTDOWN_SENT },
	{ .name = "SHUTDOWN_RECD", .value = STATE_SHUTDOWN_RECD },
	{ .name = "SHUTDOWN_ACK_SENT", .value = STATE_SHUTDOWN_ACK_SENT },
	{ .name = "HEARTBEAT_SENT", .value = STATE_HEARTBEAT_SENT },
	{ .name = "HEARTBEAT_ACKED", .value = STATE_HEARTBEAT_ACKED },
	{ .name = "REQUEST", .value = STATE_REQUEST },
	{ .name = "RESPOND", .value = STATE_RESPOND },
	{ .name = "PARTOPEN", .value = STATE_PARTOPEN },
	{ .name = "OPEN", .value = STATE_OPEN },
	{ .name = "CLOSEREQ", .value = STATE_CLOSEREQ },
	{ .name = "CLOSING", .value = STATE_CLOSING },
	{ .name = "TIMEWAIT", .value = STATE_TIMEWAIT },
	{ .name = "IGNORE", .value = STATE_IGNORE },
	{ .name = "INVALID", .value = STATE_INVALID },
	{ .name = NULL },
};

#define BIT_WORD(name_, bit_) { .name = name_, .value = (bit_), .mask = (bit_) }

/* The bits of include/uapi/linux/netfilter/nf_conntrack_common.h in their order, then what combines them. */
const struct word status_words[] = {
	BIT_WORD("expected", IPS_EXPECTED),
	BIT_WORD("seen_reply", IPS_SEEN_REPLY),
	BIT_WORD("assured", IPS_ASSURED),
	BIT_WORD("confirmed", IPS_CONFIRMED),
	BIT_WORD("snat", IPS_SRC_NAT),
	BIT_WORD("dnat", IPS_DST_NAT),
	BIT_WORD("seq_adjust", IPS_SEQ_ADJUST),
	BIT_WORD("snat_done", IPS_SRC_NAT_DONE),
	BIT_WORD("dnat_done", IPS_DST_NAT_DONE),
	BIT_WORD("dying", IPS_DYING),
	BIT_WORD("fixed_timeout", IPS_FIXED_TIMEOUT),
	BIT_WORD("template", IPS_TEMPLATE),
	BIT_WORD("nat_clash", 1 << 12),
	BIT_WORD("helper_set", 1 << 13),
	BIT_WORD("offload", 1 << 14),
	BIT_WORD("hw_offload", 1 << 15),
	{ .name = "unreplied", .value = 0, .mask = IPS_SEEN_REPLY },
	{ .name = "nat", .value = 0, .mask = IPS_SRC_NAT | IPS_DST_NAT, .is_any = true },
	{ .name = "replied", .value = IPS_SEEN_REPLY, .mask = IPS_SEEN_REPLY, .is_alias = true },
	{ .name = NULL },
};

enum { STATUS_BITS = 16 };

static bool parse_word(const struct word *words, struct slice text, struct operand *operand)
{
	const struct word *word = word_find(words, text);

	if (!word)
		return false;
	operand->test = TEST_RANGE;
	operand->range.low = operand->range.high = word->value;
	return true;
}

/* A name written in lower case, as the filter prints it. */
static void lower_text(struct buffer *buffer, const char *name)
{
	for (; *name; name++)
		buffer_char(buffer, *name >= 'A' && *name <= 'Z' ? (char)(*name | 0x20) : *name);
}

/* The word for a number, or the number that has none. */
static void format_word(struct buffer *buffer, enum kind_id kind, uint64_t number)
{
	const char *name = kind_word(kind, number);

	if (name)
		buffer_text(buffer, name);
	else
		buffer_unsigned(buffer, number);
}

/* Kinds that are nothing but their words. */
#define WORDS_ONLY(name_, kind_)                                              \
	KIND_PARSE(name_##_parse)                                             \
	{                                                                     \
		(void)maximum;                                                \
		(void)naming;                                                 \
		(void)reason;                                                 \
		return parse_word(name_##_words, text, operand);              \
	}                                                                     \
	void name_##_format_number(struct buffer *buffer, uint64_t number)    \
	{                                                                     \
		format_word(buffer, kind_, number);                           \
	}                                                                     \
	KIND_FORMAT(name_##_format)                                           \
	{                                                                     \
		(void)naming;                                                 \
		format_word(buffer, kind_, value->number);                    \
	}

WORDS_ONLY(event, KIND_EVENT)
WORDS_ONLY(family, KIND_FAMILY)

static bool one_protocol(struct slice text, uint64_t maximum, uint64_t *low, uint64_t *high)
{
	const struct word *word = word_find(protocol_words, text);
	char name[32], space[1024];
	struct protoent entry, *found = NULL;

	if (word)
		*low = word->value;
	else if (slice_number(text, maximum, low))
		;
	else if (slice_copy(text, name, sizeof(name)) &&
		 getprotobyname_r(name, &entry, space, sizeof(space), &found) == 0 && found)
		*low = (uint64_t)found->p_proto;
	else
		return false;
	*high = *low;
	return true;
}

KIND_PARSE(protocol_parse)
{
	(void)naming;
	return range_parse(text, maximum, one_protocol, operand, reason);
}

void protocol_format_number(struct buffer *buffer, uint64_t number)
{
	format_word(buffer, KIND_PROTOCOL, number);
}

KIND_FORMAT(protocol_format)
{
	(void)naming;
	protocol_format_number(buffer, value->number);
}

const char *protocol_proc_name(uint8_t protocol)
{
	for (size_t i = 0; i < PROTOCOLS_TRACKED; i++)
		if (protocol_words[i].value == protocol)
			return protocol_words[i].name;
	return "unknown";
}

/* enum sctp_conntrack */
static const uint8_t sctp_states[] = {
	STATE_NONE, STATE_CLOSED, STATE_COOKIE_WAIT, STATE_COOKIE_ECHOED, STATE_ESTABLISHED,
	STATE_SHUTDOWN_SENT, STATE_SHUTDOWN_RECD, STATE_SHUTDOWN_ACK_SENT,
	STATE_HEARTBEAT_SENT, STATE_HEARTBEAT_ACKED,
};

/* enum ct_dccp_states */
static const uint8_t dccp_states[] = {
	STATE_NONE, STATE_REQUEST, STATE_RESPOND, STATE_PARTOPEN, STATE_OPEN,
	STATE_CLOSEREQ, STATE_CLOSING, STATE_TIMEWAIT, STATE_IGNORE, STATE_INVALID,
};

static uint8_t from_table(const uint8_t *table, size_t count, const uint8_t *payload)
{
	return *payload < count ? table[*payload] : UINT8_MAX;
}

static uint8_t to_table(const uint8_t *table, size_t count, uint8_t state)
{
	const uint8_t *found = memchr(table, state, count);

	return found ? (uint8_t)(found - table) : UINT8_MAX;
}

/* enum tcp_conntrack: our codes begin with it. */
uint8_t state_from_tcp(const uint8_t *payload)
{
	return *payload <= STATE_SYN_SENT2 ? *payload : UINT8_MAX;
}

uint8_t state_from_sctp(const uint8_t *payload)
{
	return from_table(sctp_states, sizeof(sctp_states), payload);
}

uint8_t state_from_dccp(const uint8_t *payload)
{
	return from_table(dccp_states, sizeof(dccp_states), payload);
}

uint8_t state_to_kernel(uint8_t protocol, uint8_t state)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return state <= STATE_SYN_SENT2 ? state : UINT8_MAX;
	case IPPROTO_SCTP:
		return to_table(sctp_states, sizeof(sctp_states), state);
	case IPPROTO_DCCP:
		return to_table(dccp_states, sizeof(dccp_states), state);
	default:
		return UINT8_MAX;
	}
}

uint8_t flags_from_tcp(const uint8_t *payload)
{
	return payload[0];
}

const char *state_name(uint8_t state)
{
	return state < STATE_COUNT ? state_words[state].name : "UNKNOWN";
}

KIND_PARSE(state_parse)
{
	(void)maximum;
	(void)naming;
	(void)reason;
	return parse_word(state_words, text, operand);
}

void state_format_number(struct buffer *buffer, uint64_t number)
{
	lower_text(buffer, state_name((uint8_t)number));
}

KIND_FORMAT(state_format)
{
	(void)naming;
	buffer_text(buffer, state_name((uint8_t)value->number));
}

bool bits_parse(const struct word *words, struct slice text, uint64_t maximum, struct naming *naming,
		struct operand *operand, struct reason *reason)
{
	const struct word *word = word_find(words, text);

	if (!word) {
		uint64_t number;

		if (memchr(text.at, '/', text.length))
			return mark_parse(text, maximum, naming, operand, reason);
		if (!slice_number(text, maximum, &number))
			return false;
		/* A plain number names bits that are set, as a word does. */
		operand->test = TEST_MASK;
		operand->bits.value = operand->bits.mask = number;
		return number != 0;
	}
	operand->test = word->is_any ? TEST_ANY_BIT : TEST_MASK;
	operand->bits.value = word->value;
	operand->bits.mask = word->mask;
	return true;
}

KIND_PARSE(status_parse)
{
	return bits_parse(status_words, text, maximum, naming, operand, reason);
}

bool bits_next(const struct word *words, unsigned count, const struct value *value, unsigned *position,
	       struct list_part *part)
{
	for (unsigned bit = *position; bit < 32; bit++) {
		if (!(value->number >> bit & 1))
			continue;
		*position = bit + 1;
		part->name = bit < count ? words[bit].name : NULL;
		part->number = bit;
		return true;
	}
	return false;
}

KIND_NEXT(status_next)
{
	return bits_next(status_words, STATUS_BITS, value, position, part);
}

/* What tells one entry from the next: the usual flags of a confirmed entry are left out. */
void status_format_brief(struct buffer *buffer, const struct value *value)
{
	static const uint32_t usual = IPS_SEEN_REPLY | IPS_CONFIRMED | IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE;
	struct value rest = { .kind = KIND_STATUS, .is_present = true, .number = value->number & ~usual };

	if (!(value->number & IPS_SEEN_REPLY))
		buffer_text(buffer, rest.number ? "unreplied," : "unreplied");
	status_format(buffer, &rest, NULL);
}

KIND_FORMAT(status_format)
{
	struct list_part part;
	unsigned position = 0;
	bool is_first = true;

	(void)naming;
	while (kinds[value->kind].next(value, &position, &part)) {
		if (!is_first)
			buffer_char(buffer, ',');
		is_first = false;
		if (part.name)
			buffer_text(buffer, part.name);
		else
			buffer_format(buffer, "bit%u", (unsigned)part.number);
	}
}
