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
 * A batch's messages but the last one ask for no acknowledgement: the kernel handles all of
 * them before sendmsg() returns, and then only the refusals wait in the socket. Few
 * enough messages go out at once that their refusals fit into the default
 * receive buffer, 212,992 bytes, at about 1 KiB each with the kernel's overhead;
 * and few enough bytes that they do where the kernel (before 4.3) sends the whole
 * message back with each.
 */
enum { BATCH_SIZE = 48 * 1024 };

/* What a message is for, and so what its refusal means. */
enum task {
	TASK_DELETE,
	TASK_CREATE,
	TASK_UPDATE,
	/*
	 * To change an entry or create it takes two messages: the kernel refuses NAT and
	 * master for one that exists. Of their usual refusals nobody hears.
	 */
	TASK_TRY_UPDATE,
	TASK_CREATE_AFTER,
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

/* What came back from one batch. */
struct answers {
	bool was_missing[NETLINK_BATCH_MESSAGES]; /* there was nothing to update */
	bool is_denied; /* the first message was not permitted */
	bool is_ended;  /* the last message was answered */
	int first_code; /* what `refusal` wants sending to fail with */
};

/* An update's refusal other than this one stands for the creation behind it too. */
static bool is_usual(const struct netlink_batch *batch, struct answers *answers, unsigned place, int code)
{
	if (batch->tasks[place] == TASK_TRY_UPDATE && code == -ENOENT)
		return answers->was_missing[place] = true;
	return batch->tasks[place] == TASK_CREATE_AFTER && !answers->was_missing[place - 1];
}

static bool is_update(const struct netlink_batch *batch, unsigned place)
{
	return batch->tasks[place] == TASK_UPDATE || batch->tasks[place] == TASK_TRY_UPDATE;
}

static void take_refusal(struct netlink_batch *batch, struct answers *answers, const struct nlmsghdr *message,
			 unsigned place, int code)
{
	struct error words = { 0 };

	if (is_usual(batch, answers, place, code))
		return;
	batch->done--;
	batch->refused++;
	if (batch->tasks[place] == TASK_DELETE)
		netlink_refused(message, code, &words);
	else
		netlink_creation_refused(message, code, is_update(batch, place), &words);
	code = batch->refusal ? batch->refusal(batch->data, batch->tags[place], code, &words) : 0;
	if (answers->first_code == 0)
		answers->first_code = code;
}

static void take_answer(struct netlink_batch *batch, struct answers *answers, const struct nlmsghdr *message)
{
	unsigned place = message->nlmsg_seq - batch->first_sequence;
	int code = netlink_answer(message);

	if (place >= batch->count)
		return;
	answers->is_ended |= place == batch->count - 1;
	answers->is_denied |= place == 0 && code == -EPERM;
	if (code)
		take_refusal(batch, answers, message, place, code);
}

/*
 * Of what is sent together nfnetlink_rcv() says only once, of the first message, that it
 * is not permitted. (The update of an entry whose timeout is fixed is not permitted either,
 * but then the last message is answered.)
 */
static void take_silence(struct netlink_batch *batch, struct answers *answers)
{
	if (!answers->is_denied || answers->is_ended)
		return;
	for (unsigned place = 1; place < batch->count; place++)
		take_refusal(batch, answers, NULL, place, -EPERM);
}

static int drain(struct netlink_batch *batch, struct error *error)
{
	struct netlink *netlink = batch->netlink;
	struct answers answers = { .first_code = 0 };

	for (;;) {
		ssize_t length = recv(mnl_socket_get_fd(netlink->socket), netlink->buffer, NETLINK_BUFFER, MSG_DONTWAIT);
		const struct nlmsghdr *message = (const void *)netlink->buffer;
		int left = (int)length;

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (length < 0)
			return error_set(error, -errno, "netlink: answers to a batch were lost: %s", strerror(errno));
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			if (message->nlmsg_type == NLMSG_ERROR)
				take_answer(batch, &answers, message);
	}
	take_silence(batch, &answers);
	return answers.first_code;
}

int netlink_batch_send(struct netlink_batch *batch, struct error *error)
{
	ssize_t sent;
	int result;

	if (batch->count == 0)
		return 0;
	((struct nlmsghdr *)(batch->buffer + batch->last))->nlmsg_flags |= NLM_F_ACK;
	do
		sent = mnl_socket_sendto(batch->netlink->socket, batch->buffer, batch->length);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return error_set(error, -errno, "netlink: cannot send: %s", strerror(errno));
	for (unsigned i = 0; i < batch->count; i++)
		batch->done += batch->tasks[i] != TASK_TRY_UPDATE;
	result = drain(batch, error);
	batch->count = 0;
	batch->length = 0;
	return result;
}

static struct nlmsghdr *begin_of(struct netlink_batch *batch, enum task task, uint8_t subsystem, uint8_t type,
				 uint16_t flags, const struct record *record, uint64_t tag)
{
	struct nlmsghdr *message = netlink_message_of(batch->netlink, batch->buffer + batch->length, subsystem, type,
						      flags, record->family);

	if (batch->count == 0)
		batch->first_sequence = message->nlmsg_seq;
	batch->tasks[batch->count] = task;
	batch->tags[batch->count] = tag;
	return message;
}

static struct nlmsghdr *begin(struct netlink_batch *batch, enum task task, uint8_t type, uint16_t flags,
			      const struct record *record, uint64_t tag)
{
	return begin_of(batch, task, NFNL_SUBSYS_CTNETLINK, type, flags, record, tag);
}

static void end(struct netlink_batch *batch, const struct nlmsghdr *message)
{
	batch->last = batch->length;
	batch->length += MNL_ALIGN(message->nlmsg_len);
	batch->count++;
}

/* Two of the longest messages always find room: they belong together. */
static int send_if_full(struct netlink_batch *batch, struct error *error)
{
	bool is_full = batch->count + 2 > NETLINK_BATCH_MESSAGES || batch->length + 2 * NETLINK_CREATION_MAX > BATCH_SIZE;

	return is_full ? netlink_batch_send(batch, error) : 0;
}

int netlink_batch_delete(struct netlink_batch *batch, const struct record *record, uint64_t tag,
			 struct error *error)
{
	struct nlmsghdr *message = begin(batch, TASK_DELETE, IPCTNL_MSG_CT_DELETE, 0, record, tag);

