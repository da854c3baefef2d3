/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_FIELD_H
#define CONNTAB_FIELD_H

#include "conntab/host.h"
#include "conntab/kind.h"
#include "conntab/record.h"

enum {
	FIELD_PATHS_MAX = 3,
	FIELD_PATH_DEPTH = 4,
	FIELD_USES_MAX = 10,
};

/* Which protocols can carry a field. */
enum protocol_class {
	CLASS_TCP = 1 << 0,
	CLASS_UDP = 1 << 1,
	CLASS_UDPLITE = 1 << 2,
	CLASS_SCTP = 1 << 3,
	CLASS_DCCP = 1 << 4,
	CLASS_ICMP = 1 << 5,
	CLASS_ICMPV6 = 1 << 6,
	CLASS_GRE = 1 << 7,
	CLASS_OTHER = 1 << 8,
	CLASS_PORTS = CLASS_TCP | CLASS_UDP | CLASS_UDPLITE | CLASS_SCTP | CLASS_DCCP,
	CLASS_ALL = (1 << 9) - 1,
};

/* The class of a protocol number. */
enum protocol_class protocol_class(uint8_t protocol);

enum field_flags {
	COLUMN = 1 << 0, /* a default column of the table format */
	MAYBE = 1 << 1,  /* missing means unknown, so that no filter term about it is true */
	OF_EVENT = 1 << 2, /* entries of the table never have it */
	OF_EXPECTATION = 1 << 3, /* entries never have it, what is expected may */
	EXPECT_COLUMN = 1 << 4,  /* a default column of expectations, beside those with COLUMN */
};

/* A row of fields.def. */
struct field {
	const char *name;
	const char *help;
	const char *alias;
	const char *unit;
	const char *needs;
	enum kind_id kind;
	uint16_t protocols; /* CLASS_*; 0: every protocol */
	uint8_t flags;
	uint16_t offset; /* in struct record */
	uint16_t size;
	/* Netlink attribute types from the outermost; a 0 ends a path. */
	uint8_t paths[FIELD_PATHS_MAX][FIELD_PATH_DEPTH];
	/* The same in messages about expectations. */
	uint8_t expect_paths[FIELD_PATHS_MAX][FIELD_PATH_DEPTH];
	/* Turns the attribute's payload into the member, for one-byte fields; NULL: as it is. */
	uint8_t (*decode[FIELD_PATHS_MAX])(const uint8_t *payload);
	/* Computes or corrects the member once `uses` are decoded. */
	void (*derive)(struct record *record, struct environment *environment);
	uint8_t uses[FIELD_USES_MAX]; /* enum field_id, ended by FIELD_NONE */
	uint8_t members[4];           /* of ANY_OF rows */
};

extern const struct field fields[FIELD_COUNT];

static inline bool field_is_any_of(enum field_id id)
{
	return id >= FIELD_STORED;
}

/* Whether a record of that sort can have the field; `is_live`: an event. */
bool field_is_of(enum field_id id, enum subject subject, bool is_live);
/* The field of that name or alias, or FIELD_NONE. */
enum field_id field_find(struct slice name);
/* The largest number that the field's member holds. */
uint64_t field_maximum(enum field_id id);
/* The value of a stored field in a record; `data` points into the record. */
struct value field_value(enum field_id id, const struct record *record);
/* Adds a field, or the members of an ANY_OF field. */
void field_set_include(struct field_set *set, enum field_id id);
/* The set with all that its fields are derived from: what has to be decoded. */
struct field_set field_set_closure(const struct field_set *set);
/*
 * The timeout in seconds that the entry's last packet gave it by the namespace's settings,
 * or UINT32_MAX where it cannot be known. Reads proto, state, status, timeout and tcp's flags.
 */
uint32_t timeout_given(const struct record *record, const struct timeouts *timeouts);
/* Runs the derive functions of the wanted fields, in the table's order. */
void record_derive(struct record *record, const struct field_set *wanted,
		   struct environment *environment);

#endif
