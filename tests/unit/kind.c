/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of values: reading, writing, comparing. */
#include "unit.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <time.h>

#include "conntab/buffer.h"
#include "conntab/field.h"

enum { RANDOM_ROUNDS = 20000 };

#define SECOND 1000000000ull
#define DAY (86400 * SECOND)

static struct naming naming;

static bool parse(enum kind_id kind, const char *text, uint64_t maximum, struct operand *operand, struct reason *reason)
{
	reason->text[0] = '\0';
	memset(operand, 0, sizeof(*operand));
	return kinds[kind].parse(slice_of(text), maximum, &naming, operand, reason);
}

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

/* ---- numbers of all sorts ---- */

static void ranges(void **state)
{
	static const struct {
		uint8_t kind;
		const char *text;
		uint64_t maximum, low, high;
	} cases[] = {
		{ KIND_PORT, "80", 65535, 80, 80 }, { KIND_PORT, "https", 65535, 443, 443 },
		{ KIND_PORT, "80-443", 65535, 80, 443 }, { KIND_PORT, "http-https", 65535, 80, 443 },
		{ KIND_PORT, "0-65535", 65535, 0, 65535 }, { KIND_PORT, "0x50-443", 65535, 80, 443 },
		{ KIND_PORT, "80-80", 65535, 80, 80 }, { KIND_PORT, "iso-tsap", 65535, 102, 102 },
		{ KIND_PORT, "iso-tsap-443", 65535, 102, 443 },
		{ KIND_NUMBER, "7", 255, 7, 7 }, { KIND_NUMBER, "0-255", 255, 0, 255 },
		{ KIND_HEX, "0xff", 65535, 255, 255 }, { KIND_HEX, "255", 65535, 255, 255 },
		{ KIND_COUNTER, "10M", UINT64_MAX, 10000000, 10000000 },
		{ KIND_COUNTER, "10k-1Mi", UINT64_MAX, 10000, 1048576 },
		{ KIND_COUNTER, "18446744073709551615", UINT64_MAX, UINT64_MAX, UINT64_MAX },
		{ KIND_DURATION, "1h30m", UINT32_MAX, 5400, 5400 }, { KIND_DURATION, "1m-5d", UINT32_MAX, 60, 432000 },
		{ KIND_MARK, "0x10", UINT32_MAX, 16, 16 }, { KIND_MARK, "1-0xff", UINT32_MAX, 1, 255 },
		{ KIND_BITS, "0x22", 255, 34, 34 },
		{ KIND_PROTOCOL, "tcp", 255, 6, 6 }, { KIND_PROTOCOL, "TCP", 255, 6, 6 },
		{ KIND_PROTOCOL, "ipv6-icmp", 255, 58, 58 }, { KIND_PROTOCOL, "89", 255, 89, 89 },
		{ KIND_PROTOCOL, "0-255", 255, 0, 255 }, { KIND_PROTOCOL, "tcp-udp", 255, 6, 17 },
		{ KIND_PROTOCOL, "eigrp", 255, 88, 88 },
		{ KIND_FAMILY, "ipv4", 255, AF_INET, AF_INET }, { KIND_FAMILY, "INET6", 255, AF_INET6, AF_INET6 },
		{ KIND_STATE, "time_wait", 255, STATE_TIME_WAIT, STATE_TIME_WAIT },
		{ KIND_STATE, "SHUTDOWN_RECD", 255, STATE_SHUTDOWN_RECD, STATE_SHUTDOWN_RECD },
	};
	struct operand operand;
	struct reason reason;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (!parse(cases[i].kind, cases[i].text, cases[i].maximum, &operand, &reason) || operand.test != TEST_RANGE ||
		    operand.range.low != cases[i].low || operand.range.high != cases[i].high)
			fail_msg("%s \"%s\": test %d, %" PRIu64 " to %" PRIu64 " %s", kinds[cases[i].kind].name, cases[i].text,
				 operand.test, operand.range.low, operand.range.high, reason.text);
}

