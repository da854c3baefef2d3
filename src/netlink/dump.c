/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "conntab/interrupt.h"
#include "internal.h"

/*
 * CTA_FILTER names the members of a tuple that count by these bits; the kernel
 * keeps them in its private net/netfilter/nf_internals.h (CTA_FILTER_F_*). Left
 * out on purpose: codes of ICMP, which nobody filters for, the tuple's zone and
 * the ports of other protocols, which it ignores. IPv6 addresses are never sent:
 * the kernel returns every entry but the match.
 */
static const struct {
	uint8_t field;
	uint8_t bit;
	bool is_reply;
} tuple_bits[] = {
	{ FIELD_src, 0, false },	    { FIELD_dst, 1, false },
	{ FIELD_proto, 3, false },	    { FIELD_sport, 4, false },
	{ FIELD_dport, 5, false },	    { FIELD_icmp_type, 6, false },
	{ FIELD_icmp_id, 8, false },	    { FIELD_reply_src, 0, true },
	{ FIELD_reply_dst, 1, true },	    { FIELD_reply_sport, 4, true },
	{ FIELD_reply_dport, 5, true },	    { FIELD_reply_icmp_type, 6, true },
	{ FIELD_reply_icmp_id, 8, true },
};

/* ICMPv6 has bits of its own, this far above those of ICMP. */
enum { ICMP_BIT = 6, ICMPV6_SHIFT = 3, PROTOCOL_BIT = 3 };

static uint32_t tuple_flags(const struct kernel_filter *filter, bool is_reply)
{
	bool is_icmpv6 = filter->tuple.proto == IPPROTO_ICMPV6;
	uint32_t flags = 0;

	for (size_t i = 0; i < sizeof(tuple_bits) / sizeof(tuple_bits[0]); i++) {
		uint32_t bit = tuple_bits[i].bit;

		if (tuple_bits[i].is_reply != is_reply ||
		    !field_set_has(&filter->tuple_fields, tuple_bits[i].field))
			continue;
		if (is_icmpv6 && bit >= ICMP_BIT)
			bit += ICMPV6_SHIFT;
		flags |= 1u << bit;
	}
	/* The reply's protocol is that of the original direction; ports need it beside them. */
	if (is_reply && flags && field_set_has(&filter->tuple_fields, FIELD_proto))
		flags |= 1u << PROTOCOL_BIT;
	return flags;
}

static void put_tuple_filter(struct nlmsghdr *message, const struct kernel_filter *filter)
{
	uint32_t original = tuple_flags(filter, false), reply = tuple_flags(filter, true);
	struct nlattr *nest;

	if (!original && !reply)
		return;
	if (original)
		netlink_put_tuple(message, DIRECTION_ORIGINAL, &filter->tuple, &filter->tuple_fields);
	if (reply)
		netlink_put_tuple(message, DIRECTION_REPLY, &filter->tuple, &filter->tuple_fields);
	nest = mnl_attr_nest_start(message, CTA_FILTER);
	mnl_attr_put_u32(message, CTA_FILTER_ORIG_FLAGS, original);
	mnl_attr_put_u32(message, CTA_FILTER_REPLY_FLAGS, reply);
	mnl_attr_nest_end(message, nest);
}

static void put_filter(struct nlmsghdr *message, const struct kernel_filter *filter)
{
	if (filter->has_mark) {
		mnl_attr_put_u32(message, CTA_MARK, htonl(filter->mark));
		mnl_attr_put_u32(message, CTA_MARK_MASK, htonl(filter->mark_mask));
	}
	if (filter->has_status && filter->status_mask) {
		mnl_attr_put_u32(message, CTA_STATUS, htonl(filter->status));
		mnl_attr_put_u32(message, CTA_STATUS_MASK, htonl(filter->status_mask));
	}
	if (filter->has_zone)
		mnl_attr_put_u16(message, CTA_ZONE, htons(filter->zone));
	put_tuple_filter(message, filter);
}

