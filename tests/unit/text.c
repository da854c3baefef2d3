/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "conntab/buffer.h"
#include "conntab/error.h"
#include "conntab/json.h"
#include "conntab/text.h"

enum { RANDOM_ROUNDS = 20000 };

/* ---- slices ---- */

static void slice_is_takes_both_cases(void **state)
{
	struct slice slice = { "Established!", 11 };

	(void)state;
	assert_true(slice_is(slice, "established"));
	assert_true(slice_is(slice, "ESTABLISHED"));
	assert_false(slice_is(slice, "establishe"));
	assert_false(slice_is(slice, "established!"));
	assert_true(slice_is(slice_of(""), ""));
}

static void slice_copy_needs_room_for_the_end(void **state)
{
	char out[4] = "xxx";

	(void)state;
	assert_true(slice_copy(slice_of("abc"), out, sizeof(out)));
	assert_string_equal(out, "abc");
	assert_false(slice_copy(slice_of("abcd"), out, sizeof(out)));
	assert_true(slice_copy(slice_of(""), out, sizeof(out)));
	assert_string_equal(out, "");
	assert_false(slice_copy((struct slice){ "a\0b", 3 }, out, sizeof(out)));
}

/* ---- numbers ---- */

struct number_case {
	const char *text;
	uint64_t maximum;
	bool is_good;
	uint64_t number;
};

static void check_numbers(const struct number_case *cases, size_t count,
			  bool (*parse)(struct slice, uint64_t, uint64_t *))
{
	for (size_t i = 0; i < count; i++) {
		uint64_t number = 0;
		bool is_good = parse(slice_of(cases[i].text), cases[i].maximum, &number);

		if (is_good != cases[i].is_good || (is_good && number != cases[i].number))
			fail_msg("\"%s\" up to %" PRIu64 ": %d, %" PRIu64, cases[i].text, cases[i].maximum, is_good, number);
	}
}

static void numbers(void **state)
{
	static const struct number_case cases[] = {
		{ "0", 0, true, 0 }, { "1", 0, false, 0 }, { "65535", 65535, true, 65535 },
		{ "65536", 65535, false, 0 }, { "00080", 65535, true, 80 }, { "0x50", 65535, true, 80 },
		{ "0X5f", 255, true, 0x5f }, { "0xFFFFFFFF", UINT32_MAX, true, UINT32_MAX },
		{ "0x100000000", UINT32_MAX, false, 0 }, { "4294967296", UINT32_MAX, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "184467440737095516150", UINT64_MAX, false, 0 },
		{ "0xffffffffffffffff", UINT64_MAX, true, UINT64_MAX },
		{ "0x10000000000000000", UINT64_MAX, false, 0 },
		{ "", UINT64_MAX, false, 0 }, { "0x", UINT64_MAX, false, 0 }, { "x", UINT64_MAX, false, 0 },
		{ "-1", UINT64_MAX, false, 0 }, { "+1", UINT64_MAX, false, 0 }, { " 1", UINT64_MAX, false, 0 },
		{ "1 ", UINT64_MAX, false, 0 }, { "1a", UINT64_MAX, false, 0 }, { "a", UINT64_MAX, false, 0 },
		{ "0xg", UINT64_MAX, false, 0 }, { "1.5", UINT64_MAX, false, 0 }, { "9", 8, false, 0 },
		{ "8", 8, true, 8 }, { "0xf", 14, false, 0 }, { "5", 3, false, 0 },
	};

	(void)state;
	check_numbers(cases, COUNT_OF(cases), slice_number);
}

