/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options by which conntrack(8) describes an entry (src/conntrack.c and extensions/ of conntrack-tools 1.4.7). */
#include "conntab/compat.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { WORDS_MAX = 128, SHOWN = 48 };

/* What an option does with its value. */
enum action {
	IS_COMMAND, /* no value */
	SETS_FIELD,
	SETS_MARK,
	SETS_STATE,
	SETS_STATUS,
	SETS_ROLE,
	SETS_VTAG,
	TRANSLATES, /* the value may be missing: then it says nothing */
};

/* The one table of them. */
static const struct compat_option {
	char letter;       /* '\0': none */
	const char *names; /* long ones, separated by blanks; they may be shortened */
	enum action action;
	uint8_t what;      /* enum field_id, compat_command or nat_side */
} compat_options[] = {
	{ 'A', "add", IS_COMMAND, COMPAT_ADD },
	{ 'I', "create", IS_COMMAND, COMPAT_CREATE },
	{ 'U', "update", IS_COMMAND, COMPAT_UPDATE },
	{ 'D', "delete", IS_COMMAND, COMPAT_DELETE },
	{ 't', "timeout", SETS_FIELD, FIELD_timeout },
	{ 'u', "status", SETS_STATUS, FIELD_status },
	{ 'm', "mark", SETS_MARK, FIELD_mark },
	{ 'w', "zone", SETS_FIELD, FIELD_zone },
	{ '\0', "orig-zone", SETS_FIELD, FIELD_orig_zone },
	{ '\0', "reply-zone", SETS_FIELD, FIELD_reply_zone },
	{ '\0', "label-add", SETS_FIELD, FIELD_labels },
	{ 'f', "family", SETS_FIELD, FIELD_family },
	{ 's', "src orig-src", SETS_FIELD, FIELD_src },
	{ 'd', "dst orig-dst", SETS_FIELD, FIELD_dst },
	{ 'r', "reply-src", SETS_FIELD, FIELD_reply_src },
	{ 'q', "reply-dst", SETS_FIELD, FIELD_reply_dst },
	{ 'n', "src-nat", TRANSLATES, NAT_SOURCE },
	{ 'g', "dst-nat", TRANSLATES, NAT_DESTINATION },
	{ 'p', "proto", SETS_FIELD, FIELD_proto },
	{ '\0', "sport orig-port-src", SETS_FIELD, FIELD_sport },
	{ '\0', "dport orig-port-dst", SETS_FIELD, FIELD_dport },
	{ '\0', "reply-port-src", SETS_FIELD, FIELD_reply_sport },
	{ '\0', "reply-port-dst", SETS_FIELD, FIELD_reply_dport },
	{ '\0', "icmp-type icmpv6-type", SETS_FIELD, FIELD_icmp_type },
	{ '\0', "icmp-code icmpv6-code", SETS_FIELD, FIELD_icmp_code },
	{ '\0', "icmp-id icmpv6-id", SETS_FIELD, FIELD_icmp_id },
	{ '\0', "srckey orig-key-src", SETS_FIELD, FIELD_gre_srckey },
	{ '\0', "dstkey orig-key-dst", SETS_FIELD, FIELD_gre_dstkey },
	{ '\0', "reply-key-src", SETS_FIELD, FIELD_reply_gre_srckey },
	{ '\0', "reply-key-dst", SETS_FIELD, FIELD_reply_gre_dstkey },
	{ '\0', "state", SETS_STATE, FIELD_state },
	{ '\0', "orig-vtag", SETS_VTAG, FIELD_sctp_vtag },
	{ '\0', "reply-vtag", SETS_VTAG, FIELD_reply_sctp_vtag },
	{ '\0', "role", SETS_ROLE, FIELD_dccp_role },
};

enum { COMPAT_OPTIONS = sizeof(compat_options) / sizeof(compat_options[0]) };

struct reader {
	struct slice line;
	struct slice words[WORDS_MAX];
	size_t count;
	struct slice terms; /* behind "--" */
	struct naming *naming;
	struct compat_entry *entry;
	struct error *error;
};

static int shown(struct slice text)
{
	return (int)(text.length < SHOWN ? text.length : SHOWN);
}

static int fault_at(struct reader *reader, const char *at)
{
	reader->error->column = (size_t)(at - reader->line.at) + 1;
	return reader->error->code;
}

/* ---- words ---- */

static int check_text(struct reader *reader)
{
	for (size_t i = 0; i < reader->line.length; i++) {
		unsigned char byte = (unsigned char)reader->line.at[i];

		if ((byte >= ' ' || byte == '\t') && byte != 0x7f)
			continue;
		error_usage(reader->error, 0, "a byte 0x%02x: this is no text", byte);
		return fault_at(reader, reader->line.at + i);
	}
	return 0;
}

static struct slice take_word(const char *at, const char *end, const char **next)
{
	struct slice word = { at, 0 };
	const char *quote = *at == '"' || *at == '\'' ? memchr(at + 1, *at, (size_t)(end - at) - 1) : NULL;

