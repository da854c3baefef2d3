/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be completed: names out of the tables, files, namespaces, and what is in the table of connections now. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "complete.h"
#include "conntab/netlink.h"

enum {
	LIVE_VALUES_MAX = 64,     /* distinct values offered */
	LIVE_ENTRIES_MAX = 20000, /* entries looked at for them: the key must not wait for a full table */
};

void completion_offer(struct completion *completion, const char *candidate)
{
	const char *typed = completion->word + completion->keep;

	if (strncmp(candidate, typed, strlen(typed)) != 0)
		return;
	buffer_bytes(completion->out, completion->word, completion->keep);
	buffer_untrusted(completion->out, candidate, strlen(candidate));
	buffer_char(completion->out, '\n');
}

void completion_offer_with(void *data, const char *candidate)
{
	completion_offer(data, candidate);
}

void completion_offer_lower(struct completion *completion, const char *name)
{
	char lower[32];
	size_t i;

	for (i = 0; name[i] && i + 1 < sizeof(lower); i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
	lower[i] = '\0';
	completion_offer(completion, lower);
}

/* In a list the last part is completed: what stands before the last separator is kept. */
static void keep_until(struct completion *completion, const char *separators)
{
	const char *word = completion->word;

	for (size_t i = 0; word[i]; i++)
		if (strchr(separators, word[i]))
			completion->keep = i + 1;
}

static void complete_format(struct completion *completion)
{
	const struct format_extra *extra = NULL;
	const char *const *own = completion->command ? completion->command->formats : NULL;
	size_t length = strcspn(completion->word, ",");

	for (size_t i = 0; own && own[i]; i++)
		completion_offer(completion, own[i]);
	if (own)
		return;
	keep_until(completion, ",");
	for (size_t i = 0; formats[i]; i++) {
		if (completion->keep == 0)
			completion_offer(completion, formats[i]->name);
		else if (strncmp(completion->word, formats[i]->name, length) == 0 && !formats[i]->name[length])
			extra = formats[i]->extras;
	}
	for (; extra && extra->name; extra++)
		completion_offer(completion, extra->name);
}

static void offer_fields(struct completion *completion)
{
	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if (field_is_of(id, completion->subject, completion->is_live))
			completion_offer(completion, fields[id].name);
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
			completion_offer(completion, name);
	}
	closedir(directory);
}

void completion_offer_commands(struct completion *completion)
{
	for (size_t i = 0; commands[i]; i++)
		if (completion->is_in_shell || !commands[i]->is_of_shell)
			completion_offer(completion, commands[i]->name);
}

void completion_source(struct completion *completion, enum completion_source source)
{
	switch (source) {
	case COMPLETE_NAMESPACE:
		namespace_each_name(completion_offer_with, completion);
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
			completion_offer(completion, "entries");
		break;
	case COMPLETE_COLOR:
		completion_offer(completion, "auto");
		completion_offer(completion, "always");
		completion_offer(completion, "never");
		break;
	case COMPLETE_EXIT_ON:
		completion_offer(completion, "warn");
		completion_offer(completion, "crit");
		completion_offer(completion, "never");
		break;
	case COMPLETE_STATES:
		keep_until(completion, ",");
		for (const struct word *word = kinds[KIND_STATE].words; word->name; word++)
			completion_offer_lower(completion, word->name);
		break;
	case COMPLETE_FLUSH:
		completion_offer(completion, "all");
		completion_offer(completion, "idle");
		break;
	case COMPLETE_EXPECT:
		completion->command->complete(NULL, 0, &(struct completer){ completion_offer_with, completion });
		break;
	case COMPLETE_TOPIC:
		for (size_t i = 0; commands[i]; i++)
			completion_offer(completion, commands[i]->name);
		for (size_t i = 0; help_topics[i].name; i++)
			completion_offer(completion, help_topics[i].name);
		break;
	case COMPLETE_WHERE:
		completion_offer(completion, "and");
		completion_offer(completion, "or");
		completion_offer(completion, "reset");
		break;
	case COMPLETE_SETTING:
		for (size_t i = 0; shell_settings[i].name; i++)
			completion_offer(completion, shell_settings[i].name);
		break;
	case COMPLETE_SWITCH:
		completion_offer(completion, "on");
		completion_offer(completion, "off");
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
		completion_offer(live->completion, text + 1);
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

void completion_value(struct completion *completion, enum field_id field)
{
	const struct word *word = kinds[fields[field].kind].words;

	keep_until(completion, ",{");
	for (; word && word->name; word++)
		if (!word->is_alias)
			completion_offer_lower(completion, word->name);
	if (!kinds[fields[field].kind].words)
		complete_live(completion, field);
}
