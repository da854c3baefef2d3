/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "conntab/text.h"

#define FLAG(member) OPTION_FLAG, offsetof(struct settings, member), NULL
#define TEXT(member, argument) OPTION_TEXT, offsetof(struct settings, member), argument
#define NUMBER(member) OPTION_NUMBER, offsetof(struct settings, member), "N"
#define SECONDS(member) OPTION_SECONDS, offsetof(struct settings, member), "SECONDS"

const struct option options[OPTION_COUNT] = {
	[OPTION_NETNS] = { "netns", 'n', OPTION_REPEATED, offsetof(struct settings, netns), "NAME|PATH|PID", COMPLETE_NAMESPACE,
			   "work in another network namespace" },
	[OPTION_IPV4] = { "ipv4", '4', FLAG(is_ipv4), COMPLETE_NOTHING, "IPv4 entries only" },
	[OPTION_IPV6] = { "ipv6", '6', FLAG(is_ipv6), COMPLETE_NOTHING, "IPv6 entries only" },
	[OPTION_OUTPUT] = { "output", 'o', TEXT(output, "FORMAT[,EXTRA]"), COMPLETE_FORMAT,
			    "how entries are printed (conntab help formats)" },
	[OPTION_JSON] = { "json", 'j', FLAG(is_json), COMPLETE_NOTHING, "the same as -o json" },
	[OPTION_QUIET] = { "quiet", 'q', FLAG(is_quiet), COMPLETE_NOTHING, "no summaries and no warnings" },
	[OPTION_COLOR] = { "color", '\0', TEXT(color, "WHEN"), COMPLETE_COLOR,
			   "auto, always or never; NO_COLOR in the environment means never" },
	[OPTION_VERSION] = { "version", 'V', FLAG(is_version), COMPLETE_NOTHING, "print the version" },
	[OPTION_HELP] = { "help", 'h', FLAG(is_help), COMPLETE_NOTHING, "help on the program or the command" },
	[OPTION_COLUMNS] = { "columns", 'c', TEXT(columns, "FIELD,..."), COMPLETE_FIELDS,
			     "the fields to print (table, csv, json, jsonl)" },
	[OPTION_SORT] = { "sort", 's', TEXT(sort, "[-]FIELD"), COMPLETE_SORT,
			  "order by a field; with - in front the largest first" },
	[OPTION_LIMIT] = { "limit", 'l', NUMBER(limit), COMPLETE_NOTHING, "stop after N entries" },
	[OPTION_BY] = { "by", 'b', TEXT(by, "FIELD,..."), COMPLETE_FIELDS,
			"count groups of equal fields; addresses also by prefix: src/24, src/24/64" },
	[OPTION_TOP] = { "top", 't', NUMBER(top), COMPLETE_NOTHING, "the N first groups" },
	[OPTION_EXPLAIN] = { "explain", '\0', FLAG(is_explain), COMPLETE_NOTHING,
			     "show what the kernel and what conntab evaluates; do nothing else" },
	[OPTION_NO_KERNEL] = { "no-kernel-filter", '\0', FLAG(is_no_kernel), COMPLETE_NOTHING,
			       "let the kernel send every entry, evaluate the whole filter here" },
	[OPTION_DRY_RUN] = { "dry-run", '\0', FLAG(is_dry_run), COMPLETE_NOTHING, "only show what would be done" },
	[OPTION_REQUIRE_MATCH] = { "require-match", '\0', FLAG(is_require_match), COMPLETE_NOTHING,
				   "exit status 1 when nothing matches" },
	[OPTION_YES] = { "yes", 'y', FLAG(is_yes), COMPLETE_NOTHING, "do not ask" },
	[OPTION_ALL_NETNS] = { "all-netns", '\0', FLAG(is_all_netns), COMPLETE_NOTHING,
			       "this network namespace and all that have a name" },
	[OPTION_INTERVAL] = { "interval", 'i', SECONDS(interval), COMPLETE_NOTHING,
			      "time between samples, 1 by default; fractions allowed" },
	[OPTION_COUNT_SAMPLES] = { "count", '\0', NUMBER(count), COMPLETE_NOTHING, "end after N samples, or N events" },
	[OPTION_WARN] = { "warn", 'w', TEXT(warn, "LIMIT"), COMPLETE_NOTHING,
			  "WARNING from here: per cent or entries, 80% by default" },
	[OPTION_CRIT] = { "crit", 'c', TEXT(crit, "LIMIT"), COMPLETE_NOTHING,
			  "CRITICAL from here: per cent or entries, 95% by default" },
	[OPTION_DROPS] = { "drops", '\0', NUMBER(drops), COMPLETE_NOTHING,
			   "CRITICAL when N packets or more were dropped since the last sample" },
	[OPTION_FOR] = { "for", '\0', NUMBER(hold), COMPLETE_NOTHING,
			 "a level counts when N samples in a row agree, 1 by default" },
	[OPTION_EXIT_ON] = { "exit-on", '\0', TEXT(exit_on, "LEVEL"), COMPLETE_EXIT_ON,
			     "end at warn, crit (the default) or never" },
	[OPTION_EXEC] = { "exec", '\0', TEXT(exec, "COMMAND"), COMPLETE_NOTHING,
			  "run by the shell at each change of level, told of it in CONNTAB_*" },
	[OPTION_NO_EVENTS] = { "no-events", '\0', FLAG(is_without_events), COMPLETE_NOTHING,
			       "do not count new entries (each costs the kernel an event)" },
	[OPTION_DELTA] = { "delta", 'd', SECONDS(delta), COMPLETE_NOTHING, "what grows in that time, not the totals" },
	[OPTION_IDLE] = { "idle", '\0', TEXT(idle, "AGE"), COMPLETE_NOTHING,
			  "what saw no packet for AGE: 90s, 15m, 1h30m, 5d" },
	[OPTION_STATE] = { "state", '\0', TEXT(state, "STATE,..."), COMPLETE_STATES,
			   "these states instead of the default set" },
	[OPTION_FILE] = { "file", 'f', TEXT(file, "FILE"), COMPLETE_FILE, "run the commands in FILE, one a line" },
	[OPTION_KEEP_GOING] = { "keep-going", 'k', FLAG(is_keep_going), COMPLETE_NOTHING,
				"go on behind a failure" },
	[OPTION_FAILED] = { "failed", '\0', TEXT(failed, "FILE"), COMPLETE_FILE,
			    "write the lines that did not go in to FILE" },
	[OPTION_NO_CHECK] = { "no-check", '\0', FLAG(is_without_check), COMPLETE_NOTHING,
			      "do not read everything before the first change" },
	[OPTION_OR_UPDATE] = { "or-update", '\0', FLAG(is_or_update), COMPLETE_NOTHING,
			       "if the entry exists, change it" },
	[OPTION_BUFFER] = { "buffer", '\0', OPTION_SIZE, offsetof(struct settings, buffer), "SIZE", COMPLETE_NOTHING,
			    "kernel memory for events that wait, 8Mi by default (an event takes 1.3k)" },
	[OPTION_RESYNC] = { "resync", '\0', FLAG(is_resync), COMPLETE_NOTHING,
			    "first the entries that are there, and after a loss what was missed" },
};

