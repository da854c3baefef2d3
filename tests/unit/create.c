/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages that create entries, read back by the decoder. With CONNTAB_LIVE in the
 * environment: the table of the namespace it runs in, which must hold at least so many
 * entries, is emptied and made anew (tests/bats/create.bats).
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <unistd.h>

#include "conntab/buffer.h"
#include "netlink/internal.h"
#include "random_record.h"
#include "replay.h"

enum { RECORDS = 20000, STATUS_HELPER_SET = 1 << 13, MESSAGE_SPACE = 4096 };
enum { NAT_BITS = IPS_SRC_NAT | IPS_DST_NAT, DONE_BITS = IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE };

static struct field_set created(void)
{
	struct field_set set = { { 0, 0 } };

	netlink_create_fields(&set);
	return field_set_closure(&set);
}

static void describe(const struct record *record, enum field_id id, char *out, size_t size)
{
	struct value value = field_value(id, record);
	struct naming naming = { 0 };
	struct buffer text;

	buffer_init(&text, -1);
	if (value.is_present)
		kinds[value.kind].format(&text, &value, &naming);
	snprintf(out, size, "%s", value.is_present ? buffer_string(&text) : "none");
	buffer_done(&text);
	naming_done(&naming);
}

static void check_same(const struct record *expected, const struct record *found, enum field_id id, const char *what)
{
	struct value left = field_value(id, expected), right = field_value(id, found);
	char texts[3][128];

	if (left.is_present == right.is_present && (!left.is_present || value_compare(&left, &right) == 0))
		return;
	describe(expected, id, texts[0], sizeof(texts[0]));
	describe(found, id, texts[1], sizeof(texts[1]));
	describe(expected, FIELD_proto, texts[2], sizeof(texts[2]));
	fail_msg("%s: %s of a %s entry is %s, not %s", what, fields[id].name, texts[2], texts[1], texts[0]);
}

/* ---- messages ---- */

struct message {
	union {
		uint8_t bytes[MESSAGE_SPACE];
		struct nlmsghdr header;
	};
};

static struct nlmsghdr *build(struct message *space, const struct record *record, bool is_update)
{
	struct netlink netlink = { .sequence = 1 };
	struct nlmsghdr *message = netlink_message(&netlink, space->bytes, IPCTNL_MSG_CT_NEW, 0, record->family);

	if (is_update)
		netlink_put_update(message, record, NULL);
	else
		netlink_put_creation(message, record);
	assert_in_range(message->nlmsg_len, 1, NETLINK_CREATION_MAX);
	return message;
}

static void decode(const struct nlmsghdr *message, struct record *record)
{
	struct field_set wanted = created();
	struct environment environment = { 0 };
	struct decoder decoder;

	decoder_init(&decoder, &wanted);
	memset(record, 0, sizeof(*record));
	assert_true(decoder_decode(&decoder, message, record));
	record_derive(record, &wanted, &environment);
}

struct range {
	bool is_present, has_port;
	struct address low, high;
	uint16_t low_port, high_port;
};

static void read_address(const struct nlattr *attribute, struct address *address)
{
	*address = (struct address){ .family = mnl_attr_get_payload_len(attribute) == 4 ? AF_INET : AF_INET6 };
	memcpy(address->bytes, mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));
}

static struct range read_range(const struct nlmsghdr *message, uint16_t type)
{
	struct range range = { 0 };
	const struct nlattr *outer, *inner, *port;

	mnl_attr_for_each(outer, message, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(outer) != type)
			continue;
		range.is_present = true;
		mnl_attr_for_each_nested(inner, outer) {
			uint16_t part = mnl_attr_get_type(inner);

			if (part == CTA_NAT_V4_MINIP || part == CTA_NAT_V6_MINIP)
				read_address(inner, &range.low);
			else if (part == CTA_NAT_V4_MAXIP || part == CTA_NAT_V6_MAXIP)
				read_address(inner, &range.high);
			else if (part == CTA_NAT_PROTO)
				mnl_attr_for_each_nested(port, inner) {
					range.has_port = true;
					if (mnl_attr_get_type(port) == CTA_PROTONAT_PORT_MIN)
						range.low_port = ntohs(mnl_attr_get_u16(port));
					else
						range.high_port = ntohs(mnl_attr_get_u16(port));
				}
		}
	}
	return range;
}

