/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "conntab/compat.h"
#include "conntab/interrupt.h"
#include "conntab/lines.h"

enum {
	FAULTS_SHOWN = 20, /* nothing was changed: so many are enough to see what is wrong with the file */
};

/* A line on its way: its entry is in the batch, and nobody knows yet whether it goes in. */
struct pending {
	uint64_t number;
	size_t length;
	char text[LINE_LIMIT];
	struct compat_entry entry;
};

struct restore {
	struct context *context;
	const char *name; /* of the file; NULL: standard input */
	struct lines lines;
	struct netlink netlink, second; /* the second one asks while the first one's answers are read */
	struct netlink_batch batch;
	struct pending *pending; /* NETLINK_BATCH_MESSAGES; the tag is the place here */
	unsigned next;
	struct buffer failed; /* --failed */
	FILE *later;          /* lines whose master is not there yet */
	bool may_wait;
	uint64_t waiting;
	uint64_t done[COMPAT_COMMANDS], there, gone, refused, untried;
	uint64_t faults;
	bool is_stopped;
	struct error error; /* a failure that is not one line's */
};

/* ---- what is said ---- */

static void say_fault(struct restore *restore, uint64_t number, const struct error *fault)
{
	struct error said = { .is_usage = fault->is_usage };
	char column[24] = "";

	if (fault->column)
		snprintf(column, sizeof(column), ":%zu", fault->column);
	error_set(&said, fault->code, "%s:%llu%s: %s", restore->name ? restore->name : "line", (unsigned long long)number,
		  column, fault->text);
	report_error(restore->context, &said);
}

static void keep_failed(struct restore *restore, const char *text, size_t length)
{
	if (!restore->context->settings.failed)
		return;
	buffer_bytes(&restore->failed, text, length);
	buffer_char(&restore->failed, '\n');
}

static void refuse_line(struct restore *restore, uint64_t number, struct slice text, const struct error *fault)
{
	say_fault(restore, number, fault);
	restore->refused++;
	keep_failed(restore, text.at, text.length);
	restore->is_stopped |= !restore->context->settings.is_keep_going;
}

static void summarize(struct restore *restore)
{
	uint64_t made = restore->done[COMPAT_ADD] + restore->done[COMPAT_CREATE];
	struct buffer text;

	if (buffer_init(&text, -1))
		return;
	buffer_format(&text, "restored %llu %s", (unsigned long long)made, made == 1 ? "entry" : "entries");
	if (restore->there)
		buffer_format(&text, "; %llu were there already", (unsigned long long)restore->there);
	if (restore->done[COMPAT_UPDATE])
		buffer_format(&text, "; updated %llu", (unsigned long long)restore->done[COMPAT_UPDATE]);
	if (restore->done[COMPAT_DELETE])
		buffer_format(&text, "; deleted %llu", (unsigned long long)restore->done[COMPAT_DELETE]);
	if (restore->gone)
		buffer_format(&text, "; %llu were gone already", (unsigned long long)restore->gone);
	if (restore->refused)
		buffer_format(&text, "; %llu failed", (unsigned long long)restore->refused);
	if (restore->untried)
		buffer_format(&text, "; %llu not tried (--keep-going tries them)", (unsigned long long)restore->untried);
	report_note(restore->context, "%s", buffer_string(&text));
	buffer_done(&text);
}

/* ---- one line ---- */

static int read_line(struct restore *restore, struct slice line, enum line_flaw flaw, struct compat_entry *entry,
		     struct error *fault)
{
	if (flaw == LINE_LONG)
		return error_usage(fault, 0, "longer than %d bytes", LINE_LIMIT);
	if (flaw == LINE_TRUNCATED)
		return error_usage(fault, 0, "the file ends in the middle of this line");
	return compat_read_line(line, request_family(&restore->context->settings),
				&restore->context->environment.naming, entry, fault);
}

struct looked_up {
	const struct record *wanted;
	struct decoder decoder;
	bool is_same;
};

static int compare_tuple(void *data, const struct nlmsghdr *message)
{
	struct looked_up *up = data;
	struct record found;

	if (decoder_decode(&up->decoder, message, &found))
		up->is_same = memcmp(&found.src, &up->wanted->src, sizeof(found.src)) == 0 &&
			      memcmp(&found.dst, &up->wanted->dst, sizeof(found.dst)) == 0 &&
			      (!record_has(&found, FIELD_sport) || !record_has(up->wanted, FIELD_sport) ||
			       found.sport == up->wanted->sport);
	return 0;
}

