/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/buffer.h"
#include "conntab/word.h"
#include "tree.h"

static const char *const comparison_text[] = {
	[COMPARE_EQUAL] = "=",	  [COMPARE_LESS] = "<",		  [COMPARE_LESS_EQUAL] = "<=",
	[COMPARE_GREATER] = ">",  [COMPARE_GREATER_EQUAL] = ">=",
};

/* "tcp" rather than "proto = tcp": the field lets its words stand alone and this is one of them. */
static bool is_bare(const struct term *term, struct slice text)
{
	struct bare_word bare;

	return term->comparison == COMPARE_EQUAL && term->count == 1 && bare_word_find(text, &bare) &&
	       bare.field == term->field && field_find(text) == FIELD_NONE;
}

static void format_term(const struct term *term, struct buffer *buffer, struct naming *naming)
{
	enum kind_id kind = fields[term->field].kind;
	struct buffer value;

	if (buffer_init(&value, -1))
		return;
	for (size_t i = 0; i < term->count; i++) {
		if (i > 0)
			buffer_text(&value, ", ");
		operand_format(&value, kind, &term->operands[i], naming);
	}
	if (is_bare(term, (struct slice){ value.data, value.length })) {
		buffer_text(buffer, term->is_negated ? "not " : "");
		buffer_bytes(buffer, value.data, value.length);
	} else if (term->count > 1) {
		buffer_format(buffer, "%s %sin {", fields[term->field].name, term->is_negated ? "not " : "");
		buffer_bytes(buffer, value.data, value.length);
		buffer_char(buffer, '}');
	} else {
		bool is_unequal = term->is_negated && term->comparison == COMPARE_EQUAL;

		buffer_format(buffer, "%s%s %s ", term->is_negated && !is_unequal ? "not " : "",
			      fields[term->field].name, is_unequal ? "!=" : comparison_text[term->comparison]);
		buffer_bytes(buffer, value.data, value.length);
	}
	buffer_done(&value);
}

static void format_node(const struct node *node, enum node_type above, struct buffer *buffer,
			struct naming *naming)
{
	bool needs_brackets = node->type == NODE_OR && above == NODE_AND;

	if (node->type == NODE_TERM) {
		format_term(&node->term, buffer, naming);
		return;
	}
	if (needs_brackets)
		buffer_char(buffer, '(');
	for (const struct node *child = node->first; child; child = child->next) {
		format_node(child, node->type, buffer, naming);
		if (child->next)
			buffer_text(buffer, node->type == NODE_AND ? " and " : " or ");
	}
	if (needs_brackets)
		buffer_char(buffer, ')');
}

void filter_format(const struct filter *filter, struct buffer *buffer, struct naming *naming)
{
	if (filter)
		format_node(filter->root, NODE_OR, buffer, naming);
}
