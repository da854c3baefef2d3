/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Completion for shells: conntab --complete LINE POINT prints the words that can
 * stand at the place, one a line. Everything comes from the tables; addresses and
 * ports come from the connection table as it is now.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "conntab/draft.h"
#include "conntab/netlink.h"
#include "conntab/word.h"

#define WHITE " \t\n"
#define OPERATORS "=<>!"

enum {
	WORDS_MAX = 256,
	LIVE_VALUES_MAX = 64,    /* distinct values offered */
	LIVE_ENTRIES_MAX = 20000, /* entries looked at for them: the key must not wait for a full table */
};

struct completion {
	struct buffer *out;
	bool is_in_shell; /* its own commands count too */
	char *text;  /* the line so far, its words ended by '\0' */
	char *words[WORDS_MAX];
	int count;
	char *word;     /* the one being completed, maybe empty */
	const struct command *command; /* NULL: not there yet */
	enum subject subject; /* what the words are about */
	bool is_live;         /* events of it */
	size_t keep;    /* of it, what stays in front of each candidate ("src," of a list) */
};

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
	const char *const *own = completion->command ? completion->command->formats : NULL;
	size_t length = strcspn(completion->word, ",");

	for (size_t i = 0; own && own[i]; i++)
		offer(completion, own[i]);
	if (own)
		return;
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

static void offer_fields(struct completion *completion)
{
	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if (field_is_of(id, completion->subject, completion->is_live))
			offer(completion, fields[id].name);
}

static void complete_fields(struct completion *completion, const char *separators)
{
	keep_until(completion, separators);
	offer_fields(completion);
}

/* What lies in the folder that the word names; folders with a slash behind them. */
static void complete_file(struct completion *completion)
{
	const char *slash = strrchr(completion->word, '/');
	struct dirent *entry;
	char folder[4096], name[NAME_MAX + 2];
	struct stat status;
	DIR *directory;

	completion->keep = slash ? (size_t)(slash - completion->word) + 1 : 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)completion->keep, completion->word);
	directory = opendir(completion->keep ? folder : ".");
	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		bool is_hidden = entry->d_name[0] == '.';

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%s%s", entry->d_name,
			 fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 && S_ISDIR(status.st_mode) ? "/" : "");
		if (!is_hidden || completion->word[completion->keep] == '.')
			offer(completion, name);
	}
	closedir(directory);
}

static void offer_commands(struct completion *completion)
{
	for (size_t i = 0; commands[i]; i++)
		if (completion->is_in_shell || !commands[i]->is_of_shell)
			offer(completion, commands[i]->name);
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
		offer_fields(completion);
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
	case COMPLETE_EXPECT:
		completion->command->complete(NULL, 0, &(struct completer){ offer_with, completion });
		break;
	case COMPLETE_TOPIC:
		for (size_t i = 0; commands[i]; i++)
			offer(completion, commands[i]->name);
		for (size_t i = 0; help_topics[i].name; i++)
			offer(completion, help_topics[i].name);
		break;
	case COMPLETE_WHERE:
		offer(completion, "and");
		offer(completion, "or");
		offer(completion, "reset");
		break;
	case COMPLETE_SETTING:
		for (size_t i = 0; shell_settings[i].name; i++)
			offer(completion, shell_settings[i].name);
		break;
	case COMPLETE_SWITCH:
		offer(completion, "on");
		offer(completion, "off");
		break;
	case COMPLETE_FILE:
		complete_file(completion);
		break;
	case COMPLETE_FILTER:
	case COMPLETE_TERMS:
	case COMPLETE_CHANGE:
	case COMPLETE_WORDS:
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
	struct kernel_filter everything = { .subject = completion->subject };
	struct netlink netlink;
	struct error error = { 0 };
	bool is_interrupted;

	field_set_include(&live.fields, field);
	live.fields = field_set_closure(&live.fields);
	live.environment.subject = completion->subject;
	decoder_init_of(&live.decoder, completion->subject, &live.fields);
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
		complete_value(completion, field);
		if (!is_operator(place->last) && !completion->word[0] && kinds[fields[field].kind].is_ordered)
			for (const char *const *at = (const char *const[]){ "<", ">", "<=", ">=", "!=", NULL }; *at; at++)
				offer(completion, *at);
		return;
	}
	filter_each_word(completion->subject, completion->is_live, offer_word, completion);
	offer(completion, "not");
	if (place->filter_words > 0 && !is_connective(place->last)) {
		offer(completion, "and");
		offer(completion, "or");
		if (place->command->completes == COMPLETE_CHANGE)
			offer(completion, "set");
	}
}

/* What can follow in the description of an entry, or of a change: a value of a field, or the next field. */
static void complete_terms(struct completion *completion, const char *last, bool is_change)
{
	enum field_id field = field_find(slice_of(last));
	struct field_set settable = { { 0, 0 } };

	if (field != FIELD_NONE) {
		complete_value(completion, field);
		if (is_change && (field == FIELD_labels || field == FIELD_helper))
			offer(completion, "none");
		if (is_change && field == FIELD_labels) {
			offer(completion, "add");
			offer(completion, "remove");
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
			offer(completion, fields[id].name);
	if (!is_change && completion->subject == SUBJECT_ENTRY) {
		offer(completion, "snat");
		offer(completion, "dnat");
	}
	for (size_t i = 0; bare_word_fields[i] != FIELD_NONE; i++) {
		enum field_id id = bare_word_fields[i];

		for (const struct word *word = kinds[fields[id].kind].words; word->name; word++)
			if (!word->is_alias && field_set_has(&settable, id) &&
			    (id != FIELD_status || draft_takes_status(word)) &&
			    (id != FIELD_status || !is_change || word->value == word->mask))
				offer_lower(completion, word->name);
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
		complete_source(completion, place.option->values);
		return;
	}
	if (completion->word[0] == '-') {
		if (!complete_attached(completion))
			complete_options(completion, place.command);
		return;
	}
	if (!place.command) {
		offer_commands(completion);
		return;
	}
	if (place.netns && namespace_enter(place.netns, &error))
		return;
	if (!place.first)
		complete_source(completion, place.command->completes);
	else if (place.command->completes == COMPLETE_SETTING && shell_setting_find(place.first))
		complete_source(completion, shell_setting_find(place.first)->values);
	if (place.command->completes == COMPLETE_WORDS)
		place.command->complete(place.arguments, place.argument_count, &(struct completer){ offer_with, completion });
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
