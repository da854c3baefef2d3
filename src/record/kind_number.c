/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds that are numbers: ports, counters, durations, times, marks. */
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conntab/buffer.h"
#include "kind.h"

#define NANOSECONDS 1000000000ull

static bool one_number(struct slice text, uint64_t maximum, uint64_t *low, uint64_t *high)
{
	bool is_number = slice_number(text, maximum, low);

	*high = *low;
	return is_number;
}

KIND_PARSE(number_parse)
{
	(void)naming;
	return range_parse(text, maximum, one_number, operand, reason);
}

KIND_FORMAT(number_format)
{
	(void)naming;
	buffer_unsigned(buffer, value->number);
}

void hex_format_number(struct buffer *buffer, uint64_t number)
{
	char *at = buffer_reserve(buffer, 18);

	*at++ = '0';
	*at++ = 'x';
	buffer_advance(buffer, text_hexadecimal(at, number));
}

KIND_FORMAT(hex_format)
{
	(void)naming;
	hex_format_number(buffer, value->number);
}

static bool one_port(struct slice text, uint64_t maximum, uint64_t *low, uint64_t *high)
{
	char name[64], space[1024];
	struct servent entry, *found = NULL;

	if (one_number(text, maximum, low, high))
		return true;
	if (text.length == 0 || (text.at[0] >= '0' && text.at[0] <= '9') || !slice_copy(text, name, sizeof(name)))
		return false;
	for (char *at = name; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at | 0x20);
	if (getservbyname_r(name, NULL, &entry, space, sizeof(space), &found) != 0 || !found)
		return false;
	*low = *high = (uint64_t)((found->s_port & 0xff) << 8 | (found->s_port >> 8 & 0xff));
	return true;
}

KIND_PARSE(port_parse)
{
	(void)naming;
	if (range_parse(text, maximum, one_port, operand, reason))
		return true;
	if (!reason->text[0] && text.length > 0 && (text.at[0] < '0' || text.at[0] > '9'))
		snprintf(reason->text, sizeof(reason->text), "no such service in /etc/services");
	return false;
}

static bool one_counter(struct slice text, uint64_t maximum, uint64_t *low, uint64_t *high)
{
	bool is_number = unit_parse_number(text, maximum, low);

	*high = *low;
	return is_number;
}

KIND_PARSE(counter_parse)
{
	(void)naming;
	return range_parse(text, maximum, one_counter, operand, reason);
}

static bool one_duration(struct slice text, uint64_t maximum, uint64_t *low, uint64_t *high)
{
	bool is_duration = unit_parse_duration(text, maximum, low);

	*high = *low;
	return is_duration;
}

KIND_PARSE(duration_parse)
{
	(void)naming;
	return range_parse(text, maximum, one_duration, operand, reason);
}

/* Three digits that count: 999, 12.3k, 456M. */
void counter_format_brief(struct buffer *buffer, const struct value *value)
{
	static const char units[] = "kMGTPE";
	uint64_t number = value->number, rest = 0;
	int unit = -1;

	while (number >= 1000) {
		rest = number % 1000;
		number /= 1000;
		unit++;
	}
	buffer_unsigned(buffer, number);
	if (unit >= 0 && number < 100)
		buffer_format(buffer, ".%u", (unsigned)(rest / 100));
	if (unit >= 0)
		buffer_char(buffer, units[unit]);
}

/* The two largest units: 4d23h, 1m30s. */
void duration_format_brief(struct buffer *buffer, const struct value *value)
{
	static const struct {
		char name;
		uint32_t factor;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	size_t first = 0;

	while (first < 3 && value->number < units[first].factor)
		first++;
	buffer_format(buffer, "%llu%c", (unsigned long long)(value->number / units[first].factor), units[first].name);
	if (first < 3 && value->number % units[first].factor >= units[first + 1].factor)
		buffer_format(buffer, "%llu%c",
			      (unsigned long long)(value->number % units[first].factor / units[first + 1].factor),
			      units[first + 1].name);
}

/* Powers of ten: 0, 1-10, 10-100, ... */
void counter_bucket(uint64_t number, uint64_t *low, uint64_t *end)
{
	*low = 0;
	*end = 1;
	while (number >= *end && *end <= UINT64_MAX / 10) {
		*low = *end;
		*end *= 10;
	}
	if (number >= *end) {
		*low = *end;
		*end = UINT64_MAX;
	}
}

/* Steps that people think in. */
void duration_bucket(uint64_t number, uint64_t *low, uint64_t *end)
{
	static const uint32_t ends[] = { 10, 60, 600, 3600, 21600, 86400, 432000 };

	*low = 0;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		*end = ends[i];
		if (number < *end)
			return;
		*low = *end;
	}
	*end = UINT64_MAX;
}

void mark_format_brief(struct buffer *buffer, const struct value *value)
{
	if (value->number != 0)
		hex_format_number(buffer, value->number);
}

KIND_PARSE(mark_parse)
{
	const char *slash = memchr(text.at, '/', text.length);
	struct slice value, mask;

	(void)naming;
	if (!slash)
		return range_parse(text, maximum, one_number, operand, reason);
	value = (struct slice){ text.at, (size_t)(slash - text.at) };
	mask = (struct slice){ slash + 1, text.length - value.length - 1 };
	operand->test = TEST_MASK;
	if (!slice_number(value, maximum, &operand->bits.value) ||
	    !slice_number(mask, maximum, &operand->bits.mask))
		return false;
	if (operand->bits.value & ~operand->bits.mask) {
		snprintf(reason->text, sizeof(reason->text), "the value has bits outside the mask, it never matches");
		return false;
	}
	return true;
}

