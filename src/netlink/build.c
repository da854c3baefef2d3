/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds tuples, the one thing that get, delete and dump filters have in common. */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <netinet/in.h>

#include "conntab/field.h"
#include "internal.h"

/* A tuple's parts: the field, of each direction, and where it goes. */
struct tuple_part {
	uint8_t field[2]; /* by enum direction */
	uint8_t attribute;
	uint8_t attribute_v6;
};

static const struct tuple_part address_parts[] = {
	{ { FIELD_src, FIELD_reply_src }, CTA_IP_V4_SRC, CTA_IP_V6_SRC },
	{ { FIELD_dst, FIELD_reply_dst }, CTA_IP_V4_DST, CTA_IP_V6_DST },
};

static const struct tuple_part protocol_parts[] = {
	{ { FIELD_sport, FIELD_reply_sport }, CTA_PROTO_SRC_PORT, CTA_PROTO_SRC_PORT },
	{ { FIELD_dport, FIELD_reply_dport }, CTA_PROTO_DST_PORT, CTA_PROTO_DST_PORT },
	{ { FIELD_gre_srckey, FIELD_reply_gre_srckey }, CTA_PROTO_SRC_PORT, CTA_PROTO_SRC_PORT },
	{ { FIELD_gre_dstkey, FIELD_reply_gre_dstkey }, CTA_PROTO_DST_PORT, CTA_PROTO_DST_PORT },
	{ { FIELD_icmp_type, FIELD_reply_icmp_type }, CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMPV6_TYPE },
	{ { FIELD_icmp_code, FIELD_reply_icmp_code }, CTA_PROTO_ICMP_CODE, CTA_PROTO_ICMPV6_CODE },
	{ { FIELD_icmp_id, FIELD_reply_icmp_id }, CTA_PROTO_ICMP_ID, CTA_PROTO_ICMPV6_ID },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void put_addresses(struct nlmsghdr *message, enum direction direction, const struct record *tuple,
			  const struct field_set *present)
{
	struct nlattr *nest = NULL;

	for (size_t i = 0; i < COUNT(address_parts); i++) {
		const struct tuple_part *part = &address_parts[i];
		enum field_id id = part->field[direction];
		const struct address *address = field_value(id, tuple).data;

		if (!field_set_has(present, id))
			continue;
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
	struct nlattr *nest;

	if (!field_set_has(present, FIELD_proto))
		return;
	nest = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(message, CTA_PROTO_NUM, tuple->proto);
	for (size_t i = 0; i < COUNT(protocol_parts); i++) {
		const struct tuple_part *part = &protocol_parts[i];
		enum field_id id = part->field[direction];
		uint16_t type = tuple->proto == IPPROTO_ICMPV6 ? part->attribute_v6 : part->attribute;
		uint64_t number = field_value(id, tuple).number;

		if (!field_set_has(present, id))
			continue;
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
	enum field_id zone = direction == DIRECTION_REPLY ? FIELD_reply_zone : FIELD_orig_zone;
	uint16_t type = direction == DIRECTION_REPLY ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG;
	struct nlattr *nest = mnl_attr_nest_start(message, type);

	put_addresses(message, direction, tuple, present);
	put_protocol(message, direction, tuple, present);
	if (field_set_has(present, zone))
		mnl_attr_put_u16(message, CTA_TUPLE_ZONE, htons((uint16_t)field_value(zone, tuple).number));
	mnl_attr_nest_end(message, nest);
}
