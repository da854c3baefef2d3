/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conntab/interrupt.h"
#include "conntab/process.h"
#include "watch.h"

extern char **environ;

enum { EXEC_VARIABLES = 7 };

/* How long the end of the last --exec is waited for: five seconds. */
enum { REAP_TRIES = 100, REAP_INTERVAL = 50000000 };

struct watch {
	struct context *context;
	struct request request; /* what the filter selects */
	struct watched *list;
	int count;
	struct threshold warn, crit;
	enum level exit_level; /* LEVEL_UNKNOWN: never */
	uint64_t interval, hold;
	bool is_live, is_colored;
	unsigned lines; /* of the block that is on the screen */
	struct winsize size; /* that it was drawn for */
	struct error error;
};

static int parse_exit_on(const char *text, enum level *level, struct error *error)
{
	*level = LEVEL_CRITICAL;
	if (!text || strcmp(text, "crit") == 0)
		return 0;
	if (strcmp(text, "warn") == 0)
		*level = LEVEL_WARNING;
	else if (strcmp(text, "never") == 0)
		*level = LEVEL_UNKNOWN;
	else
		return error_usage(error, 0, "--exit-on: \"%.32s\" is not warn, crit or never", text);
	return 0;
}

static int parse_settings(struct watch *watch)
{
	const struct settings *settings = &watch->context->settings;
	struct error *error = &watch->error;

	watch->interval = settings->interval ? settings->interval : 1000000000;
	watch->hold = settings->hold ? settings->hold : 1;
	if (threshold_parse_limit(settings->warn ? settings->warn : "80%", "warn", &watch->warn, error) ||
	    threshold_parse_limit(settings->crit ? settings->crit : "95%", "crit", &watch->crit, error) ||
	    parse_exit_on(settings->exit_on, &watch->exit_level, error))
		return error->code;
	if (settings->output && strcmp(settings->output, "json") != 0 && strcmp(settings->output, "jsonl") != 0)
		return error_usage(error, 0, "watch prints lines, or with -j one JSON object a line");
	if (request_init(&watch->request, watch->context, "proc"))
		*error = watch->request.error;
	return error->code;
}

static enum level judge(const struct watch *watch, const struct watched *watched)
{
	uint64_t limit = watch->context->settings.drops;
	const struct sample *now = &watched->now;

	if (threshold_alerts(&watch->crit, now->entries, now->maximum))
		return LEVEL_CRITICAL;
	if (limit && watched->samples > 1 && sample_growth(&watched->before, now, COUNTER_DROP) >= limit)
		return LEVEL_CRITICAL;
	return threshold_alerts(&watch->warn, now->entries, now->maximum) ? LEVEL_WARNING : LEVEL_OK;
}

/* NAME=value strings for the command of --exec. */
static void exec_variables(const struct watched *watched, enum level before,
			   char variables[EXEC_VARIABLES][320])
{
	snprintf(variables[0], 320, "CONNTAB_LEVEL=%s", level_names[watched->level]);
	snprintf(variables[1], 320, "CONNTAB_PREVIOUS_LEVEL=%s", level_names[before]);
	snprintf(variables[2], 320, "CONNTAB_ENTRIES=%llu", (unsigned long long)watched->now.entries);
	snprintf(variables[3], 320, "CONNTAB_MAXIMUM=%llu", (unsigned long long)watched->now.maximum);
	snprintf(variables[4], 320, "CONNTAB_PERCENT=%.1f", watched_percent(watched));
	snprintf(variables[5], 320, "CONNTAB_NETNS=%s", watched_name(watched));
	snprintf(variables[6], 320, "CONNTAB_DROPS=%llu",
		 (unsigned long long)sample_growth(&watched->first, &watched->now, COUNTER_DROP));
}

