/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_WORD_H
#define CONNTAB_WORD_H

#include "conntab/field.h"

/* A word that stands for a whole term: "tcp" is "proto = tcp". */
struct bare_word {
	enum field_id field;
	const struct word *word;
};

/* The fields whose values may stand alone, in the order in which they are asked; ends with FIELD_NONE. */
extern const uint8_t bare_word_fields[];

bool bare_word_find(struct slice text, struct bare_word *bare);
/*
 * Calls `each` with every word that can begin a term (fields and bare words, lower case) and
 * its help, as far as records of that sort, or events of them (`is_live`), can have it.
 */
void filter_each_word(enum subject subject, bool is_live,
		      void (*each)(void *data, const char *word, const char *help), void *data);

#endif
