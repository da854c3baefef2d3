/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_SINK_LINE_H
#define CONNTAB_SINK_LINE_H

#include "conntab/sink.h"

/*
 * The parts that the lines of /proc and of conntrack(8) have in common. Each is
 * written at `at` with a blank behind it and returns one past that; a whole line
 * without its texts of unbounded length stays below BUFFER_RESERVE_MAX.
 */

/* The fields that the parts below read. */
void line_fields(struct field_set *set);

/* "    [NEW] " as conntrack -E has it; nothing for an entry of the table. */
char *put_event(char *at, const struct record *record);
char *put_word(char *at, const char *word);
char *put_number(char *at, const char *label, uint64_t number);
char *put_hexadecimal(char *at, const char *label, uint64_t number);
/* "ipv4     2 " */
char *put_family(char *at, uint8_t family);
/* "tcp      6 " */
char *put_protocol(char *at, const char *name, uint8_t protocol);
/* "src=... dst=... sport=... dport=... ", or icmp's and gre's members; addresses written by `address`. */
char *put_tuple(char *at, const struct record *record, bool is_reply,
		char *(*address)(char *at, const struct address *address));
/* "packets=... bytes=... ", nothing where the kernel does not count. */
char *put_counters(char *at, const struct record *record, bool is_reply);
char *put_unreplied(char *at, const struct record *record);
/* "[ASSURED] ", "[OFFLOAD] " or "[HW_OFFLOAD] " */
char *put_assured(char *at, const struct record *record);
/* "secctx=... ": untrusted text, so it goes through the buffer. */
void put_secctx(struct buffer *buffer, const struct record *record);

#endif
