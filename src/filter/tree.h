/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_FILTER_TREE_H
#define CONNTAB_FILTER_TREE_H

#include "conntab/filter.h"

enum comparison { COMPARE_EQUAL, COMPARE_LESS, COMPARE_LESS_EQUAL, COMPARE_GREATER, COMPARE_GREATER_EQUAL };

/* One test: the field compares so with any of the operands; negated or not. */
struct term {
	enum field_id field;
	enum comparison comparison;
	bool is_negated;
	struct operand *operands;
	size_t count;
};

enum node_type { NODE_TERM, NODE_AND, NODE_OR };

struct node {
	enum node_type type;
	struct node *first, *last; /* of AND, OR: the children, in a list */
	struct node *next;
	struct term term;
};

struct filter {
	char *text;            /* the user's words; operands borrow from it */
	struct filter *joined; /* whose text the tree borrows from too */
	struct node *root;
};

/* True for "FIELD VALUE" with one value, not negated: what a kernel filter and a tuple are made of. */
static inline bool term_is_plain(const struct term *term)
{
	return term->comparison == COMPARE_EQUAL && !term->is_negated && term->count == 1;
}

/* True when the term is one number, given out in `number`. */
static inline bool term_is_number(const struct term *term, uint64_t *number)
{
	if (!term_is_plain(term) || term->operands[0].test != TEST_RANGE ||
	    term->operands[0].range.low != term->operands[0].range.high)
		return false;
	*number = term->operands[0].range.low;
	return true;
}

/* What a record makes of one term. */
enum truth term_evaluate(const struct term *term, const struct record *record);

/* True when the term is one address, borrowed. */
const struct address *term_address(const struct term *term);

/* The first member of a direction's tuple that the protocol has and the record lacks; FIELD_NONE: it is whole. */
enum field_id tuple_missing_member(const struct record *tuple, bool is_reply);

#endif
