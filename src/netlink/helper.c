/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/helper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink_cthelper.h>
#include <sys/socket.h>

#include "conntab/host.h"
#include "internal.h"

/* ---- reading ---- */

/* A number in the network's order; false, and untouched, where the length is another. */
static bool read_number(const struct nlattr *attribute, uint32_t *number)
{
	if (mnl_attr_get_payload_len(attribute) != sizeof(*number))
		return false;
	*number = ntohl(mnl_attr_get_u32(attribute));
	return true;
}

static int read_tuple(const struct nlattr *attribute, void *data)
{
	uint16_t type = mnl_attr_get_type(attribute), length = mnl_attr_get_payload_len(attribute);
	struct helper *helper = data;

	if (type == NFCTH_TUPLE_L3PROTONUM && length == sizeof(uint16_t))
		helper->family = (uint8_t)ntohs(mnl_attr_get_u16(attribute));
	else if (type == NFCTH_TUPLE_L4PROTONUM && length == sizeof(uint8_t))
		helper->protocol = mnl_attr_get_u8(attribute);
	return MNL_CB_OK;
}

static int read_policy(const struct nlattr *attribute, void *data)
{
	struct helper_policy *policy = data;

	switch (mnl_attr_get_type(attribute)) {
	case NFCTH_POLICY_NAME:
		netlink_read_text(attribute, policy->name, sizeof(policy->name));
		break;
	case NFCTH_POLICY_EXPECT_MAX:
		read_number(attribute, &policy->max);
		break;
	case NFCTH_POLICY_EXPECT_TIMEOUT:
		read_number(attribute, &policy->timeout);
		break;
	}
	return MNL_CB_OK;
}

/* How many there are is seen from the classes themselves, not from NFCTH_POLICY_SET_NUM. */
static int read_policies(const struct nlattr *attribute, void *data)
{
	unsigned index = mnl_attr_get_type(attribute) - (unsigned)NFCTH_POLICY_SET;
	struct helper *helper = data;

	if (index >= HELPER_POLICIES_MAX)
		return MNL_CB_OK;
	mnl_attr_parse_nested(attribute, read_policy, &helper->policies[index]);
	if (index >= helper->policy_count)
		helper->policy_count = index + 1;
	helper->present |= HELPER_POLICIES;
	return MNL_CB_OK;
}

static void read_part(struct helper *helper, const struct nlattr *attribute, uint32_t *number, enum helper_part part)
{
	if (read_number(attribute, number))
		helper->present |= part;
}

static int read_helper(const struct nlattr *attribute, void *data)
{
	struct helper *helper = data;
	uint32_t status = NFCT_HELPER_STATUS_DISABLED;

	switch (mnl_attr_get_type(attribute)) {
	case NFCTH_NAME:
		netlink_read_text(attribute, helper->name, sizeof(helper->name));
		break;
	case NFCTH_TUPLE:
		mnl_attr_parse_nested(attribute, read_tuple, helper);
		break;
	case NFCTH_POLICY:
		mnl_attr_parse_nested(attribute, read_policies, helper);
		break;
	case NFCTH_QUEUE_NUM:
		read_part(helper, attribute, &helper->queue, HELPER_QUEUE);
		break;
	case NFCTH_PRIV_DATA_LEN:
		read_part(helper, attribute, &helper->data, HELPER_DATA);
		break;
	case NFCTH_STATUS:
		read_part(helper, attribute, &status, HELPER_STATUS);
		helper->is_enabled = status == NFCT_HELPER_STATUS_ENABLED;
		break;
	}
	return MNL_CB_OK;
}

bool helper_decode(const struct nlmsghdr *message, struct helper *helper)
{
	*helper = (struct helper){ 0 };
	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg))
		return false;
	mnl_attr_parse(message, sizeof(struct nfgenmsg), read_helper, helper);
	return helper->name[0] != '\0';
}

struct list {
	int (*each)(void *data, const struct helper *helper);
	void *data;
};

static int read_message(void *data, const struct nlmsghdr *message)
{
	struct list *list = data;
	struct helper helper;

	return helper_decode(message, &helper) ? list->each(list->data, &helper) : 0;
}