static void masks(void **state)
{
	static const struct {
		uint8_t kind;
		const char *text;
		enum operand_test test;
		uint64_t value, mask;
	} cases[] = {
		{ KIND_MARK, "0x1/0xff", TEST_MASK, 1, 255 }, { KIND_MARK, "0/1", TEST_MASK, 0, 1 },
		{ KIND_MARK, "0xffffffff/0xffffffff", TEST_MASK, UINT32_MAX, UINT32_MAX },
		{ KIND_BITS, "2/2", TEST_MASK, 2, 2 },
		{ KIND_STATUS, "assured", TEST_MASK, 4, 4 }, { KIND_STATUS, "UNREPLIED", TEST_MASK, 0, 2 },
		{ KIND_STATUS, "nat", TEST_ANY_BIT, 0, 48 }, { KIND_STATUS, "replied", TEST_MASK, 2, 2 },
		{ KIND_STATUS, "6", TEST_MASK, 6, 6 }, { KIND_STATUS, "0x2/0x6", TEST_MASK, 2, 6 },
		{ KIND_STATUS, "hw_offload", TEST_MASK, 1 << 15, 1 << 15 },
	};
	struct operand operand;
	struct reason reason;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (!parse(cases[i].kind, cases[i].text, UINT32_MAX, &operand, &reason) || operand.test != cases[i].test ||
		    operand.bits.value != cases[i].value || operand.bits.mask != cases[i].mask)
			fail_msg("%s \"%s\": %s", kinds[cases[i].kind].name, cases[i].text, reason.text);
}

