/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/timeout.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conntab/host.h"
#include "internal.h"

#define BOTH(word) { word, word }
#define OURS(word) { word, NULL }

/* Names are those of states in entries; nft(8) knows objects of tcp and udp only. */
const struct timeout_protocol timeout_protocols[] = {
	{ .name = "tcp", .number = IPPROTO_TCP,
	  .states = { BOTH("syn_sent"), BOTH("syn_recv"), BOTH("established"), BOTH("fin_wait"), BOTH("close_wait"),
		      BOTH("last_ack"), BOTH("time_wait"), BOTH("close"), OURS("syn_sent2"), BOTH("retrans"),
		      { "unacknowledged", "unack" } } },
	{ .name = "udp", .number = IPPROTO_UDP, .states = { BOTH("unreplied"), BOTH("replied") } },
	{ .name = "udplite", .number = IPPROTO_UDPLITE, .states = { OURS("unreplied"), OURS("replied") } },
	{ .name = "icmp", .number = IPPROTO_ICMP, .states = { OURS("timeout") } },
	{ .name = "icmpv6", .number = IPPROTO_ICMPV6, .is_ipv6 = true, .states = { OURS("timeout") } },
	{ .name = "sctp", .number = IPPROTO_SCTP,
	  .states = { OURS("closed"), OURS("cookie_wait"), OURS("cookie_echoed"), OURS("established"),
		      OURS("shutdown_sent"), OURS("shutdown_recd"), OURS("shutdown_ack_sent"),
		      OURS("heartbeat_sent"), OURS("heartbeat_acked") } },
	{ .name = "dccp", .number = IPPROTO_DCCP,
	  .states = { OURS("request"), OURS("respond"), OURS("partopen"), OURS("open"), OURS("closereq"),
		      OURS("closing"), OURS("timewait") } },
	{ .name = "gre", .number = IPPROTO_GRE, .states = { OURS("unreplied"), OURS("replied") } },
	{ .name = "generic", .number = TIMEOUT_PROTOCOL_GENERIC, .states = { OURS("timeout") } },
	{ .name = NULL },
};

const struct timeout_protocol *timeout_protocol_find(uint8_t number)
{
	for (const struct timeout_protocol *protocol = timeout_protocols; protocol->name; protocol++)
		if (protocol->number == number)
			return protocol;
	return NULL;
}

unsigned timeout_protocol_count(const struct timeout_protocol *protocol)
{
	unsigned count = 0;

	while (count < TIMEOUT_STATES_MAX && protocol->states[count].name)
		count++;
	return count;
}

/* ---- reading ---- */

static int read_value(const struct nlattr *attribute, void *data)
{
	struct timeout_policy *policy = data;
	unsigned index = mnl_attr_get_type(attribute) - 1u;

	if (index < TIMEOUT_STATES_MAX && mnl_attr_get_payload_len(attribute) == sizeof(uint32_t)) {
		policy->values[index] = ntohl(mnl_attr_get_u32(attribute));
		policy->present |= 1u << index;
	}
	return MNL_CB_OK;
}

/* Both sorts number family, protocol and values differently. */
struct numbering {
	uint16_t family, protocol, values;
};

static const struct numbering named_numbering = { CTA_TIMEOUT_L3PROTO, CTA_TIMEOUT_L4PROTO, CTA_TIMEOUT_DATA };
static const struct numbering object_numbering = { NFTA_CT_TIMEOUT_L3PROTO, NFTA_CT_TIMEOUT_L4PROTO,
						   NFTA_CT_TIMEOUT_DATA };

static void read_common(const struct nlattr *attribute, const struct numbering *numbering,
			struct timeout_policy *policy)
{
	uint16_t type = mnl_attr_get_type(attribute), length = mnl_attr_get_payload_len(attribute);

	if (type == numbering->family && length == sizeof(uint16_t))
		policy->family = (uint8_t)ntohs(mnl_attr_get_u16(attribute));
	else if (type == numbering->protocol && length == sizeof(uint8_t))
		policy->protocol = mnl_attr_get_u8(attribute);
	else if (type == numbering->values)
		mnl_attr_parse_nested(attribute, read_value, policy);
}

static int read_named(const struct nlattr *attribute, void *data)
{
	struct timeout_policy *policy = data;

	switch (mnl_attr_get_type(attribute)) {
	case CTA_TIMEOUT_NAME:
		netlink_read_text(attribute, policy->name, sizeof(policy->name));
		break;
	case CTA_TIMEOUT_USE:
		/* The list of policies holds one reference itself. */
		policy->has_use = mnl_attr_get_payload_len(attribute) == sizeof(uint32_t);
		if (policy->has_use)
			policy->use = ntohl(mnl_attr_get_u32(attribute)) - 1;
		break;
	default:
		read_common(attribute, &named_numbering, policy);
	}
	return MNL_CB_OK;
}

