/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests with one answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>
#include <sys/socket.h>

#include "conntab/field.h"
#include "conntab/host.h"
#include "conntab/interrupt.h"
#include "internal.h"

int netlink_transact(struct netlink *netlink, const struct nlmsghdr *request,
		     int (*each)(void *data, const struct nlmsghdr *message), void *data, struct error *error)
{
	if (mnl_socket_sendto(netlink->socket, request, request->nlmsg_len) < 0)
		return error_set(error, -errno, "netlink: cannot send: %s", strerror(errno));
	for (;;) {
		ssize_t length = mnl_socket_recvfrom(netlink->socket, netlink->buffer, NETLINK_BUFFER);
		const struct nlmsghdr *message = (const void *)netlink->buffer;
		int left = (int)length, result;

		if (length < 0 && errno == EINTR && !interrupt_signal)
			continue;
		if (length < 0)
			return error_set(error, -errno, "netlink: cannot receive: %s", strerror(errno));
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			if (message->nlmsg_seq != request->nlmsg_seq)
				continue;
			if (message->nlmsg_type == NLMSG_ERROR) {
				result = netlink_answer(message);
				if (result == 0 || result == -ENOENT)
					return result;
				return netlink_refused(message, result, error);
			}
			if (each)
				each(data, message);
		}
	}
}

int netlink_get(struct netlink *netlink, const struct record *tuple, bool is_reply,
		int (*each)(void *data, const struct nlmsghdr *message), void *data, struct error *error)
{
	char space[512] = { 0 }; /* the padding behind short attributes is sent too */
	struct nlmsghdr *message =
		netlink_message(netlink, space, IPCTNL_MSG_CT_GET, NLM_F_ACK, tuple->family);

	netlink_put_tuple(message, is_reply ? DIRECTION_REPLY : DIRECTION_ORIGINAL, tuple, &tuple->present);
	if (record_has(tuple, FIELD_zone))
		mnl_attr_put_u16(message, CTA_ZONE, htons(tuple->zone));
	return netlink_transact(netlink, message, each, data, error);
}

struct statistics {
	uint64_t entries, maximum;
	bool has_entries, has_maximum;
};

static int read_statistic(const struct nlattr *attribute, void *data)
{
	struct statistics *statistics = data;

	if (mnl_attr_get_payload_len(attribute) != sizeof(uint32_t))
		return MNL_CB_OK;
	if (mnl_attr_get_type(attribute) == CTA_STATS_GLOBAL_ENTRIES) {
		statistics->entries = ntohl(mnl_attr_get_u32(attribute));
		statistics->has_entries = true;
	} else if (mnl_attr_get_type(attribute) == CTA_STATS_GLOBAL_MAX_ENTRIES) {
		statistics->maximum = ntohl(mnl_attr_get_u32(attribute));
		statistics->has_maximum = true;
	}
	return MNL_CB_OK;
}

static int read_statistics(void *data, const struct nlmsghdr *message)
{
	mnl_attr_parse(message, sizeof(struct nfgenmsg), read_statistic, data);
	return 0;
}

/* CTA_STATS_GLOBAL_MAX_ENTRIES came with Linux 5.13; before it, and before GET_STATS, sysctl knows. */
int netlink_statistics(struct netlink *netlink, uint64_t *entries, uint64_t *maximum, struct error *error)
{
	char space[128] = { 0 }; /* the padding behind short attributes is sent too */
	struct nlmsghdr *message =
		netlink_message(netlink, space, IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK, AF_UNSPEC);
	struct statistics statistics = { 0 };
	int result = netlink_transact(netlink, message, read_statistics, &statistics, error);

	if (netlink_is_absent(result)) {
		*error = (struct error){ 0 };
		return error_set(error, result, "connection tracking is not loaded in this kernel "
				 "(modprobe nf_conntrack_netlink)");
	}
	if (result)
		return result;
	if (!statistics.has_entries && sysctl_read("nf_conntrack_count", &statistics.entries))
		return error_set(error, -ENOTSUP, "this kernel does not tell the number of entries");
	if (!statistics.has_maximum && sysctl_read("nf_conntrack_max", &statistics.maximum))
		statistics.maximum = 0;
	*entries = statistics.entries;
	*maximum = statistics.maximum;
	return 0;
}

int netlink_flush(struct netlink *netlink, struct error *error)
{
	char space[128] = { 0 }; /* the padding behind short attributes is sent too */
	struct nlmsghdr *message =
		netlink_message(netlink, space, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, AF_UNSPEC);

	return netlink_transact(netlink, message, NULL, NULL, error);
}
