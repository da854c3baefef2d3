/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_TESTS_REPLAY_H
#define CONNTAB_TESTS_REPLAY_H

/* Recorded dumps: tests/data/NAME.nlmsg, message after message. */
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "conntab/field.h"
#include "conntab/netlink.h"
#include "unit.h"

struct replay {
	uint8_t *bytes;
	size_t length;
};

static inline FILE *replay_file(const char *directory, const char *name, const char *mode)
{
	const char *root = getenv("CONNTAB_ROOT");
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/data/%s%s", root ? root : ".", directory, name);
	return fopen(path, mode);
}

static inline struct replay replay_open(const char *name)
{
	FILE *file = replay_file("", name, "rb");
	struct replay replay = { 0 };

	if (!file)
		fail_msg("tests/data/%s cannot be read", name);
	fseek(file, 0, SEEK_END);
	replay.length = (size_t)ftell(file);
	rewind(file);
	replay.bytes = malloc(replay.length);
	assert_int_equal(fread(replay.bytes, 1, replay.length, file), replay.length);
	fclose(file);
	return replay;
}

static inline void replay_close(struct replay *replay)
{
	free(replay->bytes);
}

/* Calls `each` with every entry's message; returns how many there were. */
static inline unsigned replay_each(const struct replay *replay, void (*each)(void *data, const struct nlmsghdr *message),
				   void *data)
{
	const struct nlmsghdr *message = (const void *)replay->bytes;
	int left = (int)replay->length;
	unsigned count = 0;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_type >> 8 != NFNL_SUBSYS_CTNETLINK)
			continue;
		each(data, message);
		count++;
	}
	return count;
}

static inline void decoder_of_everything(struct decoder *decoder)
{
	struct field_set all = { { 0, 0 } };

	for (enum field_id id = 0; id < FIELD_STORED; id++)
		field_set_add(&all, id);
	decoder_init(decoder, &all);
}

#endif