static void check_range(const struct nlmsghdr *message, uint16_t type, const struct address *address,
			const struct value *port)
{
	struct range range = read_range(message, type);

	assert_true(range.is_present);
	assert_memory_equal(&range.low, address, sizeof(*address));
	assert_memory_equal(&range.high, address, sizeof(*address));
	assert_int_equal(range.has_port, port->is_present);
	if (port->is_present) {
		assert_int_equal(range.low_port, port->number);
		assert_int_equal(range.high_port, port->number);
	}
}

/* Takes the ranges of the message as the kernel would: into the reply. */
static void check_nat(const struct nlmsghdr *message, const struct record *record, struct record *found)
{
	struct value port = field_value(FIELD_reply_dport, record);

	if (!record_has(record, FIELD_status) || !(record->status & (NAT_BITS | DONE_BITS))) {
		assert_false(read_range(message, CTA_NAT_SRC).is_present);
		assert_false(read_range(message, CTA_NAT_DST).is_present);
		return;
	}
	if (!port.is_present)
		port = field_value(FIELD_reply_icmp_id, record);
	check_range(message, CTA_NAT_SRC, &record->reply_dst, &port);
	port = field_value(FIELD_reply_sport, record);
	check_range(message, CTA_NAT_DST, &record->reply_src, &port);
	if (record->status & IPS_SRC_NAT) {
		assert_memory_equal(&found->reply_dst, &record->src, sizeof(record->src));
		found->reply_dst = record->reply_dst;
		found->reply_dport = record->reply_dport;
		found->reply_icmp_id = record->reply_icmp_id;
	}
	if (record->status & IPS_DST_NAT) {
		assert_memory_equal(&found->reply_src, &record->dst, sizeof(record->dst));
		found->reply_src = record->reply_src;
		found->reply_sport = record->reply_sport;
	}
}

/* What a message leaves out because the kernel would refuse or ignore it. */
static void forget_triple(struct record *record, enum field_id one, enum field_id two, enum field_id three)
{
	if (record_has(record, one) && record_has(record, two) && record_has(record, three) &&
	    (field_value(one, record).number || field_value(two, record).number || field_value(three, record).number))
		return;
	field_set_remove(&record->present, one);
	field_set_remove(&record->present, two);
	field_set_remove(&record->present, three);
}

static void default_number(struct record *record, enum field_id id)
{
	if (!record_has(record, id))
		memset((char *)record + fields[id].offset, 0, fields[id].size);
	field_set_add(&record->present, id);
}

static void forget_zeros(struct record *record)
{
	forget_triple(record, FIELD_seqadj_position, FIELD_seqadj_before, FIELD_seqadj_after);
	forget_triple(record, FIELD_reply_seqadj_position, FIELD_reply_seqadj_before, FIELD_reply_seqadj_after);
	forget_triple(record, FIELD_synproxy_isn, FIELD_synproxy_its, FIELD_synproxy_tsoff);
}

static void forget_what_is_not_sent(struct record *record)
{
	static const uint8_t of_protocols[] = {
		FIELD_state, FIELD_tcp_wscale, FIELD_tcp_flags, FIELD_reply_tcp_wscale, FIELD_reply_tcp_flags,
		FIELD_sctp_vtag, FIELD_reply_sctp_vtag, FIELD_dccp_role, FIELD_dccp_handshake_seq,
	};

	forget_zeros(record);
	if (!record_has(record, FIELD_state) || state_to_kernel(record->proto, record->state) == UINT8_MAX) {
		for (size_t i = 0; i < COUNT_OF(of_protocols); i++)
			field_set_remove(&record->present, of_protocols[i]);
	} else if (record->proto == IPPROTO_SCTP) {
		default_number(record, FIELD_sctp_vtag);
		default_number(record, FIELD_reply_sctp_vtag);
	} else if (record->proto == IPPROTO_DCCP) {
		default_number(record, FIELD_dccp_role);
	}
	if (!record_has(record, FIELD_master_proto))
		for (enum field_id id = FIELD_master_src; id <= FIELD_master_dport; id++)
			field_set_remove(&record->present, id);
	if (record_has(record, FIELD_status))
		record->status = (record->status & (IPS_SEEN_REPLY | IPS_ASSURED | IPS_FIXED_TIMEOUT | STATUS_HELPER_SET)) |
				 IPS_CONFIRMED;
}

