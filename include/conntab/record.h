/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_RECORD_H
#define CONNTAB_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* An address in network byte order; IPv4 uses the first four bytes, the rest is zero. */
struct address {
	uint8_t bytes[16];
	uint8_t family; /* AF_INET, AF_INET6 */
};

/* Connection labels: bit n is words[n / 32] >> (n % 32), as libnetfilter_conntrack reads CTA_LABELS. */
struct labels {
	uint32_t words[4];
};

/* A helper's name; NF_CT_HELPER_NAME_LEN is 16 in the kernel. */
struct name {
	char text[32];
};

/* A security context; a longer one is cut. */
struct security_context {
	char text[256];
};

/* What a record is about: an entry of the table, or a connection that is expected. */
enum subject { SUBJECT_ENTRY, SUBJECT_EXPECTATION };

/* A number for each row of fields.def. */
enum field_id {
#define FIELD(id, type, ...) FIELD_##id,
#define ANY_OF(id, ...)
#include "../../src/record/fields.def"
#undef ANY_OF
	FIELD_STORED, /* up to here fields have a member in the record */
	FIELD_BEFORE_ANY = FIELD_STORED - 1,
#define ANY_OF(id, ...) FIELD_##id,
#undef FIELD
#define FIELD(...)
#include "../../src/record/fields.def"
#undef ANY_OF
#undef FIELD
	FIELD_COUNT,
	FIELD_NONE = 255,
};

/* A set of stored fields. */
struct field_set {
	uint64_t bits[2];
};

_Static_assert(FIELD_STORED <= 128, "a field_set holds 128 fields");

static inline bool field_set_has(const struct field_set *set, enum field_id id)
{
	return set->bits[id >> 6] >> (id & 63) & 1;
}

static inline void field_set_add(struct field_set *set, enum field_id id)
{
	set->bits[id >> 6] |= 1ull << (id & 63);
}

static inline void field_set_remove(struct field_set *set, enum field_id id)
{
	set->bits[id >> 6] &= ~(1ull << (id & 63));
}

static inline void field_set_merge(struct field_set *set, const struct field_set *other)
{
	set->bits[0] |= other->bits[0];
	set->bits[1] |= other->bits[1];
}

/*
 * One entry of the table: flat, without pointers, in host byte order but for
 * addresses. Only the members whose bit is in `present` mean anything; only the
 * fields that a query asked for are decoded.
 */
struct record {
	struct field_set present;
#define FIELD(id, type, ...) type id;
#define ANY_OF(...)
#include "../../src/record/fields.def"
#undef FIELD
#undef ANY_OF
};

static inline bool record_has(const struct record *record, enum field_id id)
{
	return field_set_has(&record->present, id);
}

/* How many of a record's bytes have to be copied to keep it: up to the last member that it has. */
size_t record_size(const struct record *record);

#endif