/* The kernel refuses a reply that is taken in the same words: then the entry is not there. */
static bool is_there(struct restore *restore, const struct record *record)
{
	struct looked_up up = { .wanted = record };
	struct field_set set = { { 0, 0 } };
	struct error ignored = { 0 };

	field_set_add(&set, FIELD_src);
	field_set_add(&set, FIELD_dst);
	field_set_add(&set, FIELD_sport);
	decoder_init(&up.decoder, &set);
	return netlink_get(&restore->second, record, false, compare_tuple, &up, &ignored) == 0 && up.is_same;
}

static void wait_for_master(struct restore *restore, const struct pending *line)
{
	fprintf(restore->later, "%llu ", (unsigned long long)line->number);
	fwrite(line->text, 1, line->length, restore->later);
	putc('\n', restore->later);
	restore->waiting++;
}

static int line_refused(void *data, uint64_t tag, int code, const struct error *words)
{
	struct restore *restore = data;
	const struct pending *line = &restore->pending[tag];
	enum compat_command command = line->entry.command;
	struct slice text = { line->text, line->length };
	struct error fault = *words;

	restore->done[command]--;
	if (code == -EEXIST && is_there(restore, &line->entry.draft.record)) {
		if (command == COMPAT_ADD) {
			restore->there++;
			return 0;
		}
		fault = (struct error){ 0 };
		error_set(&fault, code, "the entry exists already");
	} else if (code == -EEXIST) {
		fault = (struct error){ 0 };
		error_set(&fault, code, "another entry has this entry's reply");
	} else if (code == -ENOENT && command == COMPAT_DELETE) {
		restore->gone++;
		return 0;
	} else if (code == -ENOENT && command != COMPAT_UPDATE && restore->may_wait) {
		wait_for_master(restore, line);
		return 0;
	}
	refuse_line(restore, line->number, text, &fault);
	return restore->is_stopped ? code : 0;
}

static int gather(struct restore *restore, struct slice line, uint64_t number)
{
	unsigned place = restore->next++ % NETLINK_BATCH_MESSAGES;
	struct pending *pending = &restore->pending[place];
	const struct record *record = &pending->entry.draft.record;

	pending->number = number;
	pending->length = line.length;
	memcpy(pending->text, line.at, line.length);
	restore->done[pending->entry.command]++;
	switch (pending->entry.command) {
	case COMPAT_UPDATE:
		return netlink_batch_update(&restore->batch, record, NULL, place, &restore->error);
	case COMPAT_DELETE:
		return netlink_batch_delete(&restore->batch, record, place, &restore->error);
	default:
		return netlink_batch_create(&restore->batch, record, place, false, &restore->error);
	}
}

/* What was gathered when sending failed did not go in. */
static void give_up(struct restore *restore)
{
	for (unsigned i = 0; i < restore->batch.count; i++) {
		const struct pending *line = &restore->pending[restore->batch.tags[i]];

		restore->done[line->entry.command]--;
		restore->untried++;
		keep_failed(restore, line->text, line->length);
	}
	restore->batch.count = 0;
	restore->batch.length = 0;
}

static void sent(struct restore *restore, int result)
{
	if (result == 0)
		return;
	restore->is_stopped = true;
	give_up(restore);
}

/* "17 -A ...": a line that waited for its master keeps its number. */
static struct slice take_number(struct slice line, uint64_t *number)
{
	const char *blank = memchr(line.at, ' ', line.length);
	struct slice digits = { line.at, blank ? (size_t)(blank - line.at) : line.length };

	slice_number(digits, UINT64_MAX, number);
	return (struct slice){ digits.at + digits.length + 1, line.length - digits.length - 1 };
}

static void apply_line(struct restore *restore, struct slice line, enum line_flaw flaw, bool has_number)
{
	struct pending *pending = &restore->pending[restore->next % NETLINK_BATCH_MESSAGES];
	uint64_t number = restore->lines.number;
	struct error fault = { 0 };
	int result;

	if (has_number)
		line = take_number(line, &number);
	result = read_line(restore, line, flaw, &pending->entry, &fault);
	if (restore->is_stopped || interrupt_signal) {
		restore->untried += result != 0;
		if (result)
			keep_failed(restore, line.at, line.length);
		return;
	}
	if (result < 0)
		refuse_line(restore, number, line, &fault);
	else if (result > 0)
		sent(restore, gather(restore, line, number));
}

