/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Completion for shells: conntab --complete LINE POINT prints the words that can
 * stand at the place, one a line. Everything comes from the tables; addresses and
 * ports come from the connection table as it is now.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "conntab/netlink.h"
#include "conntab/word.h"

enum {
	WORDS_MAX = 256,
	LIVE_VALUES_MAX = 64,    /* distinct values offered */
	LIVE_ENTRIES_MAX = 20000, /* entries looked at for them: the key must not wait for a full table */
};

struct completion {
	struct buffer *out;
	char *text;  /* the line so far, its words ended by '\0' */
	char *words[WORDS_MAX];
	int count;
	char *word;     /* the one being completed, maybe empty */
	const struct command *command; /* NULL: not there yet */
	size_t keep;    /* of it, what stays in front of each candidate ("src," of a list) */
};

/* Splits as a shell does: blanks between words, quotes and backslashes taken away. */
static bool split(struct completion *completion, const char *line, size_t length)
{
	char *to = malloc(length + 1), quote = '\0';
	bool is_inside = false;

	completion->text = to;
	if (!to)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!quote && strchr(" \t\n", line[i])) {
			if (is_inside)
				*to++ = '\0';
			is_inside = false;
			continue;
		}
		if (!is_inside) {
			if (completion->count == WORDS_MAX)
				return false;
			completion->words[completion->count++] = to;
			is_inside = true;
		}
		if (quote ? line[i] == quote : line[i] == '"' || line[i] == '\'')
			quote = quote ? '\0' : line[i];
		else if (line[i] == '\\' && i + 1 < length)
			*to++ = line[++i];
		else
			*to++ = line[i];
	}
	*to = '\0';
	if (is_inside)
		completion->word = completion->words[--completion->count];
	else
		completion->word = to;
	return true;
}

static void offer(struct completion *completion, const char *candidate)
{
	const char *typed = completion->word + completion->keep;

	if (strncmp(candidate, typed, strlen(typed)) != 0)
		return;
	buffer_bytes(completion->out, completion->word, completion->keep);
	buffer_untrusted(completion->out, candidate, strlen(candidate));
	buffer_char(completion->out, '\n');
}

static void offer_with(void *data, const char *candidate)
{
	offer(data, candidate);
}

static void offer_word(void *data, const char *word, const char *help)
{
	(void)help;
	offer(data, word);
}

static void offer_lower(struct completion *completion, const char *name)
{
	char lower[32];
	size_t i;

	for (i = 0; name[i] && i + 1 < sizeof(lower); i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
	lower[i] = '\0';
	offer(completion, lower);
}

/* In a list the last part is completed: what stands before the last separator is kept. */
static void keep_until(struct completion *completion, const char *separators)
{
	const char *word = completion->word;

	for (size_t i = 0; word[i]; i++)
		if (strchr(separators, word[i]))
			completion->keep = i + 1;
}

static void complete_options(struct completion *completion, const struct command *command)
{
	uint64_t taken = command_options(command);
	char name[64];

	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		if (!(taken >> id & 1))
			continue;
		snprintf(name, sizeof(name), "--%s", options[id].name);
		offer(completion, name);
		if (completion->word[0] != '-' || completion->word[1] || !options[id].letter)
			continue;
		snprintf(name, sizeof(name), "-%c", options[id].letter);
		offer(completion, name);
	}
}

static void complete_format(struct completion *completion)
{
	const struct format_extra *extra = NULL;
	size_t length = strcspn(completion->word, ",");

	keep_until(completion, ",");
	for (size_t i = 0; formats[i]; i++) {
		if (completion->keep == 0)
			offer(completion, formats[i]->name);
		else if (strncmp(completion->word, formats[i]->name, length) == 0 && !formats[i]->name[length])
			extra = formats[i]->extras;
	}
	for (; extra && extra->name; extra++)
		offer(completion, extra->name);
}

static void complete_fields(struct completion *completion, const char *separators)
{
	keep_until(completion, separators);
	for (enum field_id id = 0; id < FIELD_STORED; id++)
		offer(completion, fields[id].name);
}

