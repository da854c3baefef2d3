/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Describes an entry to the kernel that is to have it: IPCTNL_MSG_CT_NEW as read by
 * ctnetlink_create_conntrack() and ctnetlink_change_conntrack() in
 * net/netfilter/nf_conntrack_netlink.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>

#include "conntab/field.h"
#include "conntab/nat.h"
#include "internal.h"

/* In the kernel's own enum ip_conntrack_status only: the helper was chosen by hand. */
#define STATUS_HELPER_SET (1u << 13)
/* What the kernel takes from us; it sets the other bits itself, or refuses any change of them. */
#define STATUS_GIVEN (IPS_SEEN_REPLY | IPS_ASSURED | IPS_FIXED_TIMEOUT | STATUS_HELPER_SET)

static const uint8_t create_fields[] = {
	FIELD_family, FIELD_proto, FIELD_state, FIELD_timeout, FIELD_status, FIELD_mark,
	FIELD_orig_zone, FIELD_reply_zone, FIELD_zone, FIELD_labels, FIELD_helper,
	FIELD_tcp_wscale, FIELD_tcp_flags, FIELD_reply_tcp_wscale, FIELD_reply_tcp_flags,
	FIELD_sctp_vtag, FIELD_reply_sctp_vtag, FIELD_dccp_role, FIELD_dccp_handshake_seq, FIELD_master_proto,
	FIELD_seqadj_position, FIELD_seqadj_before, FIELD_seqadj_after,
	FIELD_reply_seqadj_position, FIELD_reply_seqadj_before, FIELD_reply_seqadj_after,
	FIELD_synproxy_isn, FIELD_synproxy_its, FIELD_synproxy_tsoff,
};

void netlink_create_fields(struct field_set *set)
{
	for (size_t i = 0; i < sizeof(create_fields); i++)
		field_set_include(set, create_fields[i]);
	for (enum direction direction = DIRECTION_ORIGINAL; direction <= DIRECTION_MASTER; direction++)
		netlink_tuple_fields(set, direction);
}

/* ---- NAT ---- */

static const uint16_t nat_attributes[NAT_SIDES] = { [NAT_SOURCE] = CTA_NAT_SRC, [NAT_DESTINATION] = CTA_NAT_DST };

static void put_range(struct nlmsghdr *message, const struct record *record, enum nat_side side)
{
	const struct nat *nat = &nats[side];
	const struct address *address = field_value(nat->reply_address, record).data;
	bool is_ipv6 = address->family == AF_INET6;
	size_t length = is_ipv6 ? 16 : 4;
	struct value port = field_value(nat->reply_port, record);
	struct nlattr *nest = mnl_attr_nest_start(message, nat_attributes[side]), *ports;

	mnl_attr_put(message, is_ipv6 ? CTA_NAT_V6_MINIP : CTA_NAT_V4_MINIP, length, address->bytes);
	mnl_attr_put(message, is_ipv6 ? CTA_NAT_V6_MAXIP : CTA_NAT_V4_MAXIP, length, address->bytes);
	if (!port.is_present && nat->has_echo_id)
		port = field_value(FIELD_reply_icmp_id, record);
	if (port.is_present) {
		ports = mnl_attr_nest_start(message, CTA_NAT_PROTO);
		mnl_attr_put_u16(message, CTA_PROTONAT_PORT_MIN, htons((uint16_t)port.number));
		mnl_attr_put_u16(message, CTA_PROTONAT_PORT_MAX, htons((uint16_t)port.number));
		mnl_attr_nest_end(message, ports);
	}
	mnl_attr_nest_end(message, nest);
}

/*
 * Of an entry that went through the NAT rules, whether they changed it or not, both
 * mappings are given in full: what is left open the kernel chooses anew, and an entry
 * without its bits would go through the rules again.
 */
static void put_nat(struct nlmsghdr *message, const struct record *record)
{
	if (!(record->status & NAT_STATUS_BITS))
		return;
	for (enum nat_side side = 0; side < NAT_SIDES; side++)
		if (record_has(record, nats[side].reply_address))
			put_range(message, record, side);
}

/* ---- what the protocol knows ---- */

static void put_tcp_flags(struct nlmsghdr *message, uint16_t type, uint8_t flags)
{
	struct nf_ct_tcp_flags value = { .flags = flags, .mask = UINT8_MAX };

	mnl_attr_put(message, type, sizeof(value), &value);
}

