/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/draft.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "conntab/netlink.h"
#include "conntab/word.h"
#include "tree.h"

#define WHITE " \t"

enum {
	/* Shown of a word that is at fault. */
	SHOWN = 48,
	/* In the kernel with its end: NF_CT_HELPER_NAME_LEN. */
	HELPER_LENGTH = 15,
	STATUS_HELPER_SET = 1 << 13,
	/* What conntrack(8) gives every tcp entry: windows of a connection seen halfway are not checked. */
	TCP_FLAGS_UNKNOWN = IP_CT_TCP_FLAG_BE_LIBERAL | IP_CT_TCP_FLAG_SACK_PERM,
};

static const uint32_t status_given =
	IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED | IPS_FIXED_TIMEOUT | STATUS_HELPER_SET;

void draft_init(struct draft *draft)
{
	memset(draft, 0, sizeof(*draft));
	draft->noun = "entry";
	netlink_create_fields(&draft->settable);
}

static int shown(struct slice text)
{
	return (int)(text.length < SHOWN ? text.length : SHOWN);
}

/* ---- one value ---- */

static int no_exact_value(enum field_id id, struct slice value, struct error *error)
{
	return error_usage(error, 0, "%s: \"%.*s\": an entry has one exact value", fields[id].name, shown(value), value.at);
}

bool draft_takes_status(const struct word *word)
{
	return !word->is_any && !(word->mask & ~(uint64_t)status_given);
}

static int take_status(struct draft *draft, const struct operand *operand, struct slice value, struct error *error)
{
	if (operand->test != TEST_MASK)
		return no_exact_value(FIELD_status, value, error);
	if (operand->bits.mask & (IPS_SRC_NAT | IPS_DST_NAT))
		return error_usage(error, 0, "status: give the address that is translated to: \"snat ADDRESS\", \"dnat ADDRESS\"");
	if (operand->bits.mask & ~(uint64_t)status_given)
		return error_usage(error, 0, "status: \"%.*s\" is the kernel's to set; you can give seen_reply, assured, "
				   "fixed_timeout, helper_set", shown(value), value.at);
	if (draft->is_change && operand->bits.value != operand->bits.mask)
		return error_usage(error, 0, "status: \"%.*s\": the kernel lets a flag be set, never taken away", shown(value),
				   value.at);
	draft->record.status &= (uint32_t)~operand->bits.mask;
	draft->record.status |= (uint32_t)operand->bits.value;
	return 0;
}

/* Of an expectation; the kernel sets "userspace" itself. */
static int take_flags(struct draft *draft, const struct operand *operand, struct slice value, struct error *error)
{
	const uint64_t given = NF_CT_EXPECT_PERMANENT | NF_CT_EXPECT_INACTIVE;

	if (operand->test != TEST_MASK || operand->bits.mask & ~given)
		return error_usage(error, 0, "flags: \"%.*s\": you can give permanent and inactive", shown(value),
				   value.at);
	draft->record.flags |= (uint32_t)operand->bits.value;
	return 0;
}

static int take_number(struct draft *draft, enum field_id id, const struct operand *operand, struct slice value,
		       struct error *error)
{
	void *member = (char *)&draft->record + fields[id].offset;
	uint64_t number;

	if (operand->test == TEST_RANGE && operand->range.low == operand->range.high)
		number = operand->range.low;
	else if (operand->test == TEST_MASK && (draft->is_change || operand->bits.mask == field_maximum(id)))
		number = operand->bits.value;
	else
		return no_exact_value(id, value, error);
	if (id == FIELD_mark)
		draft->masks.mark = operand->test == TEST_MASK ? (uint32_t)operand->bits.mask : UINT32_MAX;
	switch (fields[id].size) {
	case 1: *(uint8_t *)member = (uint8_t)number; break;
	case 2: *(uint16_t *)member = (uint16_t)number; break;
	case 4: *(uint32_t *)member = (uint32_t)number; break;
	default: *(uint64_t *)member = number; break;
	}
	return 0;
}