static void faults(void **state)
{
	static const struct {
		uint8_t kind;
		const char *text;
		uint64_t maximum;
		const char *says;
	} cases[] = {
		{ KIND_PORT, "65536", 65535, "more than 65535" }, { KIND_PORT, "443-80", 65535, "upside down" },
		{ KIND_PORT, "nosuch", 65535, "no such service" }, { KIND_PORT, "", 65535, "" },
		{ KIND_PORT, "-80", 65535, "" }, { KIND_PORT, "80-", 65535, "" }, { KIND_PORT, "80/tcp", 65535, "" },
		{ KIND_PORT, "https-http", 65535, "upside down" }, { KIND_PORT, "1-70000", 65535, "" },
		{ KIND_NUMBER, "256", 255, "more than 255" }, { KIND_NUMBER, "1.5", 255, "" }, { KIND_NUMBER, "10k", 65535, "" },
		{ KIND_NUMBER, "99999999999999999999", 255, "" },
		{ KIND_HEX, "ff", 255, "" }, { KIND_HEX, "0x100", 255, "more than 255" },
		{ KIND_COUNTER, "2M-1M", UINT64_MAX, "upside down" }, { KIND_COUNTER, "10X", UINT64_MAX, "" },
		{ KIND_COUNTER, "18446744073709551616", UINT64_MAX, "" },
		{ KIND_DURATION, "5d-1h", UINT32_MAX, "upside down" }, { KIND_DURATION, "1y", UINT32_MAX, "" },
		{ KIND_DURATION, "5000000000", UINT32_MAX, "more than" },
		{ KIND_MARK, "0x2/0x1", UINT32_MAX, "outside the mask" }, { KIND_MARK, "1/", UINT32_MAX, "" },
		{ KIND_MARK, "/1", UINT32_MAX, "" }, { KIND_MARK, "1/2/3", UINT32_MAX, "" },
		{ KIND_MARK, "0/0x100000000", UINT32_MAX, "" }, { KIND_BITS, "256", 255, "more than 255" },
		{ KIND_PROTOCOL, "256", 255, "more than 255" }, { KIND_PROTOCOL, "nosuch", 255, "" },
		{ KIND_PROTOCOL, "udp-tcp", 255, "upside down" }, { KIND_FAMILY, "4", 255, "" }, { KIND_FAMILY, "", 255, "" },
		{ KIND_STATE, "open_wide", 255, "" }, { KIND_STATE, "3", 255, "" }, { KIND_STATE, "UNKNOWN", 255, "" },
		{ KIND_STATUS, "0", UINT32_MAX, "" }, { KIND_STATUS, "nosuch", UINT32_MAX, "" },
		{ KIND_STATUS, "2/1", UINT32_MAX, "outside the mask" },
		{ KIND_LABELS, "128", 0, "no such label" }, { KIND_LABELS, "-1", 0, "no such label" },
		{ KIND_LABELS, "", 0, "no such label" },
		{ KIND_TEXT, "", 0, "empty" }, { KIND_TEXT, "a\nb", 0, "control characters" },
		{ KIND_TEXT, "a\xff", 0, "broken UTF-8" },
		{ KIND_ADDRESS, "10.0.0", 0, "" }, { KIND_ADDRESS, "10.0.0.1.2", 0, "" }, { KIND_ADDRESS, "", 0, "" },
		{ KIND_ADDRESS, "10.0.0.0/33", 0, "longer than 32" }, { KIND_ADDRESS, "::/129", 0, "longer than 128" },
		{ KIND_ADDRESS, "10.0.0.0/-1", 0, "no such prefix" }, { KIND_ADDRESS, "10.0.0.0/8/8", 0, "no such prefix" },
		{ KIND_ADDRESS, "10.0.0.0/0.255.0.0", 0, "no such prefix" }, { KIND_ADDRESS, "::/255.0.0.0", 0, "no such prefix" },
		{ KIND_ADDRESS, "10.0.0.2-10.0.0.1", 0, "upside down" }, { KIND_ADDRESS, "10.0.0.1-::1", 0, "two families" },
		{ KIND_ADDRESS, "10.0.0.1-", 0, "" }, { KIND_ADDRESS, "fe80::1%eth0", 0, "" }, { KIND_ADDRESS, "010.0.0.1", 0, "" },
		{ KIND_TIME, "", 0, "" }, { KIND_TIME, "yesterday", 0, "" }, { KIND_TIME, "2026-13-01", 0, "" },
		{ KIND_TIME, "2026-01-32", 0, "" }, { KIND_TIME, "2026-01-01T24:30", 0, "" },
		{ KIND_TIME, "2026-01-01T12", 0, "" }, { KIND_TIME, "2026-01-01T12:00:00+01:00", 0, "" },
		{ KIND_TIME, "1969-12-31Z", 0, "" }, { KIND_TIME, "9999-01-01Z", 0, "" },
		{ KIND_TIME, "2026-01-01T12:00:00.1234567891Z", 0, "" }, { KIND_TIME, "2026-01-01T12:00.5Z", 0, "" },
		{ KIND_TIME, "2026-01-01T12:00:00ZZ", 0, "" }, { KIND_TIME, "1700000000", 0, "" },
	};
	struct operand operand;
	struct reason reason;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (parse(cases[i].kind, cases[i].text, cases[i].maximum, &operand, &reason) ||
		    !strstr(reason.text, cases[i].says))
			fail_msg("%s \"%s\" is taken, or for another reason: \"%s\"", kinds[cases[i].kind].name, cases[i].text,
				 reason.text);
}

/* The end of a range is a number like any other: too large is too large. */
static void a_range_that_ends_too_high_says_so(void **state)
{
	struct operand operand;
	struct reason reason;

	(void)state;
	assert_false(parse(KIND_PORT, "1-70000", 65535, &operand, &reason));
	assert_string_equal(reason.text, "more than 65535");
}

static bool is_number_kind(enum kind_id kind)
{
	return kind == KIND_PORT || kind == KIND_NUMBER || kind == KIND_HEX || kind == KIND_BITS || kind == KIND_COUNTER ||
	       kind == KIND_DURATION || kind == KIND_MARK || kind == KIND_PROTOCOL;
}

