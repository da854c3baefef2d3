/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kind.h"

#include <stdio.h>
#include <string.h>

#include "conntab/buffer.h"

const struct kind kinds[KIND_COUNT] = {
	[KIND_EVENT] = { .name = "event", .expects = "new, update, destroy or present", .json = JSON_STRING,
			 .words = event_words, .parse = event_parse, .format = event_format,
			 .format_number = event_format_number },
	[KIND_FAMILY] = { .name = "family", .expects = "ipv4 or ipv6", .json = JSON_STRING,
			  .words = family_words, .parse = family_parse, .format = family_format,
			  .format_number = family_format_number },
	[KIND_PROTOCOL] = { .name = "protocol", .expects = "a protocol: tcp, udp, icmp, ... or 0 to 255",
			    .json = JSON_STRING, .words = protocol_words, .parse = protocol_parse,
			    .format = protocol_format, .format_number = protocol_format_number },
	[KIND_ADDRESS] = { .name = "address", .json = JSON_STRING,
			   .expects = "an address, a prefix such as 10.0.0.0/8 or 2001:db8::/32, or a range a-b",
			   .parse = address_parse, .format = address_format },
	[KIND_PORT] = { .name = "port", .expects = "a port: 0 to 65535, a service name or a range a-b",
			.json = JSON_NUMBER, .is_ordered = true, .parse = port_parse, .format = number_format },
	[KIND_NUMBER] = { .name = "number", .expects = "a number or a range a-b", .json = JSON_NUMBER,
			  .is_ordered = true, .parse = number_parse, .format = number_format },
	[KIND_HEX] = { .name = "hex", .expects = "a number or a range a-b", .json = JSON_NUMBER,
		       .is_ordered = true, .parse = number_parse, .format = hex_format,
		       .format_number = hex_format_number },
	[KIND_BITS] = { .name = "bits", .expects = "a number, or value/mask", .json = JSON_NUMBER,
			.parse = mark_parse, .format = hex_format, .format_number = hex_format_number },
	[KIND_COUNTER] = { .name = "counter", .expects = "a number such as 500, 10k, 10M or 2Gi, or a range a-b",
			   .json = JSON_NUMBER, .is_ordered = true, .parse = counter_parse,
			   .format = number_format, .format_number = unit_format_number,
			   .format_brief = counter_format_brief, .bucket = counter_bucket },
	[KIND_DURATION] = { .name = "duration", .expects = "a time such as 30, 90s, 15m, 1h30m or 5d, or a range a-b",
			    .json = JSON_NUMBER, .is_ordered = true, .parse = duration_parse,
			    .format = number_format, .format_number = unit_format_duration,
			    .format_brief = duration_format_brief, .bucket = duration_bucket },
	[KIND_TIME] = { .name = "time", .expects = "a time such as 2026-11-22 or 2026-11-22T18:30 (local; Z: UTC), or a range a..b",
			.json = JSON_STRING, .is_ordered = true, .parse = time_parse, .format = time_format },
	[KIND_MARK] = { .name = "mark", .expects = "a mark such as 5, 0x10, 0x1/0xff, or a range a-b",
			.json = JSON_NUMBER, .is_ordered = true, .parse = mark_parse, .format = number_format,
			.format_number = hex_format_number, .format_brief = mark_format_brief },
	[KIND_STATE] = { .name = "state", .expects = "a state such as established or time_wait",
			 .json = JSON_STRING, .words = state_words, .parse = state_parse,
			 .format = state_format, .format_number = state_format_number },
	[KIND_STATUS] = { .name = "status", .expects = "a flag such as assured or unreplied, or value/mask",
			  .json = JSON_LIST, .words = status_words, .parse = status_parse,
			  .format = status_format, .format_number = hex_format_number,
			  .format_brief = status_format_brief, .next = status_next },
	[KIND_FLAGS] = { .name = "flags", .expects = "permanent, inactive, userspace, or value/mask",
			 .json = JSON_LIST, .words = flags_words, .parse = flags_parse,
			 .format = status_format, .format_number = hex_format_number, .next = flags_next },
	[KIND_LABELS] = { .name = "labels", .expects = "a label's name or its bit, 0 to 127", .json = JSON_LIST,
			  .parse = labels_parse, .format = labels_format, .next = labels_next },
	[KIND_TEXT] = { .name = "text", .expects = "a text; * and ? match any", .json = JSON_STRING,
			.parse = text_parse, .format = text_format },
};

const struct word *word_find(const struct word *words, struct slice name)
{
	for (; words && words->name; words++)
		if (slice_is(name, words->name))
			return words;
	return NULL;
}

const char *kind_word(enum kind_id kind, uint64_t value)
{
	for (const struct word *word = kinds[kind].words; word && word->name; word++)
		if (!word->is_alias && word->mask == 0 && word->value == value)
			return word->name;
	return NULL;
}

static bool address_within(const struct operand *operand, const struct address *address)
{
	const struct address *low = &operand->address.low, *high = &operand->address.high;
	size_t size = sizeof(address->bytes);

	return address->family == low->family && memcmp(address->bytes, low->bytes, size) >= 0 &&
	       memcmp(address->bytes, high->bytes, size) <= 0;
}

static bool labels_include(const struct labels *labels, const struct labels *wanted)
{
	for (size_t i = 0; i < 4; i++)
		if ((labels->words[i] & wanted->words[i]) != wanted->words[i])
			return false;
	return true;
}

