/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages about expectations: what is sent reads back as the record it was built from, since the kernel's
 * messages have the same attributes; and nothing that comes is trusted.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "conntab/field.h"
#include "conntab/netlink.h"

enum { MUTATIONS = 20000 };

/* In the place of libmnl's: keeps what is sent and acknowledges it. */
static uint8_t sent[1024] __attribute__((aligned(4)));
static size_t sent_length;
static unsigned sent_count;

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *request, size_t length)
{
	(void)socket;
	assert_in_range(length, sizeof(struct nlmsghdr), sizeof(sent));
	memcpy(sent, request, length);
	sent_length = length;
	sent_count++;
	return (ssize_t)length;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size)
{
	const struct nlmsghdr *request = (const void *)sent;
	struct nlmsghdr *message = buffer;
	struct nlmsgerr *refusal = mnl_nlmsg_get_payload(message);

	(void)socket;
	(void)size;
	*message = (struct nlmsghdr){ .nlmsg_len = MNL_NLMSG_HDRLEN + sizeof(*refusal), .nlmsg_type = NLMSG_ERROR,
				      .nlmsg_seq = request->nlmsg_seq };
	*refusal = (struct nlmsgerr){ .error = 0 };
	return (ssize_t)message->nlmsg_len;
}

static void everything(struct decoder *decoder, enum subject subject)
{
	struct field_set all = { { 0, 0 } };

	for (enum field_id id = 0; id < FIELD_STORED; id++)
		field_set_add(&all, id);
	decoder_init_of(decoder, subject, &all);
}

static struct address address(uint8_t family, const char *text)
{
	struct address address = { .family = family };

	assert_int_equal(inet_pton(family, text, address.bytes), 1);
	return address;
}

/* All that can be sent, and the id, which can only be read. */
static void whole_record(struct record *record, uint8_t family)
{
	bool is_ipv6 = family == AF_INET6;

	memset(record, 0, sizeof(*record));
	netlink_expect_fields(&record->present);
	for (size_t i = 0; i < 2; i++)
		field_set_remove(&record->present, i == 0 ? FIELD_gre_srckey : FIELD_gre_dstkey);
	field_set_add(&record->present, FIELD_mask_dst);
	field_set_add(&record->present, FIELD_mask_dport);
	record->family = family;
	record->proto = IPPROTO_TCP;
	record->master_proto = IPPROTO_UDP;
	record->src = address(family, is_ipv6 ? "2001:db8::1" : "192.0.2.1");
	record->dst = address(family, is_ipv6 ? "2001:db8::2" : "192.0.2.2");
	record->mask_src = address(family, is_ipv6 ? "ffff::" : "255.255.0.0");
	record->mask_dst = address(family, is_ipv6 ? "ffff:ffff::" : "255.255.255.0");
	record->master_src = address(family, is_ipv6 ? "2001:db8::3" : "192.0.2.3");
	record->master_dst = address(family, is_ipv6 ? "2001:db8::4" : "192.0.2.4");
	record->nat_src = address(family, is_ipv6 ? "2001:db8::5" : "192.0.2.5");
	record->sport = 1;
	record->dport = 2;
	record->mask_sport = 3;
	record->mask_dport = 4;
	record->master_sport = 5;
	record->master_dport = 6;
	record->nat_sport = 7;
	record->nat_dir = 1;
	record->timeout = 8;
	record->zone = 9;
	record->class = 10;
	record->flags = 11;
	strcpy(record->helper.text, "ftp");
	strcpy(record->fn.text, "nat-follow-master");
}

static void send_record(const struct record *record, bool or_update)
{
	uint8_t buffer[NETLINK_BUFFER] __attribute__((aligned(4)));
	struct netlink netlink = { .sequence = 1, .buffer = buffer };
	struct error error = { 0 };

	sent_count = 0;
	assert_int_equal(netlink_expect_put(&netlink, record, or_update, &error), 0);
}

static void what_is_sent_reads_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct record record, read;
		struct decoder decoder;

		whole_record(&record, i == 0 ? AF_INET : AF_INET6);
		send_record(&record, false);
		everything(&decoder, SUBJECT_EXPECTATION);
		assert_true(decoder_decode(&decoder, (const void *)sent, &read));
		assert_memory_equal(&read.present, &record.present, sizeof(record.present));
		for (enum field_id id = 0; id < FIELD_STORED; id++) {
			struct value value = field_value(id, &record), other = field_value(id, &read);

			if (value_compare(&value, &other) != 0)
				fail_msg("%s is not the same", fields[id].name);
		}
	}
}

