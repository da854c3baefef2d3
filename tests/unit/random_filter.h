/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_TESTS_RANDOM_FILTER_H
#define CONNTAB_TESTS_RANDOM_FILTER_H

/*
 * Random filters: a tree of our own, the text that a user could write for it, and a
 * naive evaluation. None of it uses the program's parser or evaluator.
 */
#include <time.h>

#include "random_record.h"

enum our_type { OUR_TERM, OUR_AND, OUR_OR, OUR_NOT };
enum our_operator { OUR_EQUAL, OUR_UNEQUAL, OUR_LESS, OUR_LESS_EQUAL, OUR_GREATER, OUR_GREATER_EQUAL };
enum our_test { OUR_RANGE, OUR_MASK, OUR_ANY_BIT, OUR_ADDRESS, OUR_LABEL, OUR_TEXT };

enum { OUR_VALUES = 3, OUR_NODES = 32, OUR_TEXT_BYTES = 8192 };

struct our_value {
	enum our_test test;
	uint64_t low, high; /* or the value and the mask, or the label's bit */
	struct address first, last;
	char pattern[32];
	char text[128]; /* as the user writes it */
};

struct our_node {
	enum our_type type;
	struct our_node *left, *right;
	enum field_id field;
	enum our_operator operator;
	struct our_value values[OUR_VALUES];
	size_t count;
	bool may_be_bare;
};

struct our_filter {
	struct our_node nodes[OUR_NODES];
	size_t used;
	uint64_t *seed;
	struct our_node *root;
	char text[OUR_TEXT_BYTES];
	size_t length;
};

/* ---- values ---- */

/* Decimal or hexadecimal. */
static inline void our_number_text(struct our_filter *filter, uint64_t number, char *out, size_t size)
{
	if (random_below(filter->seed, 3))
		snprintf(out, size, "%llu", (unsigned long long)number);
	else
		snprintf(out, size, "0x%llx", (unsigned long long)number);
}

static inline void our_range(struct our_filter *filter, struct our_node *node, struct our_value *value)
{
	uint64_t one = pool_number(filter->seed, node->field), other = pool_number(filter->seed, node->field);
	bool is_plain = node->operator > OUR_UNEQUAL || random_below(filter->seed, 2);
	char first[32], last[32];

	value->test = OUR_RANGE;
	value->low = one < other || is_plain ? one : other;
	value->high = is_plain ? one : one < other ? other : one;
	our_number_text(filter, value->low, first, sizeof(first));
	our_number_text(filter, value->high, last, sizeof(last));
	snprintf(value->text, sizeof(value->text), is_plain ? "%s" : "%s-%s", first, last);
}

static inline void our_mask(struct our_filter *filter, struct our_value *value)
{
	uint64_t mask = random_below(filter->seed, 4) ? 1u << random_below(filter->seed, 17) :
			(uint32_t)random_next(filter->seed);

	if (random_below(filter->seed, 16) == 0)
		mask = 0;
	value->test = OUR_MASK;
	value->high = mask;
	value->low = mask & random_next(filter->seed);
	snprintf(value->text, sizeof(value->text), "0x%llx/%llu", (unsigned long long)value->low,
		 (unsigned long long)value->high);
}

static inline void our_bits(struct our_filter *filter, struct our_node *node, struct our_value *value)
{
	if (random_below(filter->seed, 2) || node->operator > OUR_UNEQUAL) {
		our_range(filter, node, value);
		return;
	}
	our_mask(filter, value);
	if (fields[node->field].size == 1) {
		value->high &= 0xff;
		value->low &= 0xff;
		snprintf(value->text, sizeof(value->text), "%llu/0x%llx", (unsigned long long)value->low,
			 (unsigned long long)value->high);
	}
}

