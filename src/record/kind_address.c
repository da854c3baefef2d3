/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses: single, prefixes and ranges of both families. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "conntab/buffer.h"
#include "kind.h"

static size_t address_bytes(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

static char *ipv4_text(char *at, const uint8_t *bytes)
{
	for (int i = 0; i < 4; i++) {
		at = text_unsigned(at, bytes[i]);
		*at++ = '.';
	}
	return at - 1;
}

char *address_text(char *at, const struct address *address)
{
	if (address->family == AF_INET)
		return ipv4_text(at, address->bytes);
	if (!inet_ntop(AF_INET6, address->bytes, at, INET6_ADDRSTRLEN))
		return at;
	return at + strlen(at);
}

char *address_text_full(char *at, const struct address *address)
{
	if (address->family == AF_INET)
		return ipv4_text(at, address->bytes);
	for (int i = 0; i < 16; i++) {
		*at++ = "0123456789abcdef"[address->bytes[i] >> 4];
		*at++ = "0123456789abcdef"[address->bytes[i] & 15];
		if (i % 2 == 1)
			*at++ = ':';
	}
	return at - 1;
}

KIND_FORMAT(address_format)
{
	(void)naming;
	buffer_advance(buffer, address_text(buffer_reserve(buffer, 64), value->data));
}

static bool one_address(struct slice text, struct address *address)
{
	char copy[INET6_ADDRSTRLEN];

	*address = (struct address){ .family = AF_INET };
	if (!slice_copy(text, copy, sizeof(copy)))
		return false;
	if (inet_pton(AF_INET, copy, address->bytes) == 1)
		return true;
	address->family = AF_INET6;
	return inet_pton(AF_INET6, copy, address->bytes) == 1;
}

/* Sets or clears all bits behind the prefix. */
static void fill_host_bits(struct address *address, unsigned prefix, bool is_set)
{
	for (unsigned bit = prefix; bit < address_bytes(address->family) * 8; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		if (is_set)
			address->bytes[bit / 8] |= mask;
		else
			address->bytes[bit / 8] &= (uint8_t)~mask;
	}
}

/* 255.255.0.0 as 16; false where the ones are not in front. */
static bool mask_to_prefix(const struct address *mask, unsigned *prefix)
{
	struct address check = *mask;
	unsigned bits = (unsigned)address_bytes(mask->family) * 8;

	for (*prefix = 0; *prefix < bits && mask->bytes[*prefix / 8] & 0x80 >> *prefix % 8;)
		++*prefix;
	fill_host_bits(&check, *prefix, false);
	return memcmp(&check, mask, sizeof(check)) == 0;
}

static bool parse_prefix(struct slice text, struct operand *operand, struct reason *reason)
{
	unsigned bits = (unsigned)address_bytes(operand->address.low.family) * 8, prefix;
	struct address mask;
	uint64_t number;

	if (slice_number(text, UINT16_MAX, &number)) {
		prefix = (unsigned)number;
		if (prefix > bits) {
			snprintf(reason->text, sizeof(reason->text), "the prefix is longer than %u bits", bits);
			return false;
		}
	} else if (!one_address(text, &mask) || mask.family != operand->address.low.family ||
		   !mask_to_prefix(&mask, &prefix)) {
		snprintf(reason->text, sizeof(reason->text), "no such prefix or mask");
		return false;
	}
	operand->address.high = operand->address.low;
	fill_host_bits(&operand->address.low, prefix, false);
	fill_host_bits(&operand->address.high, prefix, true);
	return true;
}

static bool parse_range_end(struct slice text, struct operand *operand, struct reason *reason)
{
	struct address *low = &operand->address.low, *high = &operand->address.high;

	if (!one_address(text, high))
		return false;
	if (high->family != low->family)
		snprintf(reason->text, sizeof(reason->text), "the range's ends are of two families");
	else if (memcmp(low->bytes, high->bytes, sizeof(low->bytes)) > 0)
		snprintf(reason->text, sizeof(reason->text), "the range is upside down");
	return !reason->text[0];
}

KIND_PARSE(address_parse)
{
	size_t first = 0;
	struct slice rest;

	(void)maximum;
	(void)naming;
	operand->test = TEST_ADDRESS;
	while (first < text.length && text.at[first] != '/' && text.at[first] != '-')
		first++;
	if (!one_address((struct slice){ text.at, first }, &operand->address.low))
		return false;
	operand->address.high = operand->address.low;
	if (first == text.length)
		return true;
	rest = (struct slice){ text.at + first + 1, text.length - first - 1 };
	if (text.at[first] == '/')
		return parse_prefix(rest, operand, reason);
	return parse_range_end(rest, operand, reason);
}

/* The length of the prefix that is exactly low to high, or -1. */
static int operand_prefix(const struct operand *operand)
{
	unsigned bits = (unsigned)address_bytes(operand->address.low.family) * 8;

	for (unsigned prefix = 0; prefix <= bits; prefix++) {
		struct address low = operand->address.low, high = operand->address.low;

		fill_host_bits(&low, prefix, false);
		fill_host_bits(&high, prefix, true);
		if (memcmp(&low, &operand->address.low, sizeof(low)) == 0 &&
		    memcmp(&high, &operand->address.high, sizeof(high)) == 0)
			return (int)prefix;
	}
	return -1;
}

void address_operand_format(struct buffer *buffer, const struct operand *operand)
{
	unsigned bits = (unsigned)address_bytes(operand->address.low.family) * 8;
	int prefix = operand_prefix(operand);

	buffer_advance(buffer, address_text(buffer_reserve(buffer, 64), &operand->address.low));
	if (prefix == (int)bits)
		return;
	if (prefix >= 0) {
		buffer_format(buffer, "/%d", prefix);
		return;
	}
	buffer_char(buffer, '-');
	buffer_advance(buffer, address_text(buffer_reserve(buffer, 64), &operand->address.high));
}