static int take_labels(struct draft *draft, const struct labels *given, struct slice value, struct error *error)
{
	static const struct labels whole = { { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } };
	struct labels *labels = &draft->record.labels, *mask = &draft->masks.labels;
	bool is_some = draft->is_added || draft->is_removed;

	if (record_has(&draft->record, FIELD_labels) && (memcmp(mask, &whole, sizeof(whole)) != 0) != is_some)
		return error_usage(error, 0, "labels: \"%.*s\": give either those to have, or those to add and to remove",
				   shown(value), value.at);
	for (size_t i = 0; i < 4; i++) {
		uint32_t bits = given->words[i];

		if (is_some && mask->words[i] & bits && !(labels->words[i] & bits) != draft->is_removed)
			return error_usage(error, 0, "labels: \"%.*s\": both added and removed", shown(value), value.at);
		mask->words[i] |= is_some ? bits : UINT32_MAX;
		labels->words[i] |= draft->is_removed ? 0 : bits;
	}
	return 0;
}

static int take_operand(struct draft *draft, enum field_id id, const struct operand *operand, struct slice value,
			struct error *error)
{
	void *member = (char *)&draft->record + fields[id].offset;
	size_t length = id == FIELD_helper ? HELPER_LENGTH : fields[id].size - 1u;

	switch (fields[id].kind) {
	case KIND_STATUS:
		return take_status(draft, operand, value, error);
	case KIND_FLAGS:
		return take_flags(draft, operand, value, error);
	case KIND_TEXT:
		if (value.length > length)
			return error_usage(error, 0, "%s: longer than %zu letters", fields[id].name, length);
		slice_copy(value, member, fields[id].size);
		return 0;
	case KIND_ADDRESS:
		if (memcmp(&operand->address.low, &operand->address.high, sizeof(operand->address.low)) != 0)
			return no_exact_value(id, value, error);
		memcpy(member, &operand->address.low, sizeof(operand->address.low));
		return 0;
	default:
		return take_number(draft, id, operand, value, error);
	}
}

static int set_one(struct draft *draft, enum field_id id, struct slice value, struct naming *naming,
		   struct error *error)
{
	const struct kind *kind = &kinds[fields[id].kind];
	struct operand operand = { 0 };
	struct reason reason = { "" };

	if (!kind->parse(value, field_maximum(id), naming, &operand, &reason))
		return error_usage(error, 0, "%s: \"%.*s\": expected %s%s%s%s", fields[id].name, shown(value), value.at,
				   kind->expects, reason.text[0] ? " (" : "", reason.text, reason.text[0] ? ")" : "");
	if (id == FIELD_labels ? take_labels(draft, &operand.labels, value, error) :
				 take_operand(draft, id, &operand, value, error))
		return error->code;
	field_set_add(&draft->record.present, id);
	return 0;
}

/* "none", of an entry that has some. */
static void set_none(struct draft *draft, enum field_id id)
{
	memset((char *)&draft->record + fields[id].offset, 0, fields[id].size);
	if (id == FIELD_labels)
		memset(&draft->masks.labels, 0xff, sizeof(draft->masks.labels));
	field_set_add(&draft->record.present, id);
}

static int cannot_be_given(const struct draft *draft, const char *name, struct error *error)
{
	if (draft->is_change)
		return error_usage(error, 0, "%s cannot be changed: mark, labels, timeout, state, helper and flags can", name);
	return error_usage(error, 0, "%s cannot be given: the kernel sets it itself", name);
}

static bool is_list(enum field_id id)
{
	return fields[id].kind == KIND_STATUS || fields[id].kind == KIND_LABELS || fields[id].kind == KIND_FLAGS;
}

int draft_set(struct draft *draft, enum field_id id, struct slice value, struct naming *naming, struct error *error)
{
	if (field_is_any_of(id))
		return error_usage(error, 0, "%s is several fields; name one of them", fields[id].name);
	if (!field_set_has(&draft->settable, id))
		return cannot_be_given(draft, fields[id].name, error);
	if (!is_list(id) && !draft->may_override && record_has(&draft->record, id))
		return error_usage(error, 0, "%s is given twice", fields[id].name);
	if (draft->is_change && (id == FIELD_labels || id == FIELD_helper) && slice_is(value, "none")) {
		set_none(draft, id);
		return 0;
	}
	while (is_list(id)) {
		const char *comma = memchr(value.at, ',', value.length);
		struct slice part = { value.at, comma ? (size_t)(comma - value.at) : value.length };

		if (!comma)
			break;
		if (set_one(draft, id, part, naming, error))
			return error->code;
		value = (struct slice){ comma + 1, value.length - part.length - 1 };
	}
	return set_one(draft, id, value, naming, error);
}