/* Starts the command and does not wait: a handler that hangs must not stop the watch. */
static void run_command(struct watch *watch, const struct watched *watched, enum level before)
{
	char variables[EXEC_VARIABLES][320];
	size_t inherited = 0, used = 0;
	char **environment;
	pid_t child;

	while (environ[inherited])
		inherited++;
	environment = calloc(inherited + EXEC_VARIABLES + 1, sizeof(*environment));
	if (!environment)
		return;
	exec_variables(watched, before, variables);
	/* Ours come first: of two equal names the first one counts. */
	for (size_t i = 0; i < EXEC_VARIABLES; i++)
		environment[used++] = variables[i];
	memcpy(environment + used, environ, inherited * sizeof(*environ));
	/* What it prints must not end up between our samples. */
	child = process_start(watch->context->settings.exec, -1, STDERR_FILENO, environment);
	if (child < 0)
		report_note(watch->context, "warning: --exec: %s", strerror(-child));
	free(environment);
}

static void set_level(struct watch *watch, struct watched *watched)
{
	enum level judged = judge(watch, watched), before = watched->level;

	watched->run = judged == watched->candidate && watched->samples > 1 ? watched->run + 1 : 1;
	watched->candidate = judged;
	if (watched->run < watch->hold || judged == before)
		return;
	watched->level = judged;
	if (watch->context->settings.exec)
		run_command(watch, watched, before);
}

/* How many entries the filter selects now. 0 or -errno in watch->error. */
static int count_matches(struct watch *watch, struct watched *watched)
{
	struct query query = watch->request.query;
	uint64_t count = 0;
	int result;

	query.sink = count_sink_new(&count);
	query.environment = &watched->environment;
	if (!query.sink)
		return error_set(&watch->error, -ENOMEM, "out of memory");
	result = query_run(&query, &watched->source.netlink, &watch->error);
	query.sink->free(query.sink);
	if (result)
		return result;
	watched->matched_before = watched->has_matches ? watched->matched : count;
	watched->matched = count;
	watched->has_matches = true;
	return 0;
}

/* 0, or an error that ends the watch: a namespace that went away ends only its own. */
static int take_sample(struct watch *watch, struct watched *watched)
{
	struct error error = { 0 };
	struct sample now;

	if (fill_source_sample(&watched->source, &now, &error)) {
		if (error.code != -ENOENT) {
			watch->error = error;
			return error.code;
		}
		report_error(watch->context, &error);
		watched->is_gone = true;
		fill_source_close(&watched->source);
		return 0;
	}
	if (thresholds_contradict(&watch->warn, &watch->crit, now.maximum))
		return error_usage(&watch->error, 0, "--warn %s lies above --crit %s", watch->warn.text, watch->crit.text);
	if (watch->request.filter) {
		int result = count_matches(watch, watched);

		if (result)
			return result;
	}
	watched->before = watched->now;
	watched->now = now;
	if (watched->samples == 0)
		watched->first = watched->before = now;
	watched->history[watched->samples % HISTORY] = watched_percent(watched);
	watched->samples++;
	trend_add(&watched->trend, now.time, now.entries);
	set_level(watch, watched);
	return 0;
}

static struct winsize terminal_size(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
		size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	return size;
}

/* Over what stands there, so that nothing flickers; on a clean screen where the size changed. */
static void begin_block(struct watch *watch, const struct winsize *size)
{
	struct buffer *out = watch->context->out;
	bool is_resized = watch->size.ws_col != size->ws_col || watch->size.ws_row != size->ws_row;

	if (watch->lines > 0 && is_resized)
		buffer_text(out, "\033[H\033[2J");
	else if (watch->lines > 0)
		buffer_format(out, "\033[%uA\r", watch->lines);
	watch->size = *size;
	watch->lines = 0;
}

/* As many namespaces as the window has room for; the last line says how many it has not. */
static void print_blocks(struct watch *watch)
{
	struct buffer *out = watch->context->out;
	struct winsize size = terminal_size();
	unsigned left_out = 0;

	begin_block(watch, &size);
	for (int i = 0; i < watch->count; i++) {
		if (watch->list[i].is_gone)
			continue;
		if (watch->lines > 0 && watch->lines + WATCH_BLOCK_LINES + 2 > size.ws_row) {
			left_out++;
			continue;
		}
		watch_print_block(out, &watch->list[i], size.ws_col, watch->is_colored);
		watch->lines += WATCH_BLOCK_LINES;
	}
	if (left_out > 0) {
		buffer_format(out, "%u more\033[K\n", left_out);
		watch->lines++;
	}
	buffer_text(out, "\033[J");
}

