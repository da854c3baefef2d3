/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "conntab/fill.h"

void trend_add(struct trend *trend, uint64_t time, uint64_t entries)
{
	trend->times[trend->next] = (double)time / 1e9;
	trend->entries[trend->next] = (double)entries;
	trend->next = (trend->next + 1) % TREND_SAMPLES;
	if (trend->count < TREND_SAMPLES)
		trend->count++;
}

static int compare_slopes(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

bool trend_slope(const struct trend *trend, double *slope)
{
	double slopes[TREND_SAMPLES * (TREND_SAMPLES - 1) / 2];
	size_t count = 0;

	for (unsigned i = 0; i < trend->count; i++) {
		for (unsigned j = 0; j < i; j++) {
			double time = trend->times[i] - trend->times[j];

			if (time != 0)
				slopes[count++] = (trend->entries[i] - trend->entries[j]) / time;
		}
	}
	if (trend->count < 3 || count == 0)
		return false;
	qsort(slopes, count, sizeof(slopes[0]), compare_slopes);
	*slope = count % 2 ? slopes[count / 2] : (slopes[count / 2 - 1] + slopes[count / 2]) / 2;
	return true;
}
