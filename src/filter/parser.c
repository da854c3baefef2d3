/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conntab/word.h"
#include "lexer.h"
#include "tree.h"

/* Brackets and "not" within each other; enough for people, little enough for the stack. */
enum { DEPTH_MAX = 64 };

struct parser {
	struct lexer lexer;
	struct token token; /* the next one, not consumed */
	bool is_set;        /* the term's operator was "in" */
	unsigned depth;
	struct naming *naming;
	struct error *error;
};

static struct node *parse_expression(struct parser *parser, bool is_negated);

static void advance(struct parser *parser)
{
	parser->token = lexer_next(&parser->lexer);
}

static bool is_keyword(const struct token *token, const char *keyword)
{
	return token->type == TOKEN_WORD && slice_is(token->text, keyword);
}

/* Untrusted text for a message: cut, and without anything that could drive a terminal. */
static const char *quote(struct slice text, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < text.length && used + 5 < size; i++) {
		unsigned char byte = (unsigned char)text.at[i];

		if (byte < 0x20 || byte >= 0x7f)
			byte = '?';
		out[used++] = (char)byte;
		if (used == 40 && i + 1 < text.length) {
			memcpy(out + used, "...", 3);
			used += 3;
			break;
		}
	}
	out[used] = '\0';
	return out;
}

static struct node *fault_expected(struct parser *parser, const char *expected)
{
	char text[64];

	if (parser->token.type == TOKEN_BROKEN && parser->lexer.text[parser->token.column - 1] != '&' &&
	    parser->lexer.text[parser->token.column - 1] != '|')
		error_usage(parser->error, parser->token.column, "a quote is not closed");
	else if (parser->token.type == TOKEN_END)
		error_usage(parser->error, parser->token.column, "the filter ends here, expected %s", expected);
	else
		error_usage(parser->error, parser->token.column, "expected %s, not \"%s\"", expected,
			    quote(parser->token.text, text, sizeof(text)));
	return NULL;
}

static struct node *out_of_memory(struct parser *parser)
{
	error_set(parser->error, -ENOMEM, "out of memory");
	return NULL;
}

static void node_free(struct node *node)
{
	while (node) {
		struct node *next = node->next;

		node_free(node->first);
		free(node->term.operands);
		free(node);
		node = next;
	}
}

static struct node *node_new(struct parser *parser, enum node_type type)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return out_of_memory(parser);
	node->type = type;
	return node;
}

static bool add_operand(struct parser *parser, struct term *term, const struct operand *operand)
{
	struct operand *grown;

	/* Grows by doubling: at each power of two. */
	if ((term->count & (term->count - 1)) == 0) {
		size_t capacity = term->count ? term->count * 2 : 1;

		grown = realloc(term->operands, capacity * sizeof(*grown));
		if (!grown) {
			out_of_memory(parser);
			return false;
		}
		term->operands = grown;
	}
	term->operands[term->count++] = *operand;
	return true;
}

/* The nearest of a kind's words, for a value that is none of them. */
static const char *suggest_value(enum kind_id kind, struct slice typed, char *out, size_t size)
{
	struct suggestion suggestion = { .typed = typed };

	for (const struct word *word = kinds[kind].words; word && word->name; word++)
		suggestion_offer(&suggestion, word->name);
	return suggestion_text(&suggestion, out, size);
}

static bool parse_value(struct parser *parser, struct term *term)
{
	const struct kind *kind = &kinds[fields[term->field].kind];
	struct operand operand;
	struct reason reason = { "" };
	char text[64], nearest[96];

	memset(&operand, 0, sizeof(operand)); /* operands are compared whole */
	if (parser->token.type != TOKEN_WORD && parser->token.type != TOKEN_STRING) {
		fault_expected(parser, kind->expects);
		return false;
	}
	if (!kind->parse(parser->token.text, field_maximum(term->field), parser->naming, &operand, &reason)) {
		error_usage(parser->error, parser->token.column, "%s: \"%s\" is not %s%s%s%s%s",
			    fields[term->field].name, quote(parser->token.text, text, sizeof(text)),
			    kind->expects, reason.text[0] ? " (" : "", reason.text, reason.text[0] ? ")" : "",
			    suggest_value(fields[term->field].kind, parser->token.text, nearest, sizeof(nearest)));
		return false;
	}
	advance(parser);
	return add_operand(parser, term, &operand);
}

