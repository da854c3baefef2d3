/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds filters that can never match, so that a slip of the pen is told from an empty table. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tree.h"

enum { TERMS_MAX = 64 };

enum { FAMILY_IPV4 = 1, FAMILY_IPV6 = 2 };

/* What is known to hold where a node is evaluated: all terms on the way to it. */
struct domain {
	unsigned classes;  /* protocols that are still possible, CLASS_* */
	unsigned families; /* FAMILY_* */
	const struct term *terms[TERMS_MAX];
	size_t count;
};

static unsigned family_bit(uint64_t family)
{
	return family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
}

static unsigned state_classes(uint64_t state)
{
	if (state == STATE_NONE)
		return CLASS_TCP | CLASS_SCTP | CLASS_DCCP;
	if (state == STATE_ESTABLISHED)
		return CLASS_TCP | CLASS_SCTP;
	if (state <= STATE_SYN_SENT2)
		return CLASS_TCP;
	return state <= STATE_HEARTBEAT_ACKED ? CLASS_SCTP : CLASS_DCCP;
}

static unsigned protocol_range_classes(const struct operand *operand)
{
	unsigned classes = 0;

	for (uint64_t protocol = operand->range.low; protocol <= operand->range.high && protocol <= 255; protocol++)
		classes |= protocol_class((uint8_t)protocol);
	return classes;
}

/* The protocols that can satisfy a term. */
static unsigned term_classes(const struct term *term)
{
	const struct field *field = &fields[term->field];
	unsigned classes = 0;

	if (term->is_negated)
		return CLASS_ALL; /* what has no such field satisfies "not" */
	if (term->field == FIELD_proto && term->comparison == COMPARE_EQUAL)
		for (size_t i = 0; i < term->count; i++)
			classes |= protocol_range_classes(&term->operands[i]);
	else if (term->field == FIELD_state)
		for (size_t i = 0; i < term->count; i++)
			classes |= state_classes(term->operands[i].range.low);
	else
		classes = field->protocols ? field->protocols : CLASS_ALL;
	return classes;
}

/* The families that can satisfy a term. */
static unsigned term_families(const struct term *term)
{
	unsigned families = 0;

	if (term->is_negated)
		return FAMILY_IPV4 | FAMILY_IPV6;
	for (size_t i = 0; i < term->count; i++) {
		if (term->operands[i].test == TEST_ADDRESS)
			families |= family_bit(term->operands[i].address.low.family);
		else if (term->field == FIELD_family)
			families |= family_bit(term->operands[i].range.low);
		else
			return FAMILY_IPV4 | FAMILY_IPV6;
	}
	return families;
}

/* The numbers that satisfy one operand, as a range. */
static void satisfied_range(const struct term *term, const struct operand *operand, uint64_t *low, uint64_t *high)
{
	*low = operand->range.low;
	*high = operand->range.high;
	switch (term->comparison) {
	case COMPARE_EQUAL: break;
	case COMPARE_LESS: *high = *low - 1; *low = 0; break;
	case COMPARE_LESS_EQUAL: *low = 0; break;
	case COMPARE_GREATER: *low = *high + 1; *high = field_maximum(term->field); break;
	case COMPARE_GREATER_EQUAL: *high = field_maximum(term->field); break;
	}
}

static bool operands_overlap(const struct term *a, const struct operand *x, const struct term *b,
			     const struct operand *y)
{
	uint64_t x_low, x_high, y_low, y_high;

	if (x->test != y->test)
		return true;
	switch (x->test) {
	case TEST_RANGE:
		satisfied_range(a, x, &x_low, &x_high);
		satisfied_range(b, y, &y_low, &y_high);
		return x_low <= y_high && y_low <= x_high;
	case TEST_MASK:
		return ((x->bits.value ^ y->bits.value) & x->bits.mask & y->bits.mask) == 0;
	case TEST_ADDRESS:
		return x->address.low.family == y->address.low.family &&
		       memcmp(x->address.low.bytes, y->address.high.bytes, 16) <= 0 &&
		       memcmp(y->address.low.bytes, x->address.high.bytes, 16) <= 0;
	default:
		return true;
	}
}

/* One bit wanted and not wanted: the only contradiction of a negated term that is looked for. */
static bool are_opposite(const struct term *a, const struct term *b)
{
	return a->is_negated != b->is_negated && a->comparison == COMPARE_EQUAL &&
	       b->comparison == COMPARE_EQUAL && a->count == 1 && b->count == 1 &&
	       memcmp(&a->operands[0], &b->operands[0], sizeof(struct operand)) == 0;
}

static bool terms_can_both_hold(const struct term *a, const struct term *b)
{
	if (a->field != b->field || field_is_any_of(a->field))
		return true;
	if (are_opposite(a, b))
		return false;
	if (a->is_negated || b->is_negated)
		return true;
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < b->count; j++)
			if (operands_overlap(a, &a->operands[i], b, &b->operands[j]))
				return true;
	return false;
}

/* "< 0" or "> 65535". */
static bool is_empty(const struct term *term)
{
	const struct operand *operand = term->operands;

	if (term->is_negated)
		return false;
	return (term->comparison == COMPARE_LESS && operand->range.low == 0) ||
	       (term->comparison == COMPARE_GREATER && operand->range.high >= field_maximum(term->field));
}

/* Adds a term; false when it contradicts what already holds. */
static bool narrow(struct domain *domain, const struct term *term, struct reason *reason)
{
	const char *name = fields[term->field].name;

	domain->classes &= term_classes(term);
	/* The kernel makes entries of these two only in their own family. */
	if (domain->classes == CLASS_ICMP)
		domain->families &= FAMILY_IPV4;
	if (domain->classes == CLASS_ICMPV6)
		domain->families &= FAMILY_IPV6;
	domain->families &= term_families(term);
	if (!domain->classes)
		snprintf(reason->text, sizeof(reason->text), "%s does not go with the protocol", name);
	else if (!domain->families)
		snprintf(reason->text, sizeof(reason->text), "%s does not go with the address family", name);
	else if (is_empty(term))
		snprintf(reason->text, sizeof(reason->text), "%s has no such values", name);
	for (size_t i = 0; i < domain->count && !reason->text[0]; i++)
		if (!terms_can_both_hold(domain->terms[i], term))
			snprintf(reason->text, sizeof(reason->text), "%s cannot be both", name);
	if (domain->count < TERMS_MAX)
		domain->terms[domain->count++] = term;
	return !reason->text[0];
}

static bool is_never(const struct node *node, const struct domain *above, struct reason *reason)
{
	struct domain domain = *above;

	if (node->type == NODE_TERM)
		return !narrow(&domain, &node->term, reason);
	if (node->type == NODE_OR) {
		for (const struct node *child = node->first; child; child = child->next) {
			reason->text[0] = '\0';
			if (!is_never(child, &domain, reason))
				return false;
		}
		return true;
	}
	for (const struct node *child = node->first; child; child = child->next)
		if (child->type == NODE_TERM && !narrow(&domain, &child->term, reason))
			return true;
	for (const struct node *child = node->first; child; child = child->next) {
		reason->text[0] = '\0';
		if (child->type != NODE_TERM && is_never(child, &domain, reason))
			return true;
	}
	return false;
}

bool filter_is_never(const struct filter *filter, struct reason *reason)
{
	struct domain domain = { .classes = CLASS_ALL, .families = FAMILY_IPV4 | FAMILY_IPV6 };

	reason->text[0] = '\0';
	return filter && is_never(filter->root, &domain, reason);
}