static uint64_t kind_maximum(enum kind_id kind)
{
	if (kind == KIND_PROTOCOL || kind == KIND_BITS)
		return 255;
	return kind == KIND_PORT ? 65535 : kind == KIND_COUNTER ? UINT64_MAX : UINT32_MAX;
}

/* What operand_format() writes is read as the same operand. */
static void check_operand_round_trip(enum kind_id kind, const struct operand *operand, uint64_t maximum)
{
	struct operand again;
	struct reason reason;
	struct buffer buffer;

	assert_int_equal(buffer_init(&buffer, -1), 0);
	operand_format(&buffer, kind, operand, &naming);
	if (!parse(kind, buffer_string(&buffer), maximum, &again, &reason) || memcmp(operand, &again, sizeof(again)) != 0)
		fail_msg("%s: \"%s\" is not read as what was written", kinds[kind].name, buffer.data);
	buffer_done(&buffer);
}

static void random_ranges_round_trip(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		enum kind_id kind = (enum kind_id)random_below(&seed, KIND_COUNT);
		uint64_t maximum = kind_maximum(kind), one = random_sized(&seed) & maximum, other = random_sized(&seed) & maximum;
		struct operand operand;

		memset(&operand, 0, sizeof(operand));
		operand.test = TEST_RANGE;
		operand.range.low = one < other ? one : other;
		operand.range.high = i % 2 ? operand.range.low : one < other ? other : one;
		if (is_number_kind(kind))
			check_operand_round_trip(kind, &operand, maximum);
	}
}

static void random_masks_round_trip(void **state)
{
	static const uint8_t masked[] = { KIND_MARK, KIND_STATUS, KIND_BITS };
	uint64_t seed = 4;

	(void)state;
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		enum kind_id kind = masked[random_below(&seed, COUNT_OF(masked))];
		struct operand operand;

		memset(&operand, 0, sizeof(operand));
		operand.test = TEST_MASK;
		operand.bits.mask = random_sized(&seed) & (kind == KIND_BITS ? 0xff : UINT32_MAX);
		operand.bits.value = random_next(&seed) & operand.bits.mask;
		check_operand_round_trip(kind, &operand, kind == KIND_BITS ? 0xff : UINT32_MAX);
	}
}

/* ---- addresses ---- */

static struct address random_address(uint64_t *seed)
{
	struct address address = { .family = random_below(seed, 2) ? AF_INET : AF_INET6 };

	/* Zeroes in a row, so that there is something to shorten. */
	for (size_t i = 0; i < (address.family == AF_INET ? 4 : 16); i++)
		address.bytes[i] = random_below(seed, 2) ? 0 : (uint8_t)random_next(seed);
	return address;
}

static void address_texts(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		struct address address = random_address(&seed);
		char text[64], expected[64];
		uint8_t bytes[16];

		*address_text(text, &address) = '\0';
		inet_ntop(address.family, address.bytes, expected, sizeof(expected));
		assert_string_equal(text, expected);
		*address_text_full(text, &address) = '\0';
		assert_int_equal(inet_pton(address.family, text, bytes), 1);
		assert_memory_equal(bytes, address.bytes, address.family == AF_INET ? 4 : 16);
		assert_true(address.family == AF_INET || strlen(text) == 39);
	}
}

