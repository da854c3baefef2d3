/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every format over tests/data/composed.nlmsg: the same as tests/data/expected/FORMAT, and
 * harmless. CONNTAB_EXPECTED=write writes those files anew; read them before you keep them.
 */
#include "unit.h"

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <time.h>
#include <unistd.h>

#include "conntab/host.h"
#include "conntab/sink.h"
#include "replay.h"

static const struct output {
	const char *format, *columns, *file;
	unsigned lines_besides; /* of headings; UINT32_MAX: an entry is no line there */
} outputs[] = {
	{ "proc", NULL, "proc", 0 },
	{ "conntrack", NULL, "conntrack", 0 },
	{ "conntrack,extended,id,timestamp,ktimestamp,labels", NULL, "conntrack-extras", 0 },
	{ "table", NULL, "table", 1 },
	{ "table", "id,proto,src,sport,labels,helper,secctx,stop,mark,zone,orig.zone,master.dport", "table-columns", 1 },
	{ "csv", NULL, "csv", 1 },
	{ "csv", "id,helper,secctx,status,start", "csv-columns", 1 },
	{ "json", NULL, "json", 2 },
	{ "jsonl", NULL, "jsonl", 0 },
	{ "jsonl", "reply.src,id,src,reply.sport,orig.bytes", "jsonl-columns", 0 },
	{ "xml", NULL, "xml", UINT32_MAX },
};

/* The library looks at the clock itself. */
static bool is_clock_real;

/* The clock, the timeouts and the names that the machine happens to have must not matter. */
static void fixed_environment(struct environment *environment)
{
	*environment = (struct environment){ .now = is_clock_real ? (uint64_t)time(NULL) * 1000000000 : 1700000100000000000 };
	environment->naming.labels_looked_for = true;
	memset(&environment->timeouts, 0xff, sizeof(environment->timeouts));
	environment->timeouts.is_loaded = true;
	environment->timeouts.tcp[STATE_ESTABLISHED] = 432000;
	environment->timeouts.tcp_max_retrans = 300;
	environment->timeouts.tcp_unacknowledged = 300;
	environment->timeouts.udp = 30;
	environment->timeouts.udp_stream = 120;
	environment->timeouts.icmp = 30;
	environment->timeouts.gre = 30;
	environment->timeouts.gre_stream = 180;
	environment->timeouts.generic = 600;
}

struct work {
	struct printer printer;
	struct environment environment;
	struct decoder decoder;
	struct field_set wanted;
	struct buffer out;
};

static void print_entry(void *data, const struct nlmsghdr *message)
{
	struct work *work = data;
	struct record record;

	/* What a message lacks must not depend on the stack. */
	memset(&record, 0, sizeof(record));
	assert_true(decoder_decode(&work->decoder, message, &record));
	record_derive(&record, &work->wanted, &work->environment);
	printer_record(&work->printer, &record);
}

/* The format's text of the whole recording, to be freed; tells how many entries that were. */
static char *print_recording(const struct output *output, const char *recording, unsigned *count)
{
	struct replay replay = replay_open(recording);
	struct work *work = calloc(1, sizeof(*work));
	struct error error = { 0 };
	char *text;

	assert_non_null(work);
	fixed_environment(&work->environment);
	assert_int_equal(buffer_init(&work->out, -1), 0);
	if (printer_init(&work->printer, output->format, output->columns, &work->out, &work->environment, &error))
		fail_msg("%s: %s", output->format, error.text);
	printer_fields(&work->printer, &work->wanted);
	work->wanted = field_set_closure(&work->wanted);
	decoder_init(&work->decoder, &work->wanted);
	printer_open(&work->printer);
	*count = replay_each(&replay, print_entry, work);
	assert_int_equal(printer_close(&work->printer), 0);
	assert_int_equal(work->printer.rows, *count);
	text = strdup(buffer_string(&work->out));
	assert_int_equal(strlen(text), work->out.length);
	printer_done(&work->printer);
	buffer_done(&work->out);
	replay_close(&replay);
	free(work);
	return text;
}