/* nlattr_to_tcp(): the scales count only where both are given and both flags say so. */
static void put_tcp(struct nlmsghdr *message, const struct record *record)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(message, CTA_PROTOINFO_TCP_STATE, state_to_kernel(IPPROTO_TCP, record->state));
	if (record_has(record, FIELD_tcp_wscale))
		mnl_attr_put_u8(message, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, record->tcp_wscale);
	if (record_has(record, FIELD_reply_tcp_wscale))
		mnl_attr_put_u8(message, CTA_PROTOINFO_TCP_WSCALE_REPLY, record->reply_tcp_wscale);
	if (record_has(record, FIELD_tcp_flags))
		put_tcp_flags(message, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, record->tcp_flags);
	if (record_has(record, FIELD_reply_tcp_flags))
		put_tcp_flags(message, CTA_PROTOINFO_TCP_FLAGS_REPLY, record->reply_tcp_flags);
	mnl_attr_nest_end(message, nest);
}

/* nlattr_to_sctp() wants all three. */
static void put_sctp(struct nlmsghdr *message, const struct record *record)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_PROTOINFO_SCTP);

	mnl_attr_put_u8(message, CTA_PROTOINFO_SCTP_STATE, state_to_kernel(IPPROTO_SCTP, record->state));
	mnl_attr_put_u32(message, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL,
			 htonl(record_has(record, FIELD_sctp_vtag) ? record->sctp_vtag : 0));
	mnl_attr_put_u32(message, CTA_PROTOINFO_SCTP_VTAG_REPLY,
			 htonl(record_has(record, FIELD_reply_sctp_vtag) ? record->reply_sctp_vtag : 0));
	mnl_attr_nest_end(message, nest);
}

/* nlattr_to_dccp() (kernels before 6.17) wants state and role. */
static void put_dccp(struct nlmsghdr *message, const struct record *record)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_PROTOINFO_DCCP);

	mnl_attr_put_u8(message, CTA_PROTOINFO_DCCP_STATE, state_to_kernel(IPPROTO_DCCP, record->state));
	mnl_attr_put_u8(message, CTA_PROTOINFO_DCCP_ROLE,
			record_has(record, FIELD_dccp_role) ? record->dccp_role : 0);
	if (record_has(record, FIELD_dccp_handshake_seq)) {
		uint64_t sequence = htobe64(record->dccp_handshake_seq);

		mnl_attr_put(message, CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, sizeof(sequence), &sequence);
	}
	mnl_attr_nest_end(message, nest);
}

static void put_protocol_information(struct nlmsghdr *message, const struct record *record)
{
	struct nlattr *nest;

	if (!record_has(record, FIELD_state) || state_to_kernel(record->proto, record->state) == UINT8_MAX)
		return;
	nest = mnl_attr_nest_start(message, CTA_PROTOINFO);
	if (record->proto == IPPROTO_TCP)
		put_tcp(message, record);
	else if (record->proto == IPPROTO_SCTP)
		put_sctp(message, record);
	else
		put_dccp(message, record);
	mnl_attr_nest_end(message, nest);
}

/* ---- the rest ---- */

/* Three numbers that the kernel takes only together: of a sequence adjustment, or of synproxy. */
static const struct triple {
	uint16_t attribute;
	uint8_t fields[3];
	uint16_t attributes[3];
} triples[] = {
	{ CTA_SEQ_ADJ_ORIG, { FIELD_seqadj_position, FIELD_seqadj_before, FIELD_seqadj_after },
	  { CTA_SEQADJ_CORRECTION_POS, CTA_SEQADJ_OFFSET_BEFORE, CTA_SEQADJ_OFFSET_AFTER } },
	{ CTA_SEQ_ADJ_REPLY, { FIELD_reply_seqadj_position, FIELD_reply_seqadj_before, FIELD_reply_seqadj_after },
	  { CTA_SEQADJ_CORRECTION_POS, CTA_SEQADJ_OFFSET_BEFORE, CTA_SEQADJ_OFFSET_AFTER } },
	{ CTA_SYNPROXY, { FIELD_synproxy_isn, FIELD_synproxy_its, FIELD_synproxy_tsoff },
	  { CTA_SYNPROXY_ISN, CTA_SYNPROXY_ITS, CTA_SYNPROXY_TSOFF } },
};

/* All zero is what an entry has that never had one. */
static void put_triple(struct nlmsghdr *message, const struct triple *triple, const struct record *record)
{
	struct nlattr *nest;
	uint64_t any = 0;

	for (size_t i = 0; i < 3; i++) {
		if (!record_has(record, triple->fields[i]))
			return;
		any |= field_value(triple->fields[i], record).number;
	}
	if (!any)
		return;
	nest = mnl_attr_nest_start(message, triple->attribute);
	for (size_t i = 0; i < 3; i++)
		mnl_attr_put_u32(message, triple->attributes[i],
				 htonl((uint32_t)field_value(triple->fields[i], record).number));
	mnl_attr_nest_end(message, nest);
}

