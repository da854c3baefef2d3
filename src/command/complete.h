/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_COMMAND_COMPLETE_H
#define CONNTAB_COMMAND_COMPLETE_H

#include "command.h"

enum { WORDS_MAX = 256 };

/* The completion of one word. */
struct completion {
	struct buffer *out;
	bool is_in_shell; /* its own commands count too */
	char *text;  /* the line so far, its words ended by '\0' */
	char *words[WORDS_MAX];
	int count;
	char *word;     /* the one being completed, maybe empty */
	const struct command *command; /* NULL: not there yet */
	enum subject subject; /* what the words are about */
	bool is_live;         /* events of it */
	size_t keep;    /* of it, what stays in front of each candidate ("src," of a list) */
};

/* Prints a candidate if the word begins it, with what stays in front of it. */
void completion_offer(struct completion *completion, const char *candidate);
/* The same as a callback. */
void completion_offer_with(void *data, const char *candidate);
/* The same in lower case: names of states and the like. */
void completion_offer_lower(struct completion *completion, const char *name);
/* The commands that mean something here. */
void completion_offer_commands(struct completion *completion);
/* All that an option's value or a command's argument can be. */
void completion_source(struct completion *completion, enum completion_source source);
/* What a field can be: its words, or values that are in the table now. */
void completion_value(struct completion *completion, enum field_id field);

#endif
