/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of fields and the table of kinds are consistent with themselves. */
#include "unit.h"

#include <ctype.h>

#include "conntab/field.h"
#include "conntab/netlink.h"
#include "conntab/word.h"

/* Every name and alias of a field, one at a time; returns false at the end. */
static bool next_name(enum field_id id, const char **rest, char *out, size_t size)
{
	size_t length;

	if (!*rest)
		return false;
	length = strcspn(*rest, " ");
	assert_in_range(length, 1, size - 1);
	snprintf(out, size, "%.*s", (int)length, *rest);
	*rest = (*rest)[length] ? *rest + length + 1 : NULL;
	(void)id;
	return true;
}

static void check_name(enum field_id id, const char *name)
{
	char upper[64];

	assert_int_equal(field_find(slice_of(name)), id);
	for (size_t i = 0; i <= strlen(name); i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	assert_int_equal(field_find(slice_of(upper)), id);
	for (const char *at = name; *at; at++)
		assert_true(islower((unsigned char)*at) || isdigit((unsigned char)*at) || *at == '.' || *at == '_');
}

static void names_and_aliases_are_unique(void **state)
{
	(void)state;
	for (enum field_id id = 0; id < FIELD_COUNT; id++) {
		const char *rest = fields[id].alias;
		char alias[64];

		assert_non_null(fields[id].name);
		assert_true(fields[id].help && fields[id].help[0]);
		check_name(id, fields[id].name);
		while (next_name(id, &rest, alias, sizeof(alias)))
			check_name(id, alias);
	}
	assert_int_equal(field_find(slice_of("nosuch")), FIELD_NONE);
	assert_int_equal(field_find(slice_of("")), FIELD_NONE);
	assert_int_equal(field_find(slice_of("orig.src saddr")), FIELD_NONE);
	assert_int_equal(field_find(slice_of("a.name.that.is.longer.than.every.field.has.one")), FIELD_NONE);
}

/* A word that is a field and a value too could mean two things. */
static void bare_words_are_no_fields(void **state)
{
	static const char *const keywords[] = { "and", "or", "not", "is", "in" };
	struct bare_word bare;

	(void)state;
	for (size_t i = 0; bare_word_fields[i] != FIELD_NONE; i++)
		for (const struct word *word = kinds[fields[bare_word_fields[i]].kind].words; word->name; word++)
			assert_int_equal(field_find(slice_of(word->name)), FIELD_NONE);
	for (size_t i = 0; i < COUNT_OF(keywords); i++) {
		assert_int_equal(field_find(slice_of(keywords[i])), FIELD_NONE);
		assert_false(bare_word_find(slice_of(keywords[i]), &bare));
	}
}

/* The first field that knows a bare word gets it, so no later one may mean another by it. */
static void bare_words_are_unique(void **state)
{
	struct bare_word bare;

	(void)state;
	for (size_t i = 0; bare_word_fields[i] != FIELD_NONE; i++)
		for (const struct word *word = kinds[fields[bare_word_fields[i]].kind].words; word->name; word++) {
			assert_true(bare_word_find(slice_of(word->name), &bare));
			assert_int_equal(bare.field, bare_word_fields[i]);
			assert_ptr_equal(bare.word, word);
		}
}

static void members_are_covered_and_apart(void **state)
{
	static uint8_t owner[sizeof(struct record)];
	size_t size_of_all = 0;

	(void)state;
	memset(owner, 0xff, sizeof(owner));
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		assert_in_range(fields[id].offset, sizeof(struct field_set), sizeof(struct record) - fields[id].size);
		for (size_t i = 0; i < fields[id].size; i++) {
			assert_int_equal(owner[fields[id].offset + i], 0xff);
			owner[fields[id].offset + i] = (uint8_t)id;
		}
		size_of_all += fields[id].size;
	}
	/* What is left is padding: less than a word for each field. */
	assert_true(sizeof(struct record) - sizeof(struct field_set) - size_of_all < FIELD_STORED * 8);
	assert_int_equal(FIELD_secctx, FIELD_STORED - 1);
}