static int send_message(struct netlink *netlink, const struct nlmsghdr *message, struct error *error)
{
	if (mnl_socket_sendto(netlink->socket, message, message->nlmsg_len) < 0)
		return error_set(error, -errno, "netlink: cannot send: %s", strerror(errno));
	return 0;
}

/* One received datagram: 0 to go on, 1 at the end or when `each` wants no more, or -errno. */
static int handle_messages(size_t length, const struct netlink *netlink, uint32_t sequence,
			   int (*each)(void *, const struct nlmsghdr *), void *data, bool *interrupted,
			   bool *is_complete, struct error *error)
{
	const struct nlmsghdr *message = (const void *)netlink->buffer;
	int left = (int)length, result;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_seq != sequence)
			continue; /* an answer to something given up earlier */
		if (message->nlmsg_flags & NLM_F_DUMP_INTR)
			*interrupted = true;
		if (message->nlmsg_type == NLMSG_DONE) {
			*is_complete = true;
			return 1;
		}
		if (message->nlmsg_type == NLMSG_ERROR) {
			*is_complete = true;
			result = netlink_answer(message);
			return result ? netlink_refused(message, result, error) : 1;
		}
		result = each(data, message);
		if (result)
			return result;
	}
	return 0;
}

/* One datagram from the kernel; its length, or -errno. */
static ssize_t receive(struct netlink *netlink, struct error *error)
{
	for (;;) {
		ssize_t length = mnl_socket_recvfrom(netlink->socket, netlink->buffer, NETLINK_BUFFER);

		if (length >= 0)
			return length;
		if (errno != EINTR)
			return error_set(error, -errno, errno == ENOBUFS ?
					 "netlink: the kernel could not hand over all of its answer (no buffer space)" :
					 "netlink: cannot receive: %s", strerror(errno));
		if (interrupt_signal)
			return -EINTR;
	}
}

/* Sends a dump request and handles its answers to the end. */
static int run_dump(struct netlink *netlink, const struct nlmsghdr *request,
		    int (*each)(void *data, const struct nlmsghdr *message), void *data, bool *interrupted,
		    struct error *error)
{
	bool is_complete = false;
	uint32_t sequence = request->nlmsg_seq;
	int result = send_message(netlink, request, error);

	while (result == 0) {
		ssize_t length = interrupt_signal ? -EINTR : receive(netlink, error);

		result = length < 0 ? (int)length :
				      handle_messages((size_t)length, netlink, sequence, each, data, interrupted,
						      &is_complete, error);
	}
	if (is_complete)
		return result == 1 ? 0 : result;
	/* An unfinished dump would keep the socket busy. */
	netlink_close(netlink);
	if (result == 1)
		result = netlink_open(netlink, error) ? error->code : 1;
	return result;
}

int netlink_dump(struct netlink *netlink, const struct kernel_filter *filter,
		 int (*each)(void *data, const struct nlmsghdr *message), void *data,
		 bool *interrupted, struct error *error)
{
	char space[512] = { 0 }; /* the padding behind short attributes is sent too */
	bool is_entry = filter->subject == SUBJECT_ENTRY;
	struct nlmsghdr *request =
		is_entry ? netlink_message(netlink, space, IPCTNL_MSG_CT_GET, NLM_F_DUMP, filter->family) :
			   netlink_expect_message(netlink, space, IPCTNL_MSG_EXP_GET, NLM_F_DUMP, filter->family);

	put_filter(request, filter);
	return run_dump(netlink, request, each, data, interrupted, error);
}

int netlink_dump_plain(struct netlink *netlink, uint8_t subsystem, uint8_t type,
		       int (*each)(void *data, const struct nlmsghdr *message), void *data, struct error *error)
{
	char space[128] = { 0 };
	struct nlmsghdr *request = netlink_message_of(netlink, space, subsystem, type, NLM_F_DUMP, AF_UNSPEC);
	bool ignored = false;

	return run_dump(netlink, request, each, data, &ignored, error);
}
