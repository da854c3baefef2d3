/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a filter the kernel evaluates during a dump. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "conntab/buffer.h"
#include "tree.h"

const struct address *term_address(const struct term *term)
{
	const struct operand *operand = term->operands;

	if (!term_is_plain(term) || operand->test != TEST_ADDRESS ||
	    memcmp(operand->address.low.bytes, operand->address.high.bytes, 16) != 0)
		return NULL;
	return &operand->address.low;
}

static void plan_family(struct kernel_filter *kernel, uint64_t family)
{
	if (kernel->family == AF_UNSPEC)
		kernel->family = (uint8_t)family;
}

/* Any address, prefix or range belongs to one family. Of addresses only IPv4's are good in a dump. */
static void plan_address(struct kernel_filter *kernel, const struct term *term)
{
	const struct address *address = term_address(term);

	if (!term_is_plain(term))
		return;
	plan_family(kernel, term->operands[0].address.low.family);
	/* An IPv4 address in a request for IPv6 is a contradiction that the kernel refuses. */
	if (!address || address->family != kernel->family || field_is_any_of(term->field) ||
	    field_set_has(&kernel->tuple_fields, term->field) || (address->family != AF_INET && !kernel->events))
		return;
	memcpy((char *)&kernel->tuple + fields[term->field].offset, address, sizeof(*address));
	field_set_add(&kernel->tuple_fields, term->field);
}

static void plan_tuple_number(struct kernel_filter *kernel, const struct term *term)
{
	char *member = (char *)&kernel->tuple + fields[term->field].offset;
	uint64_t number;

	if (!term_is_number(term, &number) || field_set_has(&kernel->tuple_fields, term->field))
		return;
	if (fields[term->field].size == 1)
		*(uint8_t *)member = (uint8_t)number;
	else
		*(uint16_t *)(void *)member = (uint16_t)number;
	field_set_add(&kernel->tuple_fields, term->field);
}

static void plan_mark(struct kernel_filter *kernel, const struct term *term)
{
	const struct operand *operand = term->operands;
	uint64_t number;

	if (kernel->has_mark)
		return;
	if (term_is_number(term, &number)) {
		kernel->mark = (uint32_t)number;
		kernel->mark_mask = UINT32_MAX;
	} else if (term_is_plain(term) && operand->test == TEST_MASK && operand->bits.mask) {
		kernel->mark = (uint32_t)operand->bits.value;
		kernel->mark_mask = (uint32_t)operand->bits.mask;
	} else {
		return;
	}
	kernel->has_mark = true;
}

/* Flags that must be set and flags that must not be gather in one value and mask. */
static void plan_status(struct kernel_filter *kernel, const struct term *term)
{
	const struct operand *operand = term->operands;
	uint32_t value = (uint32_t)operand->bits.value, mask = (uint32_t)operand->bits.mask;

	if (term->count != 1 || operand->test != TEST_MASK || !mask)
		return;
	if (term->is_negated) {
		if (mask & (mask - 1))
			return; /* "not these two" is no value and mask */
		value ^= mask;
	}
	if ((kernel->status ^ value) & kernel->status_mask & mask)
		return;
	kernel->has_status = true;
	kernel->status |= value;
	kernel->status_mask |= mask;
}

static void plan_term(struct kernel_filter *kernel, const struct term *term)
{
	uint64_t number;

	switch (term->field) {
	case FIELD_family:
		if (term_is_number(term, &number))
			plan_family(kernel, number);
		break;
	case FIELD_src:
	case FIELD_dst:
	case FIELD_reply_src:
	case FIELD_reply_dst:
	case FIELD_addr:
		plan_address(kernel, term);
		break;
	case FIELD_proto:
	case FIELD_sport:
	case FIELD_dport:
	case FIELD_reply_sport:
	case FIELD_reply_dport:
	case FIELD_icmp_type:
	case FIELD_icmp_id:
	case FIELD_reply_icmp_type:
	case FIELD_reply_icmp_id:
		plan_tuple_number(kernel, term);
		break;
	case FIELD_mark:
		plan_mark(kernel, term);
		break;
	case FIELD_status:
		plan_status(kernel, term);
		break;
	case FIELD_zone:
		if (!kernel->has_zone && term_is_number(term, &number)) {
			kernel->has_zone = true;
			kernel->zone = (uint16_t)number;
		}
		break;
	default:
		break;
	}
}

