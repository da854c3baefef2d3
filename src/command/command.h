/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_COMMAND_COMMAND_H
#define CONNTAB_COMMAND_COMMAND_H

#include "conntab/command.h"
#include "conntab/query.h"

extern const struct command list_command,
	count_command,
	get_command,
	add_command,
	update_command,
	delete_command,
	flush_command,
	expect_command,
	save_command,
	restore_command,
	events_command,
	watch_command,
	check_command,
	stats_command,
	timeout_command,
	helper_command,
	shell_command,
	where_command,
	netns_command,
	set_command,
	undo_command,
	quit_command,
	help_command;

/* Of the program, or within the shell. */
void help_print_overview(struct buffer *out, bool is_in_shell);
void help_print_command(struct buffer *out, const struct command *command);

/* `conntab help TOPIC`; a table that ends with a NULL name. */
struct help_topic {
	const char *name;
	const char *summary;
	void (*print)(struct buffer *out);
};

extern const struct help_topic help_topics[];

/* Reads a man page's source from standard input and fills in the tables (@COMMANDS@ ...). The exit status. */
int man_page(struct buffer *out);
/* Prints what can stand at the end of `line`, cut at byte `point`, one word a line. The exit status. */
int complete_line(const char *line, const char *point, struct buffer *out);
/* The same for a line of the shell: the program's name is not in it, the shell's commands are. */
void complete_in_shell(const char *line, size_t length, struct buffer *out);
/*
 * Whether a line of words is at a filter's field, so that a > behind it compares.
 * Behind a command's other words, or the value of an option, it redirects.
 */
bool command_line_awaits_operator(int count, char *const *words);

/* What `set` changes; a table that ends with a NULL name. */
struct shell_setting {
	const char *name;
	const char *argument;
	const char *help;
	enum completion_source values;
	size_t offset; /* in struct session: of a text, or of a bool where `is_switch` */
	bool is_switch;
	/* 0 or a usage fault; NULL: any text will do. */
	int (*check)(const char *value, struct error *error);
};

extern const struct shell_setting shell_settings[];
const struct shell_setting *shell_setting_find(const char *name);

/* The options of every command that prints entries. */
#define PRINT_OPTIONS (OPTION_BIT(OPTION_COLUMNS) | OPTION_BIT(OPTION_SORT) | OPTION_BIT(OPTION_LIMIT))
/* The options of every command that takes a filter. */
#define FILTER_OPTIONS (OPTION_BIT(OPTION_EXPLAIN) | OPTION_BIT(OPTION_NO_KERNEL) | OPTION_BIT(OPTION_REQUIRE_MATCH))

/*
 * Commands that have actions, such as `timeout list`: a table of rows of `size` bytes whose first
 * member is the name, NULL behind the last. Finds the one that the first argument names;
 * NULL with a usage fault in `error`.
 */
const void *action_find(const struct context *context, const void *actions, size_t size, struct error *error);
/* Offers their names to the completion. */
void action_offer(const void *actions, size_t size, const struct completer *completer);

/* What the commands about entries have in common: filter, query, output, kernel. */
struct request {
	struct context *context;
	struct filter *filter; /* NULL: no words, everything */
	struct printer printer;
	struct query query;
	struct netlink netlink;
	uint64_t count; /* for commands that count what they are fed */
	struct field_set chosen; /* the fields that the user named, to say which the kernel does not keep */
	struct error error;
};

/*
 * Reads the filter from the command's arguments and prepares the printer with
 * `format` unless -o or -j say otherwise. Returns 0 or fills in request->error.
 */
int request_init(struct request *request, struct context *context, const char *format);
/* The same where the filter is a part of the arguments only. */
int request_init_filter(struct request *request, struct context *context, const char *format, const char *filter);
/*
 * The same for a filter that is held against what the kernel tells: of an expectation it takes the
 * zone, but does not tell it.
 */
int request_init_matching(struct request *request, struct context *context, const char *format);
/* The same for a command without a filter. */
int request_init_printer(struct request *request, struct context *context, const char *format);
void request_done(struct request *request);
/* The arguments as one text (buffer_done() it), so that a place in it can be told as a column. 0 or -ENOMEM. */
int request_join_arguments(const struct context *context, struct buffer *text);
/* -4 or -6: the family; both or none: AF_UNSPEC. */
uint8_t request_family(const struct settings *settings);
/* Adds a condition to the filter; owns it. Fills in request->error when out of memory. */
void request_narrow(struct request *request, struct filter *filter);
/* The sink that prints as --sort and --limit have it; NULL with request->error filled in. */
struct sink *request_print_sink(struct request *request);
/* Whether a command that changes entries prints them: if a format was asked for, and in a dry run. */
bool request_shows_changes(const struct context *context);
/* Then that sink, else NULL; request->error says whether that is a failure. */
struct sink *request_sink_to_show(struct request *request);
/* --explain: what of the filter goes to the kernel, on standard output. The exit status. */
int request_explain(struct request *request);
/* The same for commands that follow events. */
int request_explain_events(struct request *request, const struct kernel_filter *kernel);
/* Opens netlink, runs the query into `sink` (owned) and says what is to be said. The exit status. */
int request_run(struct request *request, struct sink *sink);
/*
 * Deletes what the query matches, hands it to `shown` (owned, may be NULL) and says
 * how many went, by state if there is a `tally` for it. The exit status.
 */
int request_delete(struct request *request, struct sink *shown, struct tally *tally);
/* The same without deleting: what would go. The exit status. */
int request_dry_run(struct request *request, struct sink *shown, struct tally *tally);
/* "entry", "expectations": what the request is about. */
const char *request_noun(const struct request *request, uint64_t count);
/* The commands list, get, delete and events, about whatever the context's environment says. The exit status. */
int request_list(struct context *context);
int request_get(struct context *context);
int request_delete_matches(struct context *context);
int request_follow(struct context *context);
/* What the failure of a query or of the output means to the user. The exit status. */
int request_failed(struct request *request, int result);
/* One warning for each setting without which the kernel does not keep what the user named. */
void request_warn_unkept(const struct request *request);
/* The exit status by --require-match. */
int request_status(const struct request *request);

/* --color, NO_COLOR, and whether standard output is a terminal. */
bool request_wants_color(const struct context *context);

/* Asks "... [y/N]" on the terminal; true without asking with -y or when nobody sits there. */
bool request_confirm(const struct context *context, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
