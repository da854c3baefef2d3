/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An expectation that a user describes (conntab expect add). */
#include <netinet/in.h>
#include <string.h>

#include "conntab/draft.h"
#include "conntab/netlink.h"

void draft_init_expectation(struct draft *draft)
{
	draft_init(draft);
	draft->noun = "expectation";
	draft->settable = (struct field_set){ { 0, 0 } };
	netlink_expect_fields(&draft->settable);
}

/* Fills a member that is not there with that byte, all over. */
static void fill(struct record *record, enum field_id id, int byte)
{
	if (record_has(record, id))
		return;
	memset((char *)record + fields[id].offset, byte, fields[id].size);
	field_set_add(&record->present, id);
}

static void fill_address(struct record *record, enum field_id id, struct address *address, bool is_full)
{
	if (record_has(record, id))
		return;
	*address = (struct address){ .family = record->dst.family };
	memset(address->bytes, is_full ? 0xff : 0, address->family == AF_INET ? 4 : 16);
	field_set_add(&record->present, id);
}

/*
 * What is not said of the source may be anything; what is said must be equal. The kernel compares
 * the whole destination always (struct nf_conntrack_tuple_mask has only the source).
 */
static void complete_mask(struct record *record)
{
	unsigned class = protocol_class(record->proto);
	bool has_port = record_has(record, FIELD_sport) || record_has(record, FIELD_gre_srckey);

	fill_address(record, FIELD_mask_src, &record->mask_src, record_has(record, FIELD_src));
	fill_address(record, FIELD_mask_dst, &record->mask_dst, true);
	fill(record, FIELD_mask_sport, has_port ? 0xff : 0);
	fill(record, FIELD_mask_dport, 0xff);
	fill_address(record, FIELD_src, &record->src, false);
	if (class & CLASS_PORTS)
		fill(record, FIELD_sport, 0);
}

static int check_master(struct record *record, struct error *error)
{
	static const uint8_t members[] = { FIELD_master_src, FIELD_master_sport, FIELD_master_dst, FIELD_master_dport };

	if (!record_has(record, FIELD_master_proto))
		record->master_proto = record->proto;
	field_set_add(&record->present, FIELD_master_proto);
	if (!(protocol_class(record->master_proto) & CLASS_PORTS))
		return error_usage(error, 0, "master.proto: a protocol with ports is wanted, such as tcp");
	for (size_t i = 0; i < sizeof(members); i++)
		if (!record_has(record, members[i]))
			return error_usage(error, 0, "the expectation lacks %s: the connection that it belongs to",
					   fields[members[i]].name);
	return 0;
}

/* ctnetlink_parse_expect_nat() takes all of it or nothing. */
static int complete_nat(struct draft *draft, struct error *error)
{
	struct record *record = &draft->record;

	if (draft->nat[NAT_SOURCE].is_given || draft->nat[NAT_DESTINATION].is_given)
		return error_usage(error, 0, "snat and dnat belong to entries; "
				   "of an expectation give nat.src, nat.sport and nat.dir");
	if (!record_has(record, FIELD_nat_src)) {
		if (record_has(record, FIELD_nat_sport) || record_has(record, FIELD_nat_dir))
			return error_usage(error, 0, "nat.sport and nat.dir need nat.src");
		return 0;
	}
	fill(record, FIELD_nat_sport, 0);
	fill(record, FIELD_nat_dir, 0);
	if (record->nat_dir > 1)
		return error_usage(error, 0, "nat.dir is 0, original, or 1, reply");
	return 0;
}

int draft_complete_expectation(struct draft *draft, uint8_t family, struct error *error)
{
	struct record *record = &draft->record;

	if (!record_has(record, FIELD_proto))
		return error_usage(error, 0, "the expectation lacks its protocol (tcp, udp, ...)");
	if (protocol_class(record->proto) & (CLASS_ICMP | CLASS_ICMPV6))
		return error_usage(error, 0, "nothing expects icmp: "
				   "connections with ports, gre and other protocols can be expected");
	if (!record_has(record, FIELD_dst))
		return error_usage(error, 0, "the expectation lacks dst");
	complete_mask(record);
	if (check_master(record, error) || complete_nat(draft, error))
		return error->code;
	return draft_complete_tuple(draft, family, error);
}