/*
 * The kernel takes only the types that have a request and an answer: invmap[] in
 * net/netfilter/nf_conntrack_proto_icmp.c and nf_conntrack_proto_icmpv6.c.
 */
static bool is_paired_icmp(uint8_t protocol, uint8_t type)
{
	if (protocol == IPPROTO_ICMPV6)
		return type == 128 || type == 129 || type == 139 || type == 140;
	return type == 0 || type == 8 || (type >= 13 && type <= 18);
}

static void drop_unpaired_icmp(struct kernel_filter *kernel)
{
	if (!is_paired_icmp(kernel->tuple.proto, kernel->tuple.icmp_type))
		field_set_remove(&kernel->tuple_fields, FIELD_icmp_type);
	if (!is_paired_icmp(kernel->tuple.proto, kernel->tuple.reply_icmp_type))
		field_set_remove(&kernel->tuple_fields, FIELD_reply_icmp_type);
}

/* Takes back the members that the kernel would not evaluate, or not rightly, with this protocol. */
static void drop_useless(struct kernel_filter *kernel)
{
	static const struct {
		uint8_t field;
		uint16_t protocols;
	} members[] = {
		{ FIELD_sport, CLASS_TCP | CLASS_UDP },	      { FIELD_dport, CLASS_TCP | CLASS_UDP },
		{ FIELD_reply_sport, CLASS_TCP | CLASS_UDP },  { FIELD_reply_dport, CLASS_TCP | CLASS_UDP },
		{ FIELD_icmp_type, CLASS_ICMP | CLASS_ICMPV6 }, { FIELD_icmp_id, CLASS_ICMP | CLASS_ICMPV6 },
		{ FIELD_reply_icmp_type, CLASS_ICMP | CLASS_ICMPV6 },
		{ FIELD_reply_icmp_id, CLASS_ICMP | CLASS_ICMPV6 },
	};
	bool has_protocol = field_set_has(&kernel->tuple_fields, FIELD_proto), has_more = false;

	drop_unpaired_icmp(kernel);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!field_set_has(&kernel->tuple_fields, members[i].field))
			continue;
		if (has_protocol && protocol_class(kernel->tuple.proto) & members[i].protocols)
			has_more = true;
		else
			field_set_remove(&kernel->tuple_fields, members[i].field);
	}
	/*
	 * Without a family the tuple costs a second dump: worth it for a port, which
	 * selects few, not for a protocol, which selects many.
	 */
	if (kernel->family == AF_UNSPEC && !has_more)
		field_set_remove(&kernel->tuple_fields, FIELD_proto);
}

static void plan_terms(struct kernel_filter *kernel, const struct node *root)
{
	if (root->type == NODE_TERM)
		plan_term(kernel, &root->term);
	if (root->type == NODE_AND)
		for (const struct node *child = root->first; child; child = child->next)
			if (child->type == NODE_TERM)
				plan_term(kernel, &child->term);
}

void filter_plan(const struct filter *filter, uint8_t family, struct kernel_plan *plan)
{
	struct kernel_filter *kernel = &plan->dumps[0];

	*plan = (struct kernel_plan){ .count = 1 };
	kernel->family = family;
	if (!filter)
		return;
	plan_terms(kernel, filter->root);
	drop_useless(kernel);
	kernel->tuple.present = kernel->tuple_fields;
	if (kernel_filter_has_tuple(kernel) && kernel->family == AF_UNSPEC) {
		plan->count = 2;
		plan->dumps[1] = plan->dumps[0];
		plan->dumps[0].family = AF_INET;
		plan->dumps[1].family = AF_INET6;
	}
}

