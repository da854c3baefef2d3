/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conntab/timeout.h"

const char *const policy_formats[] = { "table", "json", "jsonl", "csv", "nft", "iptables", NULL };

static int choose_format(struct policy_job *job, const struct policy_action *action)
{
	const struct settings *settings = &job->context->settings;
	struct suggestion suggestion;
	char nearest[64];

	job->format = settings->output ? settings->output : settings->is_json ? "json" : "table";
	if ((settings->output || settings->is_json) && !action->prints)
		return error_usage(&job->error, 0, "%s prints nothing that -o or -j could shape", action->name);
	suggestion = (struct suggestion){ .typed = slice_of(job->format) };
	for (size_t i = 0; policy_formats[i]; i++) {
		if (strcmp(job->format, policy_formats[i]) == 0)
			return 0;
		suggestion_offer(&suggestion, policy_formats[i]);
	}
	return error_usage(&job->error, 0, "-o takes table, json, jsonl, csv, nft or iptables here, not \"%.32s\"%s",
			   job->format, suggestion_text(&suggestion, nearest, sizeof(nearest)));
}

/* The name of row `index`; NULL behind the last one. */
static const char *action_name(const void *actions, size_t size, size_t index)
{
	return *(const char *const *)(const void *)((const char *)actions + index * size);
}

/* "list, get or flush" */
static void name_actions(const void *actions, size_t size, char *text, size_t room)
{
	size_t length = 0;
	const char *name;

	for (size_t i = 0; (name = action_name(actions, size, i)) && length < room; i++)
		length += (size_t)snprintf(text + length, room - length, "%s%s",
					   i == 0 ? "" : action_name(actions, size, i + 1) ? ", " : " or ", name);
}

const void *action_find(const struct context *context, const void *actions, size_t size, struct error *error)
{
	const char *name = context->command->name, *word = context->argument_count > 0 ? context->arguments[0] : "";
	struct suggestion suggestion = { .typed = slice_of(word) };
	char names[128], nearest[64];

	for (size_t i = 0; action_name(actions, size, i); i++) {
		if (strcmp(word, action_name(actions, size, i)) == 0)
			return (const char *)actions + i * size;
		suggestion_offer(&suggestion, action_name(actions, size, i));
	}
	name_actions(actions, size, names, sizeof(names));
	if (*word)
		error_usage(error, 0, "%s does not know \"%.32s\", but %s%s", name, word, names,
			    suggestion_text(&suggestion, nearest, sizeof(nearest)));
	else
		error_usage(error, 0, "%s what? %s", name, names);
	return NULL;
}

void action_offer(const void *actions, size_t size, const struct completer *completer)
{
	for (size_t i = 0; action_name(actions, size, i); i++)
		completer->offer(completer->data, action_name(actions, size, i));
}

static int check_count(struct policy_job *job, const struct policy_action *action)
{
	if (job->count >= action->minimum && (action->maximum < 0 || job->count <= action->maximum))
		return 0;
	return error_usage(&job->error, 0, "too %s words: conntab %s %s%s",
			   job->count < action->minimum ? "few" : "many",
			   job->context->command->name, action->name, action->arguments);
}

int policy_run(struct context *context, const struct policy_action *actions)
{
	struct policy_job job = { .context = context, .words = context->arguments, .count = context->argument_count };
	const struct policy_action *action = action_find(context, actions, sizeof(*actions), &job.error);
	int result;

	if (!action)
		return report_error(context, &job.error);
	job.words++;
	job.count--;
	result = check_count(&job, action);
	if (result == 0)
		result = choose_format(&job, action);
	if (result == 0)
		result = netlink_open(&job.netlink, &job.error);
	if (result == 0)
		result = action->run(&job);
	netlink_close(&job.netlink);
	return result == 0 ? STATUS_OK : report_error(context, &job.error);
}

bool policy_family(const char *word, uint8_t *family)
{
	const struct word *found = word_find(kinds[KIND_FAMILY].words, slice_of(word));

	if (found)
		*family = (uint8_t)found->value;
	return found != NULL;
}

const char *policy_family_name(uint8_t family, char space[8])
{
	const char *name = kind_word(KIND_FAMILY, family);

	snprintf(space, 8, "%u", family);
	return name ? name : space;
}

int policy_check_name(const char *name, size_t size, struct error *error)
{
	size_t length = strlen(name);

	if (length == 0)
		return error_usage(error, 0, "the name is empty");
	if (length >= size)
		return error_usage(error, 0, "the name \"%.48s\" is too long: %zu bytes at most", name, size - 1);
	for (size_t i = 0, step; i < length; i += step) {
		step = text_utf8_length(name + i, length - i);
		if (step == 0)
			return error_usage(error, 0, "the name \"%.48s\" holds control characters or broken UTF-8",
					   name);
	}
	return 0;
}

