/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder against recorded dumps, with libnetfilter_conntrack as the oracle. With
 * CONNTAB_LIVE in the environment: against the table of the namespace it runs in, which
 * must hold at least so many entries (tests/bats/decoder.bats).
 */
#include "unit.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>

#include "replay.h"

enum { MUTATIONS_COMPOSED = 10000, MUTATIONS_RECORDED = 100 };

/* ---- the oracle ---- */

enum getter { GET_U8, GET_U16, GET_U16_NETWORK, GET_U32, GET_U64, GET_IPV4, GET_IPV6, GET_TEXT, GET_LABELS,
	      GET_TCP_STATE, GET_SCTP_STATE, GET_DCCP_STATE };

static const struct oracle_row {
	uint8_t field;
	uint8_t getter;
	enum nf_conntrack_attr attribute;
} oracle[] = {
	{ FIELD_family, GET_U8, ATTR_ORIG_L3PROTO },
	{ FIELD_proto, GET_U8, ATTR_ORIG_L4PROTO },
	{ FIELD_state, GET_TCP_STATE, ATTR_TCP_STATE },
	{ FIELD_state, GET_SCTP_STATE, ATTR_SCTP_STATE },
	{ FIELD_state, GET_DCCP_STATE, ATTR_DCCP_STATE },
	{ FIELD_timeout, GET_U32, ATTR_TIMEOUT },
	{ FIELD_src, GET_IPV4, ATTR_ORIG_IPV4_SRC },
	{ FIELD_src, GET_IPV6, ATTR_ORIG_IPV6_SRC },
	{ FIELD_dst, GET_IPV4, ATTR_ORIG_IPV4_DST },
	{ FIELD_dst, GET_IPV6, ATTR_ORIG_IPV6_DST },
	{ FIELD_sport, GET_U16_NETWORK, ATTR_ORIG_PORT_SRC },
	{ FIELD_dport, GET_U16_NETWORK, ATTR_ORIG_PORT_DST },
	{ FIELD_icmp_type, GET_U8, ATTR_ICMP_TYPE },
	{ FIELD_icmp_code, GET_U8, ATTR_ICMP_CODE },
	{ FIELD_icmp_id, GET_U16_NETWORK, ATTR_ICMP_ID },
	{ FIELD_orig_zone, GET_U16, ATTR_ORIG_ZONE },
	{ FIELD_orig_packets, GET_U64, ATTR_ORIG_COUNTER_PACKETS },
	{ FIELD_orig_bytes, GET_U64, ATTR_ORIG_COUNTER_BYTES },
	{ FIELD_reply_src, GET_IPV4, ATTR_REPL_IPV4_SRC },
	{ FIELD_reply_src, GET_IPV6, ATTR_REPL_IPV6_SRC },
	{ FIELD_reply_dst, GET_IPV4, ATTR_REPL_IPV4_DST },
	{ FIELD_reply_dst, GET_IPV6, ATTR_REPL_IPV6_DST },
	{ FIELD_reply_sport, GET_U16_NETWORK, ATTR_REPL_PORT_SRC },
	{ FIELD_reply_dport, GET_U16_NETWORK, ATTR_REPL_PORT_DST },
	{ FIELD_reply_zone, GET_U16, ATTR_REPL_ZONE },
	{ FIELD_reply_packets, GET_U64, ATTR_REPL_COUNTER_PACKETS },
	{ FIELD_reply_bytes, GET_U64, ATTR_REPL_COUNTER_BYTES },
	{ FIELD_status, GET_U32, ATTR_STATUS },
	{ FIELD_mark, GET_U32, ATTR_MARK },
	{ FIELD_zone, GET_U16, ATTR_ZONE },
	{ FIELD_labels, GET_LABELS, ATTR_CONNLABELS },
	{ FIELD_helper, GET_TEXT, ATTR_HELPER_NAME },
	{ FIELD_start, GET_U64, ATTR_TIMESTAMP_START },
	{ FIELD_stop, GET_U64, ATTR_TIMESTAMP_STOP },
	{ FIELD_use, GET_U32, ATTR_USE },
	{ FIELD_id, GET_U32, ATTR_ID },
	{ FIELD_tcp_wscale, GET_U8, ATTR_TCP_WSCALE_ORIG },
	{ FIELD_tcp_flags, GET_U8, ATTR_TCP_FLAGS_ORIG },
	{ FIELD_reply_tcp_wscale, GET_U8, ATTR_TCP_WSCALE_REPL },
	{ FIELD_reply_tcp_flags, GET_U8, ATTR_TCP_FLAGS_REPL },
	{ FIELD_sctp_vtag, GET_U32, ATTR_SCTP_VTAG_ORIG },
	{ FIELD_reply_sctp_vtag, GET_U32, ATTR_SCTP_VTAG_REPL },
	{ FIELD_dccp_role, GET_U8, ATTR_DCCP_ROLE },
	{ FIELD_dccp_handshake_seq, GET_U64, ATTR_DCCP_HANDSHAKE_SEQ },
	{ FIELD_master_proto, GET_U8, ATTR_MASTER_L4PROTO },
	{ FIELD_master_src, GET_IPV4, ATTR_MASTER_IPV4_SRC },
	{ FIELD_master_src, GET_IPV6, ATTR_MASTER_IPV6_SRC },
	{ FIELD_master_sport, GET_U16_NETWORK, ATTR_MASTER_PORT_SRC },
	{ FIELD_master_dst, GET_IPV4, ATTR_MASTER_IPV4_DST },
	{ FIELD_master_dst, GET_IPV6, ATTR_MASTER_IPV6_DST },
	{ FIELD_master_dport, GET_U16_NETWORK, ATTR_MASTER_PORT_DST },
	{ FIELD_seqadj_position, GET_U32, ATTR_ORIG_NAT_SEQ_CORRECTION_POS },
	{ FIELD_seqadj_before, GET_U32, ATTR_ORIG_NAT_SEQ_OFFSET_BEFORE },
	{ FIELD_seqadj_after, GET_U32, ATTR_ORIG_NAT_SEQ_OFFSET_AFTER },
	{ FIELD_reply_seqadj_position, GET_U32, ATTR_REPL_NAT_SEQ_CORRECTION_POS },
	{ FIELD_reply_seqadj_before, GET_U32, ATTR_REPL_NAT_SEQ_OFFSET_BEFORE },
	{ FIELD_reply_seqadj_after, GET_U32, ATTR_REPL_NAT_SEQ_OFFSET_AFTER },
	{ FIELD_synproxy_isn, GET_U32, ATTR_SYNPROXY_ISN },
	{ FIELD_synproxy_its, GET_U32, ATTR_SYNPROXY_ITS },
	{ FIELD_synproxy_tsoff, GET_U32, ATTR_SYNPROXY_TSOFF },
	{ FIELD_secmark, GET_U32, ATTR_SECMARK },
	{ FIELD_secctx, GET_TEXT, ATTR_SECCTX },
};

