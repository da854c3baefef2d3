/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/field.h"

#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter/nfnetlink_conntrack.h>

#include "derive.h"

/* CTA_TIMESTAMP_EVENT, since Linux 6.14: younger than the headers of many a distribution. */
enum { TIMESTAMP_EVENT = 27 };

#define PATHS(...) .paths = { __VA_ARGS__ }
#define EXPECT_PATHS(...) .expect_paths = { __VA_ARGS__ }
#define DERIVED(function, ...) .derive = (function), .uses = { __VA_ARGS__, FIELD_NONE }
#define MEMBERS(...) .members = { __VA_ARGS__ }

const struct field fields[FIELD_COUNT] = {
#define FIELD(id_, type_, kind_, name_, help_, ...)                                  \
	[FIELD_##id_] = { .name = (name_), .help = (help_), .kind = KIND_##kind_,    \
			  .offset = offsetof(struct record, id_), .size = sizeof(type_), __VA_ARGS__ },
#define ANY_OF(id_, kind_, name_, help_, ...) \
	[FIELD_##id_] = { .name = (name_), .help = (help_), .kind = KIND_##kind_, __VA_ARGS__ },
#include "fields.def"
#undef FIELD
#undef ANY_OF
};

enum protocol_class protocol_class(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP: return CLASS_TCP;
	case IPPROTO_UDP: return CLASS_UDP;
	case IPPROTO_UDPLITE: return CLASS_UDPLITE;
	case IPPROTO_SCTP: return CLASS_SCTP;
	case IPPROTO_DCCP: return CLASS_DCCP;
	case IPPROTO_ICMP: return CLASS_ICMP;
	case IPPROTO_ICMPV6: return CLASS_ICMPV6;
	case IPPROTO_GRE: return CLASS_GRE;
	default: return CLASS_OTHER;
	}
}

static bool list_has(const char *list, struct slice name)
{
	while (list && *list) {
		size_t length = strcspn(list, " ");

		if (length == name.length && strncmp(list, name.at, length) == 0)
			return true;
		list += length + (list[length] == ' ');
	}
	return false;
}

enum field_id field_find(struct slice name)
{
	char lower[32];

	if (!slice_copy(name, lower, sizeof(lower)))
		return FIELD_NONE;
	for (char *at = lower; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at |= 0x20;
	name.at = lower;
	for (enum field_id id = 0; id < FIELD_COUNT; id++)
		if (slice_is(name, fields[id].name) || list_has(fields[id].alias, name))
			return id;
	return FIELD_NONE;
}

/* What has neither a path nor a function is in the header of every message. */
static bool is_of_expectation(enum field_id id)
{
	const struct field *field = &fields[id];

	if (field_is_any_of(id))
		return is_of_expectation(field->members[0]);
	if (field->expect_paths[0][0] || !(field->paths[0][0] || field->derive))
		return true;
	if (field->paths[0][0])
		return false;
	for (size_t i = 0; field->uses[i] != FIELD_NONE; i++)
		if (!is_of_expectation(field->uses[i]))
			return false;
	return true;
}

bool field_is_of(enum field_id id, enum subject subject, bool is_live)
{
	if (fields[id].flags & OF_EVENT)
		return is_live;
	return subject == SUBJECT_EXPECTATION ? is_of_expectation(id) : !(fields[id].flags & OF_EXPECTATION);
}

uint64_t field_maximum(enum field_id id)
{
	const struct field *field = &fields[field_is_any_of(id) ? fields[id].members[0] : id];

	return field->size >= 8 ? UINT64_MAX : (1ull << field->size * 8) - 1;
}

struct value field_value(enum field_id id, const struct record *record)
{
	const struct field *field = &fields[id];
	const char *member = (const char *)record + field->offset;
	struct value value = { .kind = field->kind, .data = member };

	value.is_present = record_has(record, id);
	if (!value.is_present)
		return value;
	switch (field->size) {
	case 1: value.number = *(const uint8_t *)member; break;
	case 2: value.number = *(const uint16_t *)(const void *)member; break;
	case 4: value.number = *(const uint32_t *)(const void *)member; break;
	case 8: value.number = *(const uint64_t *)(const void *)member; break;
	default: break;
	}
	return value;
}

void field_set_include(struct field_set *set, enum field_id id)
{
	if (!field_is_any_of(id)) {
		field_set_add(set, id);
		return;
	}
	for (size_t i = 0; i < sizeof(fields[id].members); i++)
		field_set_add(set, fields[id].members[i]);
}

static void require(struct field_set *set, enum field_id id)
{
	if (field_set_has(set, id))
		return;
	field_set_add(set, id);
	for (size_t i = 0; fields[id].derive && fields[id].uses[i] != FIELD_NONE; i++)
		require(set, fields[id].uses[i]);
}

struct field_set field_set_closure(const struct field_set *set)
{
	struct field_set closure = { { 0, 0 } };

	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if (field_set_has(set, id))
			require(&closure, id);
	return closure;
}

void record_derive(struct record *record, const struct field_set *wanted,
		   struct environment *environment)
{
	for (size_t word = 0; word < 2; word++) {
		for (uint64_t bits = wanted->bits[word]; bits; bits &= bits - 1) {
			const struct field *field = &fields[word * 64 + (size_t)__builtin_ctzll(bits)];

			if (field->derive)
				field->derive(record, environment);
		}
	}
}

/* Members lie in the order of their numbers. */
size_t record_size(const struct record *record)
{
	for (size_t word = 2; word-- > 0;) {
		uint64_t bits = record->present.bits[word];
		size_t last = word * 64 + 63 - (bits ? (size_t)__builtin_clzll(bits) : 0);

		if (bits && last == FIELD_secctx)
			return offsetof(struct record, secctx) + 1 +
			       strnlen(record->secctx.text, sizeof(record->secctx.text) - 1);
		if (bits)
			return fields[last].offset + fields[last].size;
	}
	return offsetof(struct record, present) + sizeof(record->present);
}
