/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One sample in the form of the Monitoring Plugins Development Guidelines. */
#include <string.h>

#include "watch.h"

struct check {
	struct context *context;
	struct threshold warn, crit;
	struct error error;
};

static int parse_settings(struct check *check)
{
	const struct settings *settings = &check->context->settings;
	struct error *error = &check->error;

	if (threshold_parse(settings->warn ? settings->warn : "80%", "warn", &check->warn, error) ||
	    threshold_parse(settings->crit ? settings->crit : "95%", "crit", &check->crit, error))
		return error->code;
	if (check->context->argument_count > 0)
		return error_usage(error, 0, "check takes no filter: it does not read the entries");
	return 0;
}

static enum level judge(const struct check *check, const struct watched *watched)
{
	if (threshold_alerts(&check->crit, watched->now.entries, watched->now.maximum))
		return LEVEL_CRITICAL;
	return threshold_alerts(&check->warn, watched->now.entries, watched->now.maximum) ? LEVEL_WARNING : LEVEL_OK;
}

/* A line is all there is: what would break it or the perfdata behind the bar is replaced. */
static void put_name(struct buffer *out, const char *name)
{
	for (; *name; name++)
		buffer_char(out, *name > ' ' && *name < 0x7f && !strchr("|='", *name) ? *name : '_');
}

static void put_text(struct buffer *out, const struct watched *watched)
{
	if (*watched_name(watched)) {
		put_name(out, watched_name(watched));
		buffer_text(out, ": ");
	}
	buffer_format(out, "%llu of %llu entries (%.1f%%)", (unsigned long long)watched->now.entries,
		      (unsigned long long)watched->now.maximum, watched_percent(watched));
}

/* 'label'=value[unit];[warn];[crit];[min];[max] */
static void put_label(struct buffer *out, const char *label, const struct watched *watched)
{
	buffer_format(out, " '%s", label);
	if (*watched_name(watched)) {
		buffer_char(out, '_');
		put_name(out, watched_name(watched));
	}
	buffer_text(out, "'=");
}

static void put_perfdata(struct buffer *out, const struct check *check, const struct watched *watched)
{
	uint64_t maximum = watched->now.maximum;
	char warn[64], crit[64];

	put_label(out, "entries", watched);
	buffer_format(out, "%llu;%s;%s;0;%llu", (unsigned long long)watched->now.entries,
		      threshold_text(&check->warn, maximum, warn), threshold_text(&check->crit, maximum, crit),
		      (unsigned long long)maximum);
	put_label(out, "fill", watched);
	buffer_format(out, "%.2f%%;;;0;100", watched_percent(watched));
	for (enum counter_id id = 0; id < COUNTER_ENTRIES_END; id++) {
		if (!counters[id].is_watched || !(watched->now.counters.present >> id & 1))
			continue;
		put_label(out, counters[id].name, watched);
		buffer_format(out, "%lluc", (unsigned long long)(uint32_t)watched->now.counters.values[id]);
	}
}

static void print(const struct check *check, const struct watched *list, int count, enum level level)
{
	struct buffer *out = check->context->out;
	const char *separator = "";

	buffer_format(out, "CONNTRACK %s - ", level_names[level]);
	/* The worst first: who reads only the beginning of the line should read that. */
	for (int rank = LEVEL_CRITICAL; rank >= LEVEL_OK; rank--) {
		for (int i = 0; i < count; i++) {
			if ((int)judge(check, &list[i]) != rank)
				continue;
			buffer_text(out, separator);
			put_text(out, &list[i]);
			separator = ", ";
		}
	}
	buffer_text(out, " |");
	for (int i = 0; i < count; i++)
		put_perfdata(out, check, &list[i]);
	buffer_char(out, '\n');
}

/* A plugin says on standard output why it knows nothing: nobody reads the other stream. */
static void check_fail(const struct context *context, const struct error *error)
{
	buffer_text(context->out, "CONNTRACK UNKNOWN - ");
	buffer_untrusted(context->out, error->text, strlen(error->text));
	buffer_char(context->out, '\n');
}

static void take_sample(struct check *check, struct watched *watched)
{
	if (fill_source_sample(&watched->source, &watched->now, &check->error) == 0 &&
	    thresholds_contradict(&check->warn, &check->crit, watched->now.maximum))
		error_usage(&check->error, 0, "--warn %s and --crit %s contradict each other", check->warn.text,
			    check->crit.text);
}

static int check_run(struct context *context)
{
	struct check check = { .context = context };
	struct watched *list = NULL;
	enum level level = LEVEL_OK;
	int count = 0;

	if (parse_settings(&check) == 0)
		count = watched_open(context, false, &(const struct field_set){ { 0, 0 } }, &list, &check.error);
	for (int i = 0; i < count && !check.error.code; i++)
		take_sample(&check, &list[i]);
	for (int i = 0; i < count && !check.error.code; i++)
		if (judge(&check, &list[i]) > level)
			level = judge(&check, &list[i]);
	if (!check.error.code)
		print(&check, list, count, level);
	watched_close(list, count);
	if (check.error.code)
		return report_error(context, &check.error);
	/* What nobody can read is no OK. */
	if (buffer_flush(context->out) == 0)
		return (int)level;
	report_note(context, "cannot write to standard output: %s", strerror(-context->out->error));
	return STATUS_UNKNOWN;
}

const struct command check_command = {
	.name = "check",
	.arguments = "",
	.summary = "one sample as a monitoring plugin",
	.details = "Prints one line with performance data and ends with the status of a monitoring\n"
		   "plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN for every failure. Thresholds are\n"
		   "ranges as the Monitoring Plugins guidelines define them, in entries or per cent:\n"
		   "80% alerts above 80 per cent, 10: below 10 entries, @10:20 inside of 10 to 20.\n",
	.examples = "conntab check -w 80% -c 95%\n"
		    "conntab check -w 200000 -c 250000\n"
		    "conntab check --all-netns\n",
	.options = OPTION_BIT(OPTION_ALL_NETNS) | OPTION_BIT(OPTION_WARN) | OPTION_BIT(OPTION_CRIT),
	.takes_namespaces = true,
	.failure = STATUS_UNKNOWN,
	.refuses = OPTION_BIT(OPTION_IPV4) | OPTION_BIT(OPTION_IPV6) | OPTION_BIT(OPTION_OUTPUT) |
		   OPTION_BIT(OPTION_JSON),
	.run = check_run,
	.fail = check_fail,
};