int draft_set_nat(struct draft *draft, enum nat_side side, struct slice value, struct error *error)
{
	const char *name = side == NAT_SOURCE ? "snat" : "dnat";
	struct slice address = value, port = { "", 0 };
	struct operand operand = { 0 };
	struct reason reason = { "" };
	const char *colon = memrchr(value.at, ':', value.length);
	uint64_t number = 0;

	if (value.length > 2 && value.at[0] == '[' && memchr(value.at, ']', value.length)) {
		address = (struct slice){ value.at + 1, (size_t)((const char *)memchr(value.at, ']', value.length) - value.at) - 1 };
		port = (struct slice){ address.at + address.length + 1, value.length - address.length - 2 };
	} else if (colon && memchr(value.at, ':', value.length) == colon) {
		address.length = (size_t)(colon - value.at);
		port = (struct slice){ colon, value.length - address.length };
	}
	if (draft->nat[side].is_given)
		return error_usage(error, 0, "%s is given twice", name);
	if (!kinds[KIND_ADDRESS].parse(address, UINT64_MAX, NULL, &operand, &reason) || operand.test != TEST_ADDRESS ||
	    memcmp(&operand.address.low, &operand.address.high, sizeof(operand.address.low)) != 0 ||
	    (port.length && (port.at[0] != ':' ||
			     !slice_number((struct slice){ port.at + 1, port.length - 1 }, UINT16_MAX, &number))))
		return error_usage(error, 0, "%s: \"%.*s\": expected ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT", name, shown(value),
				   value.at);
	draft->nat[side].is_given = true;
	draft->nat[side].address = operand.address.low;
	draft->nat[side].has_port = port.length > 0;
	draft->nat[side].port = (uint16_t)number;
	return 0;
}

/* ---- words ---- */

/* A word ends at a blank or "="; in double quotes at the next one. */
static struct slice next_word(struct slice *rest)
{
	static const char ends[] = WHITE "=";
	const char *at = rest->at, *end = rest->at + rest->length, *quote;
	struct slice word;

	while (at < end && memchr(ends, *at, sizeof(ends) - 1))
		at++;
	quote = at < end && *at == '"' ? memchr(at + 1, '"', (size_t)(end - at) - 1) : NULL;
	word = (struct slice){ quote ? at + 1 : at, 0 };
	while (word.at + word.length < end &&
	       (quote ? word.at + word.length < quote : !memchr(ends, word.at[word.length], sizeof(ends) - 1)))
		word.length++;
	at = quote ? quote + 1 : word.at + word.length;
	*rest = (struct slice){ at, (size_t)(end - at) };
	return word;
}

static int unknown_word(struct slice word, struct error *error)
{
	struct suggestion suggestion = { .typed = word };
	char nearest[64];

	for (enum field_id id = 0; id < FIELD_STORED; id++)
		suggestion_offer(&suggestion, fields[id].name);
	for (size_t i = 0; bare_word_fields[i] != FIELD_NONE; i++)
		for (const struct word *known = kinds[fields[bare_word_fields[i]].kind].words; known->name; known++)
			suggestion_offer(&suggestion, known->name);
	return error_usage(error, 0, "no field or word \"%.*s\"%s", shown(word), word.at,
			   suggestion_text(&suggestion, nearest, sizeof(nearest)));
}

/* One term; `*word` is left at the word that is at fault. */
static int take_term(struct draft *draft, struct slice *word, struct slice *rest, struct naming *naming,
		     struct error *error)
{
	struct slice name = *word;
	struct bare_word bare;
	enum field_id id;

	if (slice_is(name, "and"))
		return 0;
	if (slice_is(name, "snat") || slice_is(name, "dnat")) {
		if (draft->is_change)
			return cannot_be_given(draft, "the translation", error);
		*word = next_word(rest);
		return draft_set_nat(draft, slice_is(name, "snat") ? NAT_SOURCE : NAT_DESTINATION, *word, error);
	}
	id = field_find(name);
	if (id == FIELD_NONE && bare_word_find(name, &bare))
		return draft_set(draft, bare.field, name, naming, error);
	if (id == FIELD_NONE)
		return unknown_word(name, error);
	*word = next_word(rest);
	if (slice_is(*word, "is"))
		*word = next_word(rest);
	draft->is_added = draft->is_change && id == FIELD_labels && slice_is(*word, "add");
	draft->is_removed = draft->is_change && id == FIELD_labels && slice_is(*word, "remove");
	if (draft->is_added || draft->is_removed)
		*word = next_word(rest);
	if (word->length == 0)
		return error_usage(error, 0, "%s: the value is missing, expected %s", fields[id].name,
				   kinds[fields[id].kind].expects);
	return draft_set(draft, id, *word, naming, error);
}

