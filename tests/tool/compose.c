// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * compose: write a dump of the connection tracking table that no kernel here would send.
 *
 *     compose [NAME...]      messages to standard output, all of them without a name
 *     compose --list         their names
 *
 * Each function below makes one entry that is hard to stage or that no kernel should make: a
 * decoder must take what it knows and step over the rest. The result is kept as
 * tests/data/composed.nlmsg.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum { MESSAGE_BYTES = 8192, ESTABLISHED = 3 };

static void put_u16(struct nlmsghdr *message, uint16_t type, uint16_t value)
{
	mnl_attr_put_u16(message, type, htons(value));
}

static void put_u32(struct nlmsghdr *message, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(message, type, htonl(value));
}

/* The kernel sends 64 bit values in network order too. */
static void put_u64(struct nlmsghdr *message, uint16_t type, uint64_t value)
{
	const uint32_t halves[2] = { htonl((uint32_t)(value >> 32)), htonl((uint32_t)value) };

	mnl_attr_put(message, type, sizeof(halves), halves);
}

static struct nlattr *nest(struct nlmsghdr *message, uint16_t type)
{
	return mnl_attr_nest_start(message, type);
}

static void end(struct nlmsghdr *message, struct nlattr *start)
{
	mnl_attr_nest_end(message, start);
}

static void family(struct nlmsghdr *message, uint8_t number)
{
	struct nfgenmsg *header = mnl_nlmsg_get_payload(message);

	header->nfgen_family = number;
}

/* ---- what most entries have ---- */

static void put_addresses(struct nlmsghdr *message, const char *source, const char *destination)
{
	const bool is_ipv6 = strchr(source, ':');
	struct nlattr *addresses = nest(message, CTA_TUPLE_IP);
	uint8_t bytes[2][16];

	inet_pton(is_ipv6 ? AF_INET6 : AF_INET, source, bytes[0]);
	inet_pton(is_ipv6 ? AF_INET6 : AF_INET, destination, bytes[1]);
	mnl_attr_put(message, is_ipv6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, is_ipv6 ? 16 : 4, bytes[0]);
	mnl_attr_put(message, is_ipv6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, is_ipv6 ? 16 : 4, bytes[1]);
	end(message, addresses);
}

static void put_ports(struct nlmsghdr *message, uint8_t protocol, uint16_t source, uint16_t destination)
{
	struct nlattr *ports = nest(message, CTA_TUPLE_PROTO);

	mnl_attr_put_u8(message, CTA_PROTO_NUM, protocol);
	put_u16(message, CTA_PROTO_SRC_PORT, source);
	put_u16(message, CTA_PROTO_DST_PORT, destination);
	end(message, ports);
}

static void put_tuple(struct nlmsghdr *message, uint16_t type, uint8_t protocol, bool is_reply, uint16_t port)
{
	struct nlattr *tuple = nest(message, type);

	if (is_reply) {
		put_addresses(message, "192.0.2.1", "10.0.0.1");
		put_ports(message, protocol, 443, port);
	} else {
		put_addresses(message, "10.0.0.1", "192.0.2.1");
		put_ports(message, protocol, port, 443);
	}
	end(message, tuple);
}

static void put_tuples(struct nlmsghdr *message, uint8_t protocol, uint16_t port)
{
	put_tuple(message, CTA_TUPLE_ORIG, protocol, false, port);
	put_tuple(message, CTA_TUPLE_REPLY, protocol, true, port);
}

static void put_rest(struct nlmsghdr *message, uint32_t status, uint32_t id)
{
	put_u32(message, CTA_STATUS, status);
	put_u32(message, CTA_MARK, 0);
	put_u32(message, CTA_ID, id);
	put_u32(message, CTA_USE, 1);
}

