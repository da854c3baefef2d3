/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of the shell, and the store of what was deleted. */
#include "unit.h"

#include <errno.h>
#include <unistd.h>

#include "conntab/buffer.h"
#include "conntab/field.h"
#include "conntab/store.h"
#include "random_record.h"
#include "shell/line.h"

enum { RANDOM_LINES = 200000, RECORDS = 3000 };

/* ---- lines ---- */

enum { WORDS_MAX = 8 };

struct line_case {
	const char *text;
	const char *words[WORDS_MAX];
	const char *pipe, *file, *system;
	bool is_append;
};

static const struct line_case good[] = {
	{ .text = "" },
	{ .text = " \t\r\v\f" },
	{ .text = "# a remark 'with a quote" },
	{ .text = "  # another" },
	{ .text = "list", .words = { "list" } },
	{ .text = "  list\ttcp  \r", .words = { "list", "tcp" } },
	{ .text = "conntab list tcp", .words = { "list", "tcp" } },
	{ .text = "list # tcp", .words = { "list" } },
	{ .text = "list tcp#1", .words = { "list", "tcp#1" } },
	{ .text = "list \\# tcp", .words = { "list", "#", "tcp" } },
	{ .text = "list '#' \"#\"", .words = { "list", "#", "#" } },
	{ .text = "list 'src 10.0.0.1'", .words = { "list", "src 10.0.0.1" } },
	{ .text = "list \"src 10.0.0.1\"", .words = { "list", "src 10.0.0.1" } },
	{ .text = "list s'r'c\" x\"", .words = { "list", "src x" } },
	{ .text = "list ''", .words = { "list", "" } },
	{ .text = "list '' \"\" x", .words = { "list", "", "", "x" } },
	{ .text = "''", .words = { "" } },
	{ .text = "list \"a\\\"b\\\\c\\d\"", .words = { "list", "a\"b\\c\\d" } },
	{ .text = "list 'a\\'", .words = { "list", "a\\" } },
	{ .text = "list a\\ b \\'c\\' \\\\", .words = { "list", "a b", "'c'", "\\" } },
	{ .text = "list a\\", .words = { "list", "a\\" } },
	{ .text = "list \\| \\> \\!", .words = { "list", "|", ">", "!" } },
	{ .text = "list '|' \">\"", .words = { "list", "|", ">" } },
	{ .text = "list !tcp ! udp", .words = { "list", "!tcp", "!", "udp" } },
	/* Pipes. */
	{ .text = "list | wc -l", .words = { "list" }, .pipe = "wc -l" },
	{ .text = "list|wc", .words = { "list" }, .pipe = "wc" },
	{ .text = "list tcp |  grep 'a b' | wc > x # y", .words = { "list", "tcp" }, .pipe = "grep 'a b' | wc > x # y" },
	{ .text = "list tcp || udp", .words = { "list", "tcp", "||", "udp" } },
	{ .text = "list tcp||udp", .words = { "list", "tcp||udp" } },
	{ .text = "list tcp || udp | cat", .words = { "list", "tcp", "||", "udp" }, .pipe = "cat" },
	{ .text = "list bytes | cat", .words = { "list", "bytes" }, .pipe = "cat" },
	/* Files. */
	{ .text = "list > x", .words = { "list" }, .file = "x" },
	{ .text = "list >x", .words = { "list" }, .file = "x" },
	{ .text = "list>x", .words = { "list" }, .file = "x" },
	{ .text = "list >> x", .words = { "list" }, .file = "x", .is_append = true },
	{ .text = "list>>x", .words = { "list" }, .file = "x", .is_append = true },
	{ .text = "list > 'a b'", .words = { "list" }, .file = "a b" },
	{ .text = "list > a\\ b", .words = { "list" }, .file = "a b" },
	{ .text = "list > \"a\"'b'c", .words = { "list" }, .file = "abc" },
	{ .text = "list > x # remark", .words = { "list" }, .file = "x" },
	{ .text = "list > x#y  ", .words = { "list" }, .file = "x#y" },
	{ .text = "list > '#'", .words = { "list" }, .file = "#" },
	{ .text = "list > \\>", .words = { "list" }, .file = ">" },
	{ .text = "list tcp > x", .words = { "list", "tcp" }, .file = "x" },
	{ .text = "list tcp>x", .words = { "list", "tcp" }, .file = "x" },
	{ .text = "count --by src > x", .words = { "count", "--by", "src" }, .file = "x" },
	{ .text = "list -c bytes > x", .words = { "list", "-c", "bytes" }, .file = "x" },
	{ .text = "list --sort bytes >x", .words = { "list", "--sort", "bytes" }, .file = "x" },
	{ .text = "set columns bytes > x", .words = { "set", "columns", "bytes" }, .file = "x" },
	{ .text = "help fields > x", .words = { "help", "fields" }, .file = "x" },
	{ .text = "list bytes 10M > x", .words = { "list", "bytes", "10M" }, .file = "x" },
	{ .text = "list tcp dport 443 > 10M", .words = { "list", "tcp", "dport", "443" }, .file = "10M" },
	{ .text = "nosuch bytes > x", .words = { "nosuch", "bytes" }, .file = "x" },
	{ .text = "conntab list > x", .words = { "list" }, .file = "x" },
	/* Comparisons. */
	{ .text = "list bytes > 10M", .words = { "list", "bytes", ">", "10M" } },
	{ .text = "list bytes >10M", .words = { "list", "bytes", ">10M" } },
	{ .text = "list bytes> 10M", .words = { "list", "bytes>", "10M" } },
	{ .text = "list bytes>10M", .words = { "list", "bytes>10M" } },
	{ .text = "list bytes>=10M", .words = { "list", "bytes>=10M" } },
	{ .text = "list bytes >= 10M", .words = { "list", "bytes", ">=", "10M" } },
	{ .text = "list bytes < 10M", .words = { "list", "bytes", "<", "10M" } },
	{ .text = "list tcp dport > 1024", .words = { "list", "tcp", "dport", ">", "1024" } },
	{ .text = "list not dport>1024", .words = { "list", "not", "dport>1024" } },
	{ .text = "list -o table dport > 1024", .words = { "list", "-o", "table", "dport", ">", "1024" } },
	{ .text = "conntab list bytes > 10M", .words = { "list", "bytes", ">", "10M" } },
	{ .text = "list bytes > 10M > x", .words = { "list", "bytes", ">", "10M" }, .file = "x" },
	{ .text = "list bytes>10M>x", .words = { "list", "bytes>10M" }, .file = "x" },
	{ .text = "list bytes > 10M | cat", .words = { "list", "bytes", ">", "10M" }, .pipe = "cat" },
	{ .text = "count --by src bytes > 1", .words = { "count", "--by", "src", "bytes", ">", "1" } },
	{ .text = "where timeout > 1d", .words = { "where", "timeout", ">", "1d" } },
	{ .text = "where and timeout > 1d", .words = { "where", "and", "timeout", ">", "1d" } },
	{ .text = "delete idle > 1h", .words = { "delete", "idle", ">", "1h" } },
	{ .text = "watch bytes > 1", .words = { "watch", "bytes", ">", "1" } },
	{ .text = "flush idle bytes > 1", .words = { "flush", "idle", "bytes", ">", "1" } },
	{ .text = "list (bytes > 1)", .words = { "list", "(bytes", ">", "1)" } },
	{ .text = "list (bytes>1)", .words = { "list", "(bytes>1)" } },
	{ .text = "list (dport > 1 or sport>2)", .words = { "list", "(dport", ">", "1", "or", "sport>2)" } },
	/* Other programs. */
	{ .text = "!ls", .system = "ls" },
	{ .text = "  ! ls 'a' | wc > x # y", .system = "ls 'a' | wc > x # y" },
};