/* The list belongs to the machine, so the kernel asks for a capability outside of user namespaces. */
static int explain(int result, struct error *error)
{
	if (netlink_is_absent(result))
		return netlink_absent(error, "user-space helpers", "nfnetlink_cthelper, CONFIG_NF_CT_NETLINK_HELPER");
	if (result != -EPERM)
		return result;
	*error = (struct error){ 0 };
	return error_set(error, result, "permission denied (helpers are the machine's: needs CAP_NET_ADMIN outside of "
			 "user namespaces)");
}

int netlink_helper_list(struct netlink *netlink, int (*each)(void *data, const struct helper *helper), void *data,
			struct error *error)
{
	struct list list = { .each = each, .data = data };

	if (module_is_unloaded("nfnetlink_cthelper"))
		return 0;
	return explain(netlink_dump_plain(netlink, NFNL_SUBSYS_CTHELPER, NFNL_MSG_CTHELPER_GET, read_message, &list,
					  error),
		       error);
}

/* ---- changing ---- */

static void put_number(struct nlmsghdr *message, uint16_t type, uint32_t number)
{
	mnl_attr_put_u32(message, type, htonl(number));
}

/* A request about one helper: what it is called comes first. */
static struct nlmsghdr *begin(struct netlink *netlink, void *space, uint8_t type, uint16_t flags,
			      const struct helper *helper)
{
	struct nlmsghdr *message =
		netlink_message_of(netlink, space, NFNL_SUBSYS_CTHELPER, type, NLM_F_ACK | flags, AF_UNSPEC);
	struct nlattr *nest;

	mnl_attr_put_strz(message, NFCTH_NAME, helper->name);
	nest = mnl_attr_nest_start(message, NFCTH_TUPLE);
	mnl_attr_put_u16(message, NFCTH_TUPLE_L3PROTONUM, htons(helper->family));
	mnl_attr_put_u8(message, NFCTH_TUPLE_L4PROTONUM, helper->protocol);
	mnl_attr_nest_end(message, nest);
	return message;
}

static void put_policies(struct nlmsghdr *message, const struct helper *helper)
{
	struct nlattr *set = mnl_attr_nest_start(message, NFCTH_POLICY);

	put_number(message, NFCTH_POLICY_SET_NUM, helper->policy_count);
	for (unsigned i = 0; i < helper->policy_count; i++) {
		const struct helper_policy *policy = &helper->policies[i];
		struct nlattr *nest = mnl_attr_nest_start(message, (uint16_t)(NFCTH_POLICY_SET + i));

		mnl_attr_put_strz(message, NFCTH_POLICY_NAME, policy->name);
		put_number(message, NFCTH_POLICY_EXPECT_MAX, policy->max);
		put_number(message, NFCTH_POLICY_EXPECT_TIMEOUT, policy->timeout);
		mnl_attr_nest_end(message, nest);
	}
	mnl_attr_nest_end(message, set);
}

/* Takes back the text of those refusals that mean something to the caller. */
static int sort_out(int result, struct error *error)
{
	if (result == -EEXIST || result == -EBUSY)
		*error = (struct error){ 0 };
	return result == -EPERM ? explain(result, error) : result;
}

int netlink_helper_put(struct netlink *netlink, const struct helper *helper, bool is_change, struct error *error)
{
	char space[512] = { 0 }; /* the padding behind short attributes is sent too */
	struct nlmsghdr *message = begin(netlink, space, NFNL_MSG_CTHELPER_NEW,
					 is_change ? NLM_F_CREATE : NLM_F_CREATE | NLM_F_EXCL, helper);

	if (helper->present & HELPER_QUEUE)
		put_number(message, NFCTH_QUEUE_NUM, helper->queue);
	if (helper->present & HELPER_DATA)
		put_number(message, NFCTH_PRIV_DATA_LEN, helper->data);
	if (helper->present & HELPER_STATUS)
		put_number(message, NFCTH_STATUS,
			   helper->is_enabled ? NFCT_HELPER_STATUS_ENABLED : NFCT_HELPER_STATUS_DISABLED);
	if (helper->present & HELPER_POLICIES)
		put_policies(message, helper);
	return sort_out(netlink_transact(netlink, message, NULL, NULL, error), error);
}

int netlink_helper_delete(struct netlink *netlink, const struct helper *helper, struct error *error)
{
	char space[128] = { 0 };
	struct nlmsghdr *message = begin(netlink, space, NFNL_MSG_CTHELPER_DEL, 0, helper);

	return sort_out(netlink_transact(netlink, message, NULL, NULL, error), error);
}