static void complete_source(struct completion *completion, enum completion_source source)
{
	switch (source) {
	case COMPLETE_NAMESPACE:
		namespace_each_name(offer_with, completion);
		break;
	case COMPLETE_FORMAT:
		complete_format(completion);
		break;
	case COMPLETE_FIELDS:
		complete_fields(completion, ",");
		break;
	case COMPLETE_SORT:
		if (completion->word[0] == '-')
			completion->keep = 1;
		for (enum field_id id = 0; id < FIELD_STORED; id++)
			offer(completion, fields[id].name);
		if (completion->command == &count_command)
			offer(completion, "entries");
		break;
	case COMPLETE_COLOR:
		offer(completion, "auto");
		offer(completion, "always");
		offer(completion, "never");
		break;
	case COMPLETE_EXIT_ON:
		offer(completion, "warn");
		offer(completion, "crit");
		offer(completion, "never");
		break;
	case COMPLETE_STATES:
		keep_until(completion, ",");
		for (const struct word *word = kinds[KIND_STATE].words; word->name; word++)
			offer_lower(completion, word->name);
		break;
	case COMPLETE_FLUSH:
		offer(completion, "all");
		offer(completion, "idle");
		break;
	case COMPLETE_TOPIC:
		for (size_t i = 0; commands[i]; i++)
			offer(completion, commands[i]->name);
		for (size_t i = 0; help_topics[i].name; i++)
			offer(completion, help_topics[i].name);
		break;
	case COMPLETE_FILTER:
	case COMPLETE_NOTHING:
		break;
	}
}

/* Values of a field that are in the table now. */
struct live {
	struct completion *completion;
	struct decoder decoder;
	struct environment environment;
	struct field_set fields;
	enum field_id field;
	uint64_t looked_at;
	struct buffer seen; /* the values offered, each with a line end before and behind */
	unsigned offered;
};

static void offer_value(struct live *live, enum field_id id, const struct record *record)
{
	struct value value = field_value(id, record);
	size_t before = live->seen.length, length;
	const char *text;

	if (!value.is_present)
		return;
	buffer_char(&live->seen, '\n');
	kinds[value.kind].format(&live->seen, &value, &live->environment.naming);
	text = buffer_string(&live->seen) + before;
	length = live->seen.length - before;
	buffer_char(&live->seen, '\n');
	buffer_string(&live->seen);
	/* Seen before: "\n10.0.0.1\n" stands earlier in the list. */
	if (memmem(live->seen.data, before, live->seen.data + before, length + 1)) {
		live->seen.length = before;
		return;
	}
	text = live->seen.data + before;
	live->seen.data[before + length] = '\0';
	if (strncmp(text + 1, live->completion->word + live->completion->keep,
		    strlen(live->completion->word + live->completion->keep)) == 0) {
		offer(live->completion, text + 1);
		live->offered++;
		live->seen.data[before + length] = '\n';
	} else {
		live->seen.length = before;
	}
}

static int look_at(void *data, const struct nlmsghdr *message)
{
	struct live *live = data;
	struct record record;

	if (!decoder_decode(&live->decoder, message, &record))
		return 0;
	record_derive(&record, &live->fields, &live->environment);
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		bool is_wanted = field_is_any_of(live->field) ?
			memchr(fields[live->field].members, (int)id, sizeof(fields[0].members)) != NULL : id == live->field;

		if (is_wanted)
			offer_value(live, id, &record);
	}
	return ++live->looked_at >= LIVE_ENTRIES_MAX || live->offered >= LIVE_VALUES_MAX;
}

/* No privilege or no ctnetlink: then nothing is offered, silently. */
static void complete_live(struct completion *completion, enum field_id field)
{
	struct live live = { .completion = completion, .field = field };
	struct kernel_filter everything = { 0 };
	struct netlink netlink;
	struct error error = { 0 };
	bool is_interrupted;

	field_set_include(&live.fields, field);
	live.fields = field_set_closure(&live.fields);
	decoder_init(&live.decoder, &live.fields);
	if (buffer_init(&live.seen, -1) == 0 && netlink_open(&netlink, &error) == 0) {
		netlink_dump(&netlink, &everything, look_at, &live, &is_interrupted, &error);
		netlink_close(&netlink);
	}
	buffer_done(&live.seen);
	naming_done(&live.environment.naming);
}

static void complete_value(struct completion *completion, enum field_id field)
{
	const struct word *word = kinds[fields[field].kind].words;

	keep_until(completion, ",{");
	for (; word && word->name; word++)
		if (!word->is_alias)
			offer_lower(completion, word->name);
	if (!kinds[fields[field].kind].words)
		complete_live(completion, field);
}

static bool is_operator(const char *word)
{
	return strchr("=<>!", word[0]) && word[0];
}

static bool is_connective(const char *word)
{
	return strcmp(word, "and") == 0 || strcmp(word, "or") == 0 || strcmp(word, "not") == 0 ||
	       strcmp(word, "(") == 0 || strcmp(word, "!") == 0;
}