static void check_good(const struct line_case *expected)
{
	struct error error = { 0 };
	struct line line;
	int count = 0;

	if (line_parse(&line, expected->text, &error))
		fail_msg("\"%s\": column %zu: %s", expected->text, error.column, error.text);
	while (count < WORDS_MAX && expected->words[count])
		count++;
	if (line.count != count)
		fail_msg("\"%s\": %d words, not %d", expected->text, line.count, count);
	for (int i = 0; i < count; i++)
		if (strcmp(line.words[i], expected->words[i]) != 0)
			fail_msg("\"%s\": word %d is \"%s\"", expected->text, i, line.words[i]);
	if (strcmp(line.pipe ? line.pipe : "-", expected->pipe ? expected->pipe : "-") != 0 ||
	    strcmp(line.file ? line.file : "-", expected->file ? expected->file : "-") != 0 ||
	    strcmp(line.system ? line.system : "-", expected->system ? expected->system : "-") != 0 ||
	    line.is_append != expected->is_append)
		fail_msg("\"%s\": | \"%s\", > \"%s\", ! \"%s\", append %d", expected->text, line.pipe, line.file, line.system,
			 line.is_append);
	line_done(&line);
}

static void lines_that_are_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		check_good(&good[i]);
}

static const struct {
	const char *text;
	size_t column;
	const char *part; /* of the message */
} bad[] = {
	{ "list 'a", 6, "the quote ' is not closed" },
	{ "list \"a", 6, "the quote \" is not closed" },
	{ "list \"a\\\"", 6, "the quote \" is not closed" },
	{ "'", 1, "not closed" },
	{ "  list a'b", 9, "not closed" },
	{ "list > 'x", 8, "not closed" },
	{ "list |", 6, "| is followed by a command" },
	{ "list |  ", 6, "| is followed by a command" },
	{ "list tcp>", 9, "> is followed by the name of a file" },
	{ "list > # x", 6, "> is followed by the name of a file" },
	{ "list > ''", 6, "> is followed by the name of a file" },
	{ "list >> ", 6, "> is followed by the name of a file" },
	{ "list > a b", 6, "one file name" },
	{ "list > a | b", 10, "not to more" },
	{ "list > a > b", 10, "not to more" },
	{ "list >>> a", 8, "not to more" },
	{ "| cat", 1, "no command stands in front of |" },
	{ "> x", 1, "no command stands in front of >" },
	{ "conntab > x", 1, "no command stands in front of >" },
	{ "!", 1, "! is followed by a command" },
	{ "  !  ", 3, "! is followed by a command" },
};

