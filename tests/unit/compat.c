/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of save files: what the format writes the reader reads, and nothing makes it fall. */
#include "unit.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <unistd.h>

#include "conntab/compat.h"
#include "conntab/lines.h"
#include "conntab/sink.h"
#include "random_record.h"
#include "replay.h"

enum { MUTATIONS = 200, STATUS_KEPT = IPS_SEEN_REPLY | IPS_ASSURED | IPS_FIXED_TIMEOUT | 1 << 13 };

struct saver {
	struct buffer text;
	struct environment environment;
	struct printer printer;
	struct decoder decoder;
	struct field_set wanted;
	uint64_t seed;
	unsigned lines;
};

static void saver_init(struct saver *saver)
{
	struct error error = { 0 };

	memset(saver, 0, sizeof(*saver));
	saver->environment.naming.labels_looked_for = true; /* this machine's names are not the test's */
	assert_int_equal(buffer_init(&saver->text, -1), 0);
	assert_int_equal(printer_init(&saver->printer, "save", NULL, &saver->text, &saver->environment, &error), 0);
	printer_fields(&saver->printer, &saver->wanted);
	saver->wanted = field_set_closure(&saver->wanted);
	decoder_init(&saver->decoder, &saver->wanted);
	saver->seed = 11;
}

static void saver_done(struct saver *saver)
{
	printer_done(&saver->printer);
	buffer_done(&saver->text);
}

static struct slice save(struct saver *saver, const struct record *record)
{
	saver->text.length = 0;
	printer_record(&saver->printer, record);
	assert_int_equal(saver->text.data[saver->text.length - 1], '\n');
	buffer_string(&saver->text);
	return (struct slice){ saver->text.data, saver->text.length - 1 };
}

static void give(struct saver *saver, struct record *record, enum field_id first, enum field_id last)
{
	for (enum field_id id = first; id <= last; id++)
		random_member(&saver->seed, record, id);
}

/* Adds what the recorded entries do not have. */
static void enrich(struct saver *saver, struct record *record)
{
	random_member(&saver->seed, record, FIELD_mark);
	random_member(&saver->seed, record, FIELD_timeout);
	if (random_below(&saver->seed, 2))
		random_zone(&saver->seed, record);
	if (random_below(&saver->seed, 2))
		random_member(&saver->seed, record, FIELD_labels);
	if (random_below(&saver->seed, 4) == 0)
		random_member(&saver->seed, record, FIELD_helper);
	record->helper.text[15] = '\0'; /* as the kernel has them */
	if (random_below(&saver->seed, 4) == 0)
		give(saver, record, FIELD_seqadj_position, FIELD_seqadj_after);
	if (random_below(&saver->seed, 4) == 0)
		give(saver, record, FIELD_reply_seqadj_position, FIELD_reply_seqadj_after);
	if (random_below(&saver->seed, 4) == 0)
		give(saver, record, FIELD_synproxy_isn, FIELD_synproxy_tsoff);
	if (random_below(&saver->seed, 4) == 0)
		give(saver, record, FIELD_master_proto, FIELD_master_dport);
}

/* A line says nothing of what is nought, and nothing of what the kernel sets itself. */
static bool is_nothing(const struct record *record, enum field_id id)
{
	static const struct labels none = { { 0 } };
	struct value value = field_value(id, record);

	if (value.is_present && value.kind == KIND_LABELS)
		return memcmp(value.data, &none, sizeof(none)) == 0;
	return !value.is_present || (value.number == 0 && value.kind != KIND_ADDRESS && value.kind != KIND_TEXT);
}

static void normalize(struct record *record)
{
	uint32_t nat = NAT_STATUS_BITS;

	/* The kernel takes both sides together. */
	if (record->status & nat)
		record->status |= nats[0].done_bit | nats[1].done_bit;
	record->status = (record->status & (STATUS_KEPT | nat)) | IPS_CONFIRMED;
	if (record_has(record, FIELD_helper))
		record->status &= ~(1u << 13);
	if (!(record->tcp_flags & record->reply_tcp_flags & IP_CT_TCP_FLAG_WINDOW_SCALE))
		record->tcp_wscale = record->reply_tcp_wscale = 0;
}

