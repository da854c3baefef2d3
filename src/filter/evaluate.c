/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree.h"

static bool compare(enum comparison comparison, const struct operand *operand, const struct value *value)
{
	switch (comparison) {
	case COMPARE_EQUAL:
		return operand_matches(operand, value);
	case COMPARE_LESS:
		return value->number < operand->range.low;
	case COMPARE_LESS_EQUAL:
		return value->number <= operand->range.high;
	case COMPARE_GREATER:
		return value->number > operand->range.high;
	case COMPARE_GREATER_EQUAL:
		return value->number >= operand->range.low;
	}
	return false;
}

static enum truth evaluate_field(const struct term *term, enum field_id id, const struct record *record)
{
	struct value value = field_value(id, record);

	if (!value.is_present)
		return fields[id].flags & MAYBE ? IS_UNKNOWN : IS_FALSE;
	for (size_t i = 0; i < term->count; i++)
		if (compare(term->comparison, &term->operands[i], &value))
			return IS_TRUE;
	return IS_FALSE;
}

enum truth term_evaluate(const struct term *term, const struct record *record)
{
	enum truth truth = IS_FALSE;

	if (!field_is_any_of(term->field)) {
		truth = evaluate_field(term, term->field, record);
	} else {
		const uint8_t *members = fields[term->field].members;

		for (size_t i = 0; i < 4 && truth == IS_FALSE; i++)
			truth = evaluate_field(term, members[i], record);
	}
	return term->is_negated ? IS_TRUE - truth : truth;
}

static enum truth evaluate(const struct node *node, const struct record *record)
{
	enum truth decided = node->type == NODE_AND ? IS_FALSE : IS_TRUE;
	enum truth truth = node->type == NODE_AND ? IS_TRUE : IS_FALSE;

	if (node->type == NODE_TERM)
		return term_evaluate(&node->term, record);
	for (const struct node *child = node->first; child && truth != decided; child = child->next) {
		enum truth part = evaluate(child, record);

		if (node->type == NODE_AND ? part < truth : part > truth)
			truth = part;
	}
	return truth;
}

enum truth filter_evaluate(const struct filter *filter, const struct record *record)
{
	return filter ? evaluate(filter->root, record) : IS_TRUE;
}

bool filter_matches(const struct filter *filter, const struct record *record)
{
	return filter_evaluate(filter, record) == IS_TRUE;
}

static void collect_fields(const struct node *node, struct field_set *set)
{
	if (node->type == NODE_TERM)
		field_set_include(set, node->term.field);
	for (const struct node *child = node->first; child; child = child->next)
		collect_fields(child, set);
}

void filter_fields(const struct filter *filter, struct field_set *set)
{
	if (filter)
		collect_fields(filter->root, set);
}
