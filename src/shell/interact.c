/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The prompt: readline, its history and completion, and the terminal as it was. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "../command/command.h"
#include "conntab/interrupt.h"
#include "history.h"
#include "line.h"
#include "shell.h"

struct interaction {
	struct session *session;
	struct buffer *out;
	struct history history;
	struct termios terminal; /* as it was when we began */
	bool has_terminal;
	char *line;    /* that readline has finished, owned */
	bool has_line; /* a NULL line then: Ctrl-D */
	bool is_abandoned; /* Ctrl-C */
	struct buffer candidates; /* of the completion at work, one a line */
	size_t position;          /* of the next of them */
};

/* readline's callbacks are told of nothing: the one that is at work. */
static struct interaction *current;

static void take_line(char *line)
{
	current->line = line;
	current->has_line = true;
	/* The terminal is the command's now. */
	rl_callback_handler_remove();
}

/* ---- completion ---- */

static char *next_candidate(const char *text, int state)
{
	struct buffer *candidates = &current->candidates;

	(void)state;
	while (current->position < candidates->length) {
		const char *at = candidates->data + current->position;
		size_t length = (size_t)(strchrnul(at, '\n') - at);

		current->position += length + 1;
		if (length >= strlen(text) && strncmp(at, text, strlen(text)) == 0)
			return strndup(at, length);
	}
	return NULL;
}

/* Behind a pipe, a redirection or an exclamation mark words are files. */
static bool is_for_sh(const char *before)
{
	struct error error = { 0 };
	struct line line;
	char *text;
	bool result;

	/* As if one more letter had been typed: an operator that ends the line is no fault then. */
	if (asprintf(&text, "%sx", before) < 0)
		return false;
	result = line_parse(&line, text, &error) == 0 && (line.pipe || line.file || line.system);
	line_done(&line);
	free(text);
	return result;
}

/* An open quote is a blank to the completion: a filter may stand in it. */
static void open_quote(char *before)
{
	char quote = '\0', *opened = NULL;

	for (char *at = before; *at; at++) {
		if (quote ? *at == quote : *at == '\'' || *at == '"') {
			quote = quote ? '\0' : *at;
			opened = at;
		}
	}
	if (quote)
		*opened = ' ';
}

static char **complete(const char *text, int start, int end)
{
	struct buffer *candidates = &current->candidates;
	char *before = strndup(rl_line_buffer, (size_t)end);
	char **matches = NULL;

	(void)start;
	if (!before || is_for_sh(before)) {
		free(before);
		return NULL;
	}
	rl_attempted_completion_over = 1;
	open_quote(before);
	if (buffer_init(candidates, -1) == 0) {
		complete_in_shell(before, strlen(before), candidates);
		buffer_string(candidates);
		current->position = 0;
		matches = rl_completion_matches(text, next_candidate);
		buffer_done(candidates);
	}
	/* More may follow: a list's next part, or a file in a folder. */
	if (matches && (strchr(matches[0], ',') || (*matches[0] && matches[0][strlen(matches[0]) - 1] == '/')))
		rl_completion_suppress_append = 1;
	free(before);
	return matches;
}

static void set_up_readline(void)
{
	/* For inputrc: $if conntab. */
	rl_readline_name = "conntab";
	rl_attempted_completion_function = complete;
	/* A quote is one, too: within quotes a filter's words are completed one by one. */
	rl_completer_word_break_characters = (char *)" \t\n'\"=<>!|";
	/* And the end of one word does not close the quote. */
	rl_basic_quote_characters = "";
	/* Its handlers stay while a line is typed, so that Ctrl-Z and a resize are handled between two letters, too. */
	rl_persistent_signal_handlers = 1;
	rl_catch_signals = 1;
	rl_catch_sigwinch = 1;
}

/* ---- reading ---- */

/* Until a key or a signal comes: one that readline has just caught must not be slept over. */
static bool wait_for_key(void)
{
	struct pollfd keyboard = { .fd = STDIN_FILENO, .events = POLLIN };
	sigset_t blocked, before;
	int ready = -1;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGTSTP);
	sigaddset(&blocked, SIGWINCH);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	if (!interrupt_signal && !rl_pending_signal())
		ready = ppoll(&keyboard, 1, NULL, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	/* The signal first: what was typed behind it belongs to the next line. */
	return ready > 0 && !interrupt_signal && !rl_pending_signal();
}

/* Ctrl-C: what was typed stays on the screen, and a new prompt begins below it. */
static void abandon_line(struct interaction *interaction)
{
	interrupt_signal = 0;
	interaction->is_abandoned = true;
	rl_callback_sigcleanup();
	rl_free_line_state();
	rl_callback_handler_remove();
	fputc('\n', stderr);
}