static void numbers_with_units(void **state)
{
	static const struct number_case cases[] = {
		{ "10", UINT64_MAX, true, 10 }, { "10k", UINT64_MAX, true, 10000 }, { "10K", UINT64_MAX, true, 10000 },
		{ "10M", UINT64_MAX, true, 10000000 }, { "2G", UINT64_MAX, true, 2000000000 },
		{ "1T", UINT64_MAX, true, 1000000000000 }, { "10Ki", UINT64_MAX, true, 10240 },
		{ "10mi", UINT64_MAX, true, 10485760 }, { "1Gi", UINT64_MAX, true, 1u << 30 },
		{ "1Ti", UINT64_MAX, true, 1ull << 40 }, { "0k", UINT64_MAX, true, 0 },
		{ "18446744T", UINT64_MAX, true, 18446744000000000000ull }, { "18446745T", UINT64_MAX, false, 0 },
		{ "16777215Ti", UINT64_MAX, true, 16777215ull << 40 }, { "16777216Ti", UINT64_MAX, false, 0 },
		{ "66k", 65535, false, 0 }, { "65k", 65535, true, 65000 }, { "k", UINT64_MAX, false, 0 },
		{ "10kk", UINT64_MAX, false, 0 }, { "10 k", UINT64_MAX, false, 0 }, { "10kB", UINT64_MAX, false, 0 },
		{ "1.5k", UINT64_MAX, false, 0 }, { "0x10k", UINT64_MAX, false, 0 }, { "10i", UINT64_MAX, false, 0 },
		{ "", UINT64_MAX, false, 0 }, { "-1k", UINT64_MAX, false, 0 }, { "10P", UINT64_MAX, false, 0 },
	};

	(void)state;
	check_numbers(cases, COUNT_OF(cases), unit_parse_number);
}

static void durations(void **state)
{
	static const struct number_case cases[] = {
		{ "90", UINT32_MAX, true, 90 }, { "90s", UINT32_MAX, true, 90 }, { "15m", UINT32_MAX, true, 900 },
		{ "1h30m", UINT32_MAX, true, 5400 }, { "5d", UINT32_MAX, true, 432000 }, { "2w", UINT32_MAX, true, 1209600 },
		{ "1D", UINT32_MAX, true, 86400 }, { "1w1d1h1m1s", UINT32_MAX, true, 694861 },
		{ "4294967295s", UINT32_MAX, true, UINT32_MAX }, { "4294967296s", UINT32_MAX, false, 0 },
		{ "7101w", UINT32_MAX, true, 4294684800 }, { "7102w", UINT32_MAX, false, 0 },
		{ "7101w5d", UINT32_MAX, false, 0 }, { "0s", UINT32_MAX, true, 0 },
		{ "", UINT32_MAX, false, 0 }, { "h", UINT32_MAX, false, 0 }, { "1h30", UINT32_MAX, false, 0 },
		{ "1h m", UINT32_MAX, false, 0 }, { "1y", UINT32_MAX, false, 0 }, { "-1h", UINT32_MAX, false, 0 },
		{ "1.5h", UINT32_MAX, false, 0 }, { "1hh", UINT32_MAX, false, 0 }, { "3600", 3599, false, 0 },
	};

	(void)state;
	check_numbers(cases, COUNT_OF(cases), unit_parse_duration);
}

static void check_round_trip(void (*format)(struct buffer *, uint64_t), uint64_t maximum,
			     bool (*parse)(struct slice, uint64_t, uint64_t *))
{
	uint64_t seed = 1;
	struct buffer buffer;

	assert_int_equal(buffer_init(&buffer, -1), 0);
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		uint64_t number = random_sized(&seed) & maximum, back = ~number;

		/* Round numbers, so that units are used. */
		if (i % 3 == 0)
			number = number / 1000 * 1000;
		if (i % 5 == 0)
			number = number / 86400 * 86400;
		buffer.length = 0;
		format(&buffer, number);
		if (!parse(slice_of(buffer_string(&buffer)), maximum, &back) || back != number)
			fail_msg("%" PRIu64 " is written as %s and read as %" PRIu64, number, buffer.data, back);
	}
	buffer_done(&buffer);
}

static void units_round_trip(void **state)
{
	(void)state;
	check_round_trip(unit_format_number, UINT64_MAX, unit_parse_number);
}

static void durations_round_trip(void **state)
{
	(void)state;
	check_round_trip(unit_format_duration, UINT32_MAX, unit_parse_duration);
}

static void check_format(void (*format)(struct buffer *, uint64_t), uint64_t number, const char *expected)
{
	struct buffer buffer;

	assert_int_equal(buffer_init(&buffer, -1), 0);
	format(&buffer, number);
	assert_string_equal(buffer_string(&buffer), expected);
	buffer_done(&buffer);
}

