/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages about timeout policies and helpers: what is sent is what nfct(8) sends, what comes
 * from the kernel is read whole, and nothing that comes is trusted.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_cthelper.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <sys/socket.h>

#include "conntab/helper.h"
#include "conntab/netlink.h"
#include "conntab/timeout.h"

enum { MUTATIONS = 20000 };

/* ---- the other end ---- */

/* In the place of libmnl's: keeps what is sent, answers with `answer`. */
static uint8_t sent[1024];
static int answer;

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *request, size_t length)
{
	(void)socket;
	assert_in_range(length, sizeof(struct nlmsghdr), sizeof(sent));
	memcpy(sent, request, length);
	return (ssize_t)length;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size)
{
	struct nlmsghdr *message = buffer;
	struct nlmsgerr *refusal = mnl_nlmsg_get_payload(message);

	(void)socket;
	(void)size;
	*message = (struct nlmsghdr){ .nlmsg_len = sizeof(*message) + sizeof(*refusal), .nlmsg_type = NLMSG_ERROR };
	message->nlmsg_seq = ((struct nlmsghdr *)(void *)sent)->nlmsg_seq;
	*refusal = (struct nlmsgerr){ .error = answer };
	return message->nlmsg_len;
}

static struct netlink *open_netlink(struct netlink *netlink)
{
	static uint64_t buffer[NETLINK_BUFFER / sizeof(uint64_t)];

	*netlink = (struct netlink){ .sequence = 1, .buffer = (void *)buffer };
	return netlink;
}

/* ---- helpers ---- */

/* The payload of `nfct add helper ftp inet tcp`, conntrack-tools 1.4.7, behind struct nfgenmsg. */
static const uint8_t nfct_ftp[] =
	"\x08\x00\x01\x00" "ftp\0" "\x08\x00\x05\x00" "\x00\x00\x00\x18"
	"\x14\x00\x02\x80" "\x06\x00\x01\x00\x00\x02\x00\x00" "\x05\x00\x02\x00\x06\x00\x00\x00"
	"\x28\x00\x04\x80" "\x1c\x00\x02\x80" "\x08\x00\x01\x00" "ftp\0" "\x08\x00\x02\x00\x00\x00\x00\x01"
	"\x08\x00\x03\x00\x00\x00\x01\x2c" "\x08\x00\x01\x00\x00\x00\x00\x01";

static struct nlmsghdr *message_of(void *space, const void *attributes, size_t length)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(space);

	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	if (length)
		memcpy(mnl_nlmsg_get_payload_tail(message), attributes, length);
	message->nlmsg_len += (uint32_t)length;
	return message;
}

static const struct helper ftp = {
	.name = "ftp", .family = AF_INET, .protocol = 6, .present = HELPER_DATA | HELPER_POLICIES, .data = 24,
	.policy_count = 1, .policies = { { "ftp", 1, 300 } },
};