static void put_tcp_state(struct nlmsghdr *message, uint8_t state)
{
	struct nlattr *info = nest(message, CTA_PROTOINFO), *tcp = nest(message, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(message, CTA_PROTOINFO_TCP_STATE, state);
	end(message, tcp);
	end(message, info);
}

/* An ordinary established connection, to which something is added. */
static void put_plain(struct nlmsghdr *message, uint16_t port)
{
	put_tuples(message, IPPROTO_TCP, port);
	put_rest(message, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED, port);
	put_u32(message, CTA_TIMEOUT, 431999);
	put_tcp_state(message, ESTABLISHED);
}

/* ---- what is hard to stage ---- */

/* The kernel sends neither a timeout nor protocol information of what is offloaded. */
static void offload(struct nlmsghdr *message)
{
	put_tuples(message, IPPROTO_TCP, 1001);
	put_rest(message, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED | IPS_OFFLOAD, 1001);
}

static void hardware_offload(struct nlmsghdr *message)
{
	put_tuples(message, IPPROTO_UDP, 1002);
	put_rest(message, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED | IPS_OFFLOAD | IPS_HW_OFFLOAD, 1002);
}

static void synproxy(struct nlmsghdr *message)
{
	struct nlattr *values;

	put_plain(message, 1003);
	values = nest(message, CTA_SYNPROXY);
	put_u32(message, CTA_SYNPROXY_ISN, 0xdeadbeef);
	put_u32(message, CTA_SYNPROXY_ITS, 0x01020304);
	put_u32(message, CTA_SYNPROXY_TSOFF, 0xfffffffe);
	end(message, values);
}

static void put_adjustment(struct nlmsghdr *message, uint16_t type, int32_t before, int32_t after)
{
	struct nlattr *values = nest(message, type);

	put_u32(message, CTA_SEQADJ_CORRECTION_POS, 0x12345678);
	put_u32(message, CTA_SEQADJ_OFFSET_BEFORE, (uint32_t)before);
	put_u32(message, CTA_SEQADJ_OFFSET_AFTER, (uint32_t)after);
	end(message, values);
}

static void sequence_adjustment(struct nlmsghdr *message)
{
	put_tuples(message, IPPROTO_TCP, 1004);
	put_rest(message, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED | IPS_SEQ_ADJUST | IPS_SRC_NAT, 1004);
	put_adjustment(message, CTA_SEQ_ADJ_ORIG, -7, 12);
	put_adjustment(message, CTA_SEQ_ADJ_REPLY, 0, -2147483647);
	put_u32(message, CTA_TIMEOUT, 300);
	put_tcp_state(message, ESTABLISHED);
}

static void put_context(struct nlmsghdr *message, const char *name)
{
	struct nlattr *context = nest(message, CTA_SECCTX);

	mnl_attr_put_strz(message, CTA_SECCTX_NAME, name);
	end(message, context);
}

static void security_context(struct nlmsghdr *message)
{
	put_plain(message, 1005);
	put_context(message, "system_u:object_r:http_server_packet_t:s0-s15:c0.c1023");
}

/* Text that has a meaning in XML, JSON, CSV and on a terminal. */
static void hostile_text(struct nlmsghdr *message)
{
	struct nlattr *help;

	put_plain(message, 1006);
	put_context(message, "<a href=\"x\">&amp;'\\,\n\t\x1b[31m\xff");
	help = nest(message, CTA_HELP);
	mnl_attr_put_strz(message, CTA_HELP_NAME, "a\"b,<c>&d\ne");
	end(message, help);
}

static void obsolete_secmark(struct nlmsghdr *message)
{
	put_plain(message, 1007);
	put_u32(message, CTA_SECMARK, 42);
}

static void master(struct nlmsghdr *message)
{
	put_tuples(message, IPPROTO_TCP, 1008);
	put_rest(message, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_EXPECTED | IPS_HELPER, 1008);
	put_tuple(message, CTA_TUPLE_MASTER, IPPROTO_TCP, false, 1003);
	put_u32(message, CTA_TIMEOUT, 10);
	put_tcp_state(message, ESTABLISHED);
}

static void put_times(struct nlmsghdr *message, uint64_t start, uint64_t stop)
{
	struct nlattr *times = nest(message, CTA_TIMESTAMP);

	put_u64(message, CTA_TIMESTAMP_START, start);
	if (stop)
		put_u64(message, CTA_TIMESTAMP_STOP, stop);
	end(message, times);
}

static void start_and_stop(struct nlmsghdr *message)
{
	put_plain(message, 1009);
	put_times(message, 1700000000123456789, 1700000042999999999);
}

static void start_in_the_future(struct nlmsghdr *message)
{
	put_plain(message, 1010);
	put_times(message, UINT64_MAX, 0);
}

static void large_counters(struct nlmsghdr *message)
{
	struct nlattr *counters;

	put_plain(message, 1011);
	counters = nest(message, CTA_COUNTERS_ORIG);
	put_u64(message, CTA_COUNTERS_PACKETS, UINT64_MAX);
	put_u64(message, CTA_COUNTERS_BYTES, UINT64_MAX);
	end(message, counters);
	counters = nest(message, CTA_COUNTERS_REPLY);
	put_u64(message, CTA_COUNTERS_PACKETS, UINT64_C(1) << 63);
	put_u64(message, CTA_COUNTERS_BYTES, 1);
	end(message, counters);
}

/* As kernels before 2.6.27 did. */
static void short_counters(struct nlmsghdr *message)
{
	struct nlattr *counters;

	put_plain(message, 1012);
	counters = nest(message, CTA_COUNTERS_ORIG);
	put_u32(message, CTA_COUNTERS32_PACKETS, 3);
	put_u32(message, CTA_COUNTERS32_BYTES, 180);
	end(message, counters);
}

/* Linux before 6.16 tracked it, with ports and states. */
static void dccp(struct nlmsghdr *message)
{
	struct nlattr *info, *state;

	put_tuples(message, IPPROTO_DCCP, 1013);
	put_rest(message, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED, 1013);
	put_u32(message, CTA_TIMEOUT, 43199);
	info = nest(message, CTA_PROTOINFO);
	state = nest(message, CTA_PROTOINFO_DCCP);
	mnl_attr_put_u8(message, CTA_PROTOINFO_DCCP_STATE, 4);
	mnl_attr_put_u8(message, CTA_PROTOINFO_DCCP_ROLE, 0);
	put_u64(message, CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, 0x1122334455);
	end(message, state);
	end(message, info);
}

static void every_status_bit(struct nlmsghdr *message)
{
	put_tuples(message, IPPROTO_TCP, 1014);
	put_rest(message, UINT32_MAX, 1014);
	put_u32(message, CTA_TIMEOUT, UINT32_MAX);
	put_tcp_state(message, ESTABLISHED);
}

static void zones_both_ways(struct nlmsghdr *message)
{
	struct nlattr *tuple = nest(message, CTA_TUPLE_ORIG);

	put_addresses(message, "2001:db8::1", "::ffff:192.0.2.1");
	put_ports(message, IPPROTO_UDP, 1015, 53);
	put_u16(message, CTA_TUPLE_ZONE, 65535);
	end(message, tuple);
	tuple = nest(message, CTA_TUPLE_REPLY);
	put_addresses(message, "::ffff:192.0.2.1", "2001:db8::1");
	put_ports(message, IPPROTO_UDP, 53, 1015);
	put_u16(message, CTA_TUPLE_ZONE, 1);
	end(message, tuple);
	family(message, AF_INET6);
	put_rest(message, IPS_CONFIRMED, 1015);
	put_u32(message, CTA_TIMEOUT, 29);
	put_u16(message, CTA_ZONE, 7);
}

static void unusual_ping(struct nlmsghdr *message)
{
	for (uint16_t type = CTA_TUPLE_ORIG; type <= CTA_TUPLE_REPLY; type++) {
		struct nlattr *tuple = nest(message, type), *protocol;

		put_addresses(message, "10.0.0.1", "192.0.2.1");
		protocol = nest(message, CTA_TUPLE_PROTO);
		mnl_attr_put_u8(message, CTA_PROTO_NUM, IPPROTO_ICMP);
		put_u16(message, CTA_PROTO_ICMP_ID, 65535);
		mnl_attr_put_u8(message, CTA_PROTO_ICMP_TYPE, 255);
		mnl_attr_put_u8(message, CTA_PROTO_ICMP_CODE, 255);
		end(message, protocol);
		end(message, tuple);
	}
	put_rest(message, IPS_CONFIRMED, 1016);
	put_u32(message, CTA_TIMEOUT, 0);
}

static void unknown_states(struct nlmsghdr *message)
{
	put_tuples(message, IPPROTO_TCP, 1017);
	put_rest(message, IPS_CONFIRMED, 1017);
	put_u32(message, CTA_TIMEOUT, 5);
	put_tcp_state(message, 200);
}

static void unknown_sctp_state(struct nlmsghdr *message)
{
	struct nlattr *info, *sctp;

	put_tuples(message, IPPROTO_SCTP, 1018);
	put_rest(message, IPS_CONFIRMED, 1018);
	put_u32(message, CTA_TIMEOUT, 5);
	info = nest(message, CTA_PROTOINFO);
	sctp = nest(message, CTA_PROTOINFO_SCTP);
	mnl_attr_put_u8(message, CTA_PROTOINFO_SCTP_STATE, 99);
	end(message, sctp);
	end(message, info);
}

/* ---- what a later kernel might send ---- */

static void unknown_attributes(struct nlmsghdr *message)
{
	struct nlattr *tuple, *unknown;

	put_u32(message, CTA_MAX + 1, 1);
	put_plain(message, 1019);
	mnl_attr_put(message, 0x3fff, 0, NULL);
	unknown = nest(message, 200);
	mnl_attr_put_strz(message, 1, "from the future");
	end(message, unknown);
	tuple = nest(message, CTA_TUPLE_MAX + 40);
	end(message, tuple);
}

static void unknown_within_tuple(struct nlmsghdr *message)
{
	for (uint16_t type = CTA_TUPLE_ORIG; type <= CTA_TUPLE_REPLY; type++) {
		struct nlattr *tuple = nest(message, type), *protocol;

		mnl_attr_put_u8(message, CTA_TUPLE_MAX + 1, 1);
		put_addresses(message, "10.0.0.1", "192.0.2.1");
		protocol = nest(message, CTA_TUPLE_PROTO);
		put_u16(message, CTA_PROTO_MAX + 1, 9);
		mnl_attr_put_u8(message, CTA_PROTO_NUM, IPPROTO_UDP);
		put_u16(message, CTA_PROTO_SRC_PORT, 1020);
		put_u16(message, CTA_PROTO_DST_PORT, 53);
		end(message, protocol);
		end(message, tuple);
	}
	put_rest(message, IPS_CONFIRMED, 1020);
	put_u32(message, CTA_TIMEOUT, 5);
}

static void long_labels(struct nlmsghdr *message)
{
	uint8_t labels[32] = { [0] = 1, [15] = 0x80, [31] = 0x80 };

	put_plain(message, 1021);
	mnl_attr_put(message, CTA_LABELS, sizeof(labels), labels);
}

/* ---- what no kernel should send ---- */

static void short_labels(struct nlmsghdr *message)
{
	const uint8_t labels[3] = { 0xff, 0xff, 0xff };

	put_plain(message, 1022);
	mnl_attr_put(message, CTA_LABELS, sizeof(labels), labels);
}

static void odd_lengths(struct nlmsghdr *message)
{
	put_tuples(message, IPPROTO_TCP, 1023);
	put_u16(message, CTA_STATUS, 0xffff);
	mnl_attr_put_u8(message, CTA_TIMEOUT, 1);
	put_u64(message, CTA_MARK, 1);
	mnl_attr_put(message, CTA_ID, 0, NULL);
	mnl_attr_put(message, CTA_USE, 3, "abc");
	put_u32(message, CTA_ZONE, 1);
	mnl_attr_put(message, CTA_COUNTERS_ORIG, 2, "ab");
	mnl_attr_put(message, CTA_TIMESTAMP, 1, "a");
	mnl_attr_put(message, CTA_LABELS, 0, NULL);
}

static void odd_lengths_in_tuple(struct nlmsghdr *message)
{
	struct nlattr *tuple = nest(message, CTA_TUPLE_ORIG), *part = nest(message, CTA_TUPLE_IP);

	mnl_attr_put(message, CTA_IP_V4_SRC, 3, "abc");
	mnl_attr_put(message, CTA_IP_V6_DST, 15, "abcdefghijklmno");
	end(message, part);
	part = nest(message, CTA_TUPLE_PROTO);
	put_u32(message, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u8(message, CTA_PROTO_SRC_PORT, 80);
	mnl_attr_put(message, CTA_PROTO_DST_PORT, 0, NULL);
	end(message, part);
	mnl_attr_put_u8(message, CTA_TUPLE_ZONE, 1);
	end(message, tuple);
	put_rest(message, IPS_CONFIRMED, 1024);
}

static void text_without_end(struct nlmsghdr *message)
{
	struct nlattr *part;

	put_plain(message, 1025);
	part = nest(message, CTA_HELP);
	mnl_attr_put(message, CTA_HELP_NAME, 4, "ftp!");
	end(message, part);
	part = nest(message, CTA_SECCTX);
	mnl_attr_put(message, CTA_SECCTX_NAME, 7, "a\0b\0c\0d");
	end(message, part);
}

static void empty_nests(struct nlmsghdr *message)
{
	static const uint16_t types[] = {
		CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_PROTOINFO, CTA_HELP, CTA_COUNTERS_ORIG, CTA_COUNTERS_REPLY,
		CTA_TUPLE_MASTER, CTA_SEQ_ADJ_ORIG, CTA_SECCTX, CTA_TIMESTAMP, CTA_SYNPROXY,
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		end(message, nest(message, types[i]));
	put_rest(message, IPS_CONFIRMED, 1026);
}

static void no_attributes(struct nlmsghdr *message)
{
	(void)message;
}

static void no_reply_tuple(struct nlmsghdr *message)
{
	put_tuple(message, CTA_TUPLE_ORIG, IPPROTO_UDP, false, 1027);
	put_rest(message, IPS_CONFIRMED, 1027);
	put_u32(message, CTA_TIMEOUT, 29);
}

/* The last one counts in libmnl's and the kernel's own parsers. */
static void twice(struct nlmsghdr *message)
{
	put_plain(message, 1028);
	put_u32(message, CTA_MARK, 1);
	put_u32(message, CTA_MARK, 2);
	put_tuple(message, CTA_TUPLE_ORIG, IPPROTO_TCP, false, 2028);
}

static void unknown_family(struct nlmsghdr *message)
{
	put_plain(message, 1029);
	family(message, 77);
}

/* IPv6 addresses in a message that says IPv4. */
static void wrong_family(struct nlmsghdr *message)
{
	struct nlattr *tuple = nest(message, CTA_TUPLE_ORIG);

	put_addresses(message, "2001:db8::1", "2001:db8::2");
	put_ports(message, IPPROTO_TCP, 1030, 80);
	end(message, tuple);
	put_rest(message, IPS_CONFIRMED, 1030);
}

static void without_nested_flag(struct nlmsghdr *message)
{
	struct nlattr *tuple = nest(message, CTA_TUPLE_ORIG);

	put_addresses(message, "10.0.0.1", "192.0.2.1");
	put_ports(message, IPPROTO_TCP, 1031, 80);
	end(message, tuple);
	tuple->nla_type = CTA_TUPLE_ORIG;
	put_rest(message, IPS_CONFIRMED, 1031);
}

/* An attribute within a nest that claims to go on past its end, and one shorter than its header. */
static void broken_nest(struct nlmsghdr *message)
{
	struct nlattr *info, *inner;

	put_tuples(message, IPPROTO_TCP, 1032);
	put_rest(message, IPS_CONFIRMED, 1032);
	info = nest(message, CTA_PROTOINFO);
	inner = mnl_nlmsg_get_payload_tail(message);
	mnl_attr_put_u32(message, CTA_PROTOINFO_TCP, 0);
	inner->nla_len = 400;
	end(message, info);
	info = nest(message, CTA_COUNTERS_ORIG);
	inner = mnl_nlmsg_get_payload_tail(message);
	put_u64(message, CTA_COUNTERS_PACKETS, 1);
	inner->nla_len = 2;
	end(message, info);
}

static void broken_end(struct nlmsghdr *message)
{
	struct nlattr *last;

	put_plain(message, 1033);
	last = mnl_nlmsg_get_payload_tail(message);
	put_u32(message, CTA_MARK, 5);
	last->nla_len = 4000;
}

/* ---- the table of them ---- */

static const struct {
	const char *name;
	void (*put)(struct nlmsghdr *message);
} entries[] = {
	{ "offload", offload },
	{ "hardware_offload", hardware_offload },
	{ "synproxy", synproxy },
	{ "sequence_adjustment", sequence_adjustment },
	{ "security_context", security_context },
	{ "hostile_text", hostile_text },
	{ "obsolete_secmark", obsolete_secmark },
	{ "master", master },
	{ "start_and_stop", start_and_stop },
	{ "start_in_the_future", start_in_the_future },
	{ "large_counters", large_counters },
	{ "short_counters", short_counters },
	{ "dccp", dccp },
	{ "every_status_bit", every_status_bit },
	{ "zones_both_ways", zones_both_ways },
	{ "unusual_ping", unusual_ping },
	{ "unknown_states", unknown_states },
	{ "unknown_sctp_state", unknown_sctp_state },
	{ "unknown_attributes", unknown_attributes },
	{ "unknown_within_tuple", unknown_within_tuple },
	{ "long_labels", long_labels },
	{ "short_labels", short_labels },
	{ "odd_lengths", odd_lengths },
	{ "odd_lengths_in_tuple", odd_lengths_in_tuple },
	{ "text_without_end", text_without_end },
	{ "empty_nests", empty_nests },
	{ "no_attributes", no_attributes },
	{ "no_reply_tuple", no_reply_tuple },
	{ "twice", twice },
	{ "unknown_family", unknown_family },
	{ "wrong_family", wrong_family },
	{ "without_nested_flag", without_nested_flag },
	{ "broken_nest", broken_nest },
	{ "broken_end", broken_end },
};

static void write_message(const struct nlmsghdr *message)
{
	fwrite(message, MNL_ALIGN(message->nlmsg_len), 1, stdout);
}

static void write_entry(void (*put)(struct nlmsghdr *message))
{
	uint8_t bytes[MESSAGE_BYTES] __attribute__((aligned(NLMSG_ALIGNTO))) = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);

	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	message->nlmsg_flags = NLM_F_MULTI;
	message->nlmsg_seq = 1;
	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	family(message, AF_INET);
	put(message);
	write_message(message);
}

static void write_end(void)
{
	uint8_t bytes[64] __attribute__((aligned(NLMSG_ALIGNTO))) = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);

	message->nlmsg_type = NLMSG_DONE;
	message->nlmsg_flags = NLM_F_MULTI;
	message->nlmsg_seq = 1;
	mnl_nlmsg_put_extra_header(message, sizeof(int));
	write_message(message);
}

static bool is_wanted(const char *name, int count, char **names)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return count == 0;
}

int main(int argc, char **argv)
{
	const bool is_list = argc == 2 && strcmp(argv[1], "--list") == 0;
	int written = 0;

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		if (is_list) {
			puts(entries[i].name);
		} else if (is_wanted(entries[i].name, argc - 1, argv + 1)) {
			write_entry(entries[i].put);
			written++;
		}
	}
	if (is_list)
		return 0;
	if (written < argc - 1) {
		fputs("compose: no such entry; see --list\n", stderr);
		return 2;
	}
	write_end();
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
