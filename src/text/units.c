/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <strings.h>

#include "conntab/buffer.h"
#include "conntab/text.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: formatting takes the first that divides. */
static const struct unit decimal_units[] = {
	{ "T", 1000000000000ull }, { "G", 1000000000 }, { "M", 1000000 }, { "k", 1000 }, { "", 1 },
};

static const struct unit binary_units[] = {
	{ "Ti", 1ull << 40 }, { "Gi", 1 << 30 }, { "Mi", 1 << 20 }, { "Ki", 1 << 10 },
};

static const struct unit duration_units[] = {
	{ "w", 604800 }, { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct unit *find_unit(const struct unit *units, size_t count, struct slice name)
{
	for (size_t i = 0; i < count; i++)
		if (slice_is(name, units[i].name))
			return &units[i];
	return NULL;
}

static size_t count_digits(struct slice slice)
{
	size_t digits = 0;

	while (digits < slice.length && slice.at[digits] >= '0' && slice.at[digits] <= '9')
		digits++;
	return digits;
}

static bool scale(struct slice digits, uint64_t factor, uint64_t maximum, uint64_t *number)
{
	if (!slice_number(digits, maximum / factor, number))
		return false;
	*number *= factor;
	return true;
}

bool unit_parse_number(struct slice slice, uint64_t maximum, uint64_t *number)
{
	struct slice digits = { slice.at, count_digits(slice) };
	struct slice name = { slice.at + digits.length, slice.length - digits.length };
	const struct unit *unit;

	if (slice_number(slice, maximum, number))
		return true;
	unit = find_unit(decimal_units, COUNT(decimal_units), name);
	if (!unit)
		unit = find_unit(binary_units, COUNT(binary_units), name);
	return unit && scale(digits, unit->factor, maximum, number);
}

void unit_format_number(struct buffer *buffer, uint64_t number)
{
	const struct unit *unit = decimal_units;

	while (unit->factor > 1 && (number == 0 || number % unit->factor != 0))
		unit++;
	buffer_unsigned(buffer, number / unit->factor);
	buffer_text(buffer, unit->name);
}

bool unit_parse_duration(struct slice slice, uint64_t maximum, uint64_t *seconds)
{
	uint64_t total = 0, part;

	if (slice_number(slice, maximum, seconds))
		return true;
	if (slice.length == 0)
		return false;
	while (slice.length > 0) {
		struct slice digits = { slice.at, count_digits(slice) };
		struct slice name = { slice.at + digits.length, 1 };
		const struct unit *unit;

		if (digits.length == slice.length)
			return false;
		unit = find_unit(duration_units, COUNT(duration_units), name);
		if (!unit || !scale(digits, unit->factor, maximum - total, &part))
			return false;
		total += part;
		slice.at += digits.length + 1;
		slice.length -= digits.length + 1;
	}
	*seconds = total;
	return true;
}

bool unit_parse_seconds(struct slice slice, uint64_t *nanoseconds)
{
	struct slice whole = { slice.at, count_digits(slice) };
	uint64_t seconds, unit = 100000000;
	size_t i = whole.length + 1;

	if (whole.length == slice.length || slice.at[whole.length] != '.') {
		if (!unit_parse_duration(slice, 31536000, &seconds))
			return false;
		*nanoseconds = seconds * 1000000000;
		return true;
	}
	if (slice.length > 0 && (slice.at[slice.length - 1] | 0x20) == 's')
		slice.length--;
	if (i >= slice.length || !slice_number(whole, 31536000, &seconds))
		return false;
	*nanoseconds = seconds * 1000000000;
	for (; i < slice.length; i++, unit /= 10) {
		if (slice.at[i] < '0' || slice.at[i] > '9')
			return false;
		*nanoseconds += (uint64_t)(slice.at[i] - '0') * unit;
	}
	return true;
}

void unit_format_duration(struct buffer *buffer, uint64_t seconds)
{
	if (seconds == 0) {
		buffer_text(buffer, "0s");
		return;
	}
	for (size_t i = 0; i < COUNT(duration_units); i++) {
		if (seconds < duration_units[i].factor)
			continue;
		buffer_unsigned(buffer, seconds / duration_units[i].factor);
		buffer_text(buffer, duration_units[i].name);
		seconds %= duration_units[i].factor;
	}
}
