/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Completion for shells: conntab --complete LINE POINT prints the words that can
 * stand at the place, one a line. Everything comes from the tables; addresses and
 * ports come from the connection table as it is now.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complete.h"
#include "conntab/draft.h"
#include "conntab/netlink.h"
#include "conntab/word.h"

#define WHITE " \t\n"
#define OPERATORS "=<>!"

/* Where a command line is at behind some of its words. */
struct place {
	const struct command *command; /* NULL: not there yet */
	const struct option *option;   /* whose value comes next; NULL: none */
	const char *netns;             /* of -n; NULL: none */
	char *arguments[WORDS_MAX];    /* no options; what does not fit is left out */
	int argument_count;
	const char *first;             /* the first argument; NULL: none yet */
	int filter_words;              /* the arguments that a filter has so far */
	const char *last, *before;     /* the last two of them; "" where there are fewer */
	bool ends_in_argument;         /* the last word is no option and no option's value */
	bool is_behind_set;            /* of COMPLETE_CHANGE: where a filter has ended */
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
		if (!quote && strchr(WHITE, line[i])) {
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

static void offer_word(void *data, const char *word, const char *help)
{
	(void)help;
	completion_offer(data, word);
}

static void complete_options(struct completion *completion, const struct command *command)
{
	uint64_t taken = command_options(command);
	char name[64];

	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		if (!(taken >> id & 1))
			continue;
		snprintf(name, sizeof(name), "--%s", options[id].name);
		completion_offer(completion, name);
		if (completion->word[0] != '-' || completion->word[1] || !options[id].letter)
			continue;
		snprintf(name, sizeof(name), "-%c", options[id].letter);
		completion_offer(completion, name);
	}
}

static bool is_operator(const char *word)
{
	return strchr(OPERATORS, word[0]) && word[0];
}

static bool is_connective(const char *word)
{
	return strcmp(word, "and") == 0 || strcmp(word, "or") == 0 || strcmp(word, "not") == 0 ||
	       strcmp(word, "(") == 0 || strcmp(word, "!") == 0;
}

/* The field whose value or operator comes next in a filter, or FIELD_NONE. */
static enum field_id awaiting_field(const struct place *place)
{
	enum field_id field = field_find(slice_of(place->last));