static void sizes_fit_the_kinds(void **state)
{
	(void)state;
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		const struct field *field = &fields[id];

		switch (field->kind) {
		case KIND_ADDRESS: assert_int_equal(field->size, sizeof(struct address)); break;
		case KIND_LABELS: assert_int_equal(field->size, sizeof(struct labels)); break;
		case KIND_TEXT: assert_true(field->size >= 16); break;
		case KIND_PORT: assert_int_equal(field->size, 2); break;
		case KIND_TIME:
		case KIND_COUNTER: assert_int_equal(field->size, 8); break;
		case KIND_FAMILY:
		case KIND_PROTOCOL:
		case KIND_STATE: assert_int_equal(field->size, 1); break;
		case KIND_MARK:
		case KIND_STATUS:
		case KIND_DURATION: assert_int_equal(field->size, 4); break;
		default: assert_true(field->size == 1 || field->size == 2 || field->size == 4 || field->size == 8); break;
		}
	}
}

static void paths_fit_the_decoder(void **state)
{
	(void)state;
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		bool is_ended = false;

		for (unsigned path = 0; path < FIELD_PATHS_MAX; path++) {
			is_ended = is_ended || !fields[id].paths[path][0];
			/* Of expectations the same number, or none. */
			assert_true(!fields[id].expect_paths[path][0] || !is_ended || fields[id].flags & OF_EXPECTATION);
			for (unsigned depth = 0; depth < FIELD_PATH_DEPTH; depth++)
				assert_in_range(fields[id].paths[path][depth], 0, DECODER_SLOTS - 1);
			if (is_ended)
				assert_int_equal(fields[id].paths[path][0], 0);
		}
		/* From the message, computed, or one of the two that are in the header. */
		assert_true(fields[id].paths[0][0] || fields[id].expect_paths[0][0] || fields[id].derive || id == FIELD_family || id == FIELD_event);
		assert_true(!fields[id].decode[0] || fields[id].size == 1);
	}
}

static bool same_path(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, FIELD_PATH_DEPTH) == 0;
}

/* Two fields on one path would take each other's place in the decoder. */
static void paths_are_unique(void **state)
{
	(void)state;
	for (enum field_id a = 0; a < FIELD_STORED; a++)
		for (enum field_id b = 0; b < a; b++)
			for (unsigned i = 0; i < FIELD_PATHS_MAX * FIELD_PATHS_MAX; i++) {
				const uint8_t *one = fields[a].paths[i / FIELD_PATHS_MAX];
				const uint8_t *expect = fields[a].expect_paths[i / FIELD_PATHS_MAX];

				assert_false(one[0] && same_path(one, fields[b].paths[i % FIELD_PATHS_MAX]));
				assert_false(expect[0] && same_path(expect, fields[b].expect_paths[i % FIELD_PATHS_MAX]));
			}
}

static void fits_into_a_decoder(enum subject subject)
{
	struct field_set all = { { 0, 0 } };
	struct decoder decoder;
	unsigned slots = 0, paths = 0;

	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		field_set_add(&all, id);
		for (unsigned path = 0; path < FIELD_PATHS_MAX; path++)
			paths += (subject == SUBJECT_ENTRY ? fields[id].paths : fields[id].expect_paths)[path][0] != 0;
	}
	decoder_init_of(&decoder, subject, &all);
	assert_in_range(decoder.node_count, 2, DECODER_NODES);
	for (unsigned node = 0; node < decoder.node_count; node++)
		for (unsigned type = 0; type < DECODER_SLOTS; type++) {
			slots += decoder.slots[node][type].field != FIELD_NONE;
			/* Never a leaf and a nest at once. */
			assert_true(decoder.slots[node][type].field == FIELD_NONE || !decoder.slots[node][type].node);
		}
	assert_int_equal(slots, paths);
}

static void the_whole_table_fits_into_a_decoder(void **state)
{
	(void)state;
	fits_into_a_decoder(SUBJECT_ENTRY);
	fits_into_a_decoder(SUBJECT_EXPECTATION);
}

/* What a filter may name: everything is of one sort at least, and what is of one only is not of the other. */
static void fields_are_of_entries_or_expectations(void **state)
{
	(void)state;
	for (enum field_id id = 0; id < FIELD_COUNT; id++) {
		bool is_event = fields[id].flags & OF_EVENT;

		assert_true(field_is_of(id, SUBJECT_ENTRY, true) || field_is_of(id, SUBJECT_EXPECTATION, true));
		assert_int_equal(field_is_of(id, SUBJECT_ENTRY, true), !(fields[id].flags & OF_EXPECTATION));
		assert_true(!is_event || !(field_is_of(id, SUBJECT_ENTRY, false) || field_is_of(id, SUBJECT_EXPECTATION, false)));
	}
	assert_true(field_is_of(FIELD_family, SUBJECT_EXPECTATION, false));
	assert_true(field_is_of(FIELD_gre_dstkey, SUBJECT_EXPECTATION, false));
	assert_true(field_is_of(FIELD_port, SUBJECT_EXPECTATION, false));
	assert_false(field_is_of(FIELD_mark, SUBJECT_EXPECTATION, true));
	assert_false(field_is_of(FIELD_packets, SUBJECT_EXPECTATION, true));
	assert_false(field_is_of(FIELD_idle, SUBJECT_EXPECTATION, true));
}