/* Without a command it is the shell's line: `conntab -f FILE`. */
uint64_t command_options(const struct command *command)
{
	return command ? (GLOBAL_OPTIONS & ~command->refuses) | command->options : GLOBAL_OPTIONS | shell_command.options;
}

bool option_is_set(const struct settings *settings, enum option_id id)
{
	const void *member = (const char *)settings + options[id].offset;

	switch (options[id].type) {
	case OPTION_FLAG:
		return *(const bool *)member;
	case OPTION_TEXT:
	case OPTION_REPEATED:
		return *(const char *const *)member != NULL;
	case OPTION_NUMBER:
	case OPTION_SIZE:
	case OPTION_SECONDS:
		return *(const uint64_t *)member != 0;
	}
	return false;
}

static bool is_taken(const struct context *context, enum option_id id)
{
	return command_options(context->command) >> id & 1;
}

/* Says which command an option belongs to, when it is one of another. */
static int option_of_another(const struct context *context, const struct option *option, struct error *error)
{
	if (!context->command)
		return error_usage(error, 0, "--%s belongs behind a command that takes it", option->name);
	return error_usage(error, 0, "%s takes no --%s", context->command->name, option->name);
}

/* `name` stands behind two dashes. */
static int unknown_option(const struct context *context, struct slice name, struct error *error)
{
	/* The dashes belong to what was typed and to what is offered. */
	struct suggestion suggestion = { .typed = { name.at - 2, name.length + 2 } };
	char nearest[64], candidate[48];

	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		snprintf(candidate, sizeof(candidate), "--%s", options[id].name);
		if (is_taken(context, id))
			suggestion_offer(&suggestion, candidate);
	}
	return error_usage(error, 0, "no option \"--%.*s\"%s", (int)(name.length < 32 ? name.length : 32), name.at,
			   suggestion_text(&suggestion, nearest, sizeof(nearest)));
}