static bool parse_braces(struct parser *parser, struct term *term)
{
	advance(parser);
	do {
		if (!parse_value(parser, term))
			return false;
		if (parser->token.type == TOKEN_COMMA)
			advance(parser);
	} while (parser->token.type == TOKEN_WORD || parser->token.type == TOKEN_STRING);
	if (parser->token.type != TOKEN_BRACE_CLOSE) {
		fault_expected(parser, "\"}\" or another value");
		return false;
	}
	advance(parser);
	return true;
}

/*
 * A shell makes "state in {a,b}" into "state in a b" unless it is quoted. Read as
 * "state is a, and b" that would mean the opposite of a set.
 */
static bool has_lost_braces(const struct parser *parser, const struct term *term)
{
	struct bare_word bare;

	return parser->is_set && term->count == 1 && parser->token.type == TOKEN_WORD &&
	       bare_word_find(parser->token.text, &bare) && bare.field == term->field;
}

static bool parse_values(struct parser *parser, struct term *term)
{
	if (parser->token.type == TOKEN_BRACE_OPEN)
		return parse_braces(parser, term);
	for (;;) {
		if (!parse_value(parser, term))
			return false;
		if (parser->token.type != TOKEN_COMMA)
			break;
		advance(parser);
	}
	if (!has_lost_braces(parser, term))
		return true;
	error_usage(parser->error, parser->token.column,
		    "%s: \"in\" takes {a, b}; the shell took the braces away, so put the filter in quotes",
		    fields[term->field].name);
	return false;
}

static bool parse_comparison(struct parser *parser, struct term *term)
{
	size_t column = parser->token.column;

	parser->is_set = false;
	switch (parser->token.type) {
	case TOKEN_EQUAL: break;
	case TOKEN_NOT_EQUAL: term->is_negated = !term->is_negated; break;
	case TOKEN_LESS: term->comparison = COMPARE_LESS; break;
	case TOKEN_LESS_EQUAL: term->comparison = COMPARE_LESS_EQUAL; break;
	case TOKEN_GREATER: term->comparison = COMPARE_GREATER; break;
	case TOKEN_GREATER_EQUAL: term->comparison = COMPARE_GREATER_EQUAL; break;
	default:
		if (is_keyword(&parser->token, "not")) {
			term->is_negated = !term->is_negated;
			advance(parser);
			parser->is_set = is_keyword(&parser->token, "in");
			if (parser->is_set)
				advance(parser);
			return true;
		}
		parser->is_set = is_keyword(&parser->token, "in");
		if (is_keyword(&parser->token, "is") || is_keyword(&parser->token, "in"))
			break;
		return true;
	}
	advance(parser);
	if (is_keyword(&parser->token, "not") && term->comparison == COMPARE_EQUAL) {
		term->is_negated = !term->is_negated;
		advance(parser);
	}
	if (term->comparison == COMPARE_EQUAL || kinds[fields[term->field].kind].is_ordered)
		return true;
	error_usage(parser->error, column, "%s has no order: use = or !=", fields[term->field].name);
	return false;
}

/* Comparisons are with one number; "dport > 80,443" has no meaning. */
static bool check_operands(struct parser *parser, const struct term *term, size_t column)
{
	if (term->comparison == COMPARE_EQUAL)
		return true;
	if (term->count == 1 && term->operands[0].test == TEST_RANGE)
		return true;
	error_usage(parser->error, column, "%s: only one plain value can be compared so", fields[term->field].name);
	return false;
}