static void addresses(void **state)
{
	static const struct {
		const char *text, *low, *high, *printed;
	} cases[] = {
		{ "10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1" },
		{ "10.1.2.3/8", "10.0.0.0", "10.255.255.255", "10.0.0.0/8" },
		{ "10.1.2.3/255.255.128.0", "10.1.0.0", "10.1.127.255", "10.1.0.0/17" },
		{ "10.1.2.3/0.0.0.0", "0.0.0.0", "255.255.255.255", "0.0.0.0/0" },
		{ "10.1.2.3/32", "10.1.2.3", "10.1.2.3", "10.1.2.3" },
		{ "10.0.0.0-10.0.0.3", "10.0.0.0", "10.0.0.3", "10.0.0.0/30" },
		{ "10.0.0.1-10.0.0.3", "10.0.0.1", "10.0.0.3", "10.0.0.1-10.0.0.3" },
		{ "2001:db8::1/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::/32" },
		{ "2001:db8::/ffff::", "2001::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::/16" },
		{ "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0" },
		{ "::1-::3", "::1", "::3", "::1-::3" },
		{ "::FFFF:10.0.0.1", "::ffff:10.0.0.1", "::ffff:10.0.0.1", "::ffff:10.0.0.1" },
		{ "fe80::/127", "fe80::", "fe80::1", "fe80::/127" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t low[16] = { 0 }, high[16] = { 0 };
		struct operand operand;
		struct reason reason;
		struct buffer buffer;

		if (!parse(KIND_ADDRESS, cases[i].text, 0, &operand, &reason) || operand.test != TEST_ADDRESS)
			fail_msg("\"%s\" is refused: %s", cases[i].text, reason.text);
		inet_pton(strchr(cases[i].low, ':') ? AF_INET6 : AF_INET, cases[i].low, low);
		inet_pton(strchr(cases[i].low, ':') ? AF_INET6 : AF_INET, cases[i].high, high);
		assert_memory_equal(operand.address.low.bytes, low, 16);
		assert_memory_equal(operand.address.high.bytes, high, 16);
		assert_int_equal(buffer_init(&buffer, -1), 0);
		operand_format(&buffer, KIND_ADDRESS, &operand, &naming);
		assert_string_equal(buffer_string(&buffer), cases[i].printed);
		buffer_done(&buffer);
	}
}

static void random_addresses_round_trip(void **state)
{
	uint64_t seed = 6;

	(void)state;
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		struct operand operand;

		memset(&operand, 0, sizeof(operand));
		operand.test = TEST_ADDRESS;
		operand.address.low = operand.address.high = random_address(&seed);
		if (i % 2 && operand.address.low.bytes[3] < 255)
			operand.address.high.bytes[3] = 255;
		check_operand_round_trip(KIND_ADDRESS, &operand, 0);
	}
}

/* ---- times ---- */

static void check_time(const char *text, uint64_t low, uint64_t span)
{
	struct operand operand;
	struct reason reason;

	if (!parse(KIND_TIME, text, 0, &operand, &reason) || operand.range.low != low ||
	    operand.range.high - operand.range.low + 1 != span)
		fail_msg("\"%s\" is %" PRIu64 " to %" PRIu64, text, operand.range.low, operand.range.high);
}

static void times(void **state)
{
	static const uint64_t day = 1795305600; /* 2026-11-22T00:00:00Z */

	(void)state;
	set_zone("UTC");
	check_time("2026-11-22", day * SECOND, DAY);
	check_time("2026-11-22Z", day * SECOND, DAY);
	check_time("2026-11-22T18:30", (day + 66600) * SECOND, 60 * SECOND);
	check_time("2026-11-22 18:30", (day + 66600) * SECOND, 60 * SECOND);
	check_time("2026-11-22T18:30:15Z", (day + 66615) * SECOND, SECOND);
	check_time("2026-11-22 18:30:15", (day + 66615) * SECOND, SECOND);
	check_time("2026-11-22T18:30:15.5Z", (day + 66615) * SECOND + SECOND / 2, 1);
	check_time("2026-11-22T18:30:15.000000001z", (day + 66615) * SECOND + 1, 1);
	check_time("1970-01-01Z", 0, DAY);
	set_zone("CET-1");
	check_time("2026-11-22", (day - 3600) * SECOND, DAY);
	check_time("2026-11-22T18:30", (day + 63000) * SECOND, 60 * SECOND);
	check_time("2026-11-22T18:30Z", (day + 66600) * SECOND, 60 * SECOND);
	set_zone("NST3:30");
	check_time("2026-11-22T18:30:00", (day + 66600 + 12600) * SECOND, SECOND);
	set_zone("UTC");
}