/*
 * "*" is any text, "?" any letter, everything else itself. On a mismatch the last
 * star takes one letter more; earlier stars need no second try.
 */
static bool text_matches(struct slice pattern, const char *text)
{
	const char *retry_text = NULL;
	size_t at = 0, retry = 0;

	while (*text) {
		if (at < pattern.length && pattern.at[at] == '*') {
			retry = ++at;
			retry_text = text;
		} else if (at < pattern.length && (pattern.at[at] == '?' || pattern.at[at] == *text)) {
			at++;
			text++;
		} else if (retry_text) {
			at = retry;
			text = ++retry_text;
		} else {
			return false;
		}
	}
	while (at < pattern.length && pattern.at[at] == '*')
		at++;
	return at == pattern.length;
}

bool operand_matches(const struct operand *operand, const struct value *value)
{
	switch (operand->test) {
	case TEST_RANGE:
		return value->number >= operand->range.low && value->number <= operand->range.high;
	case TEST_MASK:
		return (value->number & operand->bits.mask) == operand->bits.value;
	case TEST_ANY_BIT:
		return (value->number & operand->bits.mask) != 0;
	case TEST_ADDRESS:
		return address_within(operand, value->data);
	case TEST_LABELS:
		return labels_include(value->data, &operand->labels);
	case TEST_TEXT:
		return text_matches(operand->text, value->data);
	}
	return false;
}

static void format_range(struct buffer *buffer, enum kind_id kind, const struct operand *operand)
{
	void (*format_number)(struct buffer *, uint64_t) = kinds[kind].format_number;

	if (kind == KIND_TIME) {
		time_operand_format(buffer, operand->range.low, operand->range.high);
		return;
	}
	if (!format_number)
		format_number = buffer_unsigned;
	format_number(buffer, operand->range.low);
	if (operand->range.high == operand->range.low)
		return;
	buffer_char(buffer, '-');
	format_number(buffer, operand->range.high);
}

/* Status words are masks: "unreplied" is 0 of 0x2. */
static const struct word *mask_word(enum kind_id kind, const struct operand *operand)
{
	const struct word *word = kinds[kind].words;

	for (; word && word->name; word++)
		if (!word->is_alias && word->mask == operand->bits.mask && word->mask &&
		    word->is_any == (operand->test == TEST_ANY_BIT) &&
		    (word->is_any || word->value == operand->bits.value))
			return word;
	return NULL;
}

static void format_mask(struct buffer *buffer, enum kind_id kind, const struct operand *operand)
{
	const struct word *word = mask_word(kind, operand);

	if (word)
		buffer_text(buffer, word->name);
	else
		buffer_format(buffer, "0x%llx/0x%llx", (unsigned long long)operand->bits.value,
			      (unsigned long long)operand->bits.mask);
}

/* In the kind of quotes that the text does not hold itself. */
static void format_quoted(struct buffer *buffer, struct slice text)
{
	char quote = memchr(text.at, '"', text.length) ? '\'' : '"';

	buffer_char(buffer, quote);
	buffer_bytes(buffer, text.at, text.length);
	buffer_char(buffer, quote);
}

void operand_format(struct buffer *buffer, enum kind_id kind, const struct operand *operand,
		    struct naming *naming)
{
	switch (operand->test) {
	case TEST_RANGE:
		format_range(buffer, kind, operand);
		break;
	case TEST_MASK:
	case TEST_ANY_BIT:
		format_mask(buffer, kind, operand);
		break;
	case TEST_ADDRESS:
		address_operand_format(buffer, operand);
		break;
	case TEST_LABELS:
		labels_operand_format(buffer, &operand->labels, naming);
		break;
	case TEST_TEXT:
		format_quoted(buffer, operand->text);
		break;
	}
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_addresses(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return compare_numbers(a->family, b->family);
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

int value_compare(const struct value *a, const struct value *b)
{
	if (!a->is_present || !b->is_present)
		return (int)a->is_present - (int)b->is_present;
	switch (a->kind) {
	case KIND_ADDRESS:
		return compare_addresses(a->data, b->data);
	case KIND_LABELS:
		return memcmp(a->data, b->data, sizeof(struct labels));
	case KIND_TEXT:
		return strcmp(a->data, b->data);
	default:
		return compare_numbers(a->number, b->number);
	}
}

bool range_parse(struct slice text, uint64_t maximum,
		 bool (*one)(struct slice, uint64_t, uint64_t *, uint64_t *),
		 struct operand *operand, struct reason *reason)
{
	uint64_t low, high, ignored;
	size_t i;

	operand->test = TEST_RANGE;
	if (one(text, maximum, &operand->range.low, &operand->range.high))
		return true;
	/* Names may hold hyphens too, so try each hyphen as the middle. */
	for (i = 1; i < text.length; i++) {
		struct slice left = { text.at, i }, right = { text.at + i + 1, text.length - i - 1 };

		if (text.at[i] != '-' || !one(left, UINT64_MAX, &low, &ignored) ||
		    !one(right, UINT64_MAX, &ignored, &high))
			continue;
		if (low > maximum || high > maximum)
			break;
		if (low > high) {
			snprintf(reason->text, sizeof(reason->text), "the range is upside down");
			return false;
		}
		operand->range.low = low;
		operand->range.high = high;
		return true;
	}
	if (i < text.length || one(text, UINT64_MAX, &low, &high))
		snprintf(reason->text, sizeof(reason->text), "more than %llu", (unsigned long long)maximum);
	return false;
}