/* What can follow in a filter: a field's value, or the next term. */
static void complete_filter(struct completion *completion, char **words, int count)
{
	const char *last = count > 0 ? words[count - 1] : "";
	const char *before = count > 1 ? words[count - 2] : "";
	enum field_id field = field_find(slice_of(last));

	if (count > 1 && (is_operator(last) || strcmp(last, "in") == 0 || strcmp(last, "is") == 0))
		field = field_find(slice_of(before));
	else if (count > 1 && field != FIELD_NONE && field_find(slice_of(before)) != FIELD_NONE && !is_connective(before))
		field = FIELD_NONE; /* a value that is spelled like a field */
	if (completion->word[0] == '(')
		completion->keep = strspn(completion->word, "(");
	if (field != FIELD_NONE) {
		complete_value(completion, field);
		if (!is_operator(last) && !completion->word[0] && kinds[fields[field].kind].is_ordered)
			for (const char *const *at = (const char *const[]){ "<", ">", "<=", ">=", "!=", NULL }; *at; at++)
				offer(completion, *at);
		return;
	}
	filter_each_word(offer_word, completion);
	offer(completion, "not");
	if (count > 0 && !is_connective(last)) {
		offer(completion, "and");
		offer(completion, "or");
	}
}

/*
 * The option with a value that a word holds, or NULL, as options_parse() reads it:
 * of bundled letters the first that takes a value takes the rest. `*value` is what
 * stands in the same word, NULL when the value is the next word.
 */
static const struct option *option_with_value(const struct command *command, const char *word, const char **value)
{
	bool is_long = word[0] == '-' && word[1] == '-';
	const char *at = word + (is_long ? 2 : 1);
	size_t length = is_long ? strcspn(at, "=") : 1;

	*value = NULL;
	if (word[0] != '-')
		return NULL;
	for (; *at; at++) {
		for (enum option_id id = 0; id < OPTION_COUNT; id++) {
			if (!(command_options(command) >> id & 1) || options[id].type == OPTION_FLAG || (is_long ? strlen(options[id].name) != length ||
			    strncmp(at, options[id].name, length) != 0 : *at != options[id].letter))
				continue;
			at += length;
			if (*at)
				*value = at + is_long;
			return &options[id];
		}
		if (is_long)
			return NULL;
	}
	return NULL;
}

/* "--output=js": the value stands in the same word. */
static bool complete_attached(struct completion *completion)
{
	const char *value;
	const struct option *option = option_with_value(completion->command, completion->word, &value);

	if (strncmp(completion->word, "--", 2) != 0 || !strchr(completion->word, '='))
		return false;
	if (option) {
		completion->word += value - completion->word;
		complete_source(completion, option->values);
	}
	return true;
}

static void complete(struct completion *completion)
{
	const struct command *command = NULL;
	const struct option *option = NULL;
	char *arguments[WORDS_MAX];
	const char *netns = NULL, *value;
	struct error error = { 0 };
	int count = 0;

	for (int i = 1; i < completion->count; i++) {
		char *word = completion->words[i];

		if (option) {
			if (option == &options[OPTION_NETNS])
				netns = word;
			option = NULL;
		} else if (word[0] == '-' && word[1]) {
			option = option_with_value(command, word, &value);
			if (option && value) {
				if (option == &options[OPTION_NETNS])
					netns = value;
				option = NULL;
			}
		} else if (!command) {
			command = command_find(word);
			if (!command)
				return;
		} else {
			arguments[count++] = word;
		}
	}
	completion->command = command;
	if (option) {
		complete_source(completion, option->values);
		return;
	}
	if (completion->word[0] == '-') {
		if (!complete_attached(completion))
			complete_options(completion, command);
		return;
	}
	if (!command) {
		for (size_t i = 0; commands[i]; i++)
			offer(completion, commands[i]->name);
		return;
	}
	if (netns && namespace_enter(netns, &error))
		return;
	if (command->completes == COMPLETE_FILTER)
		complete_filter(completion, arguments, count);
	else if (count == 0)
		complete_source(completion, command->completes);
}

int complete_line(const char *line, const char *point, struct buffer *out)
{
	struct completion completion = { .out = out };
	size_t length = strlen(line);
	uint64_t cut = length;

	if (!slice_number(slice_of(point), length, &cut))
		cut = length;
	if (split(&completion, line, cut))
		complete(&completion);
	free(completion.text);
	return STATUS_OK;
}