int draft_terms(struct draft *draft, struct slice text, struct naming *naming, struct error *error)
{
	struct slice rest = text, word = next_word(&rest);

	for (; word.length > 0; word = next_word(&rest)) {
		if (take_term(draft, &word, &rest, naming, error)) {
			error->column = (size_t)(word.at - text.at) + 1;
			return error->code;
		}
	}
	return 0;
}

/* ---- the rest of the entry ---- */

static int check_fields(const struct draft *draft, struct error *error)
{
	const struct record *record = &draft->record;
	unsigned class = protocol_class(record->proto);

	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if (record_has(record, id) && fields[id].protocols && !(fields[id].protocols & class))
			return error_usage(error, 0, "%s: an entry of this protocol has none", fields[id].name);
	if (record_has(record, FIELD_zone) && (record_has(record, FIELD_orig_zone) || record_has(record, FIELD_reply_zone)))
		return error_usage(error, 0, "zone is of both directions, orig.zone and reply.zone of one: give either");
	if (record_has(record, FIELD_state) && state_to_kernel(record->proto, record->state) == UINT8_MAX)
		return error_usage(error, 0, "state: %s is no state of this protocol", state_name(record->state));
	return 0;
}

static int check_families(struct draft *draft, uint8_t family, struct error *error)
{
	struct record *record = &draft->record;

	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if (fields[id].kind == KIND_ADDRESS && record_has(record, id) &&
		    ((const struct address *)field_value(id, record).data)->family != record->src.family)
			return error_usage(error, 0, "%s is of another family than src", fields[id].name);
	for (size_t i = 0; i < NAT_SIDES; i++)
		if (draft->nat[i].is_given && draft->nat[i].address.family != record->src.family)
			return error_usage(error, 0, "the address to translate to is of another family than src");
	if ((family != AF_UNSPEC && family != record->src.family) ||
	    (record_has(record, FIELD_family) && record->family != record->src.family))
		return error_usage(error, 0, "the addresses are not of the family that was asked for");
	record->family = record->src.family;
	field_set_add(&record->present, FIELD_family);
	return 0;
}

static void default_number(struct record *record, enum field_id id, uint8_t number)
{
	if (record_has(record, id))
		return;
	memset((char *)record + fields[id].offset, 0, fields[id].size);
	if (fields[id].size == 1)
		*((uint8_t *)record + fields[id].offset) = number;
	field_set_add(&record->present, id);
}

/* An echo without a code or identifier, a tunnel without a key: zero, as conntrack(8) has it. */
static void default_members(struct record *record)
{
	unsigned class = protocol_class(record->proto);

	if (class & (CLASS_ICMP | CLASS_ICMPV6)) {
		default_number(record, FIELD_icmp_code, 0);
		default_number(record, FIELD_icmp_id, 0);
	}
	if (class & CLASS_GRE) {
		default_number(record, FIELD_gre_srckey, 0);
		default_number(record, FIELD_gre_dstkey, 0);
	}
}

int draft_complete_tuple(struct draft *draft, uint8_t family, struct error *error)
{
	struct record *record = &draft->record;
	enum field_id missing;

	if (!record_has(record, FIELD_proto))
		return error_usage(error, 0, "the %s lacks its protocol (tcp, udp, icmp, ...)", draft->noun);
	default_members(record);
	missing = tuple_missing_member(record, false);
	if (missing != FIELD_NONE)
		return error_usage(error, 0, "the %s lacks %s", draft->noun, fields[missing].name);
	if (check_fields(draft, error))
		return error->code;
	return check_families(draft, family, error);
}

/* The type of the answer to a query (invmap[] of net/netfilter/nf_conntrack_proto_icmp.c and _icmpv6.c). */
static bool answer_type(uint8_t protocol, uint8_t type, uint8_t *answer)
{
	static const uint8_t pairs[][3] = {
		{ IPPROTO_ICMP, 8, 0 }, { IPPROTO_ICMP, 13, 14 }, { IPPROTO_ICMP, 15, 16 }, { IPPROTO_ICMP, 17, 18 },
		{ IPPROTO_ICMPV6, 128, 129 }, { IPPROTO_ICMPV6, 139, 140 },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (pairs[i][0] != protocol || (pairs[i][1] != type && pairs[i][2] != type))
			continue;
		*answer = pairs[i][1] == type ? pairs[i][2] : pairs[i][1];
		return true;
	}
	return false;
}