static void check_message(const struct record *record)
{
	struct message space = { .bytes = { 0 } };
	const struct nlmsghdr *message = build(&space, record, false);
	struct field_set set = { { 0, 0 } };
	struct record expected = *record, found;

	decode(message, &found);
	check_nat(message, record, &found);
	forget_what_is_not_sent(&expected);
	netlink_create_fields(&set);
	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if (field_set_has(&set, id))
			check_same(&expected, &found, id, "the message");
}

static void random_records_come_back(void **state)
{
	uint64_t seed = 5;
	struct record record;

	(void)state;
	for (unsigned i = 0; i < RECORDS; i++) {
		random_record(&seed, &record);
		check_message(&record);
	}
}

static void check_recorded(void *data, const struct nlmsghdr *message)
{
	struct record record;

	(void)data;
	decode(message, &record);
	check_message(&record);
}

static void recorded_entries_come_back(void **state)
{
	static const char *const names[] = { "plain.nlmsg", "accounting.nlmsg" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct replay replay = replay_open(names[i]);

		assert_in_range(replay_each(&replay, check_recorded, NULL), 500, 100000);
		replay_close(&replay);
	}
}

/* The kernel refuses any of these for an entry that exists. */
static void an_update_names_no_reply_nat_or_master(void **state)
{
	uint64_t seed = 6;
	struct record record, found;

	(void)state;
	for (unsigned i = 0; i < RECORDS; i++) {
		struct message space = { .bytes = { 0 } };
		const struct nlmsghdr *message;

		random_record(&seed, &record);
		message = build(&space, &record, true);
		decode(message, &found);
		check_same(&record, &found, FIELD_src, "the update");
		check_same(&record, &found, FIELD_timeout, "the update");
		assert_false(record_has(&found, FIELD_reply_src));
		assert_false(record_has(&found, FIELD_master_proto));
		assert_false(read_range(message, CTA_NAT_SRC).is_present);
		if (record_has(&record, FIELD_status))
			assert_int_equal(found.status & IPS_EXPECTED, record.status & IPS_EXPECTED);
	}
}

static void states_have_their_inverse(void **state)
{
	static const struct {
		uint8_t protocol;
		uint8_t (*from)(const uint8_t *payload);
		unsigned count;
	} protocols[] = {
		{ IPPROTO_TCP, state_from_tcp, 10 }, { IPPROTO_SCTP, state_from_sctp, 10 }, { IPPROTO_DCCP, state_from_dccp, 10 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(protocols); i++) {
		unsigned known = 0;

		for (unsigned code = 0; code < STATE_COUNT; code++) {
			uint8_t number = state_to_kernel(protocols[i].protocol, (uint8_t)code);

			if (number == UINT8_MAX)
				continue;
			known++;
			assert_int_equal(protocols[i].from(&number), code);
		}
		assert_int_equal(known, protocols[i].count);
	}
	assert_int_equal(state_to_kernel(IPPROTO_TCP, STATE_COOKIE_WAIT), UINT8_MAX);
	assert_int_equal(state_to_kernel(IPPROTO_TCP, UINT8_MAX), UINT8_MAX);
	assert_int_equal(state_to_kernel(IPPROTO_SCTP, UINT8_MAX), UINT8_MAX);
	assert_int_equal(state_to_kernel(IPPROTO_UDP, STATE_ESTABLISHED), UINT8_MAX);
}

static void without_a_timeout_nothing_is_added(void **state)
{
	struct netlink netlink = { .sequence = 1 };
	struct netlink_batch batch;
	struct error error = { 0 };
	struct record record;
	uint64_t seed = 7;

	(void)state;
	random_record(&seed, &record);
	field_set_remove(&record.present, FIELD_timeout);
	assert_int_equal(netlink_batch_init(&batch, &netlink), 0);
	assert_int_equal(netlink_batch_create(&batch, &record, 1, false, &error), -EINVAL);
	assert_non_null(strstr(error.text, "timeout"));
	assert_int_equal(batch.count, 0);
	assert_int_equal(batch.length, 0);
	netlink_batch_done(&batch);
}

/* ---- the live table ---- */

struct table {
	struct record *records;
	size_t count;
	struct decoder decoder;
	struct field_set wanted;
};

static int keep(void *data, const struct nlmsghdr *message)
{
	struct table *table = data;
	struct environment environment = { 0 };
	struct record *record;

	if (table->count % 256 == 0)
		table->records = realloc(table->records, (table->count + 256) * sizeof(*table->records));
	record = &table->records[table->count];
	memset(record, 0, sizeof(*record));
	if (!decoder_decode(&table->decoder, message, record))
		return 0;
	record_derive(record, &table->wanted, &environment);
	table->count++;
	return 0;
}

/* Masters before those that they have, so that an array in this order can be created. */
static int compare_records(const void *one, const void *other)
{
	static const uint8_t keys[] = {
		FIELD_master_proto, FIELD_family, FIELD_proto, FIELD_src, FIELD_dst, FIELD_sport, FIELD_dport,
		FIELD_gre_srckey, FIELD_gre_dstkey, FIELD_icmp_type, FIELD_icmp_code, FIELD_icmp_id,
		FIELD_orig_zone, FIELD_zone,
	};

	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		struct value left = field_value(keys[i], one), right = field_value(keys[i], other);
		int result = value_compare(&left, &right);

		if (result)
			return result;
	}
	return 0;
}