	netlink_put_tuple(message, DIRECTION_ORIGINAL, record, &record->present);
	if (record_has(record, FIELD_zone))
		mnl_attr_put_u16(message, CTA_ZONE, htons(record->zone));
	if (record_has(record, FIELD_id))
		mnl_attr_put_u32(message, CTA_ID, htonl(record->id));
	end(batch, message);
	return send_if_full(batch, error);
}

int netlink_batch_delete_expectation(struct netlink_batch *batch, const struct record *record, uint64_t tag,
				     struct error *error)
{
	struct nlmsghdr *message = begin_of(batch, TASK_DELETE, NFNL_SUBSYS_CTNETLINK_EXP, IPCTNL_MSG_EXP_DELETE, 0,
					    record, tag);

	netlink_put_expected(message, record);
	end(batch, message);
	return send_if_full(batch, error);
}

static void add_update(struct netlink_batch *batch, enum task task, const struct record *record,
		       const struct netlink_masks *masks, uint64_t tag)
{
	struct nlmsghdr *message = begin(batch, task, IPCTNL_MSG_CT_NEW, 0, record, tag);

	netlink_put_update(message, record, masks);
	end(batch, message);
}

int netlink_batch_update(struct netlink_batch *batch, const struct record *record, const struct netlink_masks *masks,
			 uint64_t tag, struct error *error)
{
	add_update(batch, TASK_UPDATE, record, masks, tag);
	return send_if_full(batch, error);
}

int netlink_update(struct netlink *netlink, const struct record *record, const struct netlink_masks *masks,
		   struct error *error)
{
	uint8_t buffer[NETLINK_CREATION_MAX] = { 0 }; /* the padding behind short attributes is sent too */
	struct nlmsghdr *message = netlink_message(netlink, buffer, IPCTNL_MSG_CT_NEW, NLM_F_ACK, record->family);
	struct error general = { 0 };
	int code;

	netlink_put_update(message, record, masks);
	code = netlink_transact(netlink, message, NULL, NULL, &general);
	return code ? netlink_creation_refused(NULL, code, true, error) : 0;
}

int netlink_batch_create(struct netlink_batch *batch, const struct record *record, uint64_t tag,
			 bool or_update, struct error *error)
{
	enum task task = or_update ? TASK_CREATE_AFTER : TASK_CREATE;
	struct nlmsghdr *message;

	if (!record_has(record, FIELD_timeout))
		return error_set(error, -EINVAL, "an entry without a timeout cannot be created (offloaded ones have none)");
	if (or_update)
		add_update(batch, TASK_TRY_UPDATE, record, NULL, tag);
	message = begin(batch, task, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL, record, tag);
	netlink_put_creation(message, record);
	end(batch, message);
	return send_if_full(batch, error);
}