static int print(struct watch *watch)
{
	struct buffer *out = watch->context->out;

	if (watch->is_live)
		print_blocks(watch);
	for (int i = 0; i < watch->count && !watch->is_live; i++) {
		if (watch->list[i].is_gone)
			continue;
		if (watch->context->settings.is_json || watch->context->settings.output)
			watch_print_json(out, &watch->list[i]);
		else
			watch_print_line(out, &watch->list[i]);
	}
	return buffer_flush(out);
}

/* The worst of the namespaces that are left; UNKNOWN when there are none. */
static enum level worst_level(const struct watch *watch)
{
	enum level worst = LEVEL_OK;
	bool is_any_left = false;

	for (int i = 0; i < watch->count; i++) {
		if (watch->list[i].is_gone)
			continue;
		is_any_left = true;
		if (watch->list[i].level > worst)
			worst = watch->list[i].level;
	}
	return is_any_left ? worst : LEVEL_UNKNOWN;
}

static void note_resize(int number)
{
	(void)number; /* it only has to end the sleep */
}

/*
 * Sleeps until the next sample is due, drawing again after a resize. A late sample
 * (a machine that slept, a stopped process) moves all that follow: none are made up for.
 */
static int wait_for_next(struct watch *watch, struct timespec *due)
{
	struct timespec now;
	uint64_t next;

	interrupt_due_add(due, watch->interval);
	clock_gettime(CLOCK_MONOTONIC, &now);
	next = (uint64_t)due->tv_sec * 1000000000 + (uint64_t)due->tv_nsec;
	if ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec > next)
		*due = now;
	while (interrupt_wait(-1, due) == -EINTR && !interrupt_signal)
		if (!interrupt_signal && watch->is_live && print(watch))
			return watch->context->out->error;
	return 0;
}

/* Samples until something ends it. 0, or -errno. */
static int sample_on(struct watch *watch)
{
	const struct settings *settings = &watch->context->settings;
	struct timespec due;

	clock_gettime(CLOCK_MONOTONIC, &due);
	for (uint64_t samples = 1; !interrupt_signal; samples++) {
		int result = 0;

		for (int i = 0; i < watch->count && result == 0; i++)
			if (!watch->list[i].is_gone)
				result = take_sample(watch, &watch->list[i]);
		if (result == 0)
			result = print(watch);
		if (result)
			return result;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (worst_level(watch) >= watch->exit_level || worst_level(watch) == LEVEL_UNKNOWN ||
		    samples == settings->count)
			return 0;
		result = wait_for_next(watch, &due);
		if (result)
			return result;
	}
	return 0;
}

/* The last --exec may still be at work: what started it should see it end, but not wait for ever. */
static void reap_last(const struct watch *watch)
{
	struct timespec due;

	if (!watch->context->settings.exec)
		return;
	clock_gettime(CLOCK_MONOTONIC, &due);
	for (int tries = 0; tries < REAP_TRIES && !interrupt_signal && waitpid(-1, NULL, WNOHANG) >= 0; tries++) {
		interrupt_due_add(&due, REAP_INTERVAL);
		interrupt_wait(-1, &due);
	}
}

static int end_watch(struct watch *watch, int result)
{
	enum level level = worst_level(watch);

	reap_last(watch);
	/* Ctrl-C is how a watch is ended: the level is the answer, not the signal, and ^C stands on the screen. */
	if (interrupt_signal == SIGINT && watch->is_live && result == 0) {
		buffer_char(watch->context->out, '\n');
		result = buffer_flush(watch->context->out);
	}
	report_ended(watch->context);
	if (result == -EPIPE || result == 0 || result == -EINTR)
		return (int)level;
	if (!watch->error.code)
		error_set(&watch->error, result, "cannot write to standard output: %s", strerror(-result));
	return report_error(watch->context, &watch->error);
}