static int add_namespace(struct context *context, const char *value, struct error *error)
{
	struct settings *settings = &context->settings;

	if (!*value)
		return error_usage(error, 0, "--netns: the value is empty, expected %s", options[OPTION_NETNS].argument);
	if (settings->netns_count == NETNS_MAX)
		return error_usage(error, 0, "--netns: more than %d", NETNS_MAX);
	settings->netns[settings->netns_count++] = value;
	return 0;
}

static int set_option(struct context *context, enum option_id id, const char *value, struct error *error)
{
	const struct option *option = &options[id];
	void *member = (char *)&context->settings + option->offset;

	switch (option->type) {
	case OPTION_FLAG:
		*(bool *)member = true;
		return 0;
	case OPTION_TEXT:
		if (!*value)
			return error_usage(error, 0, "--%s: the value is empty, expected %s", option->name, option->argument);
		*(const char **)member = value;
		return 0;
	case OPTION_SIZE:
		if (!unit_parse_number(slice_of(value), INT32_MAX, member) || *(uint64_t *)member == 0)
			return error_usage(error, 0, "--%s: \"%.32s\" is not a size from 1 to 2147483647, such as 500k or 8Mi",
					   option->name, value);
		return 0;
	case OPTION_SECONDS:
		if (!unit_parse_seconds(slice_of(value), member) || *(uint64_t *)member == 0)
			return error_usage(error, 0, "--%s: \"%.32s\" is not a time above 0, such as 1, 0.5 or 10s",
					   option->name, value);
		return 0;
	case OPTION_REPEATED:
		return add_namespace(context, value, error);
	case OPTION_NUMBER:
		if (!slice_number(slice_of(value), UINT32_MAX, member) || *(uint64_t *)member == 0)
			return error_usage(error, 0, "--%s: \"%.32s\" is not a number from 1", option->name, value);
		return 0;
	}
	return 0;
}

/* `value`: what follows in the same word ("--name=value", "-nvalue"), or NULL. Uses one word more if need be. */
static int take_option(struct context *context, enum option_id id, const char *value, int left, char **next,
		       int *used, struct error *error)
{
	const struct option *option = &options[id];

	if (!is_taken(context, id))
		return option_of_another(context, option, error);
	if (option->type == OPTION_FLAG && value)
		return error_usage(error, 0, "--%s takes no value", option->name);
	if (option->type != OPTION_FLAG && !value) {
		if (left == 0)
			return error_usage(error, 0, "--%s needs a value: %s", option->name, option->argument);
		value = *next;
		++*used;
	}
	return set_option(context, id, value, error);
}

static int take_long(struct context *context, const char *word, int left, char **next, int *used,
		     struct error *error)
{
	size_t length = strcspn(word, "=");
	const char *value = word[length] ? word + length + 1 : NULL;

	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (strlen(options[id].name) == length && strncmp(options[id].name, word, length) == 0)
			return take_option(context, id, value, left, next, used, error);
	return unknown_option(context, (struct slice){ word, length }, error);
}

/* A letter can mean one thing to one command and another to the next. */
static enum option_id find_letter(const struct context *context, char letter)
{
	enum option_id found = OPTION_COUNT;

	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		if (options[id].letter != letter)
			continue;
		if (is_taken(context, id))
			return id;
		found = id;
	}
	return found;
}

/* Letters may be bundled; the first that takes a value takes the rest of the word. */
static int take_letters(struct context *context, const char *letters, int left, char **next, int *used,
			struct error *error)
{
	for (; *letters; letters++) {
		enum option_id id = find_letter(context, *letters);

		if (id == OPTION_COUNT)
			return error_usage(error, 0, "no option \"-%c\" (conntab help)",
					   *letters > ' ' && *letters < 0x7f ? *letters : '?');
		if (options[id].type != OPTION_FLAG)
			return take_option(context, id, letters[1] ? letters + 1 : NULL, left, next, used, error);
		if (take_option(context, id, NULL, left, next, used, error))
			return error->code;
	}
	return 0;
}

int options_parse(struct context *context, int count, char **words, struct error *error)
{
	int i = 0, kept = 0;
	bool is_ended = false;

	while (i < count) {
		char *word = words[i];
		int used = 0;

		if (is_ended || word[0] != '-' || !word[1]) {
			if (!context->command)
				break;
			words[kept++] = word;
			i++;
			continue;
		}
		i++;
		if (strcmp(word, "--") == 0)
			is_ended = true;
		else if (word[1] == '-')
			take_long(context, word + 2, count - i, words + i, &used, error);
		else
			take_letters(context, word + 1, count - i, words + i, &used, error);
		if (error->code)
			return error->code;
		i += used;
	}
	context->arguments = words;
	context->argument_count = kept;
	return i;
}
