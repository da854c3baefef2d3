/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds tuples, the one thing that all requests about entries have in common. */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <netinet/in.h>

#include "conntab/field.h"
#include "internal.h"

/* A tuple's parts: the field, in each of the tuples, and where it goes. */
struct tuple_part {
	uint8_t field[DIRECTIONS];
	uint8_t attribute;
	uint8_t attribute_v6;
};

/* The last two of an expectation's tuples are written from a record's original one. */
#define PART(original, reply, master, mask)                                                          \
	{ [DIRECTION_ORIGINAL] = (original), [DIRECTION_REPLY] = (reply), [DIRECTION_MASTER] = (master), \
	  [DIRECTION_EXPECT_MASTER] = (master), [DIRECTION_MASK] = (mask),                            \
	  [DIRECTION_EXPECTED] = (original), [DIRECTION_NAT] = (original) }
#define ENTRY_PART(original, reply) PART(original, reply, FIELD_NONE, FIELD_NONE)

static const struct tuple_part address_parts[] = {
	{ PART(FIELD_src, FIELD_reply_src, FIELD_master_src, FIELD_mask_src), CTA_IP_V4_SRC, CTA_IP_V6_SRC },
	{ PART(FIELD_dst, FIELD_reply_dst, FIELD_master_dst, FIELD_mask_dst), CTA_IP_V4_DST, CTA_IP_V6_DST },
};

static const struct tuple_part protocol_parts[] = {
	{ PART(FIELD_sport, FIELD_reply_sport, FIELD_master_sport, FIELD_mask_sport),
	  CTA_PROTO_SRC_PORT, CTA_PROTO_SRC_PORT },
	{ PART(FIELD_dport, FIELD_reply_dport, FIELD_master_dport, FIELD_mask_dport),
	  CTA_PROTO_DST_PORT, CTA_PROTO_DST_PORT },
	{ ENTRY_PART(FIELD_gre_srckey, FIELD_reply_gre_srckey), CTA_PROTO_SRC_PORT, CTA_PROTO_SRC_PORT },
	{ ENTRY_PART(FIELD_gre_dstkey, FIELD_reply_gre_dstkey), CTA_PROTO_DST_PORT, CTA_PROTO_DST_PORT },
	{ ENTRY_PART(FIELD_icmp_type, FIELD_reply_icmp_type), CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMPV6_TYPE },
	{ ENTRY_PART(FIELD_icmp_code, FIELD_reply_icmp_code), CTA_PROTO_ICMP_CODE, CTA_PROTO_ICMPV6_CODE },
	{ ENTRY_PART(FIELD_icmp_id, FIELD_reply_icmp_id), CTA_PROTO_ICMP_ID, CTA_PROTO_ICMPV6_ID },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void put_addresses(struct nlmsghdr *message, enum direction direction, const struct record *tuple,
			  const struct field_set *present)
{
	struct nlattr *nest = NULL;

	for (size_t i = 0; i < COUNT(address_parts); i++) {
		const struct tuple_part *part = &address_parts[i];
		enum field_id id = part->field[direction];
		const struct address *address;

		if (id == FIELD_NONE || !field_set_has(present, id))
			continue;
		address = field_value(id, tuple).data;
		if (!nest)
			nest = mnl_attr_nest_start(message, CTA_TUPLE_IP);
		if (address->family == AF_INET)
			mnl_attr_put(message, part->attribute, 4, address->bytes);
		else
			mnl_attr_put(message, part->attribute_v6, 16, address->bytes);
	}
	if (nest)
		mnl_attr_nest_end(message, nest);
}

static void put_protocol(struct nlmsghdr *message, enum direction direction, const struct record *tuple,
			 const struct field_set *present)
{
	bool is_master = direction == DIRECTION_MASTER || direction == DIRECTION_EXPECT_MASTER;
	uint8_t protocol = is_master ? tuple->master_proto : tuple->proto;
	struct nlattr *nest;

	if (!field_set_has(present, is_master ? FIELD_master_proto : FIELD_proto))
		return;
	nest = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(message, CTA_PROTO_NUM, protocol);
	for (size_t i = 0; i < COUNT(protocol_parts); i++) {
		const struct tuple_part *part = &protocol_parts[i];
		enum field_id id = part->field[direction];
		uint16_t type = protocol == IPPROTO_ICMPV6 ? part->attribute_v6 : part->attribute;
		uint64_t number;

		if (id == FIELD_NONE || !field_set_has(present, id))
			continue;
		number = field_value(id, tuple).number;
		if (fields[id].size == 1)
			mnl_attr_put_u8(message, type, (uint8_t)number);
		else
			mnl_attr_put_u16(message, type, htons((uint16_t)number));
	}
	mnl_attr_nest_end(message, nest);
}

void netlink_put_tuple(struct nlmsghdr *message, enum direction direction, const struct record *tuple,
		       const struct field_set *present)
{
	static const struct {
		uint16_t type;
		uint8_t zone;
	} tuples[] = {
		[DIRECTION_ORIGINAL] = { CTA_TUPLE_ORIG, FIELD_orig_zone },
		[DIRECTION_REPLY] = { CTA_TUPLE_REPLY, FIELD_reply_zone },
		[DIRECTION_MASTER] = { CTA_TUPLE_MASTER, FIELD_NONE },
		[DIRECTION_EXPECTED] = { CTA_EXPECT_TUPLE, FIELD_NONE },
		[DIRECTION_MASK] = { CTA_EXPECT_MASK, FIELD_NONE },
		[DIRECTION_NAT] = { CTA_EXPECT_NAT_TUPLE, FIELD_NONE },
		[DIRECTION_EXPECT_MASTER] = { CTA_EXPECT_MASTER, FIELD_NONE },
	};
	struct nlattr *nest = mnl_attr_nest_start(message, tuples[direction].type);
	enum field_id zone = tuples[direction].zone;

	put_addresses(message, direction, tuple, present);
	put_protocol(message, direction, tuple, present);
	if (zone != FIELD_NONE && field_set_has(present, zone))
		mnl_attr_put_u16(message, CTA_TUPLE_ZONE, htons((uint16_t)field_value(zone, tuple).number));
	mnl_attr_nest_end(message, nest);
}

void netlink_tuple_fields(struct field_set *set, enum direction direction)
{
	for (size_t i = 0; i < COUNT(address_parts); i++)
		field_set_include(set, address_parts[i].field[direction]);
	for (size_t i = 0; i < COUNT(protocol_parts); i++)
		if (protocol_parts[i].field[direction] != FIELD_NONE)
			field_set_include(set, protocol_parts[i].field[direction]);
}