/* The day on which the clock is put forward has 23 hours. */
static void a_day_ends_where_the_next_begins(void **state)
{
	struct operand today, tomorrow;
	struct reason reason;

	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	assert_true(parse(KIND_TIME, "2026-03-29", 0, &today, &reason));
	assert_true(parse(KIND_TIME, "2026-03-30", 0, &tomorrow, &reason));
	set_zone("UTC");
	assert_true(today.range.high + 1 == tomorrow.range.low);
}

static void days_that_do_not_exist_are_refused(void **state)
{
	static const char *const texts[] = { "2026-02-31", "2026-02-29Z", "2026-04-31T12:00" };
	struct operand operand;
	struct reason reason;

	(void)state;
	set_zone("UTC");
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (parse(KIND_TIME, texts[i], 0, &operand, &reason))
			fail_msg("\"%s\" is taken for some day in March or May", texts[i]);
}

static void a_fraction_has_digits(void **state)
{
	struct operand operand;
	struct reason reason;

	(void)state;
	assert_false(parse(KIND_TIME, "2026-11-22T18:30:15.Z", 0, &operand, &reason));
}

static void random_times_round_trip(void **state)
{
	static const uint64_t spans[] = { 1, SECOND, 60 * SECOND, DAY };
	uint64_t seed = 7;

	(void)state;
	set_zone("UTC");
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		uint64_t span = spans[random_below(&seed, COUNT_OF(spans))];
		struct operand operand;

		memset(&operand, 0, sizeof(operand));
		operand.test = TEST_RANGE;
		operand.range.low = random_next(&seed) % (4000000000 * SECOND) / span * span;
		operand.range.high = operand.range.low + span - 1;
		check_operand_round_trip(KIND_TIME, &operand, 0);
	}
}

static void time_texts(void **state)
{
	char text[48];

	(void)state;
	*time_text(text, 0) = '\0';
	assert_string_equal(text, "1970-01-01T00:00:00.000000000Z");
	*time_text(text, 1700000000123456789) = '\0';
	assert_string_equal(text, "2023-11-14T22:13:20.123456789Z");
	*time_text(text, UINT64_MAX) = '\0';
	assert_string_equal(text, "2554-07-21T23:34:33.709551615Z");
}

/* ---- texts and labels ---- */

static bool text_matches(const char *pattern, const char *text)
{
	struct value value = { .kind = KIND_TEXT, .is_present = true, .data = text };
	struct operand operand;
	struct reason reason;

	assert_true(parse(KIND_TEXT, pattern, 0, &operand, &reason));
	return operand_matches(&operand, &value);
}

static void texts(void **state)
{
	(void)state;
	assert_true(text_matches("ftp", "ftp"));
	assert_false(text_matches("ftp", "ftps"));
	assert_false(text_matches("ftps", "ftp"));
	assert_false(text_matches("FTP", "ftp"));
	assert_true(text_matches("f*", "ftp"));
	assert_true(text_matches("*", "ftp"));
	assert_true(text_matches("?tp", "ftp"));
	assert_false(text_matches("?tp", "tftp"));
	assert_true(text_matches("*:s0-s15:*", "a:b:s0-s15:c0.c1"));
	assert_true(text_matches("a\\*", "a\\b"));
	assert_true(text_matches("*", ".hidden/with/slash"));
	assert_true(text_matches("[f]tp", "[f]tp"));
	assert_false(text_matches("[f]tp", "ftp"));
}

/* Only * and ? are said to be more than letters. */
static void brackets_are_plain_letters_in_a_pattern_too(void **state)
{
	(void)state;
	assert_true(text_matches("[f]*", "[f]tp"));
	assert_false(text_matches("[f]*", "ftp"));
}

static void long_texts_are_refused(void **state)
{
	char text[300];
	struct operand operand;
	struct reason reason;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[255] = '\0';
	assert_true(parse(KIND_TEXT, text, 0, &operand, &reason));
	text[255] = 'x';
	text[256] = '\0';
	assert_false(parse(KIND_TEXT, text, 0, &operand, &reason));
}

