/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_COMMAND_POLICY_H
#define CONNTAB_COMMAND_POLICY_H

#include "command.h"

/* What the commands timeout and helper have in common: words, formats, and how rules attach them. */

/* Such a command at work. */
struct policy_job {
	struct context *context;
	char **words; /* those behind the action's */
	int count;
	struct netlink netlink; /* open */
	const char *format;     /* of -o or -j, or "table" */
	struct error error;
};

/* What such a command does: the word behind its name. */
struct policy_action {
	const char *name; /* NULL ends the table */
	int minimum, maximum;  /* words that it takes; -1: any number */
	const char *arguments; /* said where there are too few or too many */
	bool prints; /* -o means something to it */
	int (*run)(struct policy_job *job); /* 0, or -errno with job->error */
};

/* The names for -o; end with NULL. The last two print rules. */
extern const char *const policy_formats[];

/* Finds the action that the first word names and runs it with a socket. The exit status. */
int policy_run(struct context *context, const struct policy_action *actions);

/* Reads `word` as a family, if it is one. */
bool policy_family(const char *word, uint8_t *family);
/* "ipv4", or the number of one that has no name. */
const char *policy_family_name(uint8_t family, char space[8]);
/* A name that rules and terminals can take: printable, `size` - 1 bytes at most. 0 or a usage fault. */
int policy_check_name(const char *name, size_t size, struct error *error);
/* Reads the time of `what`, up to TIMEOUT_SECONDS_MAX. 0 or a usage fault in job->error. */
int policy_parse_seconds(struct policy_job *job, const char *what, const char *word, uint32_t *seconds);
/* Words behind each other where names are wanted: 0, or a fault if one stands twice. */
int policy_check_twice(struct policy_job *job);

/* A column's value; without letters it is absent. `text` is borrowed. */
struct value policy_text(const char *text);
/* Opens a printer for these columns. 0 or -errno with job->error; close it with policy_close_printer(). */
int policy_open_printer(struct policy_job *job, struct printer *printer, const struct column *columns,
			size_t count);
int policy_close_printer(struct policy_job *job, struct printer *printer);
/* Whether the format prints rules, not columns. */
bool policy_prints_rules(const struct policy_job *job);

/* How a rule attaches something to new connections. */
struct attachment {
	const char *sort; /* "timeout", "helper" */
	const char *name;
	uint8_t family;
	const char *protocol; /* as iptables -p takes it */
	uint16_t port;        /* of the destination; 0: any */
	const char *nft_object; /* the lines within nft's object, each ended; NULL: nft cannot have it */
	const char *remark;     /* comment lines above the rules, each ended; NULL: none */
};

/*
 * Prints the rules as commands of iptables or as a file for nft -f. What nft cannot have
 * is a fault if it `is_one` that was asked for, else a comment. 0 or -errno with job->error.
 */
int policy_print_rules(struct policy_job *job, const struct attachment *attachment, bool is_one);

#endif
