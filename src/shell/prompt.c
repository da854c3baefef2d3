/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../command/command.h"
#include "conntab/netlink.h"
#include "shell.h"

/* A longer working filter is cut: the line that is typed needs room, too. */
enum { FILTER_SHOWN = 48 };

/* From these on, in per cent, the fill level is yellow and red: the levels of watch and check. */
enum { LEVEL_YELLOW = 80, LEVEL_RED = 95 };

static bool is_colored(const struct session *session)
{
	const struct context context = { .session = (struct session *)(uintptr_t)session };
	const char *terminal = getenv("TERM");

	return terminal && *terminal && strcmp(terminal, "dumb") != 0 && request_wants_color(&context);
}

/* readline counts what stands between \001 and \002 as no column. */
static void put_color(struct buffer *prompt, const char *color)
{
	buffer_format(prompt, "\001\033[%sm\002", color);
}

static void put_level(struct buffer *prompt, bool has_color)
{
	struct netlink netlink;
	struct error error = { 0 };
	uint64_t entries, maximum = 0, percent;
	bool is_known;

	if (netlink_open(&netlink, &error))
		return;
	is_known = netlink_statistics(&netlink, &entries, &maximum, &error) == 0 && maximum > 0;
	netlink_close(&netlink);
	if (!is_known)
		return;
	percent = entries * 100 / maximum;
	buffer_char(prompt, ' ');
	if (has_color)
		put_color(prompt, percent >= LEVEL_RED ? "1;31" : percent >= LEVEL_YELLOW ? "33" : "32");
	buffer_format(prompt, "%llu%%", (unsigned long long)percent);
	if (has_color)
		put_color(prompt, "0");
}

/* Cut at a whole letter. */
static void put_filter(struct buffer *prompt, const char *filter)
{
	size_t length = strlen(filter), shown = 0;

	while (shown < length && shown < FILTER_SHOWN) {
		size_t letter = text_utf8_length(filter + shown, length - shown);

		shown += letter ? letter : 1;
	}
	buffer_char(prompt, ' ');
	buffer_untrusted(prompt, filter, shown);
	if (shown < length)
		buffer_text(prompt, "...");
}

void prompt_format(const struct session *session, struct buffer *prompt)
{
	buffer_text(prompt, "conntab");
	if (session->netns) {
		buffer_char(prompt, '[');
		buffer_untrusted(prompt, session->netns, strlen(session->netns));
		buffer_char(prompt, ']');
	}
	put_level(prompt, is_colored(session));
	if (session->filter)
		put_filter(prompt, session->filter);
	buffer_text(prompt, "> ");
}