static void labels(void **state)
{
	struct labels some = { { 1u << 5, 0, 0, 1u << 31 } };
	struct value value = { .kind = KIND_LABELS, .is_present = true, .data = &some };
	struct operand operand;
	struct reason reason;

	(void)state;
	assert_true(parse(KIND_LABELS, "127", 0, &operand, &reason));
	assert_true(operand_matches(&operand, &value));
	check_operand_round_trip(KIND_LABELS, &operand, 0);
	assert_true(parse(KIND_LABELS, "0x5", 0, &operand, &reason));
	assert_true(operand_matches(&operand, &value));
	assert_true(parse(KIND_LABELS, "6", 0, &operand, &reason));
	assert_false(operand_matches(&operand, &value));
}

/* ---- written for people ---- */

static void check_value(const struct value *value, bool is_brief, const char *expected)
{
	struct buffer buffer;

	assert_int_equal(buffer_init(&buffer, -1), 0);
	if (is_brief)
		kinds[value->kind].format_brief(&buffer, value);
	else
		kinds[value->kind].format(&buffer, value, &naming);
	assert_string_equal(buffer_string(&buffer), expected);
	buffer_done(&buffer);
}

static void check_number(enum kind_id kind, uint64_t number, bool is_brief, const char *expected)
{
	struct value value = { .kind = kind, .is_present = true, .number = number };

	check_value(&value, is_brief, expected);
}

static void numbers_are_written(void **state)
{
	(void)state;
	check_number(KIND_FAMILY, AF_INET6, false, "ipv6");
	check_number(KIND_FAMILY, 77, false, "77");
	check_number(KIND_PROTOCOL, 6, false, "tcp");
	check_number(KIND_PROTOCOL, 253, false, "253");
	check_number(KIND_PORT, 443, false, "443");
	check_number(KIND_HEX, 0x1234, false, "0x1234");
	check_number(KIND_COUNTER, UINT64_MAX, false, "18446744073709551615");
	check_number(KIND_DURATION, 431999, false, "431999");
	check_number(KIND_MARK, 255, false, "255");
	check_number(KIND_STATE, STATE_ESTABLISHED, false, "ESTABLISHED");
	check_number(KIND_STATE, UINT8_MAX, false, "UNKNOWN");
	check_number(KIND_STATUS, 0x8000000e, false, "seen_reply,assured,confirmed,bit31");
	check_number(KIND_STATUS, 0, false, "");
	check_number(KIND_TIME, 1700000000000000001, false, "2023-11-14T22:13:20.000000001Z");
}

static void numbers_are_written_briefly(void **state)
{
	(void)state;
	check_number(KIND_COUNTER, 0, true, "0");
	check_number(KIND_COUNTER, 999, true, "999");
	check_number(KIND_COUNTER, 1000, true, "1.0k");
	check_number(KIND_COUNTER, 12345, true, "12.3k");
	check_number(KIND_COUNTER, 999999, true, "999k");
	check_number(KIND_COUNTER, 456789012, true, "456M");
	check_number(KIND_COUNTER, UINT64_MAX, true, "18.4E");
	check_number(KIND_DURATION, 0, true, "0s");
	check_number(KIND_DURATION, 59, true, "59s");
	check_number(KIND_DURATION, 90, true, "1m30s");
	check_number(KIND_DURATION, 3601, true, "1h");
	check_number(KIND_DURATION, 431999, true, "4d23h");
	check_number(KIND_MARK, 0, true, "");
	check_number(KIND_MARK, 16, true, "0x10");
	check_number(KIND_STATUS, 0x18e, true, "assured");
	check_number(KIND_STATUS, 0x188, true, "unreplied");
	check_number(KIND_STATUS, 0x198, true, "unreplied,snat");
}

static void hostile_text_is_written_harmlessly(void **state)
{
	struct value value = { .kind = KIND_TEXT, .is_present = true, .data = "a\x1b[31m\n" };

	(void)state;
	check_value(&value, false, "a\\x1b[31m\\x0a");
}