static struct node *parse_field(struct parser *parser, enum field_id field, bool is_negated)
{
	struct node *node = node_new(parser, NODE_TERM);
	size_t column;

	if (!node)
		return NULL;
	node->term = (struct term){ .field = field, .is_negated = is_negated };
	advance(parser);
	column = parser->token.column;
	if (parse_comparison(parser, &node->term) && parse_values(parser, &node->term) &&
	    check_operands(parser, &node->term, column))
		return node;
	node_free(node);
	return NULL;
}

static struct node *parse_bare_word(struct parser *parser, const struct bare_word *bare, bool is_negated)
{
	struct node *node = node_new(parser, NODE_TERM);
	struct operand operand;
	struct reason reason = { "" };

	if (!node)
		return NULL;
	memset(&operand, 0, sizeof(operand));
	node->term = (struct term){ .field = bare->field, .is_negated = is_negated };
	kinds[fields[bare->field].kind].parse(slice_of(bare->word->name), field_maximum(bare->field),
					      parser->naming, &operand, &reason);
	advance(parser);
	if (add_operand(parser, &node->term, &operand))
		return node;
	node_free(node);
	return NULL;
}

static void offer_word(void *data, const char *word, const char *help)
{
	(void)help;
	suggestion_offer(data, word);
}

static struct node *fault_unknown_word(struct parser *parser)
{
	struct suggestion suggestion = { .typed = parser->token.text };
	struct operand operand;
	struct reason reason = { "" };
	char text[64], nearest[96];
	const char *name = quote(parser->token.text, text, sizeof(text));

	if (kinds[KIND_ADDRESS].parse(parser->token.text, 0, parser->naming, &operand, &reason)) {
		error_usage(parser->error, parser->token.column,
			    "\"%s\" is an address without a field; did you mean \"addr %s\" (or src, dst)?", name, name);
		return NULL;
	}
	filter_each_word(SUBJECT_ENTRY, true, offer_word, &suggestion);
	filter_each_word(SUBJECT_EXPECTATION, true, offer_word, &suggestion);
	error_usage(parser->error, parser->token.column,
		    "\"%s\" is no field, protocol, state or status%s%s", name,
		    suggestion_text(&suggestion, nearest, sizeof(nearest)),
		    suggestion.best[0] ? "" : " (conntab help fields)");
	return NULL;
}

static struct node *parse_term(struct parser *parser, bool is_negated)
{
	struct bare_word bare;
	enum field_id field;

	if (parser->token.type != TOKEN_WORD || is_keyword(&parser->token, "and") ||
	    is_keyword(&parser->token, "or"))
		return fault_expected(parser, "a field or a word such as tcp or established");
	field = field_find(parser->token.text);
	if (field != FIELD_NONE)
		return parse_field(parser, field, is_negated);
	if (bare_word_find(parser->token.text, &bare))
		return parse_bare_word(parser, &bare, is_negated);
	return fault_unknown_word(parser);
}

static struct node *parse_brackets(struct parser *parser, bool is_negated)
{
	struct node *node;

	advance(parser);
	node = parse_expression(parser, is_negated);
	if (!node)
		return NULL;
	if (parser->token.type != TOKEN_CLOSE) {
		node_free(node);
		return fault_expected(parser, "\")\"");
	}
	advance(parser);
	return node;
}

static struct node *parse_factor(struct parser *parser, bool is_negated)
{
	struct node *node;

	if (++parser->depth > DEPTH_MAX) {
		error_usage(parser->error, parser->token.column, "nested more than %d deep", DEPTH_MAX);
		return NULL;
	}
	if (parser->token.type == TOKEN_NOT || is_keyword(&parser->token, "not")) {
		advance(parser);
		node = parse_factor(parser, !is_negated);
	} else if (parser->token.type == TOKEN_OPEN) {
		node = parse_brackets(parser, is_negated);
	} else {
		node = parse_term(parser, is_negated);
	}
	parser->depth--;
	return node;
}