static inline void our_status(struct our_filter *filter, struct our_node *node, struct our_value *value)
{
	static const struct {
		const char *name;
		uint64_t value, mask;
		bool is_any;
	} words[] = {
		{ "expected", 1, 1, false }, { "seen_reply", 2, 2, false }, { "assured", 4, 4, false },
		{ "CONFIRMED", 8, 8, false }, { "snat", 16, 16, false }, { "dnat", 32, 32, false },
		{ "seq_adjust", 64, 64, false }, { "dying", 512, 512, false }, { "offload", 1 << 14, 1 << 14, false },
		{ "unreplied", 0, 2, false }, { "replied", 2, 2, false }, { "nat", 0, 48, true },
	};
	size_t word = random_below(filter->seed, COUNT_OF(words) * 2);

	if (word >= COUNT_OF(words)) {
		our_mask(filter, value);
		if (!value->high || value->low != value->high || random_below(filter->seed, 2))
			return;
		/* A plain number names bits that are set. */
		snprintf(value->text, sizeof(value->text), "%llu", (unsigned long long)value->low);
		return;
	}
	value->test = words[word].is_any ? OUR_ANY_BIT : OUR_MASK;
	value->low = words[word].value;
	value->high = words[word].mask;
	snprintf(value->text, sizeof(value->text), "%s", words[word].name);
	node->may_be_bare = true;
}

static inline void our_protocol(struct our_filter *filter, struct our_node *node, struct our_value *value)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = {
		{ "tcp", 6 }, { "udp", 17 }, { "icmp", 1 }, { "ICMPv6", 58 }, { "ipv6-icmp", 58 }, { "sctp", 132 },
		{ "udplite", 136 }, { "gre", 47 }, { "dccp", 33 }, { "esp", 50 },
	};
	size_t name = random_below(filter->seed, COUNT_OF(names) + 4);

	if (name >= COUNT_OF(names)) {
		our_range(filter, node, value);
		return;
	}
	value->test = OUR_RANGE;
	value->low = value->high = names[name].number;
	snprintf(value->text, sizeof(value->text), "%s", names[name].name);
	node->may_be_bare = true;
}

static inline void our_word(struct our_node *node, struct our_value *value, uint64_t number, const char *name)
{
	value->test = OUR_RANGE;
	value->low = value->high = number;
	snprintf(value->text, sizeof(value->text), "%s", name);
	node->may_be_bare = true;
}

static inline void our_fill(struct address *address, unsigned prefix, bool is_set)
{
	for (unsigned bit = prefix; bit < (address->family == AF_INET ? 32u : 128u); bit++) {
		uint8_t one = (uint8_t)(0x80 >> bit % 8);

		address->bytes[bit / 8] = (uint8_t)(is_set ? address->bytes[bit / 8] | one : address->bytes[bit / 8] & ~one);
	}
}

static inline void our_address(struct our_filter *filter, struct our_value *value)
{
	unsigned family = (unsigned)random_below(filter->seed, 2);
	const char *one = pool_addresses[family][random_below(filter->seed, 6)];
	const char *other = pool_addresses[family][random_below(filter->seed, 6)];
	unsigned prefix = (unsigned)random_below(filter->seed, family ? 129 : 33);

	value->test = OUR_ADDRESS;
	value->first = value->last = pool_address(one);
	snprintf(value->text, sizeof(value->text), "%s", one);
	switch (random_below(filter->seed, 4)) {
	case 0:
		our_fill(&value->first, prefix, false);
		our_fill(&value->last, prefix, true);
		snprintf(value->text, sizeof(value->text), "%s/%u", one, prefix);
		break;
	case 1:
		value->last = pool_address(other);
		if (memcmp(value->first.bytes, value->last.bytes, 16) > 0)
			value->last = value->first;
		else
			snprintf(value->text, sizeof(value->text), "%s-%s", one, other);
		break;
	default:
		break;
	}
}

