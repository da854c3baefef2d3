/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which protocols have timeout policies: net/netfilter/nfnetlink_cttimeout.c and
 * the objects of net/netfilter/nft_ct.c.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <sys/socket.h>

#include "conntab/host.h"
#include "internal.h"

/* What is looked for in a message: the protocol's number, and of nftables the sort of object. */
struct policy {
	uint8_t protocol_attribute;
	bool has_protocol;
	uint8_t protocol;
	bool is_object, is_timeout;
	uint64_t *protocols;
};

static int read_protocol(const struct nlattr *attribute, void *data)
{
	struct policy *policy = data;

	if (mnl_attr_get_type(attribute) == policy->protocol_attribute && mnl_attr_get_payload_len(attribute) == 1) {
		policy->protocol = mnl_attr_get_u8(attribute);
		policy->has_protocol = true;
	}
	return MNL_CB_OK;
}

static int read_object(const struct nlattr *attribute, void *data)
{
	struct policy *policy = data;

	if (mnl_attr_get_type(attribute) == NFTA_OBJ_TYPE && mnl_attr_get_payload_len(attribute) == sizeof(uint32_t))
		policy->is_timeout = ntohl(mnl_attr_get_u32(attribute)) == NFT_OBJECT_CT_TIMEOUT;
	else if (mnl_attr_get_type(attribute) == NFTA_OBJ_DATA)
		mnl_attr_parse_nested(attribute, read_protocol, policy);
	return MNL_CB_OK;
}

static int read_policy(void *data, const struct nlmsghdr *message)
{
	struct policy *policy = data;

	policy->has_protocol = policy->is_timeout = false;
	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg))
		return 0;
	mnl_attr_parse(message, sizeof(struct nfgenmsg), policy->is_object ? read_object : read_protocol, policy);
	if (policy->has_protocol && policy->is_timeout == policy->is_object)
		policy->protocols[policy->protocol / 64] |= 1ull << policy->protocol % 64;
	return 0;
}

/* A refusal means that the kernel has no such thing; the socket is opened anew for the next request. */
static void dump_policies(struct netlink *netlink, uint8_t subsystem, uint8_t type, struct policy *policy)
{
	struct error error = { 0 }, ignored = { 0 };

	if (netlink_dump_plain(netlink, subsystem, type, read_policy, policy, &error) < 0 && !netlink->socket)
		netlink_open(netlink, &ignored);
}

void netlink_timeout_policies(struct netlink *netlink, uint64_t protocols[4])
{
	struct policy named = { .protocol_attribute = CTA_TIMEOUT_L4PROTO, .protocols = protocols };
	struct policy object = { .protocol_attribute = NFTA_CT_TIMEOUT_L4PROTO, .is_object = true,
				 .protocols = protocols };

	if (!module_is_unloaded("nfnetlink_cttimeout"))
		dump_policies(netlink, NFNL_SUBSYS_CTNETLINK_TIMEOUT, IPCTNL_MSG_TIMEOUT_GET, &named);
	if (!module_is_unloaded("nf_tables"))
		dump_policies(netlink, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETOBJ, &object);
}