/* A field is derived after what it uses where that is derived itself, so that the order of rows is right. */
static void what_is_used_comes_first(void **state)
{
	(void)state;
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		struct field_set one = { { 0, 0 } }, closure;

		field_set_add(&one, id);
		closure = field_set_closure(&one);
		assert_true(field_set_has(&closure, id));
		for (size_t i = 0; fields[id].derive && fields[id].uses[i] != FIELD_NONE; i++) {
			enum field_id used = fields[id].uses[i];

			assert_in_range(i, 0, FIELD_USES_MAX - 2);
			assert_true(used < FIELD_STORED && used != id);
			assert_true(field_set_has(&closure, used));
			/* Dropping ports is the exception: keys are taken out of them before. */
			if (fields[used].derive && fields[used].kind != KIND_PORT)
				assert_true(used < id);
			if (fields[used].derive && fields[used].kind == KIND_PORT)
				assert_true(used > id);
		}
	}
}

static void any_of_rows_have_members_of_their_kind(void **state)
{
	(void)state;
	for (enum field_id id = FIELD_STORED; id < FIELD_COUNT; id++) {
		struct field_set set = { { 0, 0 } };

		assert_true(field_is_any_of(id));
		field_set_include(&set, id);
		for (size_t i = 0; i < sizeof(fields[id].members); i++) {
			enum field_id member = fields[id].members[i];

			assert_true(member < FIELD_STORED && field_set_has(&set, member));
			assert_int_equal(fields[member].kind, fields[id].kind);
			assert_int_equal(fields[member].flags & MAYBE, 0);
			assert_int_equal(field_maximum(member), field_maximum(id));
		}
		assert_int_equal(__builtin_popcountll(set.bits[0]) + __builtin_popcountll(set.bits[1]), 4);
	}
}

static void what_needs_a_setting_may_be_unknown(void **state)
{
	(void)state;
	for (enum field_id id = 0; id < FIELD_COUNT; id++)
		if (fields[id].needs)
			assert_true(fields[id].flags & MAYBE);
}

static void kinds_are_whole(void **state)
{
	(void)state;
	for (enum kind_id kind = 0; kind < KIND_COUNT; kind++) {
		assert_true(kinds[kind].name && kinds[kind].expects && kinds[kind].parse && kinds[kind].format);
		assert_true((kinds[kind].json == JSON_LIST) == (kinds[kind].next != NULL));
		for (enum kind_id other = 0; other < kind; other++)
			assert_string_not_equal(kinds[kind].name, kinds[other].name);
	}
}

static void words_are_unique_within_a_kind(void **state)
{
	(void)state;
	for (enum kind_id kind = 0; kind < KIND_COUNT; kind++)
		for (const struct word *word = kinds[kind].words; word && word->name; word++)
			assert_ptr_equal(word_find(kinds[kind].words, slice_of(word->name)), word);
}

static void maxima(void **state)
{
	(void)state;
	assert_true(field_maximum(FIELD_icmp_type) == 255);
	assert_true(field_maximum(FIELD_dport) == 65535);
	assert_true(field_maximum(FIELD_port) == 65535);
	assert_true(field_maximum(FIELD_mark) == UINT32_MAX);
	assert_true(field_maximum(FIELD_bytes) == UINT64_MAX);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_aliases_are_unique),
		cmocka_unit_test(bare_words_are_no_fields),
		cmocka_unit_test(bare_words_are_unique),
		cmocka_unit_test(members_are_covered_and_apart),
		cmocka_unit_test(sizes_fit_the_kinds),
		cmocka_unit_test(paths_fit_the_decoder),
		cmocka_unit_test(paths_are_unique),
		cmocka_unit_test(the_whole_table_fits_into_a_decoder),
		cmocka_unit_test(fields_are_of_entries_or_expectations),
		cmocka_unit_test(what_is_used_comes_first),
		cmocka_unit_test(any_of_rows_have_members_of_their_kind),
		cmocka_unit_test(what_needs_a_setting_may_be_unknown),
		cmocka_unit_test(kinds_are_whole),
		cmocka_unit_test(words_are_unique_within_a_kind),
		cmocka_unit_test(maxima),
	};

	return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