static void units_are_written_short(void **state)
{
	(void)state;
	check_format(unit_format_number, 0, "0");
	check_format(unit_format_number, 999, "999");
	check_format(unit_format_number, 10000000, "10M");
	check_format(unit_format_number, 1500, "1500");
	check_format(unit_format_number, UINT64_MAX, "18446744073709551615");
	check_format(unit_format_duration, 0, "0s");
	check_format(unit_format_duration, 5400, "1h30m");
	check_format(unit_format_duration, 432000, "5d");
	check_format(unit_format_duration, 694861, "1w1d1h1m1s");
}

static void text_numbers(void **state)
{
	char text[32];

	(void)state;
	*text_unsigned(text, UINT64_MAX) = '\0';
	assert_string_equal(text, "18446744073709551615");
	*text_unsigned(text, 0) = '\0';
	assert_string_equal(text, "0");
	*text_hexadecimal(text, UINT64_MAX) = '\0';
	assert_string_equal(text, "ffffffffffffffff");
	*text_hexadecimal(text, 0) = '\0';
	assert_string_equal(text, "0");
	*text_hexadecimal(text, 0x1020) = '\0';
	assert_string_equal(text, "1020");
}

/* ---- suggestions ---- */

/* Offered from a place that does not last, as callers do that change the case of a word. */
static void offer_passing(struct suggestion *suggestion, const char *word)
{
	char passing[32];

	snprintf(passing, sizeof(passing), "%s", word);
	suggestion_offer(suggestion, passing);
	memset(passing, '#', sizeof(passing) - 1);
}

static void check_suggestion(const char *typed, const char *expected)
{
	static const char *const words[] = {
		"established", "assured", "dport", "sport", "src", "dst", "tcp", "udp", "unreplied", "reply.sport", "nat",
	};
	struct suggestion suggestion = { .typed = slice_of(typed) };
	char text[96];

	for (size_t i = 0; i < COUNT_OF(words); i++)
		suggestion_offer(&suggestion, words[i]);
	assert_string_equal(suggestion_text(&suggestion, text, sizeof(text)), expected);
}

static void suggestions(void **state)
{
	(void)state;
	check_suggestion("establishd", "; did you mean \"established\"?");
	check_suggestion("estab", "; did you mean \"established\"?");
	check_suggestion("dprot", "; did you mean \"dport\"?");
	check_suggestion("DPRT", "; did you mean \"dport\"?");
	check_suggestion("tpc", "; did you mean \"tcp\"?");
	check_suggestion("unreplyed", "; did you mean \"unreplied\"?");
	check_suggestion("reply.sprt", "; did you mean \"reply.sport\"?");
	check_suggestion("zzzzzz", "");
	check_suggestion("x", "");
	check_suggestion("", "");
	check_suggestion("a-very-long-word-that-is-longer-than-any-name-has-ever-been", "");
}

static void a_suggestion_outlives_its_candidate(void **state)
{
	struct suggestion suggestion = { .typed = slice_of("establishd") };
	char text[96];

	(void)state;
	offer_passing(&suggestion, "established");
	assert_string_equal(suggestion_text(&suggestion, text, sizeof(text)), "; did you mean \"established\"?");
}

/* ---- UTF-8, untrusted text, JSON ---- */

