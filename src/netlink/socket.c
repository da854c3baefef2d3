/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "internal.h"

/* Room for the answers to a whole batch of refused messages. */
enum { RECEIVE_SIZE = 1024 * 1024 };

static int open_socket(struct netlink *netlink)
{
	int on = 1, size = RECEIVE_SIZE;

	netlink->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!netlink->socket || mnl_socket_bind(netlink->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* Both are refinements: older kernels lack them and are served all the same. */
	mnl_socket_setsockopt(netlink->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(netlink->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(mnl_socket_get_fd(netlink->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return 0;
}

int netlink_open(struct netlink *netlink, struct error *error)
{
	int result;

	*netlink = (struct netlink){ .sequence = 1 };
	netlink->buffer = malloc(NETLINK_BUFFER);
	result = netlink->buffer ? open_socket(netlink) : -ENOMEM;
	if (result == 0)
		return 0;
	netlink_close(netlink);
	if (result == -EPROTONOSUPPORT)
		return error_set(error, result, "this kernel has no netlink for netfilter (modprobe nf_conntrack_netlink)");
	return error_set(error, result, "netlink: %s", strerror(-result));
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	free(netlink->buffer);
	*netlink = (struct netlink){ 0 };
}

struct nlmsghdr *netlink_message_of(struct netlink *netlink, void *buffer, uint8_t subsystem, uint8_t type,
				    uint16_t flags, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header;

	message->nlmsg_type = (uint16_t)(subsystem << 8 | type);
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = netlink->sequence++;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->nfgen_family = family;
	header->version = NFNETLINK_V0;
	return message;
}

struct nlmsghdr *netlink_message(struct netlink *netlink, void *buffer, uint16_t type, uint16_t flags,
				 uint8_t family)
{
	return netlink_message_of(netlink, buffer, NFNL_SUBSYS_CTNETLINK, (uint8_t)type, flags, family);
}

void netlink_read_text(const struct nlattr *attribute, char *out, size_t size)
{
	const char *text = mnl_attr_get_payload(attribute);
	size_t length = strnlen(text, mnl_attr_get_payload_len(attribute));

	if (length >= size)
		length = size - 1;
	memcpy(out, text, length);
	out[length] = '\0';
}

/* The sentence that the kernel adds to a refusal (NLMSGERR_ATTR_MSG), or NULL. Not terminated beyond `length`. */
static const char *extended_text(const struct nlmsghdr *message, size_t *length)
{
	const struct nlmsgerr *refusal = mnl_nlmsg_get_payload(message);
	size_t offset = MNL_ALIGN(sizeof(*refusal));
	size_t payload = mnl_nlmsg_get_payload_len(message);

	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(message->nlmsg_flags & NLM_F_CAPPED) && refusal->msg.nlmsg_len > sizeof(refusal->msg))
		offset += MNL_ALIGN(refusal->msg.nlmsg_len - sizeof(refusal->msg));
	while (offset + sizeof(struct nlattr) <= payload) {
		const struct nlattr *attribute = (const void *)((const char *)refusal + offset);

		if (attribute->nla_len < sizeof(*attribute) || attribute->nla_len > payload - offset)
			return NULL;
		if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG) {
			const char *text = mnl_attr_get_payload(attribute);

			*length = strnlen(text, mnl_attr_get_payload_len(attribute));
			return text;
		}
		offset += MNL_ALIGN(attribute->nla_len);
	}
	return NULL;
}

int netlink_answer(const struct nlmsghdr *message)
{
	const struct nlmsgerr *refusal = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*refusal))
		return -EBADMSG;
	return refusal->error > 0 ? -refusal->error : refusal->error;
}

int netlink_refused(const struct nlmsghdr *message, int code, struct error *error)
{
	size_t length = 0;
	const char *text = message ? extended_text(message, &length) : NULL;

	if (code == -EPERM)
		return error_set(error, code, "permission denied (needs CAP_NET_ADMIN)");
	if (code == -EINVAL && !text)
		return error_set(error, code, "the kernel refused the request as invalid");
	if (code == -EOPNOTSUPP && !text)
		return error_set(error, code, "this kernel has no ctnetlink (module nf_conntrack_netlink)");
	if (text)
		return error_set(error, code, "the kernel refused: %.*s", (int)length, text);
	return error_set(error, code, "the kernel refused: %s", strerror(-code));
}

bool netlink_is_absent(int code)
{
	return code == -EINVAL || code == -EOPNOTSUPP;
}

int netlink_absent(struct error *error, const char *what, const char *where)
{
	*error = (struct error){ 0 };
	return error_set(error, -EOPNOTSUPP, "this kernel has no %s (%s)", what, where);
}