/* A day, a minute, a second or an instant; `width` letters of the same instant in UTC. */
static inline void our_time(struct our_filter *filter, struct our_value *value)
{
	static const struct {
		int width;
		uint64_t span;
	} forms[] = { { 10, 86400000000000 }, { 16, 60000000000 }, { 19, 1000000000 }, { 29, 1 } };
	size_t form = random_below(filter->seed, COUNT_OF(forms));
	uint64_t instant = pool_times[random_below(filter->seed, COUNT_OF(pool_times))];
	time_t seconds = (time_t)(instant / 1000000000);
	struct tm when;
	char text[64];

	gmtime_r(&seconds, &when);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &when);
	snprintf(text + 19, sizeof(text) - 19, ".%09llu", (unsigned long long)(instant % 1000000000));
	value->test = OUR_RANGE;
	value->low = instant / forms[form].span * forms[form].span;
	value->high = value->low + forms[form].span - 1;
	snprintf(value->text, sizeof(value->text), "%.*sZ", forms[form].width, text);
}

static inline void our_pattern(struct our_filter *filter, struct our_value *value)
{
	static const char *const patterns[] = { "ftp", "f*", "?tp", "*", "*t*p", "sip", "a b", "??", "f", "*:s0", "tftp" };

	value->test = OUR_TEXT;
	snprintf(value->pattern, sizeof(value->pattern), "%s", patterns[random_below(filter->seed, COUNT_OF(patterns))]);
	snprintf(value->text, sizeof(value->text), strchr(value->pattern, ' ') || random_below(filter->seed, 2) ? "'%s'" : "%s",
		 value->pattern);
}

static inline void our_random_value(struct our_filter *filter, struct our_node *node, struct our_value *value)
{
	uint64_t number = random_below(filter->seed, 128);

	switch (fields[node->field].kind) {
	case KIND_EVENT:
		number = EVENT_NEW + number % (EVENT_COUNT - EVENT_NEW);
		our_word(node, value, number, kind_word(KIND_EVENT, number));
		break;
	case KIND_FAMILY:
		our_word(node, value, number % 2 ? AF_INET : AF_INET6, number % 2 ? "ipv4" : "ipv6");
		break;
	case KIND_STATE:
		our_word(node, value, number % STATE_COUNT, state_name((uint8_t)(number % STATE_COUNT)));
		break;
	case KIND_PROTOCOL: our_protocol(filter, node, value); break;
	case KIND_ADDRESS: our_address(filter, value); break;
	case KIND_TIME: our_time(filter, value); break;
	case KIND_MARK:
	case KIND_BITS: our_bits(filter, node, value); break;
	case KIND_FLAGS: our_mask(filter, value); break;
	case KIND_STATUS: our_status(filter, node, value); break;
	case KIND_LABELS:
		value->test = OUR_LABEL;
		value->low = number;
		snprintf(value->text, sizeof(value->text), "%u", (unsigned)number);
		break;
	case KIND_TEXT: our_pattern(filter, value); break;
	default: our_range(filter, node, value); break;
	}
}

/* ---- trees ---- */

static inline struct our_node *our_term(struct our_filter *filter)
{
	struct our_node *node = &filter->nodes[filter->used++];
	/* The fields that the kernel or the check know come more often. */
	static const uint8_t often[] = {
		FIELD_proto, FIELD_family, FIELD_src, FIELD_dst, FIELD_sport, FIELD_dport, FIELD_status, FIELD_mark,
		FIELD_zone, FIELD_state, FIELD_icmp_type, FIELD_icmp_id, FIELD_reply_src, FIELD_reply_dport, FIELD_bytes,
	};

	*node = (struct our_node){ .type = OUR_TERM };
	node->field = random_below(filter->seed, 3) ? often[random_below(filter->seed, COUNT_OF(often))] :
		      (enum field_id)random_below(filter->seed, FIELD_COUNT);
	node->operator = (enum our_operator)random_below(filter->seed, kinds[fields[node->field].kind].is_ordered ? 6 : 2);
	if (random_below(filter->seed, 2))
		node->operator = OUR_EQUAL;
	node->count = node->operator <= OUR_UNEQUAL && random_below(filter->seed, 4) == 0 ? 1 + random_below(filter->seed, 3) : 1;
	for (size_t i = 0; i < node->count; i++)
		our_random_value(filter, node, &node->values[i]);
	return node;
}