/* The timeout is given in a second message, which does not create. */
static void flags_of_messages(void **state)
{
	const struct nlmsghdr *message = (const void *)sent;
	struct record record;

	(void)state;
	whole_record(&record, AF_INET);
	send_record(&record, false);
	assert_int_equal(sent_count, 2);
	assert_int_equal(message->nlmsg_type, NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_NEW);
	assert_int_equal(message->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	field_set_remove(&record.present, FIELD_timeout);
	send_record(&record, false);
	assert_int_equal(sent_count, 1);
	assert_int_equal(message->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	send_record(&record, true);
	assert_int_equal(message->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE);
}

/* The subsystems number their attributes on their own. */
static void an_expectation_is_no_entry(void **state)
{
	struct nlmsghdr *message = (void *)sent;
	struct decoder entries, expectations;
	struct record record;

	(void)state;
	whole_record(&record, AF_INET);
	send_record(&record, false);
	everything(&entries, SUBJECT_ENTRY);
	everything(&expectations, SUBJECT_EXPECTATION);
	assert_false(decoder_decode(&entries, message, &record));
	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8;
	assert_false(decoder_decode(&expectations, message, &record));
	assert_true(!record.present.bits[0] && !record.present.bits[1]);
}

static void odd_lengths_are_skipped(void **state)
{
	static const uint16_t types[] = { CTA_EXPECT_TIMEOUT, CTA_EXPECT_ID, CTA_EXPECT_FLAGS, CTA_EXPECT_CLASS,
					  CTA_EXPECT_ZONE, CTA_EXPECT_HELP_NAME, CTA_EXPECT_FN };
	static const size_t lengths[] = { 0, 3, 5, 8 };
	uint8_t bytes[256] __attribute__((aligned(4))) = { 0 }, payload[8] = { 0 };
	struct decoder decoder;
	struct record record;

	(void)state;
	everything(&decoder, SUBJECT_EXPECTATION);
	for (size_t i = 0; i < COUNT_OF(types) * COUNT_OF(lengths); i++) {
		struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
		bool is_text = i / COUNT_OF(lengths) >= 5; /* the last two may have any length */

		message->nlmsg_type = NFNL_SUBSYS_CTNETLINK_EXP << 8;
		mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
		mnl_attr_put(message, types[i / COUNT_OF(lengths)], lengths[i % COUNT_OF(lengths)], payload);
		assert_true(decoder_decode(&decoder, message, &record));
		field_set_remove(&record.present, FIELD_family);
		if (!is_text)
			assert_true(!record.present.bits[0] && !record.present.bits[1]);
	}
}

/* In memory of just that size, so that a sanitizer sees a byte too far. */
static void decode_copy(const struct decoder *decoder, const uint8_t *bytes, size_t length)
{
	struct nlmsghdr *copy = malloc(length);
	struct record record;

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	copy->nlmsg_len = (uint32_t)length;
	if (decoder_decode(decoder, copy, &record) && record_has(&record, FIELD_fn))
		assert_true(strnlen(record.fn.text, sizeof(record.fn.text)) < sizeof(record.fn.text));
	free(copy);
}

static void broken_messages(void **state)
{
	struct decoder decoder;
	struct record record;
	uint64_t seed = 5;
	uint8_t bytes[sizeof(sent)];

	(void)state;
	whole_record(&record, AF_INET6);
	send_record(&record, false);
	everything(&decoder, SUBJECT_EXPECTATION);
	for (size_t length = sizeof(struct nlmsghdr); length <= sent_length; length++)
		decode_copy(&decoder, sent, length);
	for (unsigned i = 0; i < MUTATIONS / (getenv("CONNTAB_VALGRIND") ? 50 : 1); i++) {
		memcpy(bytes, sent, sent_length);
		for (uint64_t changes = 1 + random_below(&seed, 4); changes > 0; changes--)
			bytes[20 + random_below(&seed, sent_length - 20)] = (uint8_t)random_below(&seed, 256);
		decode_copy(&decoder, bytes, sent_length);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sent_reads_back),
		cmocka_unit_test(flags_of_messages),
		cmocka_unit_test(an_expectation_is_no_entry),
		cmocka_unit_test(odd_lengths_are_skipped),
		cmocka_unit_test(broken_messages),
	};

	return cmocka_run_group_tests_name("expect", tests, NULL, NULL);
}