/* What the library does not tell: the reply's icmp, and what is younger than it. */
static const uint8_t unknown_to_oracle[] = { FIELD_reply_icmp_type, FIELD_reply_icmp_code, FIELD_reply_icmp_id,
					     FIELD_when };

static uint64_t expected_number(const struct nf_conntrack *entry, const struct oracle_row *row)
{
	switch (row->getter) {
	case GET_U8: return nfct_get_attr_u8(entry, row->attribute);
	case GET_U16: return nfct_get_attr_u16(entry, row->attribute);
	case GET_U16_NETWORK: return ntohs(nfct_get_attr_u16(entry, row->attribute));
	case GET_U32: return nfct_get_attr_u32(entry, row->attribute);
	default: return nfct_get_attr_u64(entry, row->attribute);
	}
}

/* The kernel's tables: tcp_conntrack_names, sctp_conntrack_names, dccp_state_names. */
static const char *expected_state(const struct nf_conntrack *entry, const struct oracle_row *row)
{
	static const char *const names[][10] = {
		{ "NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",
		  "SYN_SENT2" },
		{ "NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD",
		  "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT", "HEARTBEAT_ACKED" },
		{ "NONE", "REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT", "IGNORE", "INVALID" },
	};
	uint8_t state = nfct_get_attr_u8(entry, row->attribute);

	return state < 10 ? names[row->getter - GET_TCP_STATE][state] : "UNKNOWN";
}