static void check_read(struct saver *saver, const struct record *record)
{
	struct slice line = save(saver, record);
	struct record expected = *record;
	struct compat_entry entry;
	struct error error = { 0 };

	if (compat_read_line(line, AF_UNSPEC, &saver->environment.naming, &entry, &error) != 1)
		fail_msg("%zu: %s: %s", error.column, error.text, line.at);
	assert_int_equal(entry.command, COMPAT_ADD);
	normalize(&expected);
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		struct value left = field_value(id, &expected), right = field_value(id, &entry.draft.record);

		if (!field_set_has(&saver->wanted, id) || (is_nothing(&expected, id) && is_nothing(&entry.draft.record, id)))
			continue;
		if (left.is_present != right.is_present || value_compare(&left, &right) != 0)
			fail_msg("%s is not the same: %s", fields[id].name, line.at);
	}
}

static bool is_decoded(struct saver *saver, const struct nlmsghdr *message, struct record *record)
{
	memset(record, 0, sizeof(*record));
	if (!decoder_decode(&saver->decoder, message, record))
		return false;
	record_derive(record, &saver->wanted, &saver->environment);
	return record_has(record, FIELD_timeout);
}

static void check_message(void *data, const struct nlmsghdr *message)
{
	struct saver *saver = data;
	struct record record;

	if (!is_decoded(saver, message, &record))
		return;
	check_read(saver, &record);
	enrich(saver, &record);
	check_read(saver, &record);
	saver->lines++;
}

static void lines_come_back(void **state)
{
	static const char *const names[] = { "plain.nlmsg", "accounting.nlmsg" };
	struct saver saver;

	(void)state;
	saver_init(&saver);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct replay replay = replay_open(names[i]);

		replay_each(&replay, check_message, &saver);
		replay_close(&replay);
	}
	assert_in_range(saver.lines, 1000, 100000);
	saver_done(&saver);
}

/* Broken lines are refused with a column in the line, or read as something else; never worse. */
static void check_broken(struct saver *saver, struct slice line)
{
	struct compat_entry entry;
	struct error error = { 0 };
	int result = compat_read_line(line, AF_UNSPEC, &saver->environment.naming, &entry, &error);

	if (result >= 0)
		return;
	assert_true(error.is_usage);
	assert_true(error.text[0] != '\0');
	assert_in_range(error.column, 0, line.length + 1);
}

static void break_message(void *data, const struct nlmsghdr *message)
{
	struct saver *saver = data;
	struct record record;
	struct slice line;
	char *copy;

	if (saver->lines > 100 || !is_decoded(saver, message, &record))
		return;
	enrich(saver, &record);
	line = save(saver, &record);
	saver->lines++;
	for (unsigned i = 0; i < MUTATIONS; i++) {
		/* On the heap and without an end, so that a sanitizer sees who reads on. */
		size_t length = i % 4 ? line.length : random_below(&saver->seed, line.length + 1);

		copy = malloc(length + 1);
		memcpy(copy, line.at, length);
		for (unsigned changes = 0; length && i % 4 && changes < i % 4; changes++)
			copy[random_below(&saver->seed, length)] = i % 2 ? " -=\"'#:,/[]09aA\x01\xff\t"[random_below(&saver->seed, 18)] :
							       (char)random_next(&saver->seed);
		copy = realloc(copy, length ? length : 1);
		check_broken(saver, (struct slice){ copy, length });
		free(copy);
	}
}

static void broken_lines_are_refused(void **state)
{
	struct replay replay = replay_open("plain.nlmsg");
	struct saver saver;

	(void)state;
	saver_init(&saver);
	replay_each(&replay, break_message, &saver);
	replay_close(&replay);
	saver_done(&saver);
}

static const char *fault_of(const char *line, size_t *column)
{
	static struct error error;
	struct naming naming = { .labels_looked_for = true };
	struct compat_entry entry;

	error = (struct error){ 0 };
	if (compat_read_line(slice_of(line), AF_UNSPEC, &naming, &entry, &error) >= 0)
		fail_msg("is no fault: %s", line);
	*column = error.column;
	return error.text;
}

#define UDP "-s 192.0.2.1 -d 192.0.2.2 -p udp --sport 1 --dport 2"