/* ---- states, protocols, order ---- */

static void states_of_the_kernel(void **state)
{
	(void)state;
	for (unsigned number = 0; number < 256; number++) {
		uint8_t payload = (uint8_t)number;

		assert_int_equal(state_from_tcp(&payload) == UINT8_MAX, number > 9);
		assert_int_equal(state_from_sctp(&payload) == UINT8_MAX, number > 9);
		assert_int_equal(state_from_dccp(&payload) == UINT8_MAX, number > 9);
		assert_non_null(state_name(payload));
	}
	assert_string_equal(state_name(state_from_tcp(&(uint8_t){ 8 })), "CLOSE");
	assert_string_equal(state_name(state_from_sctp(&(uint8_t){ 4 })), "ESTABLISHED");
	assert_string_equal(state_name(state_from_dccp(&(uint8_t){ 4 })), "OPEN");
}

static void protocols_as_proc_names_them(void **state)
{
	(void)state;
	assert_string_equal(protocol_proc_name(6), "tcp");
	assert_string_equal(protocol_proc_name(58), "icmpv6");
	assert_string_equal(protocol_proc_name(47), "gre");
	assert_string_equal(protocol_proc_name(50), "unknown");
	assert_string_equal(protocol_proc_name(0), "unknown");
	assert_int_equal(protocol_class(6), CLASS_TCP);
	assert_int_equal(protocol_class(253), CLASS_OTHER);
}

static void values_have_an_order(void **state)
{
	struct address ipv4 = { .bytes = { 255 }, .family = AF_INET }, ipv6 = { .bytes = { 1 }, .family = AF_INET6 };
	struct value one = { .kind = KIND_NUMBER, .is_present = true, .number = 1 }, two = one, absent = { .kind = KIND_NUMBER };
	struct value first = { .kind = KIND_ADDRESS, .is_present = true, .data = &ipv4 }, second = first;

	(void)state;
	two.number = UINT64_MAX;
	second.data = &ipv6;
	assert_true(value_compare(&one, &two) < 0 && value_compare(&two, &one) > 0 && value_compare(&one, &one) == 0);
	assert_true(value_compare(&absent, &one) < 0 && value_compare(&one, &absent) > 0);
	assert_int_equal(value_compare(&absent, &absent), 0);
	assert_true(value_compare(&first, &second) < 0 && value_compare(&second, &first) > 0);
}

static int free_naming(void **state)
{
	(void)state;
	naming_done(&naming);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(masks),
		cmocka_unit_test(faults),
		cmocka_unit_test(a_range_that_ends_too_high_says_so),
		cmocka_unit_test(random_ranges_round_trip),
		cmocka_unit_test(random_masks_round_trip),
		cmocka_unit_test(address_texts),
		cmocka_unit_test(addresses),
		cmocka_unit_test(random_addresses_round_trip),
		cmocka_unit_test(times),
		cmocka_unit_test(a_day_ends_where_the_next_begins),
		cmocka_unit_test(days_that_do_not_exist_are_refused),
		cmocka_unit_test(a_fraction_has_digits),
		cmocka_unit_test(random_times_round_trip),
		cmocka_unit_test(time_texts),
		cmocka_unit_test(texts),
		cmocka_unit_test(brackets_are_plain_letters_in_a_pattern_too),
		cmocka_unit_test(long_texts_are_refused),
		cmocka_unit_test(labels),
		cmocka_unit_test(numbers_are_written),
		cmocka_unit_test(numbers_are_written_briefly),
		cmocka_unit_test(hostile_text_is_written_harmlessly),
		cmocka_unit_test(states_of_the_kernel),
		cmocka_unit_test(protocols_as_proc_names_them),
		cmocka_unit_test(values_have_an_order),
	};

	return cmocka_run_group_tests_name("kind", tests, NULL, free_naming);
}