static bool labels_agree(const struct labels *labels, const struct nf_conntrack *entry)
{
	const struct nfct_bitmask *mask = nfct_get_attr(entry, ATTR_CONNLABELS);

	for (unsigned bit = 0; bit < 128; bit++)
		if ((labels->words[bit / 32] >> bit % 32 & 1) != (unsigned)nfct_bitmask_test_bit(mask, bit))
			return false;
	return true;
}

static bool address_agrees(const struct address *address, const void *expected, size_t size)
{
	static const uint8_t zeroes[16];

	return address->family == (size == 4 ? AF_INET : AF_INET6) && memcmp(address->bytes, expected, size) == 0 &&
	       memcmp(address->bytes + size, zeroes, 16 - size) == 0;
}

static bool value_agrees(const struct record *record, const struct nf_conntrack *entry, const struct oracle_row *row)
{
	struct value value = field_value(row->field, record);

	switch (row->getter) {
	case GET_IPV4: return address_agrees(value.data, nfct_get_attr(entry, row->attribute), 4);
	case GET_IPV6: return address_agrees(value.data, nfct_get_attr(entry, row->attribute), 16);
	case GET_TEXT: return strcmp(value.data, nfct_get_attr(entry, row->attribute)) == 0;
	case GET_LABELS: return labels_agree(value.data, entry);
	case GET_TCP_STATE:
	case GET_SCTP_STATE:
	case GET_DCCP_STATE: return strcmp(state_name((uint8_t)value.number), expected_state(entry, row)) == 0;
	default: return value.number == expected_number(entry, row);
	}
}

/* How often each row was there, so that a test can tell whether it saw anything. */
static unsigned seen[COUNT_OF(oracle)];

static void compare_entry(void *data, const struct nlmsghdr *message)
{
	const struct decoder *decoder = data;
	struct nf_conntrack *entry = nfct_new();
	struct field_set expected = { { 0, 0 } };
	struct record record;

	assert_non_null(entry);
	assert_true(nfct_nlmsg_parse(message, entry) >= 0);
	assert_true(decoder_decode(decoder, message, &record));
	for (size_t i = 0; i < COUNT_OF(oracle); i++) {
		const struct oracle_row *row = &oracle[i];

		if (nfct_attr_is_set(entry, row->attribute) <= 0)
			continue;
		seen[i]++;
		field_set_add(&expected, row->field);
		if (!record_has(&record, row->field))
			fail_msg("id %u: %s is missing", record.id, fields[row->field].name);
		if (!value_agrees(&record, entry, row))
			fail_msg("id %u: %s differs from the library's", record.id, fields[row->field].name);
	}
	for (size_t i = 0; i < COUNT_OF(unknown_to_oracle); i++)
		field_set_remove(&record.present, unknown_to_oracle[i]);
	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if (record_has(&record, id) && !field_set_has(&expected, id))
			fail_msg("id %u: the library has no %s", record.id, fields[id].name);
	nfct_destroy(entry);
}

static void check_seen(const uint8_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned times = 0;

		for (size_t row = 0; row < COUNT_OF(oracle); row++)
			times += oracle[row].field == ids[i] ? seen[row] : 0;
		if (times == 0)
			fail_msg("no entry had %s: this compared nothing", fields[ids[i]].name);
	}
}

/* What a world's table has of everything; counters and times are in half of it at least. */
static const uint8_t everyday_fields[] = {
	FIELD_family, FIELD_proto, FIELD_state, FIELD_timeout, FIELD_src, FIELD_dst, FIELD_sport, FIELD_dport,
	FIELD_icmp_type, FIELD_icmp_code, FIELD_icmp_id, FIELD_orig_zone, FIELD_reply_src, FIELD_reply_dst,
	FIELD_reply_sport, FIELD_reply_dport, FIELD_reply_zone, FIELD_status, FIELD_mark, FIELD_zone, FIELD_labels,
	FIELD_helper, FIELD_use, FIELD_id, FIELD_tcp_wscale, FIELD_tcp_flags, FIELD_reply_tcp_wscale,
	FIELD_reply_tcp_flags, FIELD_sctp_vtag, FIELD_reply_sctp_vtag, FIELD_master_proto, FIELD_master_src,
	FIELD_master_sport, FIELD_master_dst, FIELD_master_dport,
};
static const uint8_t kept_fields[] = {
	FIELD_orig_packets, FIELD_orig_bytes, FIELD_reply_packets, FIELD_reply_bytes, FIELD_start,
};

