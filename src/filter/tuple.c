/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A filter read as the tuple of one entry (conntab get). */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tree.h"

/* What a tuple is made of: for each direction, and for the protocols that have it. */
static const struct {
	uint8_t field[2]; /* original, reply */
	uint16_t protocols;
} members[] = {
	{ { FIELD_src, FIELD_reply_src }, CLASS_ALL },
	{ { FIELD_dst, FIELD_reply_dst }, CLASS_ALL },
	{ { FIELD_sport, FIELD_reply_sport }, CLASS_PORTS },
	{ { FIELD_dport, FIELD_reply_dport }, CLASS_PORTS },
	{ { FIELD_icmp_type, FIELD_reply_icmp_type }, CLASS_ICMP | CLASS_ICMPV6 },
	{ { FIELD_icmp_code, FIELD_reply_icmp_code }, CLASS_ICMP | CLASS_ICMPV6 },
	{ { FIELD_icmp_id, FIELD_reply_icmp_id }, CLASS_ICMP | CLASS_ICMPV6 },
	{ { FIELD_gre_srckey, FIELD_reply_gre_srckey }, CLASS_GRE },
	{ { FIELD_gre_dstkey, FIELD_reply_gre_dstkey }, CLASS_GRE },
};

enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

static bool belongs_to_tuple(enum field_id id)
{
	if (id == FIELD_family || id == FIELD_proto || id == FIELD_zone || id == FIELD_orig_zone ||
	    id == FIELD_reply_zone)
		return true;
	for (size_t i = 0; i < MEMBERS; i++)
		if (members[i].field[0] == id || members[i].field[1] == id)
			return true;
	return false;
}

static int take_term(const struct term *term, struct record *tuple, struct error *error)
{
	const struct field *field = &fields[term->field];
	const struct address *address = term_address(term);
	void *member = (char *)tuple + field->offset;
	uint64_t number = 0;

	if (!belongs_to_tuple(term->field))
		return error_usage(error, 0, "%s is not part of a tuple; list takes every field", field->name);
	if (record_has(tuple, term->field))
		return error_usage(error, 0, "%s is given twice", field->name);
	if (!address && !term_is_number(term, &number))
		return error_usage(error, 0, "%s: a tuple needs one exact value", field->name);
	if (address)
		memcpy(member, address, sizeof(*address));
	else if (field->size == 1)
		*(uint8_t *)member = (uint8_t)number;
	else
		*(uint16_t *)member = (uint16_t)number;
	field_set_add(&tuple->present, term->field);
	return 0;
}

static int take_terms(const struct filter *filter, struct record *tuple, struct error *error)
{
	const struct node *node = filter ? filter->root : NULL;

	if (!node)
		return error_usage(error, 0, "which entry? for example: tcp src 192.0.2.1 sport 4711 dst 192.0.2.9 dport 443");
	if (node->type == NODE_OR)
		return error_usage(error, 0, "one entry is asked for: \"or\" has no place here");
	if (node->type == NODE_TERM)
		return take_term(&node->term, tuple, error);
	for (const struct node *child = node->first; child; child = child->next) {
		if (child->type != NODE_TERM)
			return error_usage(error, 0, "one entry is asked for: \"or\" has no place here");
		if (take_term(&child->term, tuple, error))
			return error->code;
	}
	return 0;
}

enum field_id tuple_missing_member(const struct record *tuple, bool is_reply)
{
	unsigned class = protocol_class(tuple->proto);

	for (size_t i = 0; i < MEMBERS; i++) {
		/* A kernel that has no tracker for these knows no ports of theirs (DCCP since 6.17). */
		if (members[i].protocols == CLASS_PORTS && class & (CLASS_DCCP | CLASS_UDPLITE))
			continue;
		if (members[i].protocols & class && !record_has(tuple, members[i].field[is_reply]))
			return members[i].field[is_reply];
	}
	return FIELD_NONE;
}

/* A member of the other direction, or one that this protocol does not have. */
static enum field_id stray_member(const struct record *tuple, int direction)
{
	unsigned class = protocol_class(tuple->proto);

	for (size_t i = 0; i < MEMBERS; i++) {
		if (record_has(tuple, members[i].field[!direction]))
			return members[i].field[!direction];
		if (!(members[i].protocols & class) && record_has(tuple, members[i].field[direction]))
			return members[i].field[direction];
	}
	return FIELD_NONE;
}

static int check_addresses(struct record *tuple, uint8_t family, int direction, struct error *error)
{
	const struct address *src = direction ? &tuple->reply_src : &tuple->src;
	const struct address *dst = direction ? &tuple->reply_dst : &tuple->dst;

	if (src->family != dst->family)
		return error_usage(error, 0, "the two addresses are of different families");
	if ((family != AF_UNSPEC && family != src->family) ||
	    (record_has(tuple, FIELD_family) && tuple->family != src->family))
		return error_usage(error, 0, "the addresses are not of the family that was asked for");
	tuple->family = src->family;
	field_set_add(&tuple->present, FIELD_family);
	return 0;
}

int filter_as_tuple(const struct filter *filter, uint8_t family, struct record *tuple, bool *is_reply,
		    struct error *error)
{
	enum field_id missing, stray;

	memset(tuple, 0, sizeof(*tuple));
	if (take_terms(filter, tuple, error))
		return error->code;
	if (!record_has(tuple, FIELD_proto))
		return error_usage(error, 0, "the tuple lacks its protocol (tcp, udp, icmp, ...)");
	*is_reply = record_has(tuple, FIELD_reply_src);
	missing = tuple_missing_member(tuple, *is_reply);
	if (missing != FIELD_NONE)
		return error_usage(error, 0, "the tuple lacks %s", fields[missing].name);
	stray = stray_member(tuple, *is_reply);
	if (stray != FIELD_NONE)
		return error_usage(error, 0, "%s is no part of this tuple", fields[stray].name);
	return check_addresses(tuple, family, *is_reply, error);
}