static void put_helper(struct nlmsghdr *message, const struct record *record)
{
	struct nlattr *nest;

	if (!record_has(record, FIELD_helper))
		return;
	nest = mnl_attr_nest_start(message, CTA_HELP);
	mnl_attr_put_strz(message, CTA_HELP_NAME, record->helper.text);
	mnl_attr_nest_end(message, nest);
}

/*
 * Of a new entry IPS_EXPECTED comes with its master and is refused here
 * (nf_ct_change_status_common()); of an existing one it must stay as it is.
 */
static void put_status(struct nlmsghdr *message, const struct record *record, bool is_update)
{
	uint32_t taken = STATUS_GIVEN | (is_update ? IPS_EXPECTED : 0);

	if (record_has(record, FIELD_status))
		mnl_attr_put_u32(message, CTA_STATUS, htonl((record->status & taken) | IPS_CONFIRMED));
}

/* The kernel translates the reply itself: it is given as it was before that. */
static void put_tuples(struct nlmsghdr *message, const struct record *record, bool is_update)
{
	struct record before;

	netlink_put_tuple(message, DIRECTION_ORIGINAL, record, &record->present);
	if (is_update)
		return;
	nat_undo(record, &before);
	netlink_put_tuple(message, DIRECTION_REPLY, &before, &before.present);
	if (record_has(record, FIELD_master_proto))
		netlink_put_tuple(message, DIRECTION_MASTER, record, &record->present);
	if (record_has(record, FIELD_status))
		put_nat(message, record);
}

static void put_entry(struct nlmsghdr *message, const struct record *record, bool is_update)
{
	put_tuples(message, record, is_update);
	if (record_has(record, FIELD_zone))
		mnl_attr_put_u16(message, CTA_ZONE, htons(record->zone));
	if (record_has(record, FIELD_timeout))
		mnl_attr_put_u32(message, CTA_TIMEOUT, htonl(record->timeout));
	if (record_has(record, FIELD_mark))
		mnl_attr_put_u32(message, CTA_MARK, htonl(record->mark));
	if (record_has(record, FIELD_labels))
		mnl_attr_put(message, CTA_LABELS, sizeof(record->labels), &record->labels);
	put_status(message, record, is_update);
	put_helper(message, record);
	put_protocol_information(message, record);
	for (size_t i = 0; i < sizeof(triples) / sizeof(triples[0]); i++)
		put_triple(message, &triples[i], record);
}

void netlink_put_creation(struct nlmsghdr *message, const struct record *record)
{
	put_entry(message, record, false);
}

/* ctnetlink_change_mark() and nf_connlabels_replace(): what is in the mask is replaced. */
void netlink_put_update(struct nlmsghdr *message, const struct record *record, const struct netlink_masks *masks)
{
	put_entry(message, record, true);
	if (masks && record_has(record, FIELD_mark))
		mnl_attr_put_u32(message, CTA_MARK_MASK, htonl(masks->mark));
	if (masks && record_has(record, FIELD_labels))
		mnl_attr_put(message, CTA_LABELS_MASK, sizeof(masks->labels), &masks->labels);
}

/* The errors that ctnetlink gives without words of its own, and what they mean here. */
int netlink_creation_refused(const struct nlmsghdr *message, int code, bool is_update, struct error *error)
{
	if (code == -ENOENT && is_update)
		return error_set(error, code, "no such entry");
	if (code == -EPERM && is_update)
		return error_set(error, code, "not permitted: needs CAP_NET_ADMIN, or the timeout of the entry is fixed");
	switch (code) {
	case -EEXIST:
		return error_set(error, code, "an entry with this tuple, or with this reply, exists already");
	case -ENOMEM:
		return error_set(error, code, "the table is full (net.netfilter.nf_conntrack_max), or the kernel is out of memory");
	case -ENOENT:
		return error_set(error, code, "its master connection does not exist");
	case -ENOSPC:
		return error_set(error, code, "the entry has no room for labels: it began while no rule of this namespace used any");
	case -EBUSY:
		return error_set(error, code, "the entry exists, and a flag or helper of it cannot be changed in this way");
	case -EOPNOTSUPP:
		return error_set(error, code,
				 "this kernel lacks something that the entry needs (its helper, NAT, a zone, ctnetlink)");
	default:
		return netlink_refused(message, code, error);
	}
}