static void compare_recording(const char *name, bool has_kept_fields)
{
	struct replay replay = replay_open(name);
	struct decoder decoder;

	memset(seen, 0, sizeof(seen));
	decoder_of_everything(&decoder);
	assert_true(replay_each(&replay, compare_entry, &decoder) > 100);
	check_seen(everyday_fields, COUNT_OF(everyday_fields));
	if (has_kept_fields)
		check_seen(kept_fields, COUNT_OF(kept_fields));
	replay_close(&replay);
}

static void agrees_with_the_library_with_accounting(void **state)
{
	(void)state;
	compare_recording("accounting.nlmsg", true);
}

static void agrees_with_the_library_without(void **state)
{
	(void)state;
	compare_recording("plain.nlmsg", false);
}

static void the_oracle_knows_every_field(void **state)
{
	(void)state;
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		bool is_known = !fields[id].paths[0][0]; /* computed ones are not decoded */

		for (size_t i = 0; i < COUNT_OF(oracle); i++)
			is_known = is_known || oracle[i].field == id;
		for (size_t i = 0; i < COUNT_OF(unknown_to_oracle); i++)
			is_known = is_known || unknown_to_oracle[i] == id;
		if (!is_known)
			fail_msg("%s is compared with nothing", fields[id].name);
	}
}

/* Only what is wanted is decoded, and it is the same as when all is. */
static void compare_single(void *data, const struct nlmsghdr *message)
{
	struct record all, one;

	assert_true(decoder_decode(data, message, &all));
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		struct field_set wanted = { { 0, 0 } };
		struct value value, expected = field_value(id, &all);
		struct decoder decoder;

		field_set_add(&wanted, id);
		decoder_init(&decoder, &wanted);
		assert_true(decoder_decode(&decoder, message, &one));
		value = field_value(id, &one);
		assert_int_equal(value_compare(&value, &expected), 0);
		field_set_remove(&one.present, id);
		assert_true(!one.present.bits[0] && !one.present.bits[1]);
	}
}

static void each_field_alone_is_the_same(void **state)
{
	struct replay replay = replay_open("composed.nlmsg");
	struct decoder decoder;

	(void)state;
	decoder_of_everything(&decoder);
	replay_each(&replay, compare_single, &decoder);
	replay_close(&replay);
}

/* ---- composed entries, found by their id (or, where they have none, by their place) ---- */

struct search {
	const struct decoder *decoder;
	struct record *record;
	uint16_t port;
	unsigned place, at;
	bool is_found;
};

static void search_message(void *data, const struct nlmsghdr *message)
{
	struct search *search = data;
	struct record record;

	memset(&record, 0, sizeof(record));
	if (!decoder_decode(search->decoder, message, &record))
		return;
	if (search->port ? record_has(&record, FIELD_id) && record.id == search->port : search->at == search->place) {
		*search->record = record;
		search->is_found = true;
	}
	search->at++;
}

static void find(struct record *record, uint16_t port, unsigned place)
{
	struct replay replay = replay_open("composed.nlmsg");
	struct decoder decoder;
	struct search search = { .decoder = &decoder, .record = record, .port = port, .place = place };

	decoder_of_everything(&decoder);
	replay_each(&replay, search_message, &search);
	assert_true(search.is_found);
	replay_close(&replay);
}

static void composed_offload(void **state)
{
	struct record record;

	(void)state;
	find(&record, 1001, 0);
	assert_false(record_has(&record, FIELD_timeout) || record_has(&record, FIELD_state));
	assert_true(record.status & IPS_OFFLOAD);
	find(&record, 1002, 0);
	assert_true(record.status & IPS_HW_OFFLOAD);
}