static int read_object_data(const struct nlattr *attribute, void *data)
{
	read_common(attribute, &object_numbering, data);
	return MNL_CB_OK;
}

/* An object of nftables; only those of one type are wanted. */
struct object {
	struct timeout_policy *policy;
	bool is_timeout;
	const struct nlattr *data; /* read once the type is known: each type numbers on its own */
};

static int read_object(const struct nlattr *attribute, void *data)
{
	struct object *object = data;
	struct timeout_policy *policy = object->policy;
	size_t prefix = strlen(policy->table);

	switch (mnl_attr_get_type(attribute)) {
	case NFTA_OBJ_TABLE:
		netlink_read_text(attribute, policy->table + prefix, sizeof(policy->table) - prefix);
		break;
	case NFTA_OBJ_NAME:
		netlink_read_text(attribute, policy->name, sizeof(policy->name));
		break;
	case NFTA_OBJ_TYPE:
		object->is_timeout = mnl_attr_get_payload_len(attribute) == sizeof(uint32_t) &&
				     ntohl(mnl_attr_get_u32(attribute)) == NFT_OBJECT_CT_TIMEOUT;
		break;
	case NFTA_OBJ_USE:
		policy->has_use = mnl_attr_get_payload_len(attribute) == sizeof(uint32_t);
		if (policy->has_use)
			policy->use = ntohl(mnl_attr_get_u32(attribute));
		break;
	case NFTA_OBJ_DATA:
		object->data = attribute;
		break;
	}
	return MNL_CB_OK;
}

/* The families of nftables' tables, as nft(8) spells them. */
static const char *table_family(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_NETDEV:
		return "netdev";
	default:
		return "?";
	}
}

bool timeout_decode(const struct nlmsghdr *message, bool is_object, struct timeout_policy *policy)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	struct object object = { .policy = policy };

	*policy = (struct timeout_policy){ 0 };
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header))
		return false;
	if (!is_object) {
		mnl_attr_parse(message, sizeof(*header), read_named, policy);
		return true;
	}
	snprintf(policy->table, sizeof(policy->table), "%s ", table_family(header->nfgen_family));
	mnl_attr_parse(message, sizeof(*header), read_object, &object);
	if (object.is_timeout && object.data)
		mnl_attr_parse_nested(object.data, read_object_data, policy);
	return object.is_timeout && object.data;
}

struct list {
	int (*each)(void *data, const struct timeout_policy *policy);
	void *data;
	bool is_object;
};

static int read_message(void *data, const struct nlmsghdr *message)
{
	struct list *list = data;
	struct timeout_policy policy;

	return timeout_decode(message, list->is_object, &policy) ? list->each(list->data, &policy) : 0;
}

static int explain_absence(int result, struct error *error)
{
	return netlink_is_absent(result) ?
		netlink_absent(error, "timeout policies", "nfnetlink_cttimeout, CONFIG_NF_CT_NETLINK_TIMEOUT") : result;
}

static int list_named(struct netlink *netlink, struct list *list, struct error *error)
{
	list->is_object = false;
	if (module_is_unloaded("nfnetlink_cttimeout"))
		return 0;
	return explain_absence(netlink_dump_plain(netlink, NFNL_SUBSYS_CTNETLINK_TIMEOUT, IPCTNL_MSG_TIMEOUT_GET,
						  read_message, list, error), error);
}

/* A refusal means that this kernel has no nftables, so no objects. */
static int list_objects(struct netlink *netlink, struct list *list)
{
	struct error ignored = { 0 };
	int result;

	list->is_object = true;
	if (module_is_unloaded("nf_tables"))
		return 0;
	result = netlink_dump_plain(netlink, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETOBJ, read_message, list, &ignored);
	return result < 0 ? 0 : result;
}

/* After a dump that broke off the socket is closed; the next request needs one. */
static void reopen(struct netlink *netlink)
{
	struct error ignored = { 0 };

	if (!netlink->socket)
		netlink_open(netlink, &ignored);
}

int netlink_timeout_list(struct netlink *netlink, int (*each)(void *data, const struct timeout_policy *policy),
			 void *data, struct error *error)
{
	struct list list = { .each = each, .data = data };
	int result = list_named(netlink, &list, error);

	if (result == 0)
		result = list_objects(netlink, &list);
	reopen(netlink);
	return result;
}

static int add_protocol(void *data, const struct timeout_policy *policy)
{
	uint64_t *protocols = data;

	protocols[policy->protocol / 64] |= 1ull << policy->protocol % 64;
	return 0;
}

