/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conntab/field.h"
#include "internal.h"

/*
 * A batch's messages ask for no acknowledgement: the kernel handles all of them
 * before sendmsg() returns, and then only the refusals wait in the socket. Few
 * enough messages go out at once that their refusals fit into the default
 * receive buffer, 212,992 bytes, at about 1 KiB each with the kernel's overhead.
 */
enum {
	BATCH_MESSAGES = 128,
	BATCH_MESSAGE_MAX = 256,
	BATCH_SIZE = BATCH_MESSAGES * BATCH_MESSAGE_MAX,
};

int netlink_batch_init(struct netlink_batch *batch, struct netlink *netlink)
{
	*batch = (struct netlink_batch){ .netlink = netlink, .buffer = calloc(1, BATCH_SIZE) };
	return batch->buffer ? 0 : -ENOMEM;
}

void netlink_batch_done(struct netlink_batch *batch)
{
	free(batch->buffer);
	batch->buffer = NULL;
}

static const uint8_t delete_fields[] = {
	FIELD_family, FIELD_proto, FIELD_src, FIELD_dst, FIELD_sport, FIELD_dport,
	FIELD_gre_srckey, FIELD_gre_dstkey, FIELD_icmp_type, FIELD_icmp_code, FIELD_icmp_id,
	FIELD_orig_zone, FIELD_zone, FIELD_id,
};

void netlink_delete_fields(struct field_set *set)
{
	for (size_t i = 0; i < sizeof(delete_fields); i++)
		field_set_include(set, delete_fields[i]);
}

/*
 * Counts what one refusal means. No entry with that tuple, zone and id is not
 * an error: it ended, or was deleted by somebody else, since it was seen.
 */
static void count_refusal(struct netlink_batch *batch, const struct nlmsghdr *message, int *first_code,
			  struct error *error)
{
	int code = netlink_answer(message);

	if (code == 0 || message->nlmsg_seq - batch->first_sequence >= batch->count)
		return;
	batch->deleted--;
	if (code == -ENOENT)
		batch->vanished++;
	else if (*first_code == 0)
		*first_code = netlink_refused(message, code, error);
}

static int drain(struct netlink_batch *batch, struct error *error)
{
	struct netlink *netlink = batch->netlink;
	int first_code = 0;

	for (;;) {
		ssize_t length = recv(mnl_socket_get_fd(netlink->socket), netlink->buffer, NETLINK_BUFFER, MSG_DONTWAIT);
		const struct nlmsghdr *message = (const void *)netlink->buffer;
		int left = (int)length;

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return first_code;
		if (length < 0)
			return error_set(error, -errno, "netlink: answers to a batch were lost: %s", strerror(errno));
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			if (message->nlmsg_type == NLMSG_ERROR)
				count_refusal(batch, message, &first_code, error);
	}
}

int netlink_batch_send(struct netlink_batch *batch, struct error *error)
{
	ssize_t sent;
	int result;

	if (batch->count == 0)
		return 0;
	do
		sent = mnl_socket_sendto(batch->netlink->socket, batch->buffer, batch->length);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return error_set(error, -errno, "netlink: cannot send: %s", strerror(errno));
	batch->deleted += batch->count;
	result = drain(batch, error);
	batch->count = 0;
	batch->length = 0;
	return result;
}

int netlink_batch_delete(struct netlink_batch *batch, const struct record *record, struct error *error)
{
	struct nlmsghdr *message;

	message = netlink_message(batch->netlink, batch->buffer + batch->length, IPCTNL_MSG_CT_DELETE, 0,
				  record->family);
	if (batch->count == 0)
		batch->first_sequence = message->nlmsg_seq;
	netlink_put_tuple(message, DIRECTION_ORIGINAL, record, &record->present);
	if (record_has(record, FIELD_zone))
		mnl_attr_put_u16(message, CTA_ZONE, htons(record->zone));
	mnl_attr_put_u32(message, CTA_ID, htonl(record->id));
	batch->length += MNL_ALIGN(message->nlmsg_len);
	batch->count++;
	return batch->count == BATCH_MESSAGES ? netlink_batch_send(batch, error) : 0;
}