static void composed_values(void **state)
{
	struct record record;

	(void)state;
	find(&record, 1003, 0);
	assert_int_equal(record.synproxy_isn, 0xdeadbeef);
	assert_int_equal(record.synproxy_its, 0x01020304);
	assert_int_equal(record.synproxy_tsoff, 0xfffffffe);
	find(&record, 1004, 0);
	assert_int_equal(record.seqadj_position, 0x12345678);
	assert_int_equal(record.seqadj_before, (uint32_t)-7);
	assert_int_equal(record.seqadj_after, 12);
	assert_int_equal(record.reply_seqadj_after, (uint32_t)-2147483647);
	find(&record, 1007, 0);
	assert_int_equal(record.secmark, 42);
	find(&record, 1008, 0);
	assert_int_equal(record.master_sport, 1003);
	assert_int_equal(record.master_dport, 443);
	find(&record, 1009, 0);
	assert_true(record.start == 1700000000123456789 && record.stop == 1700000042999999999);
	find(&record, 1011, 0);
	assert_true(record.orig_packets == UINT64_MAX && record.reply_packets == 1ull << 63 && record.reply_bytes == 1);
	find(&record, 1013, 0);
	assert_string_equal(state_name(record.state), "OPEN");
	assert_true(record.dccp_handshake_seq == 0x1122334455);
	find(&record, 1014, 0);
	assert_true(record.status == UINT32_MAX && record.timeout == UINT32_MAX);
	find(&record, 1015, 0);
	assert_true(record.orig_zone == 65535 && record.reply_zone == 1 && record.zone == 7);
	assert_int_equal(record.family, AF_INET6);
	find(&record, 1016, 0);
	assert_true(record.icmp_type == 255 && record.icmp_code == 255 && record.icmp_id == 65535);
	find(&record, 1017, 0);
	assert_string_equal(state_name(record.state), "UNKNOWN");
	find(&record, 1018, 0);
	assert_string_equal(state_name(record.state), "UNKNOWN");
}

static void composed_text(void **state)
{
	struct record record;

	(void)state;
	find(&record, 1005, 0);
	assert_string_equal(record.secctx.text, "system_u:object_r:http_server_packet_t:s0-s15:c0.c1023");
	find(&record, 1006, 0);
	assert_string_equal(record.secctx.text, "<a href=\"x\">&amp;'\\,\n\t\x1b[31m\xff");
	assert_string_equal(record.helper.text, "a\"b,<c>&d\ne");
	/* Not terminated, and with an end within. */
	find(&record, 1025, 0);
	assert_string_equal(record.helper.text, "ftp!");
	assert_string_equal(record.secctx.text, "a");
}

static void composed_strange_parts_are_skipped(void **state)
{
	struct record record;

	(void)state;
	find(&record, 1019, 0); /* attributes from the future */
	assert_true(record.sport == 1019 && record.timeout == 431999);
	find(&record, 1020, 0);
	assert_true(record.sport == 1020 && record.dport == 53 && record.proto == IPPROTO_UDP);
	find(&record, 1012, 0); /* counters of 32 bits */
	assert_false(record_has(&record, FIELD_orig_packets) || record_has(&record, FIELD_orig_bytes));
	find(&record, 1021, 0);
	assert_false(record_has(&record, FIELD_labels));
	find(&record, 1022, 0);
	assert_false(record_has(&record, FIELD_labels));
	find(&record, 1024, 0); /* odd lengths in a tuple */
	assert_false(record_has(&record, FIELD_src) || record_has(&record, FIELD_dst) || record_has(&record, FIELD_proto) ||
		     record_has(&record, FIELD_sport) || record_has(&record, FIELD_dport) ||
		     record_has(&record, FIELD_orig_zone));
	find(&record, 1026, 0); /* empty nests */
	assert_false(record_has(&record, FIELD_src) || record_has(&record, FIELD_helper) || record_has(&record, FIELD_start));
	find(&record, 1027, 0);
	assert_true(record_has(&record, FIELD_src) && !record_has(&record, FIELD_reply_src));
	find(&record, 1028, 0); /* twice: the last one counts */
	assert_true(record.mark == 2 && record.sport == 2028);
	find(&record, 1029, 0);
	assert_int_equal(record.family, 77);
	find(&record, 1030, 0); /* the address tells its family itself */
	assert_true(record.family == AF_INET && record.src.family == AF_INET6);
	find(&record, 1031, 0);
	assert_int_equal(record.sport, 1031);
	find(&record, 1032, 0); /* a nest that does not end where it says */
	assert_false(record_has(&record, FIELD_state) || record_has(&record, FIELD_orig_packets));
	find(&record, 1033, 0);
	assert_int_equal(record.mark, 0);
}