static void lines_that_are_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct error error = { 0 };
		struct line line;

		if (line_parse(&line, bad[i].text, &error) == 0)
			fail_msg("\"%s\" was taken", bad[i].text);
		if (!error.is_usage || error.column != bad[i].column || !strstr(error.text, bad[i].part))
			fail_msg("\"%s\": column %zu: %s", bad[i].text, error.column, error.text);
		line_done(&line);
	}
}

static void a_line_of_many_words(void **state)
{
	enum { WORDS = 5000 };
	struct error error = { 0 };
	char text[WORDS * 2 + 1];
	struct line line;

	(void)state;
	for (size_t i = 0; i < WORDS; i++)
		memcpy(text + i * 2, "x ", 3);
	assert_int_equal(line_parse(&line, text, &error), 0);
	assert_int_equal(line.count, WORDS);
	for (int i = 0; i < WORDS; i++)
		assert_string_equal(line.words[i], "x");
	line_done(&line);
}

/* Parts that mean something, and any byte. */
static void random_line(uint64_t *seed, char *text, size_t size)
{
	static const char *const parts[] = { "list", "where", "bytes", "dport", ">", ">>", "|", "||", "!", "'", "\"", "\\", "#",
					     " ", "  ", ">=", "and", "-c", "--by", "=", "(", ")", "10", "conntab", "flush", "idle" };
	size_t length = 0, count = random_below(seed, 24);

	for (size_t i = 0; i < count && length + 12 < size; i++) {
		if (random_below(seed, 6) == 0)
			text[length++] = (char)(1 + random_below(seed, 255));
		else
			length += (size_t)sprintf(text + length, "%s", parts[random_below(seed, COUNT_OF(parts))]);
		if (random_below(seed, 3) == 0)
			text[length++] = ' ';
	}
	text[length] = '\0';
}

static void random_lines_are_taken_or_refused(void **state)
{
	uint64_t seed = 4;
	char text[512];

	(void)state;
	for (int i = 0; i < RANDOM_LINES; i++) {
		struct error error = { 0 };
		struct line line;
		int result;

		random_line(&seed, text, sizeof(text));
		result = line_parse(&line, text, &error);
		if (result ? !error.is_usage || error.column == 0 || error.column > strlen(text) + 1 || !error.text[0] :
			     error.code != 0 || (line.pipe && line.file) || ((line.pipe || line.file) && line.count == 0))
			fail_msg("\"%s\": %d, column %zu: %s", text, result, error.column, error.text);
		/* What is in quotes as a whole is one word, whatever it is. */
		if (!strchr(text, '\'')) {
			char quoted[sizeof(text) + 8];

			line_done(&line);
			snprintf(quoted, sizeof(quoted), "list '%s'", text);
			error = (struct error){ 0 };
			assert_int_equal(line_parse(&line, quoted, &error), 0);
			assert_int_equal(line.count, 2);
			assert_string_equal(line.words[1], text);
		}
		line_done(&line);
	}
}

/* ---- the store ---- */

static void check_same(const struct record *expected, const struct record *found)
{
	assert_memory_equal(&found->present, &expected->present, sizeof(expected->present));
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		struct value left = field_value(id, expected), right = field_value(id, found);

		if (left.is_present && value_compare(&left, &right) != 0)
			fail_msg("%s is another", fields[id].name);
	}
}

static void random_stored(uint64_t *seed, struct record *record)
{
	memset(record, 0, sizeof(*record));
	random_record(seed, record);
}

