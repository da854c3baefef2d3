/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/word.h"

#include <stdio.h>

const uint8_t bare_word_fields[] = { FIELD_event, FIELD_family, FIELD_proto, FIELD_state, FIELD_status, FIELD_NONE };

bool bare_word_find(struct slice text, struct bare_word *bare)
{
	for (size_t i = 0; bare_word_fields[i] != FIELD_NONE; i++) {
		bare->field = bare_word_fields[i];
		bare->word = word_find(kinds[fields[bare->field].kind].words, text);
		if (bare->word)
			return true;
	}
	return false;
}

static void each_lower(void (*each)(void *, const char *, const char *), void *data, const char *name,
		       const char *help)
{
	char lower[32];
	size_t i;

	for (i = 0; name[i] && i + 1 < sizeof(lower); i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
	lower[i] = '\0';
	each(data, lower, help);
}

void filter_each_word(enum subject subject, bool is_live,
		      void (*each)(void *data, const char *word, const char *help), void *data)
{
	for (enum field_id id = 0; id < FIELD_COUNT; id++)
		if (field_is_of(id, subject, is_live))
			each(data, fields[id].name, fields[id].help);
	for (size_t i = 0; bare_word_fields[i] != FIELD_NONE; i++) {
		const struct field *field = &fields[bare_word_fields[i]];
		const struct kind *kind = &kinds[field->kind];

		if (!field_is_of(bare_word_fields[i], subject, is_live))
			continue;
		for (const struct word *word = kind->words; word->name; word++)
			if (!word->is_alias)
				each_lower(each, data, word->name, kind->name);
	}
}