static void composed_odd_lengths(void **state)
{
	static const uint8_t absent[] = {
		FIELD_status, FIELD_timeout, FIELD_mark, FIELD_id, FIELD_use, FIELD_zone, FIELD_orig_packets, FIELD_start,
		FIELD_labels,
	};
	struct record record;

	(void)state;
	find(&record, 0, 22);
	assert_int_equal(record.sport, 1023);
	for (size_t i = 0; i < COUNT_OF(absent); i++)
		if (record_has(&record, absent[i]))
			fail_msg("%s was taken", fields[absent[i]].name);
	find(&record, 0, 26); /* no attributes at all */
	field_set_remove(&record.present, FIELD_family);
	assert_true(!record.present.bits[0] && !record.present.bits[1]);
}

static void a_long_text_is_cut(void **state)
{
	uint8_t bytes[1024] __attribute__((aligned(4))) = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
	struct nlattr *nest;
	struct decoder decoder;
	struct record record;
	char text[400];

	(void)state;
	memset(text, 'x', sizeof(text));
	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8;
	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	nest = mnl_attr_nest_start(message, CTA_SECCTX);
	mnl_attr_put(message, CTA_SECCTX_NAME, sizeof(text), text);
	mnl_attr_nest_end(message, nest);
	nest = mnl_attr_nest_start(message, CTA_HELP);
	mnl_attr_put(message, CTA_HELP_NAME, 100, text);
	mnl_attr_nest_end(message, nest);
	decoder_of_everything(&decoder);
	assert_true(decoder_decode(&decoder, message, &record));
	assert_int_equal(strlen(record.secctx.text), sizeof(record.secctx.text) - 1);
	assert_int_equal(strlen(record.helper.text), sizeof(record.helper.text) - 1);
	assert_true(record_size(&record) <= sizeof(record));
}

static void other_messages_are_no_entries(void **state)
{
	uint8_t bytes[64] __attribute__((aligned(4))) = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
	struct decoder decoder;
	struct record record;

	(void)state;
	decoder_of_everything(&decoder);
	message->nlmsg_type = NLMSG_DONE;
	mnl_nlmsg_put_extra_header(message, 4);
	assert_false(decoder_decode(&decoder, message, &record));
	assert_true(!record.present.bits[0] && !record.present.bits[1]);
	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8;
	message->nlmsg_len = MNL_NLMSG_HDRLEN + 3;
	assert_false(decoder_decode(&decoder, message, &record));
	message->nlmsg_len = 3;
	assert_false(decoder_decode(&decoder, message, &record));
}

/* ---- broken messages: what the sanitizers watch ---- */

static void check_sane(const struct record *record)
{
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		struct value value = field_value(id, record);

		if (!value.is_present)
			continue;
		if (value.kind == KIND_TEXT)
			assert_true(memchr(value.data, '\0', fields[id].size));
		if (value.kind == KIND_ADDRESS) {
			uint8_t family = ((const struct address *)value.data)->family;

			assert_true(family == AF_INET || family == AF_INET6);
		}
		if (value.kind == KIND_STATE)
			assert_true(value.number < STATE_COUNT || value.number == UINT8_MAX);
	}
	assert_true(record_size(record) <= sizeof(*record));
}

/* Decodes a copy in memory of just that size. */
static void decode_copy(const struct decoder *decoder, const void *bytes, size_t length)
{
	struct nlmsghdr *copy = malloc(length);
	struct record record;

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	copy->nlmsg_len = (uint32_t)length;
	decoder_decode(decoder, copy, &record);
	check_sane(&record);
	free(copy);
}

static void decode_prefixes(void *data, const struct nlmsghdr *message)
{
	for (size_t length = MNL_NLMSG_HDRLEN; length <= message->nlmsg_len; length++)
		decode_copy(data, message, length);
}