static void read_table(struct netlink *netlink, struct table *table)
{
	struct kernel_filter everything = { .family = AF_UNSPEC };
	struct error error = { 0 };
	bool is_interrupted = false;

	*table = (struct table){ .wanted = created() };
	decoder_init(&table->decoder, &table->wanted);
	assert_int_equal(netlink_dump(netlink, &everything, keep, table, &is_interrupted, &error), 0);
	assert_false(is_interrupted);
	qsort(table->records, table->count, sizeof(*table->records), compare_records);
}

struct refusals {
	uint64_t count;
	uint64_t tag_sum;
	int code;
	struct error first;
};

static int count_refusal(void *data, uint64_t tag, int code, const struct error *words)
{
	struct refusals *refusals = data;

	if (refusals->count++ == 0)
		refusals->first = *words;
	refusals->tag_sum += tag;
	refusals->code = code;
	return 0;
}

static void create_all(struct netlink *netlink, const struct table *table, bool or_update, struct refusals *refusals,
		       uint64_t *done)
{
	struct netlink_batch batch;
	struct error error = { 0 };

	*refusals = (struct refusals){ 0 };
	assert_int_equal(netlink_batch_init(&batch, netlink), 0);
	batch.refusal = count_refusal;
	batch.data = refusals;
	for (size_t i = 0; i < table->count; i++)
		assert_int_equal(netlink_batch_create(&batch, &table->records[i], i, or_update, &error), 0);
	assert_int_equal(netlink_batch_send(&batch, &error), 0);
	assert_int_equal(batch.refused, refusals->count);
	assert_int_equal(batch.done + batch.refused, table->count);
	*done = batch.done;
	netlink_batch_done(&batch);
}

/*
 * The kernel marks both directions as done as soon as it is told of one, gives every entry
 * room for synproxy, and takes window scales only where both ends agreed on them.
 */
static void allow_for_the_kernel(struct record *record, struct record *found)
{
	forget_zeros(record);
	forget_zeros(found);
	if (record->status & (NAT_BITS | DONE_BITS))
		record->status |= DONE_BITS;
	if (!(record->tcp_flags & record->reply_tcp_flags & IP_CT_TCP_FLAG_WINDOW_SCALE))
		record->tcp_wscale = record->reply_tcp_wscale = 0;
	if (found->timeout <= record->timeout && record->timeout - found->timeout <= 30)
		record->timeout = found->timeout;
}

