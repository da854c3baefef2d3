/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a sample looks like: a line, a JSON object, a block on a terminal. */
#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conntab/json.h"
#include "watch.h"

const char *watched_name(const struct watched *watched)
{
	return watched->source.name;
}

double watched_percent(const struct watched *watched)
{
	return 100.0 * (double)watched->now.entries / (double)watched->now.maximum;
}

struct pace watched_pace(const struct watched *watched)
{
	const struct sample *before = &watched->before, *now = &watched->now;
	double seconds = (double)(now->time - before->time) / 1e9, slope;
	struct pace pace = { .is_known = watched->samples > 1 && seconds > 0 };

	if (!pace.is_known)
		return pace;
	pace.entries = ((double)now->entries - (double)before->entries) / seconds;
	pace.matched = ((double)watched->matched - (double)watched->matched_before) / seconds;
	pace.created = (double)(uint32_t)(now->created - before->created) / seconds;
	pace.destroyed = pace.created > pace.entries ? pace.created - pace.entries : 0;
	if (trend_slope(&watched->trend, &slope) && slope > 0 && now->entries < now->maximum) {
		pace.is_growing = true;
		pace.seconds_to_full = ((double)now->maximum - (double)now->entries) / slope;
	}
	return pace;
}

static void put_time(struct buffer *out)
{
	char text[32];
	time_t now = time(NULL);
	struct tm when;

	gmtime_r(&now, &when);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &when);
	buffer_text(out, text);
}

/* What grew since the last sample; at the first one nothing did. */
static uint64_t growth(const struct watched *watched, enum counter_id counter)
{
	return watched->samples > 1 ? sample_growth(&watched->before, &watched->now, counter) : 0;
}

static bool has_counter(const struct watched *watched, enum counter_id counter)
{
	return counters[counter].is_watched && watched->now.counters.present >> counter & 1;
}

/* Long times lose their small units: 3h10m, not 3h10m17s. */
static uint64_t round_seconds(double seconds)
{
	if (seconds > 86400)
		return (uint64_t)seconds / 3600 * 3600;
	return seconds > 3600 ? (uint64_t)seconds / 60 * 60 : (uint64_t)seconds;
}

static void put_full_in(struct buffer *out, const struct pace *pace)
{
	struct value value = { .kind = KIND_DURATION, .is_present = true };

	value.number = round_seconds(pace->seconds_to_full);
	kinds[KIND_DURATION].format_brief(out, &value);
}

void watch_print_line(struct buffer *out, const struct watched *watched)
{
	struct pace pace = watched_pace(watched);

	put_time(out);
	if (*watched_name(watched)) {
		buffer_char(out, ' ');
		buffer_untrusted(out, watched_name(watched), strlen(watched_name(watched)));
	}
	buffer_format(out, " %s %llu/%llu %.1f%%", level_names[watched->level],
		      (unsigned long long)watched->now.entries, (unsigned long long)watched->now.maximum,
		      watched_percent(watched));
	if (watched->has_matches)
		buffer_format(out, " matched=%llu", (unsigned long long)watched->matched);
	if (pace.is_known)
		buffer_format(out, " %+.1f/s", pace.entries);
	if (pace.is_known && watched->now.has_events)
		buffer_format(out, " new=%.1f/s destroyed=%.1f/s", pace.created, pace.destroyed);
	for (enum counter_id id = 0; id < COUNTER_ENTRIES_END; id++)
		if (has_counter(watched, id))
			buffer_format(out, " %s=%llu", counters[id].name, (unsigned long long)growth(watched, id));
	if (pace.is_growing) {
		buffer_text(out, " full_in=");
		put_full_in(out, &pace);
	}
	buffer_char(out, '\n');
}

void watch_print_json(struct buffer *out, const struct watched *watched)
{
	struct pace pace = watched_pace(watched);

	buffer_text(out, "{\"time\":\"");
	put_time(out);
	buffer_text(out, "\"");
	if (*watched_name(watched)) {
		buffer_text(out, ",\"netns\":");
		json_string(out, watched_name(watched), strlen(watched_name(watched)));
	}
	buffer_format(out, ",\"level\":\"%s\",\"entries\":%llu,\"maximum\":%llu,\"percent\":%.2f",
		      level_names[watched->level], (unsigned long long)watched->now.entries,
		      (unsigned long long)watched->now.maximum, watched_percent(watched));
	if (watched->has_matches)
		buffer_format(out, ",\"matched\":%llu", (unsigned long long)watched->matched);
	if (pace.is_known)
		buffer_format(out, ",\"entries_per_second\":%.2f", pace.entries);
	if (pace.is_known && watched->has_matches)
		buffer_format(out, ",\"matched_per_second\":%.2f", pace.matched);
	if (pace.is_known && watched->now.has_events)
		buffer_format(out, ",\"new_per_second\":%.2f,\"destroyed_per_second\":%.2f", pace.created, pace.destroyed);
	if (pace.is_growing)
		buffer_format(out, ",\"seconds_to_full\":%.0f", pace.seconds_to_full);
	for (enum counter_id id = 0; id < COUNTER_ENTRIES_END; id++)
		if (has_counter(watched, id))
			buffer_format(out, ",\"%s\":%llu", counters[id].name, (unsigned long long)growth(watched, id));
	buffer_text(out, "}\n");
}

/* A line of the block: text whose width on the screen is kept, so that it can be cut. */
struct block_line {
	struct buffer *out;
	unsigned left; /* columns that are still free */
};