	if (quote) {
		*next = quote + 1;
		return (struct slice){ at + 1, (size_t)(quote - at) - 1 };
	}
	while (at + word.length < end && at[word.length] != ' ' && at[word.length] != '\t')
		word.length++;
	*next = at + word.length;
	return word;
}

/* conntrack -E -o save: who changed the entry, behind all that describes it. */
static bool is_event_note(struct slice rest)
{
	static const char note[] = "[USERSPACE]";

	return rest.length >= sizeof(note) - 1 && memcmp(rest.at, note, sizeof(note) - 1) == 0;
}

static int split(struct reader *reader)
{
	const char *at = reader->line.at, *end = at + reader->line.length;

	for (;;) {
		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		if (at == end || *at == '#' || is_event_note((struct slice){ at, (size_t)(end - at) }))
			return 0;
		if (reader->count == WORDS_MAX) {
			error_usage(reader->error, 0, "more than %d words", WORDS_MAX);
			return fault_at(reader, at);
		}
		reader->words[reader->count] = take_word(at, end, &at);
		if (reader->words[reader->count].length == 2 && memcmp(reader->words[reader->count].at, "--", 2) == 0) {
			reader->terms = (struct slice){ at, (size_t)(end - at) };
			return 0;
		}
		reader->count++;
	}
}

/* ---- options ---- */

/* Whether one of the names is `name` (2), or begins with it (1). */
static int matches(const char *names, struct slice name)
{
	const char *at = names;
	int best = 0;

	for (;; at++) {
		/* Nearly all differ in the first letter, and a file has a million lines. */
		if (*at == *name.at && strncmp(at, name.at, name.length) == 0 && name.length <= strcspn(at, " ")) {
			if (at[name.length] == ' ' || at[name.length] == '\0')
				return 2;
			best = 1;
		}
		at = strchr(at, ' ');
		if (!at)
			return best;
	}
}

static int unknown_option(struct reader *reader, struct slice word, bool is_ambiguous)
{
	struct suggestion suggestion = { .typed = word };
	char name[40], nearest[64];

	for (size_t i = 0; i < COMPAT_OPTIONS; i++) {
		const char *names = compat_options[i].names;

		for (size_t length; *names; names += length + (names[length] == ' ')) {
			length = strcspn(names, " ");
			memcpy(name, "--", 2);
			memcpy(name + 2, names, length);
			name[2 + length] = '\0';
			suggestion_offer(&suggestion, name);
		}
	}
	if (is_ambiguous)
		error_usage(reader->error, 0, "\"%.*s\" stands for more than one option", shown(word), word.at);
	else
		error_usage(reader->error, 0, "no option \"%.*s\" of an entry%s", shown(word), word.at,
			    suggestion_text(&suggestion, nearest, sizeof(nearest)));
	return fault_at(reader, word.at);
}

/* The option that a word names; `value` is what stands in the same word. NULL with an error. */
static const struct compat_option *find_option(struct reader *reader, struct slice word, struct slice *value)
{
	const struct compat_option *found = NULL;
	const char *equal = memchr(word.at, '=', word.length);
	struct slice name = { word.at + 2, (size_t)((equal ? equal : word.at + word.length) - word.at) - 2 };
	bool is_ambiguous = false;

	*value = (struct slice){ NULL, 0 };
	if (word.at[1] != '-') {
		for (size_t i = 0; i < COMPAT_OPTIONS && !found; i++)
			if (compat_options[i].letter == word.at[1])
				found = &compat_options[i];
		if (word.length > 2)
			*value = (struct slice){ word.at + 2, word.length - 2 };
	} else {
		int best = 0;

		for (size_t i = 0; i < COMPAT_OPTIONS && best < 2; i++) {
			int match = matches(compat_options[i].names, name);

			is_ambiguous = match > best ? false : is_ambiguous || (match && match == best);
			if (match > best)
				found = &compat_options[i];
			best = match > best ? match : best;
		}
		if (equal)
			*value = (struct slice){ equal + 1, (size_t)(word.at + word.length - equal) - 1 };
	}
	if (!found || is_ambiguous)
		unknown_option(reader, word, is_ambiguous);
	return is_ambiguous ? NULL : found;
}

/*
 * conntrack also writes flags that nobody can give: EXPECTED comes with the master,
 * which it does not save, OFFLOAD with a flow table. UNSET is none.
 */
static int set_status(struct reader *reader, struct slice value)
{
	static const char *const ignored[] = { "UNSET", "EXPECTED", "OFFLOAD", "HW_OFFLOAD" };
	struct draft *draft = &reader->entry->draft;

	field_set_add(&draft->record.present, FIELD_status);
	while (value.length > 0) {
		const char *comma = memchr(value.at, ',', value.length);
		struct slice part = { value.at, comma ? (size_t)(comma - value.at) : value.length };
		bool is_ignored = false;

		for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
			is_ignored |= slice_is(part, ignored[i]);
		if (!is_ignored && draft_set(draft, FIELD_status, part, reader->naming, reader->error))
			return fault_at(reader, part.at);
		value.at += part.length + (comma != NULL);
		value.length -= part.length + (comma != NULL);
	}
	return 0;
}