/* The events that can satisfy a part of the filter, as bits. */
static unsigned possible_events(const struct node *node)
{
	unsigned events = node->type == NODE_OR ? 0 : EVENT_ALL;

	if (node->type == NODE_TERM && node->term.field == FIELD_event)
		for (uint8_t event = EVENT_NEW; event <= EVENT_DESTROY; event++) {
			struct record record = { .event = event };

			field_set_add(&record.present, FIELD_event);
			if (term_evaluate(&node->term, &record) != IS_TRUE)
				events &= ~EVENT_BIT(event);
		}
	for (const struct node *child = node->first; child; child = child->next)
		events = node->type == NODE_OR ? events | possible_events(child) : events & possible_events(child);
	return events;
}

/* Which of its attributes a message of ICMP is in follows from the protocol. */
static void drop_unclear_icmp(struct kernel_filter *kernel)
{
	static const uint8_t members[] = { FIELD_icmp_type, FIELD_icmp_id, FIELD_reply_icmp_type, FIELD_reply_icmp_id };

	if (field_set_has(&kernel->tuple_fields, FIELD_proto) &&
	    protocol_class(kernel->tuple.proto) & (CLASS_ICMP | CLASS_ICMPV6))
		return;
	for (size_t i = 0; i < sizeof(members); i++)
		field_set_remove(&kernel->tuple_fields, members[i]);
}

void filter_plan_events(const struct filter *filter, uint8_t family, bool is_lasting, struct kernel_filter *kernel)
{
	*kernel = (struct kernel_filter){ .family = family, .events = EVENT_ALL };
	if (!filter)
		return;
	plan_terms(kernel, filter->root);
	kernel->events = (uint8_t)possible_events(filter->root);
	drop_unclear_icmp(kernel);
	kernel->tuple.present = kernel->tuple_fields;
	if (is_lasting)
		kernel->has_mark = kernel->has_status = false;
}

static void format_and(struct buffer *buffer)
{
	if (buffer->length > 0)
		buffer_text(buffer, " and ");
}

void kernel_filter_format(const struct kernel_filter *kernel, struct buffer *buffer, struct naming *naming)
{
	struct operand status = { .test = TEST_MASK, .bits = { kernel->status, kernel->status_mask } };
	struct operand mark = { .test = TEST_MASK, .bits = { kernel->mark, kernel->mark_mask } };

	if (kernel->events != EVENT_ALL)
		for (uint8_t event = EVENT_NEW; event <= EVENT_DESTROY; event++)
			if (kernel->events & EVENT_BIT(event))
				buffer_format(buffer, "%s%s", buffer->length ? "," : "event = ", kind_word(KIND_EVENT, event));
	if (kernel->family != AF_UNSPEC) {
		format_and(buffer);
		buffer_text(buffer, kind_word(KIND_FAMILY, kernel->family));
	}
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		struct value value = field_value(id, &kernel->tuple);

		if (!field_set_has(&kernel->tuple_fields, id))
			continue;
		format_and(buffer);
		buffer_format(buffer, "%s = ", fields[id].name);
		kinds[value.kind].format(buffer, &value, naming);
	}
	if (kernel->has_status) {
		format_and(buffer);
		buffer_text(buffer, "status = ");
		operand_format(buffer, KIND_STATUS, &status, naming);
	}
	if (kernel->has_mark) {
		format_and(buffer);
		buffer_text(buffer, "mark = ");
		operand_format(buffer, KIND_MARK, &mark, naming);
	}
	if (kernel->has_zone) {
		format_and(buffer);
		buffer_format(buffer, "zone = %u", kernel->zone);
	}
}