static int watch_run(struct context *context)
{
	struct watch watch = { .context = context };
	struct sigaction resize = { .sa_handler = note_resize }, before;
	const char *terminal = getenv("TERM");
	int status;

	if (parse_settings(&watch)) {
		request_done(&watch.request);
		return report_error(context, &watch.error);
	}
	watch.count = watched_open(context, !context->settings.is_without_events, &watch.request.chosen, &watch.list,
				   &watch.error);
	if (watch.count < 0) {
		watched_close(watch.list, 0);
		request_done(&watch.request);
		return report_error(context, &watch.error);
	}
	watch.is_live = isatty(STDOUT_FILENO) && !context->settings.is_json && !context->settings.output && terminal &&
			strcmp(terminal, "dumb") != 0;
	watch.is_colored = request_wants_color(context);
	sigemptyset(&resize.sa_mask);
	sigaction(SIGWINCH, &resize, &before);
	status = end_watch(&watch, sample_on(&watch));
	sigaction(SIGWINCH, &before, NULL);
	watched_close(watch.list, watch.count);
	request_done(&watch.request);
	return status;
}

const struct command watch_command = {
	.name = "watch",
	.arguments = "[FILTER...]",
	.summary = "follow the fill level; the exit status is the level",
	.details = "Samples the number of entries, the maximum and the counters, without reading the\n"
		   "table. With a filter it reads it for each sample and shows how many entries match; the\n"
		   "level is that of the whole table all the same. On a terminal it draws a live block,\n"
		   "elsewhere one line a sample, with -j one JSON object a line. Counters are what grew\n"
		   "since the last sample (on a terminal: since the start). It ends at the level of\n"
		   "--exit-on, after --count samples or at Ctrl-C; the exit status is the level then: 0\n"
		   "OK, 1 WARNING, 2 CRITICAL, and 3 UNKNOWN for every failure. The maximum is one for\n"
		   "the machine; each namespace fills up to it on its own count. New entries are counted\n"
		   "through the kernel's events, which cost it about 2 microseconds each (--no-events\n"
		   "does without); destroyed ones follow from them and the change of the total.\n"
		   "The command of --exec finds CONNTAB_LEVEL, CONNTAB_PREVIOUS_LEVEL, CONNTAB_ENTRIES,\n"
		   "CONNTAB_MAXIMUM, CONNTAB_PERCENT, CONNTAB_NETNS and CONNTAB_DROPS in its environment.\n",
	.examples = "conntab watch\n"
		    "conntab watch tcp syn_recv dport 443  # a SYN flood\n"
		    "conntab watch --warn 70% --crit 90% --for 3 || logger \"conntrack table: level $?\"\n"
		    "conntab watch -n web1 -n web2 -j --interval 10 --exit-on never\n"
		    "conntab watch --exit-on never --exec 'logger \"conntrack $CONNTAB_LEVEL $CONNTAB_PERCENT%\"'\n",
	.options = OPTION_BIT(OPTION_ALL_NETNS) | OPTION_BIT(OPTION_INTERVAL) | OPTION_BIT(OPTION_COUNT_SAMPLES) |
		   OPTION_BIT(OPTION_WARN) | OPTION_BIT(OPTION_CRIT) | OPTION_BIT(OPTION_DROPS) | OPTION_BIT(OPTION_FOR) |
		   OPTION_BIT(OPTION_EXIT_ON) | OPTION_BIT(OPTION_EXEC) | OPTION_BIT(OPTION_NO_EVENTS),
	.takes_namespaces = true,
	.failure = STATUS_UNKNOWN,
	.refuses = OPTION_BIT(OPTION_IPV4) | OPTION_BIT(OPTION_IPV6),
	.is_narrowed = true,
	.is_endless = true,
	.completes = COMPLETE_FILTER,
	.run = watch_run,
};
