/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct slice slice_of(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

bool slice_is(struct slice slice, const char *text)
{
	/* Tables are searched with this, line by line of a file: mostly the first letter differs, but for its case. */
	return (slice.length == 0 || !((*slice.at ^ *text) & ~0x20)) && strlen(text) == slice.length &&
	       strncasecmp(slice.at, text, slice.length) == 0;
}

bool slice_copy(struct slice slice, char *out, size_t size)
{
	if (slice.length >= size || memchr(slice.at, '\0', slice.length))
		return false;
	memcpy(out, slice.at, slice.length);
	out[slice.length] = '\0';
	return true;
}

static int digit_value(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	if (character >= 'A' && character <= 'F')
		return character - 'A' + 10;
	return 16;
}

bool slice_number(struct slice slice, uint64_t maximum, uint64_t *number)
{
	uint64_t base = 10, result = 0;
	size_t i = 0;

	if (slice.length > 2 && slice.at[0] == '0' && (slice.at[1] | 0x20) == 'x') {
		base = 16;
		i = 2;
	}
	if (i == slice.length)
		return false;
	for (; i < slice.length; i++) {
		uint64_t digit = (uint64_t)digit_value(slice.at[i]);

		if (digit >= base || result > (maximum - digit) / base || digit > maximum)
			return false;
		result = result * base + digit;
	}
	*number = result;
	return true;
}

/*
 * Edit distance (insert, delete, replace, swap of neighbours), the words cut at
 * WORD_MAX letters: names here are shorter.
 */
enum { WORD_MAX = 31 };

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

static unsigned edit_distance(struct slice a, struct slice b)
{
	unsigned table[WORD_MAX + 1][WORD_MAX + 1];
	size_t rows = a.length < WORD_MAX ? a.length : WORD_MAX;
	size_t columns = b.length < WORD_MAX ? b.length : WORD_MAX;

	for (size_t i = 0; i <= rows; i++)
		table[i][0] = (unsigned)i;
	for (size_t j = 0; j <= columns; j++)
		table[0][j] = (unsigned)j;
	for (size_t i = 1; i <= rows; i++) {
		for (size_t j = 1; j <= columns; j++) {
			unsigned differs = (a.at[i - 1] | 0x20) != (b.at[j - 1] | 0x20);

			table[i][j] = smallest(table[i - 1][j] + 1, table[i][j - 1] + 1,
					       table[i - 1][j - 1] + differs);
			if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1] &&
			    table[i - 2][j - 2] + 1 < table[i][j])
				table[i][j] = table[i - 2][j - 2] + 1;
		}
	}
	return table[rows][columns];
}

void suggestion_offer(struct suggestion *suggestion, const char *candidate)
{
	struct slice word = slice_of(candidate);
	struct slice typed = suggestion->typed;
	unsigned distance = edit_distance(typed, word);

	/* What was typed may be the beginning of a longer word: "estab". */
	if (typed.length >= 3 && typed.length < word.length &&
	    strncasecmp(typed.at, candidate, typed.length) == 0)
		distance = 1;
	if (distance > 1 + word.length / 4 || distance >= typed.length)
		return;
	if (suggestion->best[0] && distance >= suggestion->distance)
		return;
	suggestion->distance = distance;
	/* States are spelled in capitals in the tables, but nobody types them so. */
	snprintf(suggestion->best, sizeof(suggestion->best), "%s", candidate);
	for (char *at = suggestion->best; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at | 0x20);
}

const char *suggestion_text(const struct suggestion *suggestion, char *out, size_t size)
{
	out[0] = '\0';
	if (suggestion->best[0])
		snprintf(out, size, "; did you mean \"%s\"?", suggestion->best);
	return out;
}