	if (is_operator(place->last) || strcmp(place->last, "in") == 0 || strcmp(place->last, "is") == 0)
		return field_find(slice_of(place->before));
	/* A value can be spelled like a field. */
	if (field != FIELD_NONE && field_find(slice_of(place->before)) != FIELD_NONE && !is_connective(place->before))
		return FIELD_NONE;
	return field;
}

/* What can follow in a filter: a field's value, or the next term. */
static void complete_filter(struct completion *completion, const struct place *place)
{
	enum field_id field = awaiting_field(place);

	if (completion->word[0] == '(')
		completion->keep = strspn(completion->word, "(");
	if (field != FIELD_NONE) {
		completion_value(completion, field);
		if (!is_operator(place->last) && !completion->word[0] && kinds[fields[field].kind].is_ordered)
			for (const char *const *at = (const char *const[]){ "<", ">", "<=", ">=", "!=", NULL }; *at; at++)
				completion_offer(completion, *at);
		return;
	}
	filter_each_word(completion->subject, completion->is_live, offer_word, completion);
	completion_offer(completion, "not");
	if (place->filter_words > 0 && !is_connective(place->last)) {
		completion_offer(completion, "and");
		completion_offer(completion, "or");
		if (place->command->completes == COMPLETE_CHANGE)
			completion_offer(completion, "set");
	}
}

/* What can follow in the description of an entry, or of a change: a value of a field, or the next field. */
static void complete_terms(struct completion *completion, const char *last, bool is_change)
{
	enum field_id field = field_find(slice_of(last));
	struct field_set settable = { { 0, 0 } };

	if (field != FIELD_NONE) {
		completion_value(completion, field);
		if (is_change && (field == FIELD_labels || field == FIELD_helper))
			completion_offer(completion, "none");
		if (is_change && field == FIELD_labels) {
			completion_offer(completion, "add");
			completion_offer(completion, "remove");
		}
		return;
	}
	if (is_change)
		draft_change_fields(&settable);
	else if (completion->subject == SUBJECT_ENTRY)
		netlink_create_fields(&settable);
	else
		netlink_expect_fields(&settable);
	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if (field_set_has(&settable, id))
			completion_offer(completion, fields[id].name);
	if (!is_change && completion->subject == SUBJECT_ENTRY) {
		completion_offer(completion, "snat");
		completion_offer(completion, "dnat");
	}
	for (size_t i = 0; bare_word_fields[i] != FIELD_NONE; i++) {
		enum field_id id = bare_word_fields[i];

		for (const struct word *word = kinds[fields[id].kind].words; word->name; word++)
			if (!word->is_alias && field_set_has(&settable, id) &&
			    (id != FIELD_status || draft_takes_status(word)) &&
			    (id != FIELD_status || !is_change || word->value == word->mask))
				completion_offer_lower(completion, word->name);
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
		completion_source(completion, option->values);
	}
	return true;
}

/* A bracket or an exclamation mark may be glued to the field behind it. */
static void add_filter_word(struct place *place, const char *word)
{
	size_t glued = strspn(word, "(!");

	place->filter_words++;
	place->before = place->last;
	place->last = word[glued] && word[glued] != '=' ? word + glued : word;
}

static void add_argument(struct place *place, char *word)
{
	bool is_first = !place->first;

	if (is_first)
		place->first = word;
	place->ends_in_argument = true;
	if (place->argument_count < WORDS_MAX)
		place->arguments[place->argument_count++] = word;
	if (place->command->completes == COMPLETE_CHANGE && !place->is_behind_set && strcmp(word, "set") == 0) {
		place->is_behind_set = true;
		place->last = place->before = "";
	} else if (!is_first || (place->command->completes != COMPLETE_FLUSH && place->command->completes != COMPLETE_EXPECT)) {
		add_filter_word(place, word);
	}
}

/* False when there is no such command. */
static bool find_place(int count, char *const *words, struct place *place)
{
	const char *value;

	*place = (struct place){ .last = "", .before = "" };
	for (int i = 0; i < count; i++) {
		const struct option *option = NULL;

		place->ends_in_argument = false;
		if (place->option) {
			if (place->option == &options[OPTION_NETNS])
				place->netns = words[i];
			place->option = NULL;
		} else if (words[i][0] == '-' && words[i][1]) {
			option = option_with_value(place->command, words[i], &value);
			if (option == &options[OPTION_NETNS])
				place->netns = value;
			place->option = option && !value ? option : NULL;
		} else if (!place->command && i == 0 && strcmp(words[i], "conntab") == 0) {
			continue; /* pasted with the program's name */
		} else if (!place->command) {
			place->command = command_find(words[i]);
			if (!place->command)
				return false;
		} else {
			add_argument(place, words[i]);
		}
	}
	return true;
}

static bool is_first(const struct place *place, const char *word)
{
	return place->first && strcmp(place->first, word) == 0;
}

/* Whether a filter stands behind the command's own words. */
static bool is_in_filter(const struct place *place)
{
	enum completion_source source = place->command->completes;

	if (source == COMPLETE_FLUSH)
		return is_first(place, "idle");
	if (source == COMPLETE_CHANGE)
		return !place->is_behind_set;
	if (source == COMPLETE_EXPECT)
		return place->first && !is_first(place, "add") && !is_first(place, "flush");
	return source == COMPLETE_FILTER || source == COMPLETE_WHERE;
}

/* Whether the words describe something new, or what shall change. */
static bool is_in_description(const struct place *place)
{
	enum completion_source source = place->command->completes;

	return source == COMPLETE_TERMS || place->is_behind_set || (source == COMPLETE_EXPECT && is_first(place, "add"));
}

bool command_line_awaits_operator(int count, char *const *words)
{
	struct place place;

	return find_place(count, words, &place) && place.ends_in_argument && is_in_filter(&place) &&
	       field_find(slice_of(place.last)) != FIELD_NONE && awaiting_field(&place) != FIELD_NONE;
}

/* "state!=est" or "(state=est": the value is completed as if blanks stood around the operator. */
static void split_at_operator(struct completion *completion, struct place *place)
{
	char *word = completion->word + strspn(completion->word, "(");
	size_t field = strcspn(word, OPERATORS);
	size_t length = strspn(word + field, OPERATORS);

	if (completion->word[0] == '-' || field == 0 || length == 0)
		return;
	completion->word = word + field + length;
	word[field] = '\0';
	add_filter_word(place, word);
	add_filter_word(place, "=");
}

static void complete(struct completion *completion)
{
	struct place place;
	struct error error = { 0 };

	if (!find_place(completion->count, completion->words, &place))
		return;
	if (place.command && !place.option && is_in_filter(&place))
		split_at_operator(completion, &place);
	completion->command = place.command;
	completion->subject = place.command == &expect_command ? SUBJECT_EXPECTATION : SUBJECT_ENTRY;
	completion->is_live = place.command == &events_command || is_first(&place, "events");
	if (place.option) {
		completion_source(completion, place.option->values);
		return;
	}
	if (completion->word[0] == '-') {
		if (!complete_attached(completion))
			complete_options(completion, place.command);
		return;
	}
	if (!place.command) {
		completion_offer_commands(completion);
		return;
	}
	if (place.netns && namespace_enter(place.netns, &error))
		return;
	if (!place.first)
		completion_source(completion, place.command->completes);
	else if (place.command->completes == COMPLETE_SETTING && shell_setting_find(place.first))
		completion_source(completion, shell_setting_find(place.first)->values);
	if (place.command->completes == COMPLETE_WORDS)
		place.command->complete(place.arguments, place.argument_count,
					&(struct completer){ completion_offer_with, completion });
	else if (is_in_filter(&place))
		complete_filter(completion, &place);
	else if (is_in_description(&place))
		complete_terms(completion, place.last, place.is_behind_set);
}

static void complete_part(struct completion *completion, const char *line, size_t length)
{
	if (split(completion, line, length))
		complete(completion);
	free(completion->text);
}

void complete_in_shell(const char *line, size_t length, struct buffer *out)
{
	struct completion completion = { .out = out, .is_in_shell = true };
	int netns = namespace_save();

	complete_part(&completion, line, length);
	/* -n on the line leads elsewhere. */
	if (netns >= 0)
		namespace_return(netns);
}

int complete_line(const char *line, const char *point, struct buffer *out)
{
	struct completion completion = { .out = out };
	size_t length = strlen(line), name = strspn(line, WHITE);
	uint64_t cut = length;

	if (!slice_number(slice_of(point), length, &cut))
		cut = length;
	/* The program's own name, whatever it is there. */
	name += strcspn(line + name, WHITE);
	if (name < cut)
		complete_part(&completion, line + name, cut - name);
	return STATUS_OK;
}
