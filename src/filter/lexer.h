/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_FILTER_LEXER_H
#define CONNTAB_FILTER_LEXER_H

#include "conntab/text.h"

enum token_type {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_STRING, /* in quotes: never a keyword, a field or a list */
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_BRACE_OPEN,
	TOKEN_BRACE_CLOSE,
	TOKEN_COMMA,
	TOKEN_EQUAL,
	TOKEN_NOT_EQUAL,
	TOKEN_LESS,
	TOKEN_LESS_EQUAL,
	TOKEN_GREATER,
	TOKEN_GREATER_EQUAL,
	TOKEN_NOT,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_BROKEN, /* a quote that is not closed, or a lone & or | */
};

struct token {
	enum token_type type;
	struct slice text; /* of strings: without the quotes */
	size_t column;     /* from 1 */
};

struct lexer {
	const char *text;
	size_t position;
};

struct token lexer_next(struct lexer *lexer);

#endif