static bool begins_factor(const struct token *token)
{
	return token->type == TOKEN_OPEN || token->type == TOKEN_NOT || token->type == TOKEN_STRING ||
	       (token->type == TOKEN_WORD && !is_keyword(token, "or"));
}

static bool is_and(const struct parser *parser)
{
	return parser->token.type == TOKEN_AND || is_keyword(&parser->token, "and");
}

static bool is_or(const struct parser *parser)
{
	return parser->token.type == TOKEN_OR || is_keyword(&parser->token, "or");
}

/*
 * A list of factors or conjunctions. Under a negation "and" becomes "or" and the
 * other way round, since the terms below are negated instead. A child of the same
 * type is taken in flat, so that printing and parsing again gives the same tree.
 */
static struct node *join(struct parser *parser, enum node_type type, struct node *left, struct node *right)
{
	struct node *joined = left;

	if (left->type != type) {
		joined = node_new(parser, type);
		if (!joined) {
			node_free(left);
			node_free(right);
			return NULL;
		}
		joined->first = joined->last = left;
	}
	joined->last->next = right->type == type ? right->first : right;
	joined->last = right->type == type ? right->last : right;
	if (right->type == type) {
		right->first = NULL;
		node_free(right);
	}
	return joined;
}

static struct node *parse_conjunction(struct parser *parser, bool is_negated)
{
	struct node *node = parse_factor(parser, is_negated);

	while (node && (is_and(parser) || begins_factor(&parser->token))) {
		struct node *right;

		if (is_and(parser))
			advance(parser);
		right = parse_factor(parser, is_negated);
		if (!right) {
			node_free(node);
			return NULL;
		}
		node = join(parser, is_negated ? NODE_OR : NODE_AND, node, right);
	}
	return node;
}

static struct node *parse_expression(struct parser *parser, bool is_negated)
{
	struct node *node = parse_conjunction(parser, is_negated);

	while (node && is_or(parser)) {
		struct node *right;

		advance(parser);
		right = parse_conjunction(parser, is_negated);
		if (!right) {
			node_free(node);
			return NULL;
		}
		node = join(parser, is_negated ? NODE_AND : NODE_OR, node, right);
	}
	return node;
}

int filter_parse(const char *text, struct naming *naming, struct filter **filter, struct error *error)
{
	struct parser parser = { .naming = naming, .error = error };
	struct filter *parsed;

	*filter = NULL;
	parsed = calloc(1, sizeof(*parsed));
	if (parsed)
		parsed->text = strdup(text);
	if (!parsed || !parsed->text) {
		filter_free(parsed);
		return error_set(error, -ENOMEM, "out of memory");
	}
	parser.lexer.text = parsed->text;
	advance(&parser);
	if (parser.token.type == TOKEN_END) {
		filter_free(parsed);
		return 0;
	}
	parsed->root = parse_expression(&parser, false);
	if (parsed->root && parser.token.type != TOKEN_END)
		fault_expected(&parser, "\"and\", \"or\" or another term");
	if (error->code) {
		filter_free(parsed);
		return error->code;
	}
	*filter = parsed;
	return 0;
}

void filter_free(struct filter *filter)
{
	if (!filter)
		return;
	filter_free(filter->joined);
	node_free(filter->root);
	free(filter->text);
	free(filter);
}

struct filter *filter_and(struct filter *left, struct filter *right)
{
	struct error error = { 0 };
	struct parser parser = { .error = &error };
	struct filter **end;

	if (!left || !right)
		return left ? left : right;
	left->root = join(&parser, NODE_AND, left->root, right->root);
	right->root = NULL;
	for (end = &left->joined; *end;)
		end = &(*end)->joined;
	*end = right;
	if (left->root)
		return left;
	filter_free(left);
	return NULL;
}