/* The records of seed 7, in their order, but for those whose number `skipped` divides (0: none). */
static void check_stored(const struct store *store, unsigned skipped)
{
	uint64_t seed = 7, cursor = 0, place;
	struct record expected, found;
	uint64_t count = 0;

	for (unsigned i = 0; i < RECORDS; i++) {
		random_stored(&seed, &expected);
		if (skipped && i % skipped == 0)
			continue;
		assert_int_equal(store_read(store, &cursor, &place, &found), 1);
		check_same(&expected, &found);
		count++;
	}
	assert_int_equal(store_read(store, &cursor, &place, &found), 0);
	assert_int_equal(store_read(store, &cursor, &place, &found), 0);
	assert_int_equal(store->count, count);
}

static void fill(struct store *store, uint64_t *places)
{
	struct error error = { 0 };
	uint64_t seed = 7;
	struct record record;

	assert_int_equal(store_begin(store, &error), 0);
	for (unsigned i = 0; i < RECORDS; i++) {
		random_stored(&seed, &record);
		assert_int_equal(store_add(store, &record, &places[i], &error), 0);
	}
}

static void records_are_read_as_they_were_added(void **state)
{
	struct store store = { 0 };
	uint64_t places[RECORDS];

	(void)state;
	fill(&store, places);
	check_stored(&store, 0);
	check_stored(&store, 0);
	store_done(&store);
}

static void what_is_dropped_is_not_read_until_it_is_recalled(void **state)
{
	struct store store = { 0 };
	uint64_t places[RECORDS];

	(void)state;
	fill(&store, places);
	for (unsigned i = 0; i < RECORDS; i += 3) {
		store_drop(&store, places[i]);
		/* Twice is once. */
		store_drop(&store, places[i]);
	}
	check_stored(&store, 3);
	for (unsigned i = 0; i < RECORDS; i += 3) {
		store_recall(&store, places[i]);
		store_recall(&store, places[i]);
	}
	check_stored(&store, 0);
	store_done(&store);
}

static void a_place_is_where_reading_finds_a_record(void **state)
{
	struct store store = { 0 };
	uint64_t places[RECORDS], cursor, place;
	struct record record;

	(void)state;
	fill(&store, places);
	cursor = places[RECORDS / 2];
	assert_int_equal(store_read(&store, &cursor, &place, &record), 1);
	assert_int_equal(place, places[RECORDS / 2]);
	assert_int_equal(cursor, places[RECORDS / 2 + 1]);
	store_done(&store);
}

static void beginning_anew_empties_it(void **state)
{
	struct store store = { 0 };
	struct error error = { 0 };
	uint64_t places[RECORDS], cursor = 0, place;
	struct record record;

	(void)state;
	fill(&store, places);
	assert_int_equal(store_begin(&store, &error), 0);
	assert_int_equal(store.count, 0);
	assert_int_equal(store_read(&store, &cursor, &place, &record), 0);
	fill(&store, places);
	check_stored(&store, 0);
	store_done(&store);
	/* A place of old times is none. */
	assert_int_equal(store.fd, 0);
}

/* The longest record there is. */
static void a_security_context_is_kept(void **state)
{
	struct store store = { 0 };
	struct error error = { 0 };
	struct record record = { 0 }, found;
	uint64_t place, cursor = 0;

	(void)state;
	field_set_add(&record.present, FIELD_secctx);
	memset(record.secctx.text, 'x', sizeof(record.secctx.text) - 1);
	assert_int_equal(store_begin(&store, &error), 0);
	assert_int_equal(store_add(&store, &record, &place, &error), 0);
	assert_int_equal(store_add(&store, &record, &place, &error), 0);
	for (int i = 0; i < 2; i++) {
		memset(&found, 0, sizeof(found));
		assert_int_equal(store_read(&store, &cursor, &place, &found), 1);
		assert_string_equal(found.secctx.text, record.secctx.text);
	}
	store_done(&store);
}

static void a_file_that_was_cut_is_an_error(void **state)
{
	struct store store = { 0 };
	uint64_t places[RECORDS], cursor, place;
	struct record record;

	(void)state;
	fill(&store, places);
	assert_int_equal(ftruncate(store.fd, (off_t)places[1] + 12), 0);
	cursor = places[0];
	assert_int_equal(store_read(&store, &cursor, &place, &record), 1);
	assert_int_equal(store_read(&store, &cursor, &place, &record), -EIO);
	store_done(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_are_good),
		cmocka_unit_test(lines_that_are_bad),
		cmocka_unit_test(a_line_of_many_words),
		cmocka_unit_test(random_lines_are_taken_or_refused),
		cmocka_unit_test(records_are_read_as_they_were_added),
		cmocka_unit_test(what_is_dropped_is_not_read_until_it_is_recalled),
		cmocka_unit_test(a_place_is_where_reading_finds_a_record),
		cmocka_unit_test(beginning_anew_empties_it),
		cmocka_unit_test(a_security_context_is_kept),
		cmocka_unit_test(a_file_that_was_cut_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