static void sends_the_helper_that_nfct_sends(void **state)
{
	uint64_t space[64] = { 0 };
	struct helper theirs, ours;
	struct netlink netlink;
	struct error error = { 0 };
	const struct nlmsghdr *message = (void *)sent;

	(void)state;
	assert_true(helper_decode(message_of(space, nfct_ftp, sizeof(nfct_ftp) - 1), &theirs));
	assert_memory_equal(&theirs, &ftp, sizeof(ftp));
	assert_int_equal(netlink_helper_put(open_netlink(&netlink), &ftp, false, &error), 0);
	assert_int_equal(message->nlmsg_type, NFNL_SUBSYS_CTHELPER << 8 | NFNL_MSG_CTHELPER_NEW);
	assert_int_equal(message->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	assert_int_equal(message->nlmsg_len, sizeof(*message) + sizeof(struct nfgenmsg) + sizeof(nfct_ftp) - 1);
	assert_true(helper_decode(message, &ours));
	assert_memory_equal(&ours, &ftp, sizeof(ftp));
}

static void sends_every_part_of_a_helper(void **state)
{
	struct helper helper = {
		.name = "fifteen letters", .family = AF_INET6, .protocol = 17, .queue = 65535, .data = 32,
		.present = HELPER_QUEUE | HELPER_DATA | HELPER_STATUS | HELPER_POLICIES,
		.is_enabled = true, .policy_count = 4,
		.policies = { { "a", 1, 1 }, { "b", 255, 2147483 }, { "c", 3, 0 }, { "fifteen letters", 4, 30 } },
	}, read;
	struct netlink netlink;
	struct error error = { 0 };

	(void)state;
	assert_int_equal(netlink_helper_put(open_netlink(&netlink), &helper, true, &error), 0);
	assert_true(helper_decode((void *)sent, &read));
	assert_memory_equal(&read, &helper, sizeof(helper));
	/* Only the key and what is present: as `nfct disable helper`. */
	helper.present = HELPER_STATUS;
	helper.is_enabled = false;
	assert_int_equal(netlink_helper_put(open_netlink(&netlink), &helper, true, &error), 0);
	assert_true(helper_decode((void *)sent, &read));
	assert_int_equal(read.present, HELPER_STATUS);
	assert_false(read.is_enabled);
}

static void refusals_of_helpers_are_told_apart(void **state)
{
	struct netlink netlink;
	struct error error = { 0 };

	(void)state;
	answer = -EEXIST;
	assert_int_equal(netlink_helper_put(open_netlink(&netlink), &ftp, false, &error), -EEXIST);
	assert_int_equal(error.code, 0);
	answer = -EBUSY;
	assert_int_equal(netlink_helper_delete(open_netlink(&netlink), &ftp, &error), -EBUSY);
	assert_int_equal(error.code, 0);
	answer = -ENOENT;
	assert_int_equal(netlink_helper_delete(open_netlink(&netlink), &ftp, &error), -ENOENT);
	assert_int_equal(error.code, 0);
	answer = -EPERM;
	assert_int_equal(netlink_helper_delete(open_netlink(&netlink), &ftp, &error), -EPERM);
	assert_non_null(strstr(error.text, "outside of user namespaces"));
	answer = 0;
}

/* ---- timeouts ---- */

static void put_values(struct nlmsghdr *message, uint16_t type, unsigned count)
{
	struct nlattr *nest = mnl_attr_nest_start(message, type);

	for (unsigned i = 0; i < count; i++)
		mnl_attr_put_u32(message, (uint16_t)(i + 1), htonl(100 + i));
	mnl_attr_nest_end(message, nest);
}

/* As ctnl_timeout_fill_info() writes it. */
static struct nlmsghdr *named_message(void *space)
{
	struct nlmsghdr *message = message_of(space, NULL, 0);

	mnl_attr_put_strz(message, CTA_TIMEOUT_NAME, "web");
	mnl_attr_put_u16(message, CTA_TIMEOUT_L3PROTO, htons(AF_INET6));
	mnl_attr_put_u8(message, CTA_TIMEOUT_L4PROTO, 6);
	mnl_attr_put_u32(message, CTA_TIMEOUT_USE, htonl(3));
	put_values(message, CTA_TIMEOUT_DATA, 11);
	return message;
}

/* As nf_tables_fill_obj_info() and nft_ct_timeout_obj_dump() write it; the type may come last. */
static struct nlmsghdr *object_message(void *space, uint32_t type)
{
	struct nlmsghdr *message = message_of(space, NULL, 0);
	struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	struct nlattr *nest;

	header->nfgen_family = 1; /* NFPROTO_INET */
	mnl_attr_put_strz(message, NFTA_OBJ_TABLE, "filter");
	mnl_attr_put_strz(message, NFTA_OBJ_NAME, "short");
	nest = mnl_attr_nest_start(message, NFTA_OBJ_DATA);
	mnl_attr_put_u8(message, NFTA_CT_TIMEOUT_L4PROTO, 17);
	mnl_attr_put_u16(message, NFTA_CT_TIMEOUT_L3PROTO, htons(AF_INET));
	put_values(message, NFTA_CT_TIMEOUT_DATA, 2);
	mnl_attr_nest_end(message, nest);
	mnl_attr_put_u32(message, NFTA_OBJ_USE, htonl(2));
	mnl_attr_put_u32(message, NFTA_OBJ_TYPE, htonl(type));
	return message;
}

static void reads_policies_of_both_sorts(void **state)
{
	uint64_t space[64] = { 0 };
	struct timeout_policy policy;

	(void)state;
	assert_true(timeout_decode(named_message(space), false, &policy));
	assert_string_equal(policy.name, "web");
	assert_string_equal(policy.table, "");
	assert_int_equal(policy.family, AF_INET6);
	assert_int_equal(policy.protocol, 6);
	assert_int_equal(policy.use, 2);
	assert_int_equal(policy.present, (1 << 11) - 1);
	assert_int_equal(policy.values[10], 110);
	memset(space, 0, sizeof(space));
	assert_true(timeout_decode(object_message(space, NFT_OBJECT_CT_TIMEOUT), true, &policy));
	assert_string_equal(policy.name, "short");
	assert_string_equal(policy.table, "inet filter");
	assert_int_equal(policy.family, AF_INET);
	assert_int_equal(policy.protocol, 17);
	assert_int_equal(policy.use, 2);
	assert_int_equal(policy.present, 3);
	assert_int_equal(policy.values[1], 101);
	/* Other types of objects number their data otherwise. */
	memset(space, 0, sizeof(space));
	assert_false(timeout_decode(object_message(space, NFT_OBJECT_COUNTER), true, &policy));
}

static void sends_a_policy_as_it_is_read(void **state)
{
	struct timeout_policy policy = { .name = "web", .family = AF_INET, .protocol = 6, .present = 1 | 4 | 1024,
					 .values = { [0] = 10, [2] = 3600, [10] = 5 } }, read;
	struct netlink netlink;
	struct error error = { 0 };
	const struct nlmsghdr *message = (void *)sent;

	(void)state;
	assert_int_equal(netlink_timeout_put(open_netlink(&netlink), &policy, false, &error), 0);
	assert_int_equal(message->nlmsg_type, NFNL_SUBSYS_CTNETLINK_TIMEOUT << 8 | IPCTNL_MSG_TIMEOUT_NEW);
	assert_int_equal(message->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	assert_true(timeout_decode(message, false, &read));
	assert_memory_equal(&read, &policy, sizeof(policy));
	assert_int_equal(netlink_timeout_put(open_netlink(&netlink), &policy, true, &error), 0);
	assert_int_equal(message->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_REPLACE);
	answer = -EINVAL;
	assert_int_equal(netlink_timeout_default_get(open_netlink(&netlink), &read, true, &error), -EOPNOTSUPP);
	assert_non_null(strstr(error.text, "this kernel has no timeout policies"));
	error = (struct error){ 0 };
	answer = -EOPNOTSUPP;
	assert_int_equal(netlink_timeout_put(open_netlink(&netlink), &policy, false, &error), -EPROTONOSUPPORT);
	assert_int_equal(error.code, 0);
	answer = 0;
}

static void the_table_of_protocols_is_whole(void **state)
{
	(void)state;
	for (const struct timeout_protocol *protocol = timeout_protocols; protocol->name; protocol++) {
		assert_ptr_equal(timeout_protocol_find(protocol->number), protocol);
		assert_in_range(timeout_protocol_count(protocol), 1, TIMEOUT_STATES_MAX);
	}
	assert_int_equal(timeout_protocol_count(timeout_protocol_find(6)), CTA_TIMEOUT_TCP_MAX);
	assert_int_equal(timeout_protocol_count(timeout_protocol_find(132)), CTA_TIMEOUT_SCTP_MAX);
	assert_int_equal(timeout_protocol_count(timeout_protocol_find(33)), CTA_TIMEOUT_DCCP_MAX);
	assert_string_equal(timeout_protocol_find(6)->states[CTA_TIMEOUT_TCP_UNACK - 1].name, "unacknowledged");
	assert_string_equal(timeout_protocol_find(132)->states[CTA_TIMEOUT_SCTP_SHUTDOWN_ACK_SENT - 1].name,
			    "shutdown_ack_sent");
	assert_string_equal(timeout_protocol_find(33)->states[CTA_TIMEOUT_DCCP_TIMEWAIT - 1].name, "timewait");
}

/* ---- what nobody should send ---- */

/* A copy of its length, with padding as in a buffer of messages: a sanitizer sees what is read behind it. */
static void mutate(uint64_t *random, const struct nlmsghdr *message, bool is_cut)
{
	size_t length = is_cut ? sizeof(*message) + random_below(random, message->nlmsg_len - sizeof(*message) + 1) :
				 message->nlmsg_len;
	struct nlmsghdr *copy = calloc(1, MNL_ALIGN(length));
	struct timeout_policy policy;
	struct helper helper;

	memcpy(copy, message, length);
	copy->nlmsg_len = (uint32_t)length;
	for (size_t i = random_below(random, 4); i > 0 && length > sizeof(*message); i--)
		((uint8_t *)copy)[sizeof(*message) + random_below(random, length - sizeof(*message))] =
			(uint8_t)random_sized(random);
	timeout_decode(copy, false, &policy);
	timeout_decode(copy, true, &policy);
	assert_true(memchr(policy.name, 0, sizeof(policy.name)) && memchr(policy.table, 0, sizeof(policy.table)));
	if (helper_decode(copy, &helper)) {
		assert_in_range(helper.policy_count, 0, HELPER_POLICIES_MAX);
		assert_non_null(memchr(helper.name, 0, sizeof(helper.name)));
	}
	free(copy);
}

static void nothing_that_comes_is_trusted(void **state)
{
	uint64_t spaces[3][64] = { 0 }, random = 5;
	const struct nlmsghdr *messages[] = {
		named_message(spaces[0]), object_message(spaces[1], NFT_OBJECT_CT_TIMEOUT),
		message_of(spaces[2], nfct_ftp, sizeof(nfct_ftp) - 1),
	};

	(void)state;
	for (unsigned i = 0; i < MUTATIONS; i++)
		mutate(&random, messages[i % COUNT_OF(messages)], i & 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_the_helper_that_nfct_sends),
		cmocka_unit_test(sends_every_part_of_a_helper),
		cmocka_unit_test(refusals_of_helpers_are_told_apart),
		cmocka_unit_test(reads_policies_of_both_sorts),
		cmocka_unit_test(sends_a_policy_as_it_is_read),
		cmocka_unit_test(the_table_of_protocols_is_whole),
		cmocka_unit_test(nothing_that_comes_is_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
