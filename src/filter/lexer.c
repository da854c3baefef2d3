/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lexer.h"

#include <string.h>

/* Longer spellings first. */
static const struct {
	const char *text;
	enum token_type type;
} symbols[] = {
	{ "==", TOKEN_EQUAL },	      { "!=", TOKEN_NOT_EQUAL }, { "<=", TOKEN_LESS_EQUAL },
	{ ">=", TOKEN_GREATER_EQUAL }, { "&&", TOKEN_AND },	  { "||", TOKEN_OR },
	{ "=", TOKEN_EQUAL },	      { "<", TOKEN_LESS },	 { ">", TOKEN_GREATER },
	{ "!", TOKEN_NOT },	      { "(", TOKEN_OPEN },	 { ")", TOKEN_CLOSE },
	{ "{", TOKEN_BRACE_OPEN },    { "}", TOKEN_BRACE_CLOSE }, { ",", TOKEN_COMMA },
	{ "&", TOKEN_BROKEN },	      { "|", TOKEN_BROKEN },
};

#define WHITE " \t\r\n\v\f"
#define WORD_ENDS WHITE "=!<>(){},&|\"'"

static struct token quoted(struct lexer *lexer, struct token token)
{
	const char *start = lexer->text + lexer->position + 1;
	const char *end = strchr(start, start[-1]);

	token.type = end ? TOKEN_STRING : TOKEN_BROKEN;
	token.text = (struct slice){ start, end ? (size_t)(end - start) : strlen(start) };
	lexer->position += token.text.length + (end ? 2 : 1);
	return token;
}

struct token lexer_next(struct lexer *lexer)
{
	struct token token = { .type = TOKEN_END };
	const char *at;

	lexer->position += strspn(lexer->text + lexer->position, WHITE);
	at = lexer->text + lexer->position;
	token.column = lexer->position + 1;
	token.text = (struct slice){ at, 0 };
	if (!*at)
		return token;
	if (*at == '"' || *at == '\'')
		return quoted(lexer, token);
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		size_t length = strlen(symbols[i].text);

		if (strncmp(at, symbols[i].text, length) == 0) {
			token.type = symbols[i].type;
			token.text.length = length;
			lexer->position += length;
			return token;
		}
	}
	token.type = TOKEN_WORD;
	token.text.length = strcspn(at, WORD_ENDS);
	lexer->position += token.text.length;
	return token;
}
