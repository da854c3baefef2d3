/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/statistics.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>

#include "internal.h"

const struct counter counters[COUNTER_COUNT] = {
	[COUNTER_FOUND] = { "found", "found", "packets that met an entry in a second look-up (rare)", NULL, false },
	[COUNTER_INVALID] = { "invalid", "invalid", "packets that belong to no connection and can begin none",
			      "see which: sysctl -w net.netfilter.nf_conntrack_log_invalid=255; "
			      "often asymmetric routing or an entry deleted too early", true },
	[COUNTER_INSERT] = { "insert", "insert", "entries made over ctnetlink", NULL, false },
	[COUNTER_INSERT_FAILED] = { "insert_failed", "insert_failed", "packets dropped because an equal entry was there first",
				    "mostly two packets of one UDP socket at once (the DNS race); "
				    "with chain_toolong growing too: more buckets", true },
	[COUNTER_DROP] = { "drop", "drop", "packets dropped because no entry could be made: the table is full",
			   "enlarge net.netfilter.nf_conntrack_max, or find out what fills it: "
			   "conntab count --by src --top 10", true },
	[COUNTER_EARLY_DROP] = { "early_drop", "early_drop", "unassured entries thrown out to make room in a full table",
				 "the table is full: as for drop", true },
	[COUNTER_ERROR] = { "error", "error", "packets that were malformed, or icmp errors about no known connection",
			    NULL, true },
	[COUNTER_SEARCH_RESTART] = { "search_restart", "search_restart", "look-ups repeated because the hash was resized or changed",
				     "much of it means long chains: more buckets", true },
	[COUNTER_CLASH_RESOLVE] = { "clash_resolve", "clash_resolve", "clashes of two equal new entries that were mended",
				    NULL, true },
	[COUNTER_CHAIN_TOOLONG] = { "chain_toolong", "chaintoolong", "packets dropped because their hash chain was too long",
				    "too few buckets for the entries: raise net.netfilter.nf_conntrack_buckets "
				    "(module option hashsize)", true },
	[COUNTER_EXPECT_NEW] = { "expect_new", "expect_new", "connections that a helper had expected", NULL, false },
	[COUNTER_EXPECT_CREATE] = { "expect_create", "expect_create", "expectations that helpers made", NULL, false },
	[COUNTER_EXPECT_DELETE] = { "expect_delete", "expect_delete", "expectations that ended", NULL, false },
};

/* The counter that an attribute carries, plus 1; 0: none that is still in use. */
static const uint8_t entry_attributes[CTA_STATS_MAX + 1] = {
	[CTA_STATS_FOUND] = COUNTER_FOUND + 1,
	[CTA_STATS_INVALID] = COUNTER_INVALID + 1,
	[CTA_STATS_INSERT] = COUNTER_INSERT + 1,
	[CTA_STATS_INSERT_FAILED] = COUNTER_INSERT_FAILED + 1,
	[CTA_STATS_DROP] = COUNTER_DROP + 1,
	[CTA_STATS_EARLY_DROP] = COUNTER_EARLY_DROP + 1,
	[CTA_STATS_ERROR] = COUNTER_ERROR + 1,
	[CTA_STATS_SEARCH_RESTART] = COUNTER_SEARCH_RESTART + 1,
	[CTA_STATS_CLASH_RESOLVE] = COUNTER_CLASH_RESOLVE + 1,
	[CTA_STATS_CHAIN_TOOLONG] = COUNTER_CHAIN_TOOLONG + 1,
};

static const uint8_t expectation_attributes[CTA_STATS_EXP_MAX + 1] = {
	[CTA_STATS_EXP_NEW] = COUNTER_EXPECT_NEW + 1,
	[CTA_STATS_EXP_CREATE] = COUNTER_EXPECT_CREATE + 1,
	[CTA_STATS_EXP_DELETE] = COUNTER_EXPECT_DELETE + 1,
};

struct reader {
	const uint8_t *attributes;
	unsigned attribute_count;
	struct cpu_counters counters;
	void (*each)(void *data, const struct cpu_counters *counters);
	void *data;
};

static int read_counter(const struct nlattr *attribute, void *data)
{
	struct reader *reader = data;
	unsigned type = mnl_attr_get_type(attribute);
	unsigned counter = type < reader->attribute_count ? reader->attributes[type] : 0;

	if (counter == 0 || mnl_attr_get_payload_len(attribute) != sizeof(uint32_t))
		return MNL_CB_OK;
	reader->counters.values[counter - 1] = ntohl(mnl_attr_get_u32(attribute));
	reader->counters.present |= 1u << (counter - 1);
	return MNL_CB_OK;
}

static int read_cpu(void *data, const struct nlmsghdr *message)
{
	struct reader *reader = data;
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header))
		return 0;
	reader->counters = (struct cpu_counters){ .cpu = ntohs(header->res_id) };
	mnl_attr_parse(message, sizeof(*header), read_counter, reader);
	reader->each(reader->data, &reader->counters);
	return 0;
}

int netlink_entry_counters(struct netlink *netlink,
			   void (*each)(void *data, const struct cpu_counters *counters), void *data,
			   struct error *error)
{
	struct reader reader = { .attributes = entry_attributes, .attribute_count = CTA_STATS_MAX + 1,
				 .each = each, .data = data };

	return netlink_dump_plain(netlink, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS_CPU, read_cpu, &reader, error);
}

int netlink_counters(struct netlink *netlink, void (*each)(void *data, const struct cpu_counters *counters),
		     void *data, struct error *error)
{
	struct reader reader = { .attributes = expectation_attributes, .attribute_count = CTA_STATS_EXP_MAX + 1,
				 .each = each, .data = data };
	int result = netlink_entry_counters(netlink, each, data, error);

	if (result)
		return result;
	return netlink_dump_plain(netlink, NFNL_SUBSYS_CTNETLINK_EXP, IPCTNL_MSG_EXP_GET_STATS_CPU, read_cpu,
				  &reader, error);
}

void counter_sums_add(void *data, const struct cpu_counters *cpu)
{
	struct counter_sums *sums = data;

	sums->present |= cpu->present;
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		sums->values[i] += cpu->values[i];
}