/* What readline has caught; after Ctrl-Z and fg the line is shown again. */
static void handle_signals(void)
{
	bool is_stop = rl_pending_signal() == SIGTSTP;

	rl_check_signals();
	if (is_stop)
		rl_forced_update_display();
}

/* The next line, the caller's; NULL at the end, and when it was abandoned. */
static char *read_line(struct interaction *interaction, const char *prompt)
{
	interaction->has_line = interaction->is_abandoned = false;
	interaction->line = NULL;
	rl_callback_handler_install(prompt, take_line);
	while (!interaction->has_line) {
		/* 8.2 sets it at the end of a key of several bytes, and then ends the line as if at Ctrl-D. */
		rl_eof_found = 0;
		if (wait_for_key())
			rl_callback_read_char();
		else
			handle_signals();
		if (interrupt_signal == SIGINT && !interaction->has_line) {
			abandon_line(interaction);
			return NULL;
		}
		if (interrupt_signal)
			break;
	}
	if (!interaction->has_line)
		rl_callback_handler_remove();
	return interaction->line;
}

static bool is_continued(const char *line)
{
	size_t length = strlen(line), end = length;

	while (end > 0 && line[end - 1] == '\\')
		end--;
	return (length - end) % 2 == 1;
}

/* Takes the backslash at the end of `line` away and adds `more`; frees both. NULL when out of memory. */
static char *join(char *line, char *more)
{
	char *joined = NULL;

	line[strlen(line) - 1] = '\0';
	if (asprintf(&joined, "%s%s", line, more) < 0)
		joined = NULL;
	free(line);
	free(more);
	return joined;
}

/* A line with its continuations; NULL at the end, and when any part of it was abandoned. */
static char *read_whole_line(struct interaction *interaction)
{
	struct buffer prompt;
	char *line, *more;

	if (buffer_init(&prompt, -1))
		return NULL;
	prompt_format(interaction->session, &prompt);
	line = read_line(interaction, buffer_string(&prompt));
	buffer_done(&prompt);
	while (line && is_continued(line) && (more = read_line(interaction, "> ")))
		line = join(line, more);
	if (interaction->is_abandoned) {
		free(line);
		line = NULL;
	}
	return line;
}

/* ---- running ---- */

static void say(struct interaction *interaction, struct error *error)
{
	if (error->code)
		shell_report(interaction->session, error);
	*error = (struct error){ 0 };
}

/* What a program has done to the terminal, and a signal to the command, is over with the command. */
static void recover(struct interaction *interaction)
{
	if (interaction->has_terminal)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &interaction->terminal);
	if (interrupt_signal == SIGINT) {
		interrupt_signal = 0;
		fputc('\n', stderr);
	}
}

/* A pasted text can have several lines in it. */
static void run_lines(struct interaction *interaction, char *text)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) && !interrupt_signal && !interaction->session->is_leaving) {
		struct error error = { 0 };

		if (line[strspn(line, " \t")] == '\0')
			continue;
		history_keep(&interaction->history, line, &error);
		say(interaction, &error);
		shell_run_line(interaction->session, line, interaction->out);
	}
	recover(interaction);
}

/* Ctrl-D leaves the prompt's line unfinished; where it turns bracketed paste off, readline has ended it. */
static void end_line(void)
{
	const char *is_pasting = rl_variable_value("enable-bracketed-paste");

	if (!rl_eof_found || !is_pasting || strcmp(is_pasting, "on") != 0)
		fputc('\n', stderr);
}

int shell_interact(struct session *session, struct buffer *out)
{
	struct interaction interaction = { .session = session, .out = out };
	struct error error = { 0 };
	char *line;

	current = &interaction;
	session->is_interactive = true;
	interaction.has_terminal = tcgetattr(STDIN_FILENO, &interaction.terminal) == 0;
	set_up_readline();
	if (!session->is_quiet)
		fputs("conntab " CONNTAB_VERSION ": help shows the commands, Ctrl-D leaves\n", stderr);
	history_open(&interaction.history, &error);
	say(&interaction, &error);
	while (!session->is_leaving && !interrupt_signal &&
	       ((line = read_whole_line(&interaction)) || interaction.is_abandoned)) {
		if (line)
			run_lines(&interaction, line);
		free(line);
	}
	if (!session->is_leaving)
		end_line();
	recover(&interaction);
	clear_history();
	current = NULL;
	return STATUS_OK;
}