static inline struct our_node *our_tree(struct our_filter *filter, unsigned depth)
{
	struct our_node *node;

	if (depth == 0 || filter->used + 8 > OUR_NODES || random_below(filter->seed, 3) == 0)
		return our_term(filter);
	node = &filter->nodes[filter->used++];
	*node = (struct our_node){ .type = OUR_AND };
	if (random_below(filter->seed, 2) == 0)
		node->type = random_below(filter->seed, 2) ? OUR_OR : OUR_NOT;
	node->left = our_tree(filter, depth - 1);
	node->right = node->type == OUR_NOT ? NULL : our_tree(filter, depth - 1);
	return node;
}

/* ---- as a text ---- */

static inline void our_put(struct our_filter *filter, const char *text)
{
	size_t length = strlen(text);

	assert_true(filter->length + length < sizeof(filter->text));
	memcpy(filter->text + filter->length, text, length + 1);
	filter->length += length;
}

static inline const char *our_choice(struct our_filter *filter, const char *one, const char *other, const char *third)
{
	const char *const choices[] = { one, other, third };

	return choices[random_below(filter->seed, 3)];
}

static inline void our_put_values(struct our_filter *filter, const struct our_node *node)
{
	bool has_braces = node->count > 1 && random_below(filter->seed, 2);

	our_put(filter, has_braces ? "{" : "");
	for (size_t i = 0; i < node->count; i++) {
		if (i > 0)
			our_put(filter, has_braces ? our_choice(filter, ", ", " ", ",") : our_choice(filter, ",", ", ", " ,"));
		our_put(filter, node->values[i].text);
	}
	our_put(filter, has_braces ? "}" : "");
}

/* "in" stands before sets only: behind "in" and one value a word of the same field is taken for lost braces. */
static inline void our_put_term(struct our_filter *filter, const struct our_node *node)
{
	static const char *const symbols[] = { "=", "!=", "<", "<=", ">", ">=" };
	bool is_bare = node->may_be_bare && node->count == 1 && random_below(filter->seed, 2) &&
		       (node->field == FIELD_proto || node->field == FIELD_family || node->field == FIELD_state ||
			node->field == FIELD_status);

	if (is_bare) {
		our_put(filter, node->operator == OUR_UNEQUAL ? our_choice(filter, "not ", "! ", "NOT ") : "");
		our_put(filter, node->values[0].text);
		return;
	}
	if (node->operator == OUR_UNEQUAL && random_below(filter->seed, 4) == 0) {
		our_put(filter, "not ");
		our_put(filter, fields[node->field].name);
		our_put(filter, " = ");
	} else {
		our_put(filter, fields[node->field].name);
		if (node->operator == OUR_EQUAL)
			our_put(filter, our_choice(filter, " ", node->count > 1 ? " in " : " = ", " is "));
		else if (node->operator == OUR_UNEQUAL)
			our_put(filter, our_choice(filter, node->count > 1 ? " not in " : " != ", " != ", " is not "));
		else {
			our_put(filter, our_choice(filter, " ", "", "  "));
			our_put(filter, symbols[node->operator]);
			our_put(filter, our_choice(filter, " ", "", "\t"));
		}
	}
	our_put_values(filter, node);
}

static inline void our_put_node(struct our_filter *filter, const struct our_node *node, const struct our_node *above)
{
	bool needs_brackets = above && node->type != OUR_TERM &&
			      (above->type == OUR_NOT || (above->type == OUR_AND && node->type == OUR_OR));
	bool has_brackets = needs_brackets || random_below(filter->seed, 5) == 0;

	our_put(filter, has_brackets ? "(" : "");
	if (node->type == OUR_TERM) {
		our_put_term(filter, node);
	} else {
		if (node->type == OUR_NOT)
			our_put(filter, our_choice(filter, "not ", "!", "not "));
		our_put_node(filter, node->left, node);
		if (node->type == OUR_AND)
			our_put(filter, our_choice(filter, " ", " and ", " && "));
		if (node->type == OUR_OR)
			our_put(filter, our_choice(filter, " or ", " || ", " OR "));
		if (node->right)
			our_put_node(filter, node->right, node);
	}
	our_put(filter, has_brackets ? ")" : "");
}