/* conntrack has them in the order of the network's bytes, taken for a number of ours. */
static void set_vtag(struct reader *reader, enum field_id id, struct slice value)
{
	uint64_t number;
	char text[16];

	if (slice_number(value, UINT32_MAX, &number)) {
		snprintf(text, sizeof(text), "%u", ntohl((uint32_t)number));
		value = slice_of(text);
	}
	draft_set(&reader->entry->draft, id, value, reader->naming, reader->error);
}

static int set_value(struct reader *reader, const struct compat_option *option, struct slice value)
{
	struct draft *draft = &reader->entry->draft;
	const char *slash = memchr(value.at, '/', value.length);
	struct slice given = value;

	switch (option->action) {
	case SETS_STATUS:
		return set_status(reader, value);
	case SETS_MARK: /* the mask says what an update leaves alone; of a new entry it means nothing */
		if (slash && reader->entry->command != COMPAT_UPDATE)
			value.length = (size_t)(slash - value.at);
		break;
	case SETS_STATE:
		/* An old name of the same number; and what conntrack 1.4.7 writes for a state it does not know. */
		if (slice_is(value, "LISTEN"))
			value = slice_of("SYN_SENT2");
		else if (slice_is(value, "(null)"))
			value = slice_of("HEARTBEAT_SENT");
		break;
	case SETS_ROLE:
		value = slice_of(slice_is(value, "client") ? "0" : slice_is(value, "server") ? "1" : "?");
		break;
	default:
		break;
	}
	if (option->action == SETS_VTAG)
		set_vtag(reader, option->what, value);
	else if (option->action == TRANSLATES)
		draft_set_nat(draft, option->what, value, reader->error);
	else
		draft_set(draft, option->what, value, reader->naming, reader->error);
	return reader->error->code ? fault_at(reader, given.at) : 0;
}

static int set_command(struct reader *reader, const struct compat_option *option, struct slice word)
{
	if (reader->entry->command != COMPAT_NONE) {
		error_usage(reader->error, 0, "a second command in one line");
		return fault_at(reader, word.at);
	}
	reader->entry->command = option->what;
	return 0;
}

static int take_option(struct reader *reader, size_t *place)
{
	struct slice word = reader->words[*place], value;
	const struct compat_option *option;
	bool has_next;

	if (word.length < 2 || word.at[0] != '-') {
		error_usage(reader->error, 0, "\"%.*s\" belongs to no option", shown(word), word.at);
		return fault_at(reader, word.at);
	}
	option = find_option(reader, word, &value);
	if (!option)
		return reader->error->code;
	++*place;
	if (option->action == IS_COMMAND)
		return set_command(reader, option, word);
	has_next = *place < reader->count && reader->words[*place].length > 0 && reader->words[*place].at[0] != '-';
	if (!value.at && has_next)
		value = reader->words[(*place)++];
	if (!value.at && option->action == TRANSLATES)
		return 0;
	if (!value.at || value.length == 0) {
		error_usage(reader->error, 0, "\"%.*s\" needs a value", shown(word), word.at);
		return fault_at(reader, word.at);
	}
	return set_value(reader, option, value);
}

/* ---- the line ---- */

static int complete(struct reader *reader, uint8_t family)
{
	struct draft *draft = &reader->entry->draft;
	struct error *error = reader->error;

	if (reader->entry->command == COMPAT_NONE)
		return error_usage(error, 0, "no command: -A, -I, -U or -D");
	if (reader->entry->command == COMPAT_UPDATE || reader->entry->command == COMPAT_DELETE)
		return draft_complete_tuple(draft, family, error);
	if (!record_has(&draft->record, FIELD_timeout))
		return error_usage(error, 0, "the entry lacks its timeout (-t)");
	return draft_complete(draft, family, error);
}

int compat_read_line(struct slice line, uint8_t family, struct naming *naming, struct compat_entry *entry,
		     struct error *error)
{
	struct reader reader = { .line = line, .naming = naming, .entry = entry, .error = error };

	entry->command = COMPAT_NONE;
	draft_init(&entry->draft);
	if (check_text(&reader) || split(&reader))
		return error->code;
	if (reader.count == 0 && !reader.terms.at)
		return 0;
	for (size_t place = 0; place < reader.count;)
		if (take_option(&reader, &place))
			return error->code;
	entry->draft.may_override = true;
	if (reader.terms.at && draft_terms(&entry->draft, reader.terms, naming, error)) {
		error->column += (size_t)(reader.terms.at - line.at);
		return error->code;
	}
	return complete(&reader, family) ? error->code : 1;
}