void netlink_timeout_policies(struct netlink *netlink, uint64_t protocols[4])
{
	struct list list = { .each = add_protocol, .data = protocols };
	struct error ignored = { 0 };

	list_named(netlink, &list, &ignored);
	reopen(netlink);
	list_objects(netlink, &list);
	reopen(netlink);
}

/* ---- changing ---- */

static struct nlmsghdr *begin(struct netlink *netlink, void *space, uint8_t type, uint16_t flags)
{
	return netlink_message_of(netlink, space, NFNL_SUBSYS_CTNETLINK_TIMEOUT, type, NLM_F_ACK | flags, AF_UNSPEC);
}

static void put_policy(struct nlmsghdr *message, const struct timeout_policy *policy)
{
	struct nlattr *nest;

	mnl_attr_put_u16(message, CTA_TIMEOUT_L3PROTO, htons(policy->family));
	mnl_attr_put_u8(message, CTA_TIMEOUT_L4PROTO, policy->protocol);
	nest = mnl_attr_nest_start(message, CTA_TIMEOUT_DATA);
	for (unsigned i = 0; i < TIMEOUT_STATES_MAX; i++)
		if (policy->present >> i & 1)
			mnl_attr_put_u32(message, (uint16_t)(i + 1), htonl(policy->values[i]));
	mnl_attr_nest_end(message, nest);
}

/* Takes back the text of those refusals that mean something to the caller. */
static int sort_out(int result, struct error *error)
{
	if (result != -EOPNOTSUPP && result != -EEXIST && result != -EBUSY)
		return result;
	*error = (struct error){ 0 };
	return result == -EOPNOTSUPP ? -EPROTONOSUPPORT : result;
}

int netlink_timeout_put(struct netlink *netlink, const struct timeout_policy *policy, bool is_replacement,
			struct error *error)
{
	char space[512] = { 0 }; /* the padding behind short attributes is sent too */
	struct nlmsghdr *message = begin(netlink, space, IPCTNL_MSG_TIMEOUT_NEW,
					 is_replacement ? NLM_F_REPLACE : NLM_F_CREATE | NLM_F_EXCL);

	mnl_attr_put_strz(message, CTA_TIMEOUT_NAME, policy->name);
	put_policy(message, policy);
	return sort_out(netlink_transact(netlink, message, NULL, NULL, error), error);
}

int netlink_timeout_delete(struct netlink *netlink, const char *name, struct error *error)
{
	char space[128] = { 0 };
	struct nlmsghdr *message = begin(netlink, space, IPCTNL_MSG_TIMEOUT_DELETE, 0);

	mnl_attr_put_strz(message, CTA_TIMEOUT_NAME, name);
	return sort_out(netlink_transact(netlink, message, NULL, NULL, error), error);
}

/* ---- the namespace's own timeouts ---- */

/* Kernels before 4.20 look for a protocol by its family too. */
static uint8_t natural_family(uint8_t number)
{
	const struct timeout_protocol *protocol = timeout_protocol_find(number);

	return protocol && protocol->is_ipv6 ? AF_INET6 : AF_INET;
}

static int read_default(void *data, const struct nlmsghdr *message)
{
	timeout_decode(message, false, data);
	return 0;
}

int netlink_timeout_default_get(struct netlink *netlink, struct timeout_policy *policy, bool may_load,
				struct error *error)
{
	char space[128] = { 0 };
	struct nlmsghdr *message = begin(netlink, space, IPCTNL_MSG_TIMEOUT_DEFAULT_GET, 0);
	int result;

	if (!may_load && module_is_unloaded("nfnetlink_cttimeout"))
		return error_set(error, -ENOENT,
				 "the module nfnetlink_cttimeout is not loaded, and looking loads none; "
				 "modprobe it, or see sysctl -a | grep nf_conntrack_.*timeout");
	mnl_attr_put_u16(message, CTA_TIMEOUT_L3PROTO, htons(natural_family(policy->protocol)));
	mnl_attr_put_u8(message, CTA_TIMEOUT_L4PROTO, policy->protocol);
	result = netlink_transact(netlink, message, read_default, policy, error);
	/* Where the protocol is unknown the answer is -EOPNOTSUPP, where the subsystem is, -EINVAL. */
	return result == -EINVAL ? explain_absence(result, error) : sort_out(result, error);
}

int netlink_timeout_default_set(struct netlink *netlink, const struct timeout_policy *policy, struct error *error)
{
	char space[512] = { 0 };
	struct nlmsghdr *message = begin(netlink, space, IPCTNL_MSG_TIMEOUT_DEFAULT_SET, 0);
	struct timeout_policy whole = *policy;

	whole.family = natural_family(policy->protocol);
	put_policy(message, &whole);
	return sort_out(netlink_transact(netlink, message, NULL, NULL, error), error);
}