static inline void our_filter_make(struct our_filter *filter, uint64_t *seed)
{
	filter->seed = seed;
	filter->used = 0;
	filter->length = 0;
	filter->root = our_tree(filter, 3);
	our_put_node(filter, filter->root, NULL);
}

/* ---- evaluated ---- */

enum our_truth { OUR_FALSE, OUR_UNKNOWN, OUR_TRUE };

static inline bool our_glob(const char *pattern, const char *text)
{
	if (!*pattern)
		return !*text;
	if (*pattern == '*')
		return our_glob(pattern + 1, text) || (*text && our_glob(pattern, text + 1));
	return *text && (*pattern == '?' || *pattern == *text) && our_glob(pattern + 1, text + 1);
}

static inline bool our_value_holds(const struct our_node *node, const struct our_value *value, const struct value *found)
{
	const struct address *address = found->data;
	const struct labels *labels = found->data;

	switch (value->test) {
	case OUR_MASK: return (found->number & value->high) == value->low;
	case OUR_ANY_BIT: return found->number & value->high;
	case OUR_ADDRESS:
		return address->family == value->first.family && memcmp(address->bytes, value->first.bytes, 16) >= 0 &&
		       memcmp(address->bytes, value->last.bytes, 16) <= 0;
	case OUR_LABEL: return labels->words[value->low / 32] & 1u << value->low % 32;
	case OUR_TEXT: return our_glob(value->pattern, found->data);
	case OUR_RANGE: break;
	}
	switch (node->operator) {
	case OUR_LESS: return found->number < value->low;
	case OUR_LESS_EQUAL: return found->number <= value->high;
	case OUR_GREATER: return found->number > value->high;
	case OUR_GREATER_EQUAL: return found->number >= value->low;
	default: return found->number >= value->low && found->number <= value->high;
	}
}

static inline enum our_truth our_field_holds(const struct our_node *node, enum field_id id, const struct record *record)
{
	struct value found = field_value(id, record);

	if (!record_has(record, id))
		return fields[id].flags & MAYBE ? OUR_UNKNOWN : OUR_FALSE;
	for (size_t i = 0; i < node->count; i++)
		if (our_value_holds(node, &node->values[i], &found))
			return OUR_TRUE;
	return OUR_FALSE;
}

static inline enum our_truth our_not(enum our_truth truth)
{
	return truth == OUR_UNKNOWN ? OUR_UNKNOWN : truth == OUR_TRUE ? OUR_FALSE : OUR_TRUE;
}

static inline enum our_truth our_term_holds(const struct our_node *node, const struct record *record)
{
	static const uint8_t addresses[] = { FIELD_src, FIELD_dst, FIELD_reply_src, FIELD_reply_dst };
	static const uint8_t ports[] = { FIELD_sport, FIELD_dport, FIELD_reply_sport, FIELD_reply_dport };
	enum our_truth truth = OUR_FALSE;

	if (node->field != FIELD_addr && node->field != FIELD_port)
		truth = our_field_holds(node, node->field, record);
	else
		for (size_t i = 0; i < 4 && truth != OUR_TRUE; i++)
			truth = our_field_holds(node, node->field == FIELD_addr ? addresses[i] : ports[i], record);
	return node->operator == OUR_UNEQUAL ? our_not(truth) : truth;
}

static inline enum our_truth our_truth(const struct our_node *node, const struct record *record)
{
	enum our_truth left, right;

	if (node->type == OUR_TERM)
		return our_term_holds(node, record);
	left = our_truth(node->left, record);
	if (node->type == OUR_NOT)
		return our_not(left);
	right = our_truth(node->right, record);
	if (node->type == OUR_AND && (left == OUR_FALSE || right == OUR_FALSE))
		return OUR_FALSE;
	if (node->type == OUR_OR && (left == OUR_TRUE || right == OUR_TRUE))
		return OUR_TRUE;
	if (left == OUR_UNKNOWN || right == OUR_UNKNOWN)
		return OUR_UNKNOWN;
	return node->type == OUR_AND ? OUR_TRUE : OUR_FALSE;
}

#endif