static void prefixes_of_messages(void **state)
{
	static const char *const names[] = { "accounting.nlmsg", "plain.nlmsg", "composed.nlmsg" };
	struct decoder decoder;

	(void)state;
	decoder_of_everything(&decoder);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct replay replay = replay_open(names[i]);

		replay_each(&replay, decode_prefixes, &decoder);
		replay_close(&replay);
	}
}

struct mutation {
	struct decoder decoder;
	uint64_t seed;
	unsigned count;
};

/* A few bytes are changed; lengths and types of attributes are small numbers, so small ones come often. */
static void decode_mutations(void *data, const struct nlmsghdr *message)
{
	struct mutation *mutation = data;
	size_t length = message->nlmsg_len;
	uint8_t *bytes = malloc(length);

	assert_non_null(bytes);
	for (unsigned i = 0; i < mutation->count; i++) {
		memcpy(bytes, message, length);
		for (uint64_t changes = 1 + random_below(&mutation->seed, 4); changes > 0 && length > 20; changes--) {
			size_t at = 20 + random_below(&mutation->seed, length - 20);

			bytes[at] = (uint8_t)random_sized(&mutation->seed);
		}
		decode_copy(&mutation->decoder, bytes, length);
	}
	free(bytes);
}

static void mutations_of_messages(void **state)
{
	static const struct {
		const char *name;
		unsigned count;
	} recordings[] = { { "composed.nlmsg", MUTATIONS_COMPOSED }, { "accounting.nlmsg", MUTATIONS_RECORDED },
			   { "plain.nlmsg", MUTATIONS_RECORDED } };
	struct mutation mutation = { .seed = 11 };

	(void)state;
	decoder_of_everything(&mutation.decoder);
	for (size_t i = 0; i < COUNT_OF(recordings); i++) {
		struct replay replay = replay_open(recordings[i].name);

		mutation.count = recordings[i].count / (getenv("CONNTAB_VALGRIND") ? 50 : 1);
		replay_each(&replay, decode_mutations, &mutation);
		replay_close(&replay);
	}
}

/* ---- live ---- */

static unsigned live_count;

static int compare_live(void *data, const struct nlmsghdr *message)
{
	compare_entry(data, message);
	live_count++;
	return 0;
}

static void agrees_with_the_library_live(void **state)
{
	struct kernel_filter everything = { .family = AF_UNSPEC };
	struct netlink netlink;
	struct error error = { 0 };
	struct decoder decoder;
	bool is_interrupted = false;

	(void)state;
	decoder_of_everything(&decoder);
	assert_int_equal(netlink_open(&netlink, &error), 0);
	if (netlink_dump(&netlink, &everything, compare_live, &decoder, &is_interrupted, &error))
		fail_msg("%s", error.text);
	netlink_close(&netlink);
	assert_false(is_interrupted);
	if (live_count < strtoul(getenv("CONNTAB_LIVE"), NULL, 10))
		fail_msg("only %u entries", live_count);
	check_seen(everyday_fields, COUNT_OF(everyday_fields));
	check_seen(kept_fields, COUNT_OF(kept_fields));
	/* decoder.bats says how many were compared. */
	fprintf(stderr, "%u entries\n", live_count);
}

int main(void)
{
	static const struct CMUnitTest live[] = {
		cmocka_unit_test(agrees_with_the_library_live),
	};
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oracle_knows_every_field),
		cmocka_unit_test(agrees_with_the_library_with_accounting),
		cmocka_unit_test(agrees_with_the_library_without),
		cmocka_unit_test(each_field_alone_is_the_same),
		cmocka_unit_test(composed_offload),
		cmocka_unit_test(composed_values),
		cmocka_unit_test(composed_text),
		cmocka_unit_test(composed_strange_parts_are_skipped),
		cmocka_unit_test(composed_odd_lengths),
		cmocka_unit_test(a_long_text_is_cut),
		cmocka_unit_test(other_messages_are_no_entries),
		cmocka_unit_test(prefixes_of_messages),
		cmocka_unit_test(mutations_of_messages),
	};

	if (getenv("CONNTAB_LIVE"))
		return cmocka_run_group_tests_name("decode live", live, NULL, NULL);
	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