/* ---- the file ---- */

static int read_failed(struct restore *restore, int result)
{
	return error_set(&restore->error, result, "cannot read %s: %s", restore->name ? restore->name : "standard input",
			 strerror(-result));
}

/* Finds every fault before anything is changed. */
static int check_file(struct restore *restore, uint64_t *entries)
{
	struct compat_entry entry;
	enum line_flaw flaw;
	struct slice line;
	int result;

	while ((result = lines_next(&restore->lines, &line, &flaw)) > 0) {
		struct error fault = { 0 };
		int found = read_line(restore, line, flaw, &entry, &fault);

		*entries += found > 0;
		if (found < 0 && ++restore->faults <= FAULTS_SHOWN)
			say_fault(restore, restore->lines.number, &fault);
		if (interrupt_signal)
			return -EINTR;
	}
	if (result < 0)
		return read_failed(restore, result);
	if (restore->faults)
		return error_usage(&restore->error, 0, "%llu of %llu lines cannot be read; nothing was changed",
				   (unsigned long long)restore->faults, (unsigned long long)restore->lines.number);
	result = lines_rewind(&restore->lines);
	return result < 0 ? read_failed(restore, result) : 0;
}

static int apply_file(struct restore *restore, bool has_numbers)
{
	enum line_flaw flaw;
	struct slice line;
	int result;

	while ((result = lines_next(&restore->lines, &line, &flaw)) > 0)
		apply_line(restore, line, flaw, has_numbers);
	sent(restore, netlink_batch_send(&restore->batch, &restore->error));
	return result < 0 ? read_failed(restore, result) : 0;
}

/*
 * A connection that another one was expected from must be there first, but a file has
 * them in any order. What had to wait is tried again until none of it finds its master.
 */
static int apply_waiting(struct restore *restore)
{
	uint64_t before = 0;
	int result = 0;

	while (result == 0 && restore->waiting > 0) {
		FILE *file = restore->later;

		restore->may_wait = restore->waiting != before;
		before = restore->waiting;
		restore->waiting = 0;
		restore->later = tmpfile();
		if (!restore->later || fflush(file))
			result = error_set(&restore->error, -errno, "cannot keep lines in a temporary file: %s", strerror(errno));
		lines_done(&restore->lines);
		if (result == 0)
			result = lines_init(&restore->lines, fileno(file));
		if (result == 0)
			result = lines_rewind(&restore->lines);
		if (result == 0)
			result = apply_file(restore, true);
		fclose(file);
	}
	return result;
}

/* A pipe can be read once: what is to be checked first goes through a temporary file. */
static int copy_to_temporary(struct restore *restore, int from, int *to)
{
	char *space = malloc(LINE_LIMIT);
	FILE *file = tmpfile();
	ssize_t length = -1;

	*to = file ? dup(fileno(file)) : -1;
	while (space && *to >= 0 && (length = read(from, space, LINE_LIMIT)) > 0)
		if (write(*to, space, (size_t)length) != length)
			break;
	if (length != 0)
		error_set(&restore->error, -EIO, "cannot copy standard input to a temporary file: %s", strerror(errno));
	if (file)
		fclose(file);
	free(space);
	if (*to >= 0)
		lseek(*to, 0, SEEK_SET);
	return restore->error.code;
}