static void utf8(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		size_t expected;
	} cases[] = {
		{ "a", 1, 1 }, { "~", 1, 1 }, { " ", 1, 1 }, { "", 0, 0 }, { "\n", 1, 0 }, { "\x1b", 1, 0 },
		{ "\x7f", 1, 0 }, { "\0", 1, 0 }, { "\xc3\xa9", 2, 2 }, { "\xc3", 1, 0 }, { "\xc3\x28", 2, 0 },
		{ "\xc2\x80", 2, 0 }, { "\xc2\x9f", 2, 0 }, { "\xc2\x9b", 2, 0 }, { "\xc2\xa0", 2, 2 },
		{ "\xc0\x80", 2, 0 }, { "\xc1\xbf", 2, 0 }, { "\xe0\x80\x80", 3, 0 }, { "\xe0\x9f\xbf", 3, 0 },
		{ "\xe0\xa0\x80", 3, 3 }, { "\xe2\x82\xac", 3, 3 }, { "\xe2\x82\xac", 2, 0 },
		{ "\xed\x9f\xbf", 3, 3 }, { "\xed\xa0\x80", 3, 0 }, { "\xed\xbf\xbf", 3, 0 }, { "\xef\xbf\xbd", 3, 3 },
		{ "\xf0\x9f\x98\x80", 4, 4 }, { "\xf0\x8f\xbf\xbf", 4, 0 }, { "\xf4\x8f\xbf\xbf", 4, 4 },
		{ "\xf4\x90\x80\x80", 4, 0 }, { "\xf5\x80\x80\x80", 4, 0 }, { "\x80", 1, 0 }, { "\xbf", 1, 0 },
		{ "\xff", 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (text_utf8_length(cases[i].text, cases[i].length) != cases[i].expected)
			fail_msg("case %zu: %zu", i, text_utf8_length(cases[i].text, cases[i].length));
}

static void untrusted_text(void **state)
{
	static const char text[] = "ok \"'<&\n\x1b[31m\x7f\xc2\x9b\xff\xc3\xa9\0end";
	struct buffer buffer;

	(void)state;
	assert_int_equal(buffer_init(&buffer, -1), 0);
	buffer_untrusted(&buffer, text, sizeof(text) - 1);
	assert_string_equal(buffer_string(&buffer),
			    "ok \"'<&\\x0a\\x1b[31m\\x7f\\xc2\\x9b\\xff\xc3\xa9\\x00" "end");
	buffer_done(&buffer);
}

/* Whatever comes in, only printable ASCII and whole characters come out. */
static void check_harmless(const char *text, size_t length)
{
	for (size_t i = 0; i < length;) {
		size_t size = text_utf8_length(text + i, length - i);

		assert_true(size > 0);
		i += size;
	}
}

static void untrusted_random_bytes(void **state)
{
	uint64_t seed = 2;
	struct buffer buffer;

	(void)state;
	assert_int_equal(buffer_init(&buffer, -1), 0);
	for (int round = 0; round < RANDOM_ROUNDS; round++) {
		char bytes[24];
		size_t length = random_below(&seed, sizeof(bytes) + 1);

		for (size_t i = 0; i < length; i++)
			bytes[i] = (char)random_next(&seed);
		buffer.length = 0;
		buffer_untrusted(&buffer, bytes, length);
		check_harmless(buffer.data, buffer.length);
		buffer.length = 0;
		json_string(&buffer, bytes, length);
		check_harmless(buffer.data, buffer.length);
	}
	buffer_done(&buffer);
}

static void check_json(const char *text, size_t length, const char *expected)
{
	struct buffer buffer;

	assert_int_equal(buffer_init(&buffer, -1), 0);
	json_string(&buffer, text, length);
	assert_string_equal(buffer_string(&buffer), expected);
	buffer_done(&buffer);
}

static void json_strings(void **state)
{
	(void)state;
	check_json("", 0, "\"\"");
	check_json("plain", 5, "\"plain\"");
	check_json("a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"");
	check_json("\n\t\x1f\x7f", 4, "\"\\u000a\\u0009\\u001f\\u007f\"");
	check_json("a\0b", 3, "\"a\\u0000b\"");
	check_json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
	check_json("\xff", 1, "\"\xef\xbf\xbd\"");
	check_json("\xc3", 1, "\"\xef\xbf\xbd\"");
	check_json("<&'>", 4, "\"<&'>\"");
}

/* ---- buffers ---- */

static void a_buffer_grows(void **state)
{
	struct buffer buffer;
	char block[1000];

	(void)state;
	memset(block, 'x', sizeof(block));
	assert_int_equal(buffer_init(&buffer, -1), 0);
	for (int i = 0; i < 300; i++) {
		buffer_bytes(&buffer, block, sizeof(block));
		buffer_char(&buffer, '\n');
	}
	buffer_repeat(&buffer, '.', 5000);
	buffer_unsigned(&buffer, UINT64_MAX);
	buffer_format(&buffer, "%s", "end");
	assert_int_equal(buffer.error, 0);
	assert_int_equal(buffer.length, 300 * 1001 + 5000 + 20 + 3);
	for (int i = 0; i < 300; i++)
		assert_int_equal(buffer.data[i * 1001 + 1000], '\n');
	assert_string_equal(buffer_string(&buffer) + buffer.length - 8, "51615end");
	buffer_done(&buffer);
}

static void a_formatted_text_is_cut(void **state)
{
	struct buffer buffer;
	char text[BUFFER_RESERVE_MAX + 100];

	(void)state;
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(buffer_init(&buffer, -1), 0);
	buffer_format(&buffer, "%s", text);
	assert_int_equal(buffer.length, BUFFER_RESERVE_MAX - 1);
	buffer_text(&buffer, text);
	assert_int_equal(buffer.length, BUFFER_RESERVE_MAX - 1 + sizeof(text) - 1);
	buffer_done(&buffer);
}

/* All that goes through a small pipe comes out of it, in order. */
static void a_buffer_is_written_out(void **state)
{
	char name[] = "/tmp/conntab-text-XXXXXX", *read_back;
	int fd = mkstemp(name);
	struct buffer buffer;
	size_t expected = 0;

	(void)state;
	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(buffer_init(&buffer, fd), 0);
	for (unsigned i = 0; i < 50000; i++) {
		buffer_unsigned(&buffer, i);
		buffer_char(&buffer, '\n');
	}
	assert_int_equal(buffer_flush(&buffer), 0);
	expected = (size_t)lseek(fd, 0, SEEK_END);
	read_back = calloc(1, expected + 1);
	assert_int_equal(pread(fd, read_back, expected, 0), expected);
	for (char *at = read_back, *end; *at; at = end + 1) {
		static unsigned next;

		assert_int_equal(strtoul(at, &end, 10), next++);
		assert_int_equal(*end, '\n');
	}
	assert_string_equal(read_back + expected - 6, "49999\n");
	free(read_back);
	buffer_done(&buffer);
	close(fd);
}

static void the_first_error_sticks(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	struct buffer buffer;

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(buffer_init(&buffer, fd), 0);
	buffer_text(&buffer, "lost");
	assert_int_equal(buffer_flush(&buffer), -ENOSPC);
	/* Another descriptor would do, but what is lost stays lost. */
	buffer.fd = open("/dev/null", O_WRONLY);
	for (int i = 0; i < 100000; i++)
		buffer_text(&buffer, "thrown away");
	assert_int_equal(buffer_flush(&buffer), -ENOSPC);
	assert_int_equal(buffer.error, -ENOSPC);
	close(buffer.fd);
	close(fd);
	buffer_done(&buffer);
}

static void a_closed_descriptor_is_an_error(void **state)
{
	struct buffer buffer;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(buffer_init(&buffer, ends[1]), 0);
	for (int i = 0; i < 20000; i++)
		buffer_text(&buffer, "0123456789");
	assert_int_equal(buffer_flush(&buffer), -EBADF);
	buffer_done(&buffer);
}

/* ---- errors ---- */

static void the_first_fault_wins(void **state)
{
	struct error error = { 0 };

	(void)state;
	assert_int_equal(error_usage(&error, 7, "first %d", 1), -EINVAL);
	assert_int_equal(error_set(&error, -ENOMEM, "second"), -EINVAL);
	assert_int_equal(error_usage(&error, 9, "third"), -EINVAL);
	assert_string_equal(error.text, "first 1");
	assert_int_equal(error.column, 7);
	assert_true(error.is_usage);
}

static void long_faults_are_cut(void **state)
{
	struct error error = { 0 };
	char text[1000];

	(void)state;
	memset(text, 'z', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(error_set(&error, -EIO, "%s", text), -EIO);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	assert_false(error.is_usage);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(slice_is_takes_both_cases),
		cmocka_unit_test(slice_copy_needs_room_for_the_end),
		cmocka_unit_test(numbers),
		cmocka_unit_test(numbers_with_units),
		cmocka_unit_test(durations),
		cmocka_unit_test(units_round_trip),
		cmocka_unit_test(durations_round_trip),
		cmocka_unit_test(units_are_written_short),
		cmocka_unit_test(text_numbers),
		cmocka_unit_test(suggestions),
		cmocka_unit_test(a_suggestion_outlives_its_candidate),
		cmocka_unit_test(utf8),
		cmocka_unit_test(untrusted_text),
		cmocka_unit_test(untrusted_random_bytes),
		cmocka_unit_test(json_strings),
		cmocka_unit_test(a_buffer_grows),
		cmocka_unit_test(a_formatted_text_is_cut),
		cmocka_unit_test(a_buffer_is_written_out),
		cmocka_unit_test(the_first_error_sticks),
		cmocka_unit_test(a_closed_descriptor_is_an_error),
		cmocka_unit_test(the_first_fault_wins),
		cmocka_unit_test(long_faults_are_cut),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