static void mirror(struct record *record, enum field_id to, enum field_id from)
{
	if (record_has(record, to) || !record_has(record, from))
		return;
	memcpy((char *)record + fields[to].offset, (const char *)record + fields[from].offset, fields[to].size);
	field_set_add(&record->present, to);
}

static int mirror_reply(struct record *record, struct error *error)
{
	static const uint8_t pairs[][2] = {
		{ FIELD_reply_src, FIELD_dst }, { FIELD_reply_dst, FIELD_src },
		{ FIELD_reply_sport, FIELD_dport }, { FIELD_reply_dport, FIELD_sport },
		{ FIELD_reply_gre_srckey, FIELD_gre_dstkey }, { FIELD_reply_gre_dstkey, FIELD_gre_srckey },
		{ FIELD_reply_icmp_code, FIELD_icmp_code }, { FIELD_reply_icmp_id, FIELD_icmp_id },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		mirror(record, pairs[i][0], pairs[i][1]);
	if (!record_has(record, FIELD_icmp_type) || record_has(record, FIELD_reply_icmp_type))
		return 0;
	if (!answer_type(record->proto, record->icmp_type, &record->reply_icmp_type))
		return error_usage(error, 0, "icmp.type: nothing answers messages of type %u, so the kernel does not track them",
				   record->icmp_type);
	field_set_add(&record->present, FIELD_reply_icmp_type);
	return 0;
}

static int translate_port(struct record *record, const struct nat *nat, uint16_t port, bool *is_changed,
			  struct error *error)
{
	uint16_t *member = NULL;

	if (record_has(record, nat->reply_port))
		member = nat->reply_port == FIELD_reply_dport ? &record->reply_dport : &record->reply_sport;
	else if (nat->has_echo_id && record_has(record, FIELD_reply_icmp_id))
		member = &record->reply_icmp_id;
	else
		return error_usage(error, 0, "an entry of this protocol has no port to translate to");
	*is_changed |= *member != port;
	*member = port;
	return 0;
}

/* As nf_nat_setup_info(): both sides have been through it as soon as one is given. */
static int translate(struct draft *draft, struct error *error)
{
	struct record *record = &draft->record;

	for (size_t i = 0; i < NAT_SIDES; i++) {
		const struct nat *nat = &nats[i];
		struct address *address = nat->reply_address == FIELD_reply_dst ? &record->reply_dst : &record->reply_src;
		bool is_changed;

		if (!draft->nat[i].is_given)
			continue;
		is_changed = memcmp(address, &draft->nat[i].address, sizeof(*address)) != 0;
		*address = draft->nat[i].address;
		if (draft->nat[i].has_port && translate_port(record, nat, draft->nat[i].port, &is_changed, error))
			return error->code;
		record->status |= nats[0].done_bit | nats[1].done_bit | (is_changed ? nat->bit : 0);
	}
	return 0;
}

static int complete_protocol(struct record *record, struct error *error)
{
	unsigned class = protocol_class(record->proto);

	/* A kernel without a tracker for dccp (since 6.17) has no state of it. */
	if (class & (CLASS_TCP | CLASS_SCTP) && !record_has(record, FIELD_state))
		return error_usage(error, 0, "the entry lacks its state (established, ...)");
	if (class & CLASS_TCP) {
		/* conntrack(8) lets either end of a closed connection begin anew, and counts SYN_SENT2 to those. */
		bool is_closed = record->state >= STATE_TIME_WAIT;
		uint8_t flags = TCP_FLAGS_UNKNOWN | (is_closed ? IP_CT_TCP_FLAG_CLOSE_INIT : 0);

		default_number(record, FIELD_tcp_flags, flags);
		default_number(record, FIELD_reply_tcp_flags, flags);
	}
	return 0;
}

int draft_complete(struct draft *draft, uint8_t family, struct error *error)
{
	struct record *record = &draft->record;

	if (draft_complete_tuple(draft, family, error) || mirror_reply(record, error) || translate(draft, error))
		return error->code;
	record->status |= IPS_CONFIRMED;
	field_set_add(&record->present, FIELD_status);
	return complete_protocol(record, error);
}