char *time_text(char *at, uint64_t nanoseconds)
{
	time_t seconds = (time_t)(nanoseconds / NANOSECONDS);
	struct tm when;

	gmtime_r(&seconds, &when);
	at += strftime(at, 24, "%Y-%m-%dT%H:%M:%S", &when);
	return at + sprintf(at, ".%09uZ", (unsigned)(nanoseconds % NANOSECONDS));
}

KIND_FORMAT(time_format)
{
	(void)naming;
	buffer_advance(buffer, time_text(buffer_reserve(buffer, 48), value->number));
}

/* What a time may look like, and the member of struct tm whose next value ends the span that it names. */
static const struct {
	const char *format;
	size_t step;
} time_forms[] = {
	{ "%Y-%m-%dT%H:%M:%S", offsetof(struct tm, tm_sec) },
	{ "%Y-%m-%d %H:%M:%S", offsetof(struct tm, tm_sec) },
	{ "%Y-%m-%dT%H:%M", offsetof(struct tm, tm_min) },
	{ "%Y-%m-%d %H:%M", offsetof(struct tm, tm_min) },
	{ "%Y-%m-%d", offsetof(struct tm, tm_mday) },
};

/* The fraction of a second that time_text() writes, behind its point; 0 digits are no fraction. */
static size_t read_fraction(const char *text, uint64_t *nanoseconds)
{
	uint64_t unit = NANOSECONDS / 10;
	size_t i = 0;

	*nanoseconds = 0;
	for (; text[i] >= '0' && text[i] <= '9' && unit > 0; i++, unit /= 10)
		*nanoseconds += (uint64_t)(text[i] - '0') * unit;
	return i;
}

/* Seconds since 1970; -1 for a date that is not in the calendar, such as the 31st of April. */
static time_t calendar_seconds(const struct tm *when, bool is_utc)
{
	struct tm normal = *when;
	time_t seconds = is_utc ? timegm(&normal) : mktime(&normal);

	return normal.tm_mday == when->tm_mday && normal.tm_mon == when->tm_mon ? seconds : -1;
}

static bool time_form_parse(const char *text, size_t form, uint64_t *low, uint64_t *high)
{
	struct tm when = { .tm_isdst = -1 }, after;
	const char *rest = strptime(text, time_forms[form].format, &when);
	uint64_t fraction = 0;
	size_t digits = 0;
	time_t seconds, end;
	bool is_utc;

	if (!rest)
		return false;
	if (*rest == '.' && time_forms[form].step == offsetof(struct tm, tm_sec)) {
		digits = read_fraction(rest + 1, &fraction);
		if (digits == 0)
			return false;
		rest += digits + 1;
	}
	is_utc = (*rest | 0x20) == 'z';
	seconds = calendar_seconds(&when, is_utc);
	if (rest[is_utc] || seconds < 0 || (uint64_t)seconds > UINT64_MAX / NANOSECONDS - 2 * 86400)
		return false;
	/* The next second, minute or day by the calendar: some days have 23 hours. */
	after = when;
	++*(int *)(void *)((char *)&after + time_forms[form].step);
	after.tm_isdst = -1;
	end = is_utc ? timegm(&after) : mktime(&after);
	*low = (uint64_t)seconds * NANOSECONDS + fraction;
	*high = digits ? *low : (uint64_t)end * NANOSECONDS - 1;
	return *high >= *low;
}

static bool one_time(struct slice text, uint64_t *low, uint64_t *high)
{
	char copy[48];

	if (!slice_copy(text, copy, sizeof(copy)))
		return false;
	for (size_t form = 0; form < sizeof(time_forms) / sizeof(time_forms[0]); form++)
		if (time_form_parse(copy, form, low, high))
			return true;
	return false;
}

/* A date holds hyphens, so a range of times has two dots in the middle. */
KIND_PARSE(time_parse)
{
	const char *dots = memmem(text.at, text.length, "..", 2);
	struct slice left = { text.at, dots ? (size_t)(dots - text.at) : text.length };
	uint64_t ignored;

	(void)maximum;
	(void)naming;
	operand->test = TEST_RANGE;
	if (!one_time(left, &operand->range.low, &operand->range.high))
		return false;
	if (dots && !one_time((struct slice){ dots + 2, text.length - left.length - 2 }, &ignored, &operand->range.high))
		return false;
	if (operand->range.low > operand->range.high)
		snprintf(reason->text, sizeof(reason->text), "the range is upside down");
	return !reason->text[0];
}

/* In UTC; a span that is a whole second, minute or day there is written so, any other by its ends. */
void time_operand_format(struct buffer *buffer, uint64_t low, uint64_t high)
{
	static const struct {
		uint64_t seconds;
		size_t length;
	} spans[] = { { 1, 19 }, { 60, 16 }, { 86400, 10 } };
	char text[48];
	size_t length = (size_t)(time_text(text, low) - text);

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		uint64_t span = spans[i].seconds * NANOSECONDS;

		if (high - low + 1 != span || low % span != 0)
			continue;
		buffer_bytes(buffer, text, spans[i].length);
		buffer_char(buffer, 'Z');
		return;
	}
	buffer_bytes(buffer, text, length);
	if (high == low)
		return;
	buffer_text(buffer, "..");
	buffer_bytes(buffer, text, (size_t)(time_text(text, high) - text));
}