static void check_table(const struct table *before, const struct table *after)
{
	struct field_set set = { { 0, 0 } };

	netlink_create_fields(&set);
	assert_int_equal(before->count, after->count);
	for (size_t i = 0; i < before->count; i++) {
		allow_for_the_kernel(&before->records[i], &after->records[i]);
		for (enum field_id id = 0; id < FIELD_STORED; id++)
			if (field_set_has(&set, id))
				check_same(&before->records[i], &after->records[i], id, "the entry made anew");
	}
}

/* Of all entries but those of the first half that cannot be changed; returns how many those are. */
static uint64_t change_marks(struct table *table)
{
	uint64_t fixed = 0;

	for (size_t i = 0; i < table->count; i++) {
		if (i < table->count / 2 && table->records[i].status & IPS_FIXED_TIMEOUT)
			fixed++;
		else
			table->records[i].mark ^= 0x1000;
	}
	return fixed;
}

static void the_table_is_made_anew(void **state)
{
	struct table before, after;
	struct refusals refusals;
	struct netlink netlink;
	struct error error = { 0 };
	uint64_t done, fixed;

	(void)state;
	assert_int_equal(netlink_open(&netlink, &error), 0);
	read_table(&netlink, &before);
	if (before.count < strtoul(getenv("CONNTAB_LIVE"), NULL, 10))
		fail_msg("only %zu entries", before.count);
	assert_int_equal(netlink_flush(&netlink, &error), 0);
	create_all(&netlink, &before, false, &refusals, &done);
	if (refusals.count)
		fail_msg("%llu refused: %s", (unsigned long long)refusals.count, refusals.first.text);
	read_table(&netlink, &after);
	check_table(&before, &after);

	create_all(&netlink, &before, false, &refusals, &done);
	assert_int_equal(done, 0);
	assert_int_equal(refusals.code, -EEXIST);
	assert_int_equal(refusals.tag_sum, before.count * (before.count - 1) / 2);

	/* Half of them are there, half are not: both come to the same, but where the timeout is fixed. */
	free(after.records);
	assert_int_equal(netlink_flush(&netlink, &error), 0);
	after = before;
	after.count /= 2;
	create_all(&netlink, &after, false, &refusals, &done);
	fixed = change_marks(&before);
	assert_in_range(fixed, 1, before.count / 2);
	create_all(&netlink, &before, true, &refusals, &done);
	assert_int_equal(refusals.count, fixed);
	assert_int_equal(refusals.code, -EPERM);
	assert_non_null(strstr(refusals.first.text, "fixed"));
	read_table(&netlink, &after);
	check_table(&before, &after);
	/* create.bats says how many there were. */
	fprintf(stderr, "%zu entries\n", after.count);
	free(before.records);
	free(after.records);
	netlink_close(&netlink);
}

/* Told once by the kernel, of the whole batch. */
static void nothing_is_done_without_permission(void **state)
{
	struct table table = { .count = 100 };
	struct refusals refusals;
	struct netlink netlink;
	struct error error = { 0 };
	uint64_t seed = 8, done;

	(void)state;
	table.records = calloc(table.count, sizeof(*table.records));
	for (size_t i = 0; i < table.count; i++) {
		random_record(&seed, &table.records[i]);
		default_number(&table.records[i], FIELD_timeout);
	}
	/* The unprivileged user's only right here is to ask. */
	assert_int_equal(netlink_open(&netlink, &error), 0);
	assert_int_equal(seteuid(65534), 0);
	create_all(&netlink, &table, false, &refusals, &done);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(refusals.code, -EPERM);
	assert_int_equal(refusals.count, table.count);
	assert_int_equal(done, 0);
	free(table.records);
	netlink_close(&netlink);
}

int main(void)
{
	static const struct CMUnitTest live[] = {
		cmocka_unit_test(the_table_is_made_anew),
		cmocka_unit_test(nothing_is_done_without_permission),
	};
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_records_come_back),
		cmocka_unit_test(recorded_entries_come_back),
		cmocka_unit_test(an_update_names_no_reply_nat_or_master),
		cmocka_unit_test(states_have_their_inverse),
		cmocka_unit_test(without_a_timeout_nothing_is_added),
	};

	if (getenv("CONNTAB_LIVE"))
		return cmocka_run_group_tests_name("create live", live, NULL, NULL);
	return cmocka_run_group_tests_name("create", tests, NULL, NULL);
}