static void faults_are_told(void **state)
{
	static const struct {
		const char *line;
		size_t column;
		const char *text;
	} faults[] = {
		{ UDP " -t 9", 0, "no command" },
		{ "-A " UDP, 0, "lacks its timeout" },
		{ "-A -t", 4, "needs a value" },
		{ "-A -t 9x " UDP, 7, "timeout" },
		{ "-A -t 9 --sprot 4", 9, "did you mean \"--sport\"" },
		{ "-A -t 9 --reply-port 4", 9, "more than one option" },
		{ "-A -t 9 junk", 9, "belongs to no option" },
		{ "-A -t 9 -Z", 9, "no option" },
		{ "-A -I -t 9 " UDP, 4, "second command" },
		{ "-A -t 9 -t 8 " UDP, 12, "given twice" },
		{ "-A -t 9 -n 192.0.2.0/24 " UDP, 12, "ADDRESS:PORT" },
		{ "-A -t 9 -r ::1 " UDP, 0, "another family" },
		{ "-A -t 9 -p tcp -s 192.0.2.1 -d 192.0.2.2 --sport 1 --dport 2", 0, "state" },
		{ "-A -t 9 " UDP " --state ESTABLISHED", 0, "of this protocol" },
		{ "-A -t 9 " UDP " -- bytes 5", 71, "cannot be given" },
		{ "-A -t 9 -s 192.0.2.1 -d 192.0.2.2 -p udp --sport 1", 0, "lacks dport" },
		{ "-A \x01", 4, "0x01" },
	};
	size_t column;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		const char *text = fault_of(faults[i].line, &column);

		if (!strstr(text, faults[i].text) || column != faults[i].column)
			fail_msg("%s: column %zu: %s", faults[i].line, column, text);
	}
}

static void other_spellings_are_read(void **state)
{
	static const char *const lines[] = {
		"-A -t9 -s192.0.2.1 -d192.0.2.2 -pudp --sport=1 --dport=2",
		"  --add --timeout 9 --src 192.0.2.1 --orig-dst 192.0.2.2 --proto UDP --orig-port-src 1 --orig-port-d 2",
		"-A -t 9 \"-s\" \"192.0.2.1\" -d '192.0.2.2' -p udp --sport 1 --dport 2 # and a comment",
		"-A -t 9 -n -g " UDP,
		"-A -t 9 " UDP " --",
		"-A -t 1 " UDP " -- timeout 9",
		"-A -t 9 -m 0/0xff -u UNSET " UDP,
	};
	struct naming naming = { .labels_looked_for = true };
	struct compat_entry first, entry;
	struct error error = { 0 };

	(void)state;
	assert_int_equal(compat_read_line(slice_of("-A -t 9 " UDP), AF_UNSPEC, &naming, &first, &error), 1);
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		if (compat_read_line(slice_of(lines[i]), AF_UNSPEC, &naming, &entry, &error) != 1)
			fail_msg("%s: %s", lines[i], error.text);
		entry.draft.record.present = first.draft.record.present;
		assert_memory_equal(&entry.draft.record, &first.draft.record, sizeof(first.draft.record));
	}
	assert_int_equal(compat_read_line(slice_of(" \t"), AF_UNSPEC, &naming, &entry, &error), 0);
	assert_int_equal(compat_read_line(slice_of("# -A"), AF_UNSPEC, &naming, &entry, &error), 0);
}

/* ---- the file under them ---- */

static void check_lines(const char *text, size_t length, const char *expected)
{
	FILE *file = tmpfile();
	struct lines lines;
	enum line_flaw flaw;
	struct slice line;
	char found[256] = "";

	fwrite(text, 1, length, file);
	fflush(file);
	assert_int_equal(lines_init(&lines, fileno(file)), 0);
	assert_int_equal(lines_rewind(&lines), 0);
	while (lines_next(&lines, &line, &flaw) == 1)
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%d:%zu ", flaw, line.length);
	assert_string_equal(found, expected);
	lines_done(&lines);
	fclose(file);
}

static void lines_of_every_length(void **state)
{
	static char text[300000];

	(void)state;
	check_lines("", 0, "");
	check_lines("\n", 1, "0:0 ");
	check_lines("ab\n\nc", 5, "0:2 0:0 2:1 ");
	check_lines("a\0b\n", 4, "0:3 ");
	memset(text, 'x', sizeof(text));
	text[LINE_LIMIT] = '\n';
	check_lines(text, LINE_LIMIT + 1, "0:4096 ");
	check_lines(text, LINE_LIMIT + 3, "0:4096 2:2 ");
	text[LINE_LIMIT] = 'x';
	text[LINE_LIMIT + 1] = '\n';
	check_lines(text, LINE_LIMIT + 4, "1:4096 2:2 ");
	text[LINE_LIMIT + 1] = 'x';
	text[200000] = '\n';
	check_lines(text, 200003, "1:4096 2:2 ");
	text[200002] = '\n';
	check_lines(text, 200003, "1:4096 0:1 ");
	check_lines(text, 200000, "1:4096 ");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_back),
		cmocka_unit_test(broken_lines_are_refused),
		cmocka_unit_test(faults_are_told),
		cmocka_unit_test(other_spellings_are_read),
		cmocka_unit_test(lines_of_every_length),
	};

	return cmocka_run_group_tests_name("compat", tests, NULL, NULL);
}