static void put_cells(struct block_line *line, const char *text)
{
	for (size_t i = 0, length = strlen(text); i < length && line->left > 0; line->left--) {
		size_t size = text_utf8_length(text + i, length - i);

		buffer_bytes(line->out, size ? text + i : "?", size ? size : 1);
		i += size ? size : 1;
	}
}

static void end_line(struct block_line *line)
{
	buffer_text(line->out, "\033[K\n");
}

static bool is_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static const char *const level_colors[] = { "\033[32m", "\033[33m", "\033[31m", "\033[35m" };

static void put_meter(struct block_line *line, double percent, unsigned cells)
{
	unsigned full = (unsigned)(percent * cells / 100 + 0.5);

	put_cells(line, "[");
	for (unsigned i = 0; i < cells; i++)
		put_cells(line, i < full ? (is_utf8() ? "\u2588" : "#") : (is_utf8() ? "\u2591" : "."));
	put_cells(line, "]");
}

/* The past between its own lowest and highest, so that a small change shows. */
static void put_sparkline(struct block_line *line, const struct watched *watched)
{
	static const char *const blocks[] = { "\u2581", "\u2582", "\u2583", "\u2584",
					      "\u2585", "\u2586", "\u2587", "\u2588" };
	static const char *const letters[] = { "_", "_", ".", ".", "-", "-", "=", "#" };
	unsigned count = watched->samples < HISTORY ? (unsigned)watched->samples : HISTORY;
	double low = 100, high = 0;

	for (unsigned i = 0; i < count; i++) {
		low = watched->history[i] < low ? watched->history[i] : low;
		high = watched->history[i] > high ? watched->history[i] : high;
	}
	if (count > line->left)
		count = line->left;
	for (unsigned i = 0; i < count; i++) {
		double percent = watched->history[(watched->samples - count + i) % HISTORY];
		unsigned step = high > low ? (unsigned)((percent - low) / (high - low) * 7) : 0;

		put_cells(line, is_utf8() ? blocks[step] : letters[step]);
	}
}

static void put_first_line(struct block_line *line, const struct watched *watched, unsigned width, bool is_colored)
{
	char text[128];
	unsigned name = (unsigned)strlen(watched_name(watched));
	unsigned cells = width > name + 70 ? 30 : width > name + 50 ? 10 : 0;

	if (name > 0) {
		put_cells(line, watched_name(watched));
		put_cells(line, "  ");
	}
	if (is_colored)
		buffer_text(line->out, level_colors[watched->level]);
	if (cells)
		put_meter(line, watched_percent(watched), cells);
	snprintf(text, sizeof(text), " %5.1f %%  %s", watched_percent(watched), level_names[watched->level]);
	put_cells(line, text);
	if (is_colored)
		buffer_text(line->out, "\033[0m");
	snprintf(text, sizeof(text), "  %llu of %llu entries", (unsigned long long)watched->now.entries,
		 (unsigned long long)watched->now.maximum);
	put_cells(line, text);
	if (watched->has_matches) {
		struct pace pace = watched_pace(watched);

		snprintf(text, sizeof(text), "  %llu match (%+.0f/s)", (unsigned long long)watched->matched, pace.matched);
		put_cells(line, text);
	}
	end_line(line);
}

static void put_second_line(struct block_line *line, const struct watched *watched)
{
	struct pace pace = watched_pace(watched);
	char text[160] = "  ";

	if (pace.is_known)
		snprintf(text, sizeof(text), "  %+.0f/s  ", pace.entries);
	put_cells(line, text);
	if (pace.is_known && watched->now.has_events) {
		snprintf(text, sizeof(text), "new %.0f/s  destroyed %.0f/s  ", pace.created, pace.destroyed);
		put_cells(line, text);
	}
	if (pace.is_growing) {
		struct buffer time;

		if (buffer_init(&time, -1) == 0) {
			put_full_in(&time, &pace);
			snprintf(text, sizeof(text), "full in %s  ", buffer_string(&time));
			put_cells(line, text);
			buffer_done(&time);
		}
	}
	put_sparkline(line, watched);
	end_line(line);
}

/* Since the watch began, so that what happened between two looks stays visible. */
static void put_third_line(struct block_line *line, const struct watched *watched, bool is_colored)
{
	char text[64];

	put_cells(line, " ");
	for (enum counter_id id = 0; id < COUNTER_ENTRIES_END; id++) {
		uint64_t grown = sample_growth(&watched->first, &watched->now, id);
		bool is_bad = grown > 0 && (id == COUNTER_DROP || id == COUNTER_EARLY_DROP || id == COUNTER_CHAIN_TOOLONG);

		if (!has_counter(watched, id))
			continue;
		snprintf(text, sizeof(text), " %s %llu", counters[id].name, (unsigned long long)grown);
		if (is_colored && is_bad)
			buffer_text(line->out, level_colors[LEVEL_CRITICAL]);
		put_cells(line, text);
		if (is_colored && is_bad)
			buffer_text(line->out, "\033[0m");
	}
	end_line(line);
}

void watch_print_block(struct buffer *out, const struct watched *watched, unsigned width, bool is_colored)
{
	/* The last column stays free: what stands there makes terminals wrap, each in its own way. */
	struct block_line first = { out, width - 1 }, second = first, third = first;

	put_first_line(&first, watched, width, is_colored);
	put_second_line(&second, watched);
	put_third_line(&third, watched, is_colored);
}
