/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests about expectations: NFNL_SUBSYS_CTNETLINK_EXP, as read by ctnetlink_get_expect(),
 * ctnetlink_new_expect() and ctnetlink_del_expect() in net/netfilter/nf_conntrack_netlink.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>
#include <sys/socket.h>

#include "conntab/field.h"
#include "internal.h"

struct nlmsghdr *netlink_expect_message(struct netlink *netlink, void *buffer, uint8_t type, uint16_t flags,
					uint8_t family)
{
	return netlink_message_of(netlink, buffer, NFNL_SUBSYS_CTNETLINK_EXP, type, flags, family);
}

static void put_zone(struct nlmsghdr *message, const struct record *record)
{
	if (record_has(record, FIELD_zone))
		mnl_attr_put_u16(message, CTA_EXPECT_ZONE, htons(record->zone));
}

void netlink_put_expected(struct nlmsghdr *message, const struct record *record)
{
	netlink_put_tuple(message, DIRECTION_EXPECTED, record, &record->present);
	put_zone(message, record);
	if (record_has(record, FIELD_id))
		mnl_attr_put_u32(message, CTA_EXPECT_ID, htonl(record->id));
}

int netlink_expect_get(struct netlink *netlink, const struct record *tuple,
		       int (*each)(void *data, const struct nlmsghdr *message), void *data, struct error *error)
{
	char space[512] = { 0 }; /* the padding behind short attributes is sent too */
	struct nlmsghdr *message = netlink_expect_message(netlink, space, IPCTNL_MSG_EXP_GET, NLM_F_ACK, tuple->family);

	netlink_put_expected(message, tuple);
	return netlink_transact(netlink, message, each, data, error);
}

int netlink_expect_flush(struct netlink *netlink, struct error *error)
{
	char space[128] = { 0 };
	struct nlmsghdr *message = netlink_expect_message(netlink, space, IPCTNL_MSG_EXP_DELETE, NLM_F_ACK, AF_UNSPEC);

	return netlink_transact(netlink, message, NULL, NULL, error);
}

/* ---- making one ---- */

static const uint8_t put_fields[] = {
	FIELD_family, FIELD_proto, FIELD_src, FIELD_sport, FIELD_dst, FIELD_dport, FIELD_gre_srckey, FIELD_gre_dstkey,
	FIELD_mask_src, FIELD_mask_sport, FIELD_master_proto, FIELD_master_src, FIELD_master_sport, FIELD_master_dst,
	FIELD_master_dport, FIELD_timeout, FIELD_zone, FIELD_helper, FIELD_class, FIELD_flags, FIELD_fn,
	FIELD_nat_dir, FIELD_nat_src, FIELD_nat_sport,
};

void netlink_expect_fields(struct field_set *set)
{
	for (size_t i = 0; i < sizeof(put_fields); i++)
		field_set_add(set, put_fields[i]);
}

/* ctnetlink_parse_expect_nat() wants a whole tuple, of which it takes the source. */
static void put_nat(struct nlmsghdr *message, const struct record *record)
{
	static const uint8_t members[] = { FIELD_proto, FIELD_src, FIELD_sport, FIELD_dst, FIELD_dport };
	struct record tuple = { .proto = record->master_proto, .src = record->nat_src, .sport = record->nat_sport,
				.dst = { .family = record->nat_src.family } };
	struct nlattr *nest;

	for (size_t i = 0; i < sizeof(members); i++)
		field_set_add(&tuple.present, members[i]);
	if (!record_has(record, FIELD_nat_src))
		return;
	nest = mnl_attr_nest_start(message, CTA_EXPECT_NAT);
	mnl_attr_put_u32(message, CTA_EXPECT_NAT_DIR, htonl(record->nat_dir));
	netlink_put_tuple(message, DIRECTION_NAT, &tuple, &tuple.present);
	mnl_attr_nest_end(message, nest);
}

static void put_expectation(struct nlmsghdr *message, const struct record *record)
{
	netlink_put_tuple(message, DIRECTION_EXPECTED, record, &record->present);
	netlink_put_tuple(message, DIRECTION_MASK, record, &record->present);
	netlink_put_tuple(message, DIRECTION_EXPECT_MASTER, record, &record->present);
	put_zone(message, record);
	if (record_has(record, FIELD_timeout))
		mnl_attr_put_u32(message, CTA_EXPECT_TIMEOUT, htonl(record->timeout));
	if (record_has(record, FIELD_helper))
		mnl_attr_put_strz(message, CTA_EXPECT_HELP_NAME, record->helper.text);
	if (record_has(record, FIELD_class))
		mnl_attr_put_u32(message, CTA_EXPECT_CLASS, htonl(record->class));
	if (record_has(record, FIELD_flags))
		mnl_attr_put_u32(message, CTA_EXPECT_FLAGS, htonl(record->flags));
	if (record_has(record, FIELD_fn))
		mnl_attr_put_strz(message, CTA_EXPECT_FN, record->fn.text);
	put_nat(message, record);
}

/* The errors that ctnetlink gives without words, as it and nf_ct_expect_related_report() mean them. */
static int refused(int code, struct error *error)
{
	static const struct {
		int code;
		const char *text;
	} reasons[] = {
		{ -ENOENT, "its master connection does not exist in that zone" },
		{ -EEXIST, "an expectation that such a connection would meet exists already" },
		{ -EBUSY, "it clashes with another expectation" },
		{ -EMFILE, "the helper's or the table's maximum is reached (net.netfilter.nf_conntrack_expect_max)" },
		{ -EOPNOTSUPP, "the master connection has no helper, or this kernel lacks the helper that is named" },
		{ -EINVAL, "the kernel refused it as invalid: "
			   "perhaps the helper has no such class, or there is no such fn" },
		{ -ETIME, "it ended at that moment" },
	};

	*error = (struct error){ 0 };
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].code == code)
			return error_set(error, code, "%s", reasons[i].text);
	return netlink_refused(NULL, code, error);
}

static int put(struct netlink *netlink, const struct record *record, uint16_t flags, struct error *error)
{
	char space[1024] = { 0 };
	struct nlmsghdr *message = netlink_expect_message(netlink, space, IPCTNL_MSG_EXP_NEW,
							  (uint16_t)(NLM_F_ACK | flags), record->family);
	int result;

	put_expectation(message, record);
	result = netlink_transact(netlink, message, NULL, NULL, error);
	return result ? refused(result, error) : 0;
}

int netlink_expect_put(struct netlink *netlink, const struct record *record, bool or_update, struct error *error)
{
	int result = put(netlink, record, NLM_F_CREATE | (or_update ? 0 : NLM_F_EXCL), error);

	/* nf_ct_expect_insert() takes the timeout of the helper's class. */
	return result == 0 && record_has(record, FIELD_timeout) ? put(netlink, record, 0, error) : result;
}