/* The file or standard input, as a descriptor that is ours; readable twice if that is needed. */
static int open_input(struct restore *restore, int *input)
{
	int file = restore->name ? open(restore->name, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	struct stat status;

	*input = file;
	if (file < 0 || fstat(file, &status))
		return read_failed(restore, -errno);
	if (S_ISDIR(status.st_mode))
		return read_failed(restore, -EISDIR);
	if (restore->context->settings.is_without_check || S_ISREG(status.st_mode))
		return 0;
	copy_to_temporary(restore, file, input);
	close(file);
	return restore->error.code;
}

static int open_failed(struct restore *restore, int input)
{
	const char *name = restore->context->settings.failed;
	struct stat one, other;
	int file;

	if (!name)
		return 0;
	if (stat(name, &one) == 0 && fstat(input, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino)
		return error_usage(&restore->error, 0, "--failed names the file that is restored");
	file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0)
		return error_set(&restore->error, -errno, "cannot write %s: %s", name, strerror(errno));
	return buffer_init(&restore->failed, file);
}

static int close_failed(struct restore *restore)
{
	const char *name = restore->context->settings.failed;
	int result;

	if (!restore->failed.data)
		return 0;
	result = buffer_flush(&restore->failed);
	close(restore->failed.fd);
	buffer_done(&restore->failed);
	return result ? error_set(&restore->error, result, "cannot write %s: %s", name, strerror(-result)) : 0;
}

static int open_kernel(struct restore *restore)
{
	int result = netlink_open(&restore->netlink, &restore->error);

	if (result == 0)
		result = netlink_open(&restore->second, &restore->error);
	if (result == 0)
		result = netlink_batch_init(&restore->batch, &restore->netlink);
	restore->pending = calloc(NETLINK_BATCH_MESSAGES, sizeof(*restore->pending));
	restore->later = tmpfile();
	if (result == 0 && (!restore->pending || !restore->later))
		result = -errno;
	restore->batch.refusal = line_refused;
	restore->batch.data = restore;
	restore->may_wait = true;
	return result;
}

static int run(struct restore *restore, int input)
{
	const struct settings *settings = &restore->context->settings;
	uint64_t entries = 0;
	int result = lines_init(&restore->lines, input);

	if (result == 0 && !settings->is_without_check)
		result = check_file(restore, &entries);
	if (result == 0 && settings->is_dry_run) {
		report_note(restore->context, "dry run: %llu lines would be restored", (unsigned long long)entries);
		return 0;
	}
	if (result == 0)
		result = open_failed(restore, input);
	if (result == 0)
		result = open_kernel(restore);
	if (result)
		return result;
	result = apply_file(restore, false);
	if (result == 0)
		result = apply_waiting(restore);
	close_failed(restore);
	summarize(restore);
	return result;
}

static void restore_done(struct restore *restore)
{
	close_failed(restore);
	if (restore->later)
		fclose(restore->later);
	free(restore->pending);
	netlink_batch_done(&restore->batch);
	netlink_close(&restore->second);
	netlink_close(&restore->netlink);
	lines_done(&restore->lines);
}

static int restore_status(struct restore *restore, int result)
{
	if (interrupt_signal)
		return 128 + interrupt_signal;
	if (result)
		error_set(&restore->error, result, "%s", strerror(-result));
	if (restore->error.code)
		return report_error(restore->context, &restore->error);
	return restore->refused || restore->untried ? STATUS_FAILED : STATUS_OK;
}

static int restore_run(struct context *context)
{
	struct restore restore = { .context = context };
	const struct settings *settings = &context->settings;
	int input = -1, result, status;

	if (context->argument_count > 0 && strcmp(context->arguments[0], "-") != 0)
		restore.name = context->arguments[0];
	if (context->argument_count > 1)
		result = error_usage(&restore.error, 0, "restore takes one file");
	else if (settings->is_dry_run && settings->is_without_check)
		result = error_usage(&restore.error, 0, "--dry-run checks, --no-check does not: give one of them");
	else
		result = open_input(&restore, &input);
	if (result == 0)
		result = run(&restore, input);
	status = restore_status(&restore, result);
	restore_done(&restore);
	if (input >= 0)
		close(input);
	return status;
}

const struct command restore_command = {
	.name = "restore",
	.arguments = "[FILE]",
	.summary = "make the entries of a saved file again",
	.details = "Reads lines of conntab save or conntrack -o save from FILE, or from standard input, and\n"
		   "makes each entry again with the time that it had left. Lines with -A make an entry\n"
		   "unless it is there; with -I it must not be there; -U and -D change and delete the entry\n"
		   "of that tuple. First the whole file is read; where it has a fault nothing is changed\n"
		   "(--no-check begins at once, in constant memory). Every line that the kernel refuses is\n"
		   "named with its number and the reason, and then the rest is not tried, unless\n"
		   "--keep-going says so. --failed FILE gets the lines that did not go in, to be restored\n"
		   "later. With -4 or -6 a line of the other family is a fault.\n",
	.examples = "conntab restore /tmp/table.save\n"
		    "conntab restore --dry-run /tmp/table.save\n"
		    "conntab restore --keep-going --failed /tmp/rest.save /tmp/table.save\n"
		    "conntab -n web1 save udp | conntab -n web2 restore --no-check\n",
	.options = OPTION_BIT(OPTION_KEEP_GOING) | OPTION_BIT(OPTION_FAILED) | OPTION_BIT(OPTION_NO_CHECK) |
		   OPTION_BIT(OPTION_DRY_RUN),
	.refuses = OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_COLOR),
	.completes = COMPLETE_FILE,
	.run = restore_run,
};