int policy_check_twice(struct policy_job *job)
{
	for (int i = 0; i < job->count; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(job->words[i], job->words[j]) == 0)
				return error_usage(&job->error, 0, "\"%.48s\" is named twice", job->words[i]);
	return 0;
}

int policy_parse_seconds(struct policy_job *job, const char *what, const char *word, uint32_t *seconds)
{
	uint64_t number;

	if (!unit_parse_duration(slice_of(word), UINT64_MAX, &number))
		return error_usage(&job->error, 0, "%s: \"%.32s\" is no time such as 90s, 15m, 1h30m or 5d", what,
				   word);
	if (number > TIMEOUT_SECONDS_MAX)
		return error_usage(&job->error, 0,
				   "%s: %.32s is too long: from 24d20h31m24s on the kernel's clock can wrap",
				   what, word);
	*seconds = (uint32_t)number;
	return 0;
}

/* ---- columns ---- */

struct value policy_text(const char *text)
{
	return (struct value){ .kind = KIND_TEXT, .is_present = text[0] != '\0', .data = text };
}

int policy_open_printer(struct policy_job *job, struct printer *printer, const struct column *columns, size_t count)
{
	struct context *context = job->context;

	if (printer_init(printer, job->format, NULL, context->out, &context->environment, &job->error))
		return job->error.code;
	memcpy(printer->columns, columns, count * sizeof(*columns));
	printer->column_count = count;
	printer->is_short = true;
	printer->is_colored = request_wants_color(context);
	printer_open(printer);
	return 0;
}

int policy_close_printer(struct policy_job *job, struct printer *printer)
{
	printer_close(printer);
	printer_done(printer);
	return job->error.code;
}

bool policy_prints_rules(const struct policy_job *job)
{
	return strcmp(job->format, "nft") == 0 || strcmp(job->format, "iptables") == 0;
}

/* ---- rules ---- */

/* A name that needs no quotes from the shell and is an identifier to nft. */
static bool is_plain(const char *name)
{
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return name[strspn(name, LETTERS "0123456789_-.")] == '\0' && strspn(name, LETTERS) > 0;
}

static void print_iptables(struct buffer *out, const struct attachment *attachment)
{
	const char *program = attachment->family == AF_INET6 ? "ip6tables" : "iptables";
	char port[24] = "";

	if (attachment->port)
		snprintf(port, sizeof(port), " --dport %u", attachment->port);
	for (unsigned i = 0; i < 2; i++)
		buffer_format(out, "%s -t raw -A %s -p %s%s -j CT --%s %s\n", program, i == 0 ? "PREROUTING" : "OUTPUT",
			      attachment->protocol, port, attachment->sort, attachment->name);
}

/* The rule stands behind the tracking (-200): there the entry is, and is not confirmed yet. */
static void print_nft(struct buffer *out, const struct attachment *attachment)
{
	const char *family = attachment->family == AF_INET6 ? "ipv6" : "ipv4";
	char match[48];

	if (attachment->port)
		snprintf(match, sizeof(match), "%s dport %u", attachment->protocol, attachment->port);
	else
		snprintf(match, sizeof(match), "meta l4proto %s", attachment->protocol);
	buffer_format(out, "table inet %s_%s {\n\tct %s %s {\n%s\t}\n", attachment->sort, attachment->name,
		      attachment->sort, attachment->name, attachment->nft_object);
	for (unsigned i = 0; i < 2; i++) {
		const char *hook = i == 0 ? "prerouting" : "output";

		buffer_format(out, "\tchain %s {\n\t\ttype filter hook %s priority mangle\n"
			      "\t\tmeta nfproto %s %s ct %s set \"%s\"\n\t}\n", hook, hook, family, match,
			      attachment->sort, attachment->name);
	}
	buffer_text(out, "}\n");
}

int policy_print_rules(struct policy_job *job, const struct attachment *attachment, bool is_one)
{
	bool is_nft = strcmp(job->format, "nft") == 0;
	struct buffer *out = job->context->out;

	if (!is_plain(attachment->name))
		return error_set(&job->error, -EINVAL, "the name \"%.48s\" cannot stand in a rule", attachment->name);
	if (is_nft && !attachment->nft_object) {
		if (!is_one)
			buffer_format(out, "# not for nft, which has no %s objects of this protocol: %s\n",
				      attachment->sort, attachment->name);
		else
			error_set(&job->error, -EOPNOTSUPP,
				  "nft has no %s objects of this protocol; -o iptables shows how "
				  "to attach %s", attachment->sort, attachment->name);
		return job->error.code;
	}
	if (attachment->remark)
		buffer_text(out, attachment->remark);
	if (is_nft)
		print_nft(out, attachment);
	else
		print_iptables(out, attachment);
	return 0;
}
