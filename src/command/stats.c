/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "conntab/interrupt.h"
#include "conntab/json.h"
#include "conntab/statistics.h"

/* Per-CPU columns are for machines that fit on a screen. */
enum { CPU_COLUMNS_MAX = 8 };

/* The counters of all CPUs at one time. The kernel sends each CPU twice: entries, then expectations. */
struct reading {
	struct cpu_counters *cpus;
	size_t count;
	struct counter_sums sums;
	uint64_t entries, maximum;
	bool is_out_of_memory;
};

static struct cpu_counters *find_cpu(struct reading *reading, unsigned cpu)
{
	struct cpu_counters *grown;

	for (size_t i = 0; i < reading->count; i++)
		if (reading->cpus[i].cpu == cpu)
			return &reading->cpus[i];
	grown = realloc(reading->cpus, (reading->count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	reading->cpus = grown;
	reading->cpus[reading->count] = (struct cpu_counters){ .cpu = cpu };
	return &reading->cpus[reading->count++];
}

static void add_cpu(void *data, const struct cpu_counters *sent)
{
	struct reading *reading = data;
	struct cpu_counters *cpu = find_cpu(reading, sent->cpu);

	counter_sums_add(&reading->sums, sent);
	if (!cpu) {
		reading->is_out_of_memory = true;
		return;
	}
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		if (sent->present >> i & 1)
			cpu->values[i] = sent->values[i];
	cpu->present |= sent->present;
}

static int read_all(struct netlink *netlink, struct reading *reading, struct error *error)
{
	*reading = (struct reading){ 0 };
	if (netlink_statistics(netlink, &reading->entries, &reading->maximum, error) ||
	    netlink_counters(netlink, add_cpu, reading, error))
		return error->code;
	return reading->is_out_of_memory ? error_set(error, -ENOMEM, "out of memory") : 0;
}

/* Turns a reading into what grew since an earlier one. CPUs that came meanwhile began at 0. */
static void subtract(struct reading *reading, struct reading *earlier)
{
	memset(reading->sums.values, 0, sizeof(reading->sums.values));
	for (size_t i = 0; i < reading->count; i++) {
		const struct cpu_counters *before = find_cpu(earlier, reading->cpus[i].cpu);

		for (unsigned counter = 0; counter < COUNTER_COUNT && before; counter++) {
			reading->cpus[i].values[counter] -= before->values[counter];
			reading->sums.values[counter] += reading->cpus[i].values[counter];
		}
	}
}

static bool has_counter(const struct reading *reading, enum counter_id id)
{
	return reading->sums.present >> id & 1;
}

/* For people: a counter a line, and what to do about those that grew. */
static void print_table(struct buffer *out, const struct reading *reading)
{
	size_t cpus = reading->count > 1 && reading->count <= CPU_COLUMNS_MAX ? reading->count : 0;

	buffer_format(out, "%llu of %llu entries (%.1f %%)\n\n%-16s%12s", (unsigned long long)reading->entries,
		      (unsigned long long)reading->maximum,
		      reading->maximum ? 100.0 * (double)reading->entries / (double)reading->maximum : 0.0,
		      "COUNTER", "TOTAL");
	for (size_t i = 0; i < cpus; i++)
		buffer_format(out, "%8s%-4u", "CPU", reading->cpus[i].cpu);
	buffer_text(out, "  MEANING\n");
	for (enum counter_id id = 0; id < COUNTER_COUNT; id++) {
		if (!has_counter(reading, id))
			continue;
		buffer_format(out, "%-16s%12llu", counters[id].name, (unsigned long long)reading->sums.values[id]);
		for (size_t i = 0; i < cpus; i++)
			buffer_format(out, "%12u", reading->cpus[i].values[id]);
		buffer_format(out, "  %s\n", counters[id].meaning);
	}
	for (enum counter_id id = 0; id < COUNTER_COUNT; id++)
		if (has_counter(reading, id) && reading->sums.values[id] && counters[id].advice)
			buffer_format(out, "\n%s: %s\n", counters[id].name, counters[id].advice);
}

static void put_counters(struct buffer *out, const struct reading *reading, const struct cpu_counters *cpu)
{
	bool is_first = true;

	for (enum counter_id id = 0; id < COUNTER_COUNT; id++) {
		if (!has_counter(reading, id))
			continue;
		buffer_format(out, "%s\"%s\":%llu", is_first ? "" : ",", counters[id].name,
			      cpu ? (unsigned long long)cpu->values[id] : (unsigned long long)reading->sums.values[id]);
		is_first = false;
	}
}

static void print_json(struct buffer *out, const struct reading *reading)
{
	bool is_first = true;

	buffer_format(out, "{\"entries\":%llu,\"maximum\":%llu,\"total\":{", (unsigned long long)reading->entries,
		      (unsigned long long)reading->maximum);
	put_counters(out, reading, NULL);
	buffer_text(out, "},\"cpus\":[");
	for (size_t i = 0; i < reading->count; i++) {
		buffer_format(out, "%s{\"cpu\":%u,", i ? "," : "", reading->cpus[i].cpu);
		put_counters(out, reading, &reading->cpus[i]);
		buffer_char(out, '}');
	}
	buffer_text(out, "],\"meaning\":{");
	for (enum counter_id id = 0; id < COUNTER_COUNT; id++) {
		if (!has_counter(reading, id))
			continue;
		buffer_format(out, "%s\"%s\":", is_first ? "" : ",", counters[id].name);
		json_string(out, counters[id].meaning, strlen(counters[id].meaning));
		is_first = false;
	}
	buffer_text(out, "}}\n");
}

/* The lines of `conntrack -S`, and of `conntrack -S expect` behind them. */
static void print_conntrack(struct buffer *out, const struct reading *reading)
{
	static const enum counter_id bounds[] = { COUNTER_FOUND, COUNTER_ENTRIES_END, COUNTER_COUNT };

	for (unsigned part = 0; part < 2; part++) {
		for (size_t i = 0; i < reading->count; i++) {
			buffer_format(out, "cpu=%-4u\t", reading->cpus[i].cpu);
			for (enum counter_id id = bounds[part]; id < bounds[part + 1]; id++)
				if (reading->cpus[i].present >> id & 1)
					buffer_format(out, "%s=%u ", counters[id].conntrack_name, reading->cpus[i].values[id]);
			buffer_char(out, '\n');
		}
	}
}

static void print_csv(struct buffer *out, const struct reading *reading)
{
	buffer_text(out, "cpu");
	for (enum counter_id id = 0; id < COUNTER_COUNT; id++)
		if (has_counter(reading, id))
			buffer_format(out, ",%s", counters[id].name);
	buffer_char(out, '\n');
	for (size_t i = 0; i < reading->count; i++) {
		buffer_unsigned(out, reading->cpus[i].cpu);
		for (enum counter_id id = 0; id < COUNTER_COUNT; id++)
			if (has_counter(reading, id))
				buffer_format(out, ",%u", reading->cpus[i].values[id]);
		buffer_char(out, '\n');
	}
}

static const struct {
	const char *name;
	void (*print)(struct buffer *out, const struct reading *reading);
} stats_formats[] = {
	{ "table", print_table }, { "json", print_json }, { "jsonl", print_json },
	{ "csv", print_csv },	  { "conntrack", print_conntrack },
};

enum { STATS_FORMATS = sizeof(stats_formats) / sizeof(stats_formats[0]) };

static int find_format(const struct settings *settings, size_t *found, struct error *error)
{
	const char *name = settings->output ? settings->output : settings->is_json ? "json" : "table";

	for (*found = 0; *found < STATS_FORMATS; ++*found)
		if (strcmp(name, stats_formats[*found].name) == 0)
			return 0;
	return error_usage(error, 0, "counters are printed as table, json, jsonl, csv or conntrack, not \"%.32s\"", name);
}

/* False when a signal cut the sleep short. */
static bool sleep_for(uint64_t nanoseconds)
{
	struct timespec due;

	clock_gettime(CLOCK_MONOTONIC, &due);
	interrupt_due_add(&due, nanoseconds);
	while (interrupt_wait(-1, &due) == -EINTR && !interrupt_signal)
		;
	return !interrupt_signal;
}

static int stats_run(struct context *context)
{
	const struct settings *settings = &context->settings;
	struct reading reading = { 0 }, earlier = { 0 };
	struct netlink netlink = { 0 };
	struct error error = { 0 };
	size_t format = 0;

	if (context->argument_count > 0)
		error_usage(&error, 0, "stats takes no filter: it does not read the entries");
	else if (find_format(settings, &format, &error) == 0)
		netlink_open(&netlink, &error);
	if (!error.code && settings->delta && read_all(&netlink, &earlier, &error) == 0 && !sleep_for(settings->delta))
		error_set(&error, -EINTR, "interrupted");
	if (!error.code && read_all(&netlink, &reading, &error) == 0) {
		if (settings->delta)
			subtract(&reading, &earlier);
		stats_formats[format].print(context->out, &reading);
	}
	netlink_close(&netlink);
	free(reading.cpus);
	free(earlier.cpus);
	return error.code ? report_error(context, &error) : STATUS_OK;
}

const struct command stats_command = {
	.name = "stats",
	.arguments = "",
	.summary = "the kernel's counters, each one explained",
	.details = "Prints the counters of connection tracking and of expectations in this network\n"
		   "namespace, summed and for each CPU, since the namespace began or, with --delta,\n"
		   "what they grow by in that time; for those that tell of trouble, what to do.\n"
		   "They hold 32 bits and wrap. Formats: table, json, jsonl, csv, conntrack (the\n"
		   "lines of conntrack -S).\n",
	.examples = "conntab stats\n"
		    "conntab stats --delta 1\n"
		    "conntab stats -j | jq .total.drop\n",
	.options = OPTION_BIT(OPTION_DELTA),
	.refuses = OPTION_BIT(OPTION_IPV4) | OPTION_BIT(OPTION_IPV6),
	.run = stats_run,
};
