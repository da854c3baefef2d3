/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conntab/fill.h"
#include "conntab/text.h"

const char *const level_names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

/* "80%", "80.5%" or "200000", "200k". */
static bool parse_bound(struct slice text, double *bound, bool *is_percent)
{
	char copy[32], *end;
	uint64_t number;

	*is_percent = text.length > 0 && text.at[text.length - 1] == '%';
	if (!*is_percent) {
		if (!unit_parse_number(text, UINT32_MAX, &number))
			return false;
		*bound = (double)number;
		return true;
	}
	text.length--;
	if (text.length == 0 || text.at[0] < '0' || text.at[0] > '9' || !slice_copy(text, copy, sizeof(copy)))
		return false;
	if (copy[strspn(copy, "0123456789.")])
		return false;
	*bound = strtod(copy, &end);
	return *end == '\0' && *bound <= 100;
}

static int bad_threshold(const char *text, const char *option, struct error *error)
{
	size_t length = strlen(text);
	const char *why = length > 1 && text[length - 1] == '%' ? " (per cent go from 0 to 100)" : "";

	return error_usage(error, 0, "--%s: \"%.32s\" is no threshold: a number of entries, or per cent such as 80%%%s",
			   option, text, why);
}

int threshold_parse_limit(const char *text, const char *option, struct threshold *threshold, struct error *error)
{
	/* Reached at the number itself: it alerts inside of N to infinity. */
	*threshold = (struct threshold){ .high = INFINITY, .is_inverted = true, .is_limit = true, .text = text };
	if (!parse_bound(slice_of(text), &threshold->low, &threshold->low_is_percent))
		return bad_threshold(text, option, error);
	return 0;
}

int threshold_parse(const char *text, const char *option, struct threshold *threshold, struct error *error)
{
	const char *at = text, *colon;
	bool is_good = true;

	*threshold = (struct threshold){ .high = INFINITY, .text = text };
	if (*at == '@') {
		threshold->is_inverted = true;
		at++;
	}
	colon = strchr(at, ':');
	if (colon && colon == at + 1 && *at == '~')
		threshold->low = -INFINITY;
	else if (colon)
		is_good = parse_bound((struct slice){ at, (size_t)(colon - at) }, &threshold->low,
				      &threshold->low_is_percent);
	if (colon)
		at = colon + 1;
	if (*at || !colon)
		is_good = is_good && parse_bound(slice_of(at), &threshold->high, &threshold->high_is_percent);
	if (!is_good)
		return bad_threshold(text, option, error);
	if (threshold->low_is_percent == threshold->high_is_percent && threshold->low > threshold->high)
		return error_usage(error, 0, "--%s: the range \"%.32s\" is upside down", option, text);
	return 0;
}

/* A bound in entries. */
static double in_entries(double bound, bool is_percent, uint64_t maximum)
{
	return is_percent ? bound * (double)maximum / 100 : bound;
}

bool threshold_alerts(const struct threshold *threshold, uint64_t entries, uint64_t maximum)
{
	double low = in_entries(threshold->low, threshold->low_is_percent, maximum);
	double high = in_entries(threshold->high, threshold->high_is_percent, maximum);
	bool is_inside = (double)entries >= low && (double)entries <= high;

	return threshold->text && is_inside == threshold->is_inverted;
}

bool thresholds_contradict(const struct threshold *warn, const struct threshold *crit, uint64_t maximum)
{
	double warn_low = in_entries(warn->low, warn->low_is_percent, maximum);
	double warn_high = in_entries(warn->high, warn->high_is_percent, maximum);
	double crit_low = in_entries(crit->low, crit->low_is_percent, maximum);
	double crit_high = in_entries(crit->high, crit->high_is_percent, maximum);

	if (warn_low > warn_high || crit_low > crit_high)
		return true;
	if (warn->is_limit && crit->is_limit)
		return warn_low > crit_low;
	/* Of ranges only the plain "up to N" have an order. */
	return !warn->is_inverted && !crit->is_inverted && warn_low == 0 && crit_low == 0 && !isinf(warn_high) && warn_high > crit_high;
}

const char *threshold_text(const struct threshold *threshold, uint64_t maximum, char *out)
{
	double low = in_entries(threshold->low, threshold->low_is_percent, maximum);
	double high = in_entries(threshold->high, threshold->high_is_percent, maximum);
	char low_text[24] = "~", high_text[24] = "";

	out[0] = '\0';
	if (!threshold->text)
		return out;
	if (!isinf(low))
		snprintf(low_text, sizeof(low_text), "%.0f", ceil(low));
	if (!isinf(high))
		snprintf(high_text, sizeof(high_text), "%.0f", floor(high));
	if (!threshold->is_inverted && low == 0 && !isinf(high))
		snprintf(out, 64, "%s", high_text);
	else
		snprintf(out, 64, "%s%s:%s", threshold->is_inverted ? "@" : "", low_text, high_text);
	return out;
}
