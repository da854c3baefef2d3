/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_COMMAND_H
#define CONNTAB_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntab/buffer.h"
#include "conntab/error.h"
#include "conntab/host.h"
#include "conntab/session.h"

#define CONNTAB_VERSION "0.1.0"

enum exit_status { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_UNKNOWN = 3 };

enum { NETNS_MAX = 64 };

/* The values of all options; each row of `options` writes one member. */
struct settings {
	const char *netns[NETNS_MAX];
	unsigned netns_count;
	const char *output;
	const char *color;
	const char *columns;
	const char *sort;
	const char *by;
	const char *warn, *crit, *exit_on, *exec, *idle, *state;
	const char *file, *failed;
	uint64_t limit, top, count, hold, drops;
	uint64_t buffer; /* bytes; 0: not given */
	uint64_t interval, delta; /* nanoseconds; 0: not given */
	bool is_ipv4, is_ipv6, is_json, is_quiet, is_version, is_help;
	bool is_all_netns, is_without_events, is_resync;
	bool is_explain, is_no_kernel, is_dry_run, is_require_match, is_yes;
	bool is_keep_going, is_without_check, is_or_update;
};

enum option_id {
	OPTION_NETNS,
	OPTION_IPV4,
	OPTION_IPV6,
	OPTION_OUTPUT,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_COLOR,
	OPTION_VERSION,
	OPTION_HELP,
	OPTION_COLUMNS,
	OPTION_SORT,
	OPTION_LIMIT,
	OPTION_BY,
	OPTION_TOP,
	OPTION_EXPLAIN,
	OPTION_NO_KERNEL,
	OPTION_DRY_RUN,
	OPTION_REQUIRE_MATCH,
	OPTION_YES,
	OPTION_ALL_NETNS,
	OPTION_INTERVAL,
	OPTION_COUNT_SAMPLES,
	OPTION_WARN,
	OPTION_CRIT,
	OPTION_DROPS,
	OPTION_FOR,
	OPTION_EXIT_ON,
	OPTION_EXEC,
	OPTION_NO_EVENTS,
	OPTION_DELTA,
	OPTION_IDLE,
	OPTION_STATE,
	OPTION_FILE,
	OPTION_KEEP_GOING,
	OPTION_FAILED,
	OPTION_NO_CHECK,
	OPTION_OR_UPDATE,
	OPTION_BUFFER,
	OPTION_RESYNC,
	OPTION_COUNT,
};

enum option_type {
	OPTION_FLAG,
	OPTION_TEXT,
	OPTION_NUMBER,   /* from 1 */
	OPTION_SIZE,     /* with units, above 0; in bytes */
	OPTION_SECONDS,  /* with fractions, above 0; kept in nanoseconds */
	OPTION_REPEATED, /* a text; each use adds one */
};

/* What an option's value, or a command's argument, can be: for completion. */
enum completion_source {
	COMPLETE_NOTHING,
	COMPLETE_NAMESPACE,
	COMPLETE_FORMAT,
	COMPLETE_FIELDS,
	COMPLETE_SORT,
	COMPLETE_COLOR,
	COMPLETE_FILTER,
	COMPLETE_FLUSH,
	COMPLETE_EXPECT,
	COMPLETE_TOPIC,
	COMPLETE_EXIT_ON,
	COMPLETE_STATES,
	COMPLETE_WHERE,
	COMPLETE_SETTING,
	COMPLETE_FILE,
	COMPLETE_SWITCH,
	COMPLETE_TERMS,
	COMPLETE_CHANGE, /* a filter, "set", terms */
	COMPLETE_WORDS, /* what the command's own function offers */
};

/* Takes what can stand at a place, word after word. */
struct completer {
	void (*offer)(void *data, const char *word);
	void *data;
};

/* The one table of options. */
struct option {
	const char *name;
	char letter; /* '\0': none */
	enum option_type type;
	size_t offset;        /* of the member in struct settings */
	const char *argument; /* NULL for flags */
	enum completion_source values;
	const char *help;
};

extern const struct option options[OPTION_COUNT];

#define OPTION_BIT(id) (1ull << (id))
/* Taken by every command, and before it. */
#define GLOBAL_OPTIONS (OPTION_BIT(OPTION_COLUMNS) - 1)

struct context;

/* The one table of commands: each file in command/ ends in its row. */
struct command {
	const char *name;
	const char *alias;     /* NULL: none */
	const char *arguments; /* as the usage shows them */
	const char *summary;
	const char *details;   /* paragraphs, wrapped by hand */
	const char *examples;  /* lines: a command line, two blanks, "# why" */
	uint64_t options;      /* OPTION_BIT()s beside the global ones */
	uint64_t refuses;      /* OPTION_BIT()s of global ones that mean nothing to it */
	bool takes_namespaces; /* several -n */
	bool is_narrowed;      /* the shell's working filter joins its own */
	bool is_of_shell;      /* there alone it means anything */
	bool is_endless;       /* prints as things happen: never through a pager */
	enum exit_status failure; /* the exit status of every failure; 0: 1, and 2 for usage */
	enum completion_source completes;
	/* COMPLETE_WORDS: offers what can follow `words`, those behind the command's name. */
	void (*complete)(char **words, int count, const struct completer *completer);
	/* The names for -o, where they are others than those for entries; ends with NULL. */
	const char *const *formats;
	int (*run)(struct context *context); /* returns the exit status */
	/* Says a failure in the command's own form; NULL: a line on standard error. */
	void (*fail)(const struct context *context, const struct error *error);
};

extern const struct command *const commands[]; /* ends with NULL */

/* A command at work. */
struct context {
	const struct command *command;
	struct settings settings;
	struct environment environment;
	struct session *session; /* the shell or script that it is part of; NULL: a single command line */
	struct buffer *out; /* standard output */
	char **arguments;   /* not options: the filter's words */
	int argument_count;
};

/* The options that a command takes; without one those that stand before it. */
uint64_t command_options(const struct command *command);
bool option_is_set(const struct settings *settings, enum option_id id);
const struct command *command_find(const char *name);
/*
 * Reads options and arguments into the context: `words` are those behind the
 * program's or the command's name. With no command it stops at the first word
 * that is no option. Returns how many words it used, or -EINVAL with `error`.
 * Arguments are moved to the front of `words`.
 */
int options_parse(struct context *context, int count, char **words, struct error *error);
/* Runs one command line, of a session or (NULL) alone; the exit status. Words are moved about. */
int command_run_line(struct session *session, int count, char **words, struct buffer *out);

/* "conntab: list: ..." on standard error; returns the exit status that goes with it. */
int report_error(const struct context *context, const struct error *error);
/*
 * The signal has done what a user of this command means by it: it goes no further, but
 * for a script, whose next command must not run as if nothing had been.
 */
void report_ended(const struct context *context);
/* A summary or warning, unless -q. */
void report_note(const struct context *context, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