static void write_expected(const struct output *output, const char *text)
{
	FILE *file = replay_file("expected/", output->file, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static char *read_expected(const struct output *output)
{
	char *text = calloc(1, 1 << 20);
	FILE *file = replay_file("expected/", output->file, "r");

	if (!file)
		fail_msg("tests/data/expected/%s is missing", output->file);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

static void compare_lines(const struct output *output, const char *text, const char *expected)
{
	for (unsigned line = 1; *text || *expected; line++) {
		size_t length = strcspn(text, "\n"), expected_length = strcspn(expected, "\n");

		if (length != expected_length || strncmp(text, expected, length) != 0)
			fail_msg("%s, line %u:\n%.*s\nexpected:\n%.*s", output->file, line, (int)length, text,
				 (int)expected_length, expected);
		text += length + (text[length] == '\n');
		expected += expected_length + (expected[expected_length] == '\n');
	}
}

static void formats_are_as_expected(void **state)
{
	const char *mode = getenv("CONNTAB_EXPECTED");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(outputs); i++) {
		unsigned count;
		char *text = print_recording(&outputs[i], "composed.nlmsg", &count), *expected;

		if (mode && strcmp(mode, "write") == 0)
			write_expected(&outputs[i], text);
		expected = read_expected(&outputs[i]);
		compare_lines(&outputs[i], text, expected);
		free(expected);
		free(text);
	}
}

/* ---- conntrack's own line, as the library writes it ---- */

struct comparison {
	char *line; /* ours, the next one */
	bool is_composed;
	unsigned compared;
	char different[8192]; /* the first pair that differs */
};

/*
 * Of the composed entries those that the library reads at all (it aborts on odd lengths), but
 * for those that differ on purpose: text that is not harmless (1006), the counters of kernels
 * before 2.6.27 (1012), states that no kernel has, which the library calls NONE (1017, 1018).
 */
static bool is_comparable(const struct nlmsghdr *message)
{
	struct decoder decoder;
	struct record record = { .id = 0 };

	decoder_of_everything(&decoder);
	decoder_decode(&decoder, message, &record);
	return record_has(&record, FIELD_id) && record.id >= 1001 && record.id <= 1020 && record.id != 1006 &&
	       record.id != 1012 && record.id != 1017 && record.id != 1018;
}

static void compare_with_library(void *data, const struct nlmsghdr *message)
{
	struct comparison *comparison = data;
	size_t length = strcspn(comparison->line, "\n");
	char *line = comparison->line, expected[4096];
	struct nf_conntrack *entry;

	comparison->line += length + 1;
	if (comparison->is_composed && !is_comparable(message))
		return;
	entry = nfct_new();
	assert_true(nfct_nlmsg_parse(message, entry) >= 0);
	nfct_snprintf(expected, sizeof(expected), entry, NFCT_T_UNKNOWN, NFCT_O_DEFAULT, 0);
	nfct_destroy(entry);
	if (!comparison->different[0] && (strlen(expected) != length || strncmp(expected, line, length) != 0))
		snprintf(comparison->different, sizeof(comparison->different), "ours:        %.*s\nthe library: %s",
			 (int)length, line, expected);
	comparison->compared++;
}

static void compare_recording(const char *recording, struct comparison *comparison)
{
	static const struct output output = { "conntrack", NULL, NULL, 0 };
	struct replay replay = replay_open(recording);
	unsigned count;
	char *text = print_recording(&output, recording, &count);

	comparison->line = text;
	assert_int_equal(replay_each(&replay, compare_with_library, comparison), count);
	free(text);
	replay_close(&replay);
}

/* The library reads the clock for each line: where the second changed in between, it is tried again. */
static void check_against_library(const char *recording, bool is_composed, unsigned compared)
{
	struct comparison comparison = { 0 };

	for (int attempt = 0; attempt < 5; attempt++) {
		time_t before = time(NULL);

		comparison = (struct comparison){ .is_composed = is_composed };
		compare_recording(recording, &comparison);
		if (time(NULL) == before)
			break;
	}
	if (comparison.different[0])
		fail_msg("%s", comparison.different);
	assert_true(comparison.compared >= compared);
}

static void the_conntrack_line_is_the_library_s(void **state)
{
	(void)state;
	is_clock_real = true;
	check_against_library("plain.nlmsg", false, 100);
	check_against_library("accounting.nlmsg", false, 100);
	check_against_library("composed.nlmsg", true, 16);
	is_clock_real = false;
}

static unsigned count_lines(const char *text)
{
	unsigned lines = 0;

	for (; (text = strchr(text, '\n')); text++)
		lines++;
	return lines;
}

/* Nothing that a terminal would act upon, and no line that an entry could forge. */
static void no_control_character_leaves(void **state)
{
	static const char *const recordings[] = { "composed.nlmsg", "accounting.nlmsg", "plain.nlmsg" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(outputs) * COUNT_OF(recordings); i++) {
		const struct output *output = &outputs[i / COUNT_OF(recordings)];
		unsigned count;
		char *text = print_recording(output, recordings[i % COUNT_OF(recordings)], &count);
		size_t length = strlen(text);

		for (size_t at = 0, size; at < length; at += size) {
			size = text[at] == '\n' ? 1 : text_utf8_length(text + at, length - at);
			if (size == 0)
				fail_msg("%s: a byte %#x at %zu", output->file, (unsigned char)text[at], at);
		}
		if (output->lines_besides != UINT32_MAX)
			assert_int_equal(count_lines(text), count + output->lines_besides);
		free(text);
	}
}

static void an_empty_table(void **state)
{
	static const struct {
		const char *format, *expected;
	} cases[] = {
		{ "proc", "" }, { "conntrack", "" }, { "jsonl", "" }, { "json", "[]\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct environment environment;
		struct printer printer;
		struct error error = { 0 };
		struct buffer out;

		fixed_environment(&environment);
		assert_int_equal(buffer_init(&out, -1), 0);
		assert_int_equal(printer_init(&printer, cases[i].format, NULL, &out, &environment, &error), 0);
		printer_open(&printer);
		assert_int_equal(printer_close(&printer), 0);
		assert_string_equal(buffer_string(&out), cases[i].expected);
		printer_done(&printer);
		buffer_done(&out);
	}
}

static void bad_formats_and_columns(void **state)
{
	static const struct {
		const char *format, *columns, *says;
	} cases[] = {
		{ "jsno", NULL, "did you mean \"json\"" }, { "nosuch", NULL, "conntab help formats" },
		{ "", NULL, "no format" }, { "conntrack,idd", NULL, "did you mean \"id\"" },
		{ "json,id", NULL, "has no extra" }, { "proc", "src", "has no columns" }, { "xml", "src", "has no columns" },
		{ "table", "srcc", "did you mean \"src\"" }, { "table", "src,src", "named twice" },
		{ "table", "saddr,src", "named twice" }, { "table", "addr", "several fields" },
		{ "table", "src,,dst", "no field \"\"" }, { "table", "src/24", "no field" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct environment environment = { 0 };
		struct printer printer;
		struct error error = { 0 };
		struct buffer out;

		assert_int_equal(buffer_init(&out, -1), 0);
		if (!printer_init(&printer, cases[i].format, cases[i].columns, &out, &environment, &error) ||
		    !strstr(error.text, cases[i].says) || !error.is_usage)
			fail_msg("%s %s: \"%s\"", cases[i].format, cases[i].columns ? cases[i].columns : "", error.text);
		printer_done(&printer);
		buffer_done(&out);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_are_as_expected),
		cmocka_unit_test(the_conntrack_line_is_the_library_s),
		cmocka_unit_test(no_control_character_leaves),
		cmocka_unit_test(an_empty_table),
		cmocka_unit_test(bad_formats_and_columns),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
