// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * load: fill the connection tracking table of the current network namespace.
 *
 * Entry number i is the same in every run with the same options: its shape (protocol, state,
 * NAT, mark, ...) is a row of the table `shapes`, its addresses and ports follow from i alone,
 * so that any two of up to 4,194,304 entries differ, and so do those of different seeds.
 *
 * Messages go out in batches without asking for acknowledgements; the kernel still answers
 * what it refuses, and the answers are read after each batch.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum {
	MOST_ENTRIES = 1 << 22,
	MOST_SEEDS = 63,
	FIRST_PORT = 1024,
	PORTS = 65536 - FIRST_PORT,
	CLIENTS = 4096,
	BATCH_BYTES = 64 * 1024,
	MESSAGE_BYTES = 1024,
};

/* States as the kernel numbers them; neither is in the headers of user space. */
enum { SCTP_CLOSED = 1, SCTP_COOKIE_WAIT, SCTP_COOKIE_ECHOED, SCTP_ESTABLISHED, SCTP_SHUTDOWN_SENT,
       SCTP_SHUTDOWN_RECD, SCTP_SHUTDOWN_ACK_SENT, SCTP_HEARTBEAT_SENT };
enum { DCCP_OPEN = 4, DCCP_ROLE_CLIENT = 0 };

enum zone_scope { ZONE_NONE, ZONE_BOTH, ZONE_ORIGINAL, ZONE_REPLY };
enum nat { NAT_NONE, NAT_SOURCE, NAT_SOURCE_PORT, NAT_DESTINATION, NAT_DESTINATION_PORT, NAT_BOTH };

/* PING is icmp in an IPv4 entry and icmpv6 in an IPv6 one. */
enum { PING = IPPROTO_ICMP };

struct shape {
	uint8_t protocol;
	uint8_t state;     /* of tcp, sctp or dccp; the type of a ping's message */
	uint8_t ipv6_type; /* the same for icmpv6 */
	uint8_t zone;
	uint8_t zone_scope;
	uint8_t nat;
	bool odd_server;   /* destinations whose text form is unusual */
	uint32_t status;
	uint32_t timeout;  /* seconds at most; what remains varies below it */
	uint32_t mark;
	const uint8_t *labels;
	const char *helper;
	uint16_t port;     /* a fixed destination port */
};

#define UNREPLIED 0
#define REPLIED IPS_SEEN_REPLY
#define ASSURED (IPS_SEEN_REPLY | IPS_ASSURED)
#define DAY 86400

static const uint8_t few_labels[16] = { [0] = 0x02, [1] = 0x01 };
static const uint8_t many_labels[16] = { [0] = 0x81, [5] = 0x10, [15] = 0x80 };

/* Each row makes an IPv4 and an IPv6 entry. */
static const struct shape shapes[] = {
	/* Every state of tcp. */
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED, .timeout = 5 * DAY },
	{ IPPROTO_TCP, TCP_CONNTRACK_SYN_SENT, .status = UNREPLIED, .timeout = 120 },
	{ IPPROTO_TCP, TCP_CONNTRACK_SYN_RECV, .status = REPLIED, .timeout = 60 },
	{ IPPROTO_TCP, TCP_CONNTRACK_FIN_WAIT, .status = ASSURED, .timeout = 120 },
	{ IPPROTO_TCP, TCP_CONNTRACK_CLOSE_WAIT, .status = ASSURED, .timeout = 60 },
	{ IPPROTO_TCP, TCP_CONNTRACK_LAST_ACK, .status = ASSURED, .timeout = 30 },
	{ IPPROTO_TCP, TCP_CONNTRACK_TIME_WAIT, .status = ASSURED, .timeout = 120 },
	{ IPPROTO_TCP, TCP_CONNTRACK_CLOSE, .status = REPLIED, .timeout = 10 },
	{ IPPROTO_TCP, TCP_CONNTRACK_SYN_SENT2, .status = REPLIED, .timeout = 120 },
	{ IPPROTO_TCP, TCP_CONNTRACK_NONE, .status = UNREPLIED, .timeout = 300 },
	/* Established is what most entries are. */
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED, .timeout = DAY },
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = REPLIED, .timeout = 300 },
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = UNREPLIED, .timeout = 300 },
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED | IPS_FIXED_TIMEOUT, .timeout = 3600 },
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED, .timeout = 5 * DAY, .odd_server = true },
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED, .timeout = 5 * DAY, .helper = "ftp", .port = 21 },

	/* Datagrams. */
	{ IPPROTO_UDP, .status = UNREPLIED, .timeout = 30 },
	{ IPPROTO_UDP, .status = REPLIED, .timeout = 30 },
	{ IPPROTO_UDP, .status = ASSURED, .timeout = 120 },
	{ IPPROTO_UDP, .status = UNREPLIED, .timeout = 30, .odd_server = true },
	{ IPPROTO_UDP, .status = REPLIED | IPS_FIXED_TIMEOUT, .timeout = 600 },
	{ IPPROTO_UDPLITE, .status = UNREPLIED, .timeout = 30 },
	{ IPPROTO_UDPLITE, .status = ASSURED, .timeout = 180 },

	/* Echo, timestamp, information and address mask; IPv6 has echo and node information. */
	{ PING, 8, 128, .status = UNREPLIED, .timeout = 30 },
	{ PING, 8, 128, .status = REPLIED, .timeout = 30 },
	{ PING, 13, 139, .status = UNREPLIED, .timeout = 30 },
	{ PING, 15, 128, .status = REPLIED, .timeout = 30 },
	{ PING, 17, 139, .status = REPLIED, .timeout = 30 },

	{ IPPROTO_SCTP, SCTP_CLOSED, .status = REPLIED, .timeout = 10 },
	{ IPPROTO_SCTP, SCTP_COOKIE_WAIT, .status = UNREPLIED, .timeout = 3 },
	{ IPPROTO_SCTP, SCTP_COOKIE_ECHOED, .status = REPLIED, .timeout = 3 },
	{ IPPROTO_SCTP, SCTP_ESTABLISHED, .status = ASSURED, .timeout = 210 },
	{ IPPROTO_SCTP, SCTP_SHUTDOWN_SENT, .status = ASSURED, .timeout = 3 },
	{ IPPROTO_SCTP, SCTP_SHUTDOWN_RECD, .status = ASSURED, .timeout = 3 },
	{ IPPROTO_SCTP, SCTP_SHUTDOWN_ACK_SENT, .status = ASSURED, .timeout = 3 },
	{ IPPROTO_SCTP, SCTP_HEARTBEAT_SENT, .status = UNREPLIED, .timeout = 30 },

	{ IPPROTO_GRE, .status = UNREPLIED, .timeout = 30 },
	{ IPPROTO_GRE, .status = ASSURED, .timeout = 180 },
	{ IPPROTO_DCCP, DCCP_OPEN, .status = ASSURED, .timeout = 12 * 3600 },

	/* Protocols without a tracker of their own. */
	{ IPPROTO_ESP, .status = ASSURED, .timeout = 600 },
	{ 89, .status = UNREPLIED, .timeout = 600 },
	{ 253, .status = REPLIED, .timeout = 600 },

	/* Address and port translation. */
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED, .timeout = 5 * DAY, .nat = NAT_SOURCE },
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED, .timeout = 5 * DAY, .nat = NAT_SOURCE_PORT },
	{ IPPROTO_TCP, TCP_CONNTRACK_TIME_WAIT, .status = ASSURED, .timeout = 120, .nat = NAT_DESTINATION },
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED, .timeout = 5 * DAY, .nat = NAT_DESTINATION_PORT },
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED, .timeout = 5 * DAY, .nat = NAT_BOTH },
	{ IPPROTO_UDP, .status = REPLIED, .timeout = 30, .nat = NAT_SOURCE },
	{ IPPROTO_UDP, .status = ASSURED, .timeout = 120, .nat = NAT_SOURCE_PORT },
	{ IPPROTO_UDP, .status = UNREPLIED, .timeout = 30, .nat = NAT_DESTINATION_PORT },
	{ PING, 8, 128, .status = REPLIED, .timeout = 30, .nat = NAT_SOURCE },

	/* Marks, zones, labels, and all at once. */
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED, .timeout = 5 * DAY, .mark = 1 },
	{ IPPROTO_TCP, TCP_CONNTRACK_CLOSE_WAIT, .status = ASSURED, .timeout = 60, .mark = 0x1ff },
	{ IPPROTO_UDP, .status = REPLIED, .timeout = 30, .mark = 0xffffffff },
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED, .timeout = 5 * DAY,
	  .zone = 1, .zone_scope = ZONE_BOTH },
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED, .timeout = 5 * DAY,
	  .zone = 5, .zone_scope = ZONE_ORIGINAL },
	{ IPPROTO_TCP, TCP_CONNTRACK_SYN_SENT, .status = UNREPLIED, .timeout = 120,
	  .zone = 6, .zone_scope = ZONE_REPLY },
	{ IPPROTO_UDP, .status = REPLIED, .timeout = 30, .zone = 200, .zone_scope = ZONE_BOTH },
	{ PING, 8, 128, .status = REPLIED, .timeout = 30, .zone = 7, .zone_scope = ZONE_ORIGINAL },
	{ 253, .status = UNREPLIED, .timeout = 600, .zone = 8, .zone_scope = ZONE_REPLY },
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED, .timeout = 5 * DAY, .labels = few_labels },
	{ IPPROTO_UDP, .status = REPLIED, .timeout = 30, .labels = many_labels },
	{ IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .status = ASSURED | IPS_FIXED_TIMEOUT, .timeout = 5 * DAY,
	  .nat = NAT_BOTH, .mark = 0x10, .zone = 9, .zone_scope = ZONE_BOTH, .labels = few_labels,
	  .helper = "ftp", .port = 21 },
};

struct settings {
	uint64_t count;
	uint64_t seed;
	uint32_t least_timeout;
	const char *mix;
};

struct address {
	uint8_t bytes[16]; /* network order; the first four are used in IPv4 */
};

struct endpoint {
	struct address address;
	uint16_t port; /* or the id of a ping, or a GRE key */
};

/* All that tells one entry from another of its shape. */
struct entry {
	const struct shape *shape;
	uint64_t index;
	uint64_t scatter; /* a number below CLIENTS * PORTS that no other entry has */
	uint64_t random;  /* what need not be unique is chosen by this */
	uint32_t rare;    /* one in so many tcp entries goes to port 8443 */
	bool is_ipv6;
	struct endpoint client, server;
};

struct mix {
	const struct shape *rows[ARRAY_SIZE(shapes)];
	size_t count;
	size_t tcp_count;
};

struct batch {
	struct mnl_socket *socket;
	size_t used;
	uint64_t refused;
	uint64_t first_refused; /* its index */
	int error;              /* errno of the first refusal */
	bool lost_errors;
	char reason[128];       /* the kernel's own words for it, often none */
	uint8_t bytes[BATCH_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* ---- what an entry's addresses and ports are ---- */

static const uint16_t tcp_services[] = { 443, 80, 22, 443, 5432, 53, 8080, 443, 25, 993, 3306, 6379 };
static const uint16_t udp_services[] = { 53, 443, 123, 53, 514, 1194, 4500, 53 };
static const uint16_t sctp_services[] = { 36412, 38412, 2905, 3868 };

/* Multiplying by a number without a common divisor with the modulus is a permutation. */
static uint64_t scatter(uint64_t index, uint64_t seed)
{
	const uint64_t modulus = (uint64_t)CLIENTS * PORTS, factor = 2654435761u;

	return (index + seed * MOST_ENTRIES) % modulus * factor % modulus;
}

/* The finalizer of splitmix64: without it the choices below would follow the rows' cycle. */
static uint64_t random_of(uint64_t number)
{
	number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
	number = (number ^ number >> 27) * 0x94d049bb133111ebu;
	return number ^ number >> 31;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

static uint16_t service_port(const struct entry *entry)
{
	const uint64_t pick = entry->random;

	if (entry->shape->port)
		return entry->shape->port;
	switch (entry->shape->protocol) {
	case IPPROTO_TCP:
		if (pick / 64 % entry->rare == 0)
			return 8443;
		return tcp_services[pick % ARRAY_SIZE(tcp_services)];
	case IPPROTO_SCTP:
		return sctp_services[pick % ARRAY_SIZE(sctp_services)];
	case IPPROTO_GRE:
		return (uint16_t)pick;
	default:
		return udp_services[pick % ARRAY_SIZE(udp_services)];
	}
}

/* The prefix of an address, and a number in its last two bytes. */
static struct address address_of(const char *text, bool is_ipv6, uint16_t number)
{
	struct address address = { 0 };
	const size_t last = is_ipv6 ? 14 : 2;

	if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, text, address.bytes) != 1)
		abort();
	address.bytes[last] |= number >> 8;
	address.bytes[last + 1] |= number & 0xff;
	return address;
}

static struct address server_address(const struct entry *entry)
{
	static const char *const plain[][2] = {
		{ "192.0.2.0", "2001:db8:80::" }, { "198.51.100.0", "2001:db8:80:1::" },
		{ "203.0.113.0", "2001:db8:81:0:1::" }, { "172.16.8.0", "fd00:8::80:0:0" },
	};
	static const char *const odd[][2] = {
		{ "224.0.0.0", "::ffff:198.51.100.0" }, { "255.255.255.0", "64:ff9b::c633:6400" },
		{ "169.254.7.0", "::198.51.100.0" }, { "127.0.0.0", "ff02::1:0" },
	};
	const char *const (*prefixes)[2] = entry->shape->odd_server ? odd : plain;
	const uint64_t pick = entry->random >> 20;

	/* What has no ports, or none that the kernel knows, is told apart by the server's address. */
	if (entry->shape->protocol == IPPROTO_DCCP ||
	    (!has_ports(entry->shape->protocol) && entry->shape->protocol != PING))
		return address_of(entry->is_ipv6 ? "2001:db8:90::" : "172.24.0.0", entry->is_ipv6,
				  entry->client.port);
	return address_of(prefixes[pick % 4][entry->is_ipv6], entry->is_ipv6, 1 + pick / 4 % 200);
}

static struct entry entry_make(const struct mix *mix, const struct settings *settings, uint64_t index)
{
	const uint64_t kind = index % (2 * mix->count);
	struct entry entry = {
		.shape = mix->rows[kind / 2],
		.index = index,
		.scatter = scatter(index, settings->seed),
		.is_ipv6 = kind % 2,
	};

	entry.random = random_of(entry.scatter + 1);
	entry.rare = 1000 * mix->tcp_count / mix->count;
	entry.client.address = address_of(entry.is_ipv6 ? "2001:db8:10::" : "10.20.0.0", entry.is_ipv6,
					  (uint16_t)(entry.scatter / PORTS + 1));
	entry.client.port = (uint16_t)(FIRST_PORT + entry.scatter % PORTS);
	entry.server.address = server_address(&entry);
	entry.server.port = service_port(&entry);
	return entry;
}

/* ---- the message ---- */

static void put_u16(struct nlmsghdr *message, uint16_t type, uint16_t value)
{
	mnl_attr_put_u16(message, type, htons(value));
}

static void put_u32(struct nlmsghdr *message, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(message, type, htonl(value));
}

static void put_addresses(struct nlmsghdr *message, const struct entry *entry, const struct endpoint *from,
			  const struct endpoint *to)
{
	const size_t length = entry->is_ipv6 ? 16 : 4;
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_TUPLE_IP);

	mnl_attr_put(message, entry->is_ipv6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, length, &from->address);
	mnl_attr_put(message, entry->is_ipv6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, length, &to->address);
	mnl_attr_nest_end(message, nest);
}

static uint8_t answering_type(uint8_t type, bool is_ipv6)
{
	if (is_ipv6)
		return type + 1; /* 128 and 129, 139 and 140 */
	return type == 8 ? 0 : type + 1;
}

static void put_ping(struct nlmsghdr *message, const struct entry *entry, bool is_reply)
{
	uint8_t type = entry->is_ipv6 ? entry->shape->ipv6_type : entry->shape->state;

	if (is_reply)
		type = answering_type(type, entry->is_ipv6);
	mnl_attr_put_u8(message, CTA_PROTO_NUM, entry->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	put_u16(message, entry->is_ipv6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, entry->client.port);
	mnl_attr_put_u8(message, entry->is_ipv6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, type);
	mnl_attr_put_u8(message, entry->is_ipv6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, 0);
}

static void put_protocol(struct nlmsghdr *message, const struct entry *entry, bool is_reply)
{
	const struct endpoint *from = is_reply ? &entry->server : &entry->client;
	const struct endpoint *to = is_reply ? &entry->client : &entry->server;
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);

	if (entry->shape->protocol == PING) {
		put_ping(message, entry, is_reply);
	} else {
		mnl_attr_put_u8(message, CTA_PROTO_NUM, entry->shape->protocol);
		if (has_ports(entry->shape->protocol) || entry->shape->protocol == IPPROTO_GRE) {
			put_u16(message, CTA_PROTO_SRC_PORT, from->port);
			put_u16(message, CTA_PROTO_DST_PORT, to->port);
		}
	}
	mnl_attr_nest_end(message, nest);
}

static void put_tuple(struct nlmsghdr *message, const struct entry *entry, bool is_reply)
{
	const struct endpoint *from = is_reply ? &entry->server : &entry->client;
	const struct endpoint *to = is_reply ? &entry->client : &entry->server;
	const uint8_t own_scope = is_reply ? ZONE_REPLY : ZONE_ORIGINAL;
	struct nlattr *nest = mnl_attr_nest_start(message, is_reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);

	put_addresses(message, entry, from, to);
	put_protocol(message, entry, is_reply);
	if (entry->shape->zone_scope == own_scope)
		put_u16(message, CTA_TUPLE_ZONE, entry->shape->zone);
	mnl_attr_nest_end(message, nest);
}

static void put_tcp_flags(struct nlmsghdr *message, uint16_t type, uint8_t flags)
{
	const struct nf_ct_tcp_flags value = { .flags = flags, .mask = 0xff };

	mnl_attr_put(message, type, sizeof(value), &value);
}

static void put_tcp_info(struct nlmsghdr *message, const struct entry *entry)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(message, CTA_PROTOINFO_TCP_STATE, entry->shape->state);
	mnl_attr_put_u8(message, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, 7);
	mnl_attr_put_u8(message, CTA_PROTOINFO_TCP_WSCALE_REPLY, entry->random % 15);
	put_tcp_flags(message, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_SACK_PERM);
	put_tcp_flags(message, CTA_PROTOINFO_TCP_FLAGS_REPLY, IP_CT_TCP_FLAG_WINDOW_SCALE);
	mnl_attr_nest_end(message, nest);
}

static void put_sctp_info(struct nlmsghdr *message, const struct entry *entry)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_PROTOINFO_SCTP);

	mnl_attr_put_u8(message, CTA_PROTOINFO_SCTP_STATE, entry->shape->state);
	put_u32(message, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, (uint32_t)entry->random);
	put_u32(message, CTA_PROTOINFO_SCTP_VTAG_REPLY,
		entry->shape->status ? (uint32_t)(entry->random >> 32) : 0);
	mnl_attr_nest_end(message, nest);
}

/* Linux 6.16 and later have no tracker for dccp and leave this aside. */
static void put_dccp_info(struct nlmsghdr *message, const struct entry *entry)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_PROTOINFO_DCCP);

	mnl_attr_put_u8(message, CTA_PROTOINFO_DCCP_STATE, entry->shape->state);
	mnl_attr_put_u8(message, CTA_PROTOINFO_DCCP_ROLE, DCCP_ROLE_CLIENT);
	mnl_attr_put_u64(message, CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, 0);
	mnl_attr_nest_end(message, nest);
}

static void put_protocol_info(struct nlmsghdr *message, const struct entry *entry)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_PROTOINFO);

	if (entry->shape->protocol == IPPROTO_TCP)
		put_tcp_info(message, entry);
	else if (entry->shape->protocol == IPPROTO_SCTP)
		put_sctp_info(message, entry);
	else if (entry->shape->protocol == IPPROTO_DCCP)
		put_dccp_info(message, entry);
	mnl_attr_nest_end(message, nest);
}

/* The kernel rewrites the reply tuple itself; port 0 keeps the port. */
static void put_translation(struct nlmsghdr *message, uint16_t type, bool is_ipv6, const struct address *address,
			    uint16_t port)
{
	struct nlattr *nest = mnl_attr_nest_start(message, type);

	mnl_attr_put(message, is_ipv6 ? CTA_NAT_V6_MINIP : CTA_NAT_V4_MINIP, is_ipv6 ? 16 : 4, address);
	if (port) {
		struct nlattr *ports = mnl_attr_nest_start(message, CTA_NAT_PROTO);

		put_u16(message, CTA_PROTONAT_PORT_MIN, port);
		put_u16(message, CTA_PROTONAT_PORT_MAX, port);
		mnl_attr_nest_end(message, ports);
	}
	mnl_attr_nest_end(message, nest);
}

static bool is_source_nat(uint8_t nat)
{
	return nat == NAT_SOURCE || nat == NAT_SOURCE_PORT || nat == NAT_BOTH;
}

static bool is_destination_nat(uint8_t nat)
{
	return nat == NAT_DESTINATION || nat == NAT_DESTINATION_PORT || nat == NAT_BOTH;
}

/* One public address for each client, from another pool where the port changes: no clashes. */
static void put_nat(struct nlmsghdr *message, const struct entry *entry)
{
	const uint8_t nat = entry->shape->nat;
	const uint16_t client = (uint16_t)(entry->scatter / PORTS + 1);
	struct address address;

	if (is_source_nat(nat)) {
		const bool with_port = nat != NAT_SOURCE;
		const uint16_t port = (uint16_t)(FIRST_PORT + (entry->client.port - FIRST_PORT + PORTS / 2) % PORTS);
		const char *prefix = with_port ? "198.19.0.0" : "198.18.0.0";

		if (entry->is_ipv6)
			prefix = with_port ? "2001:db8:19::" : "2001:db8:18::";
		address = address_of(prefix, entry->is_ipv6, client);
		put_translation(message, CTA_NAT_SRC, entry->is_ipv6, &address, with_port ? port : 0);
	}
	if (is_destination_nat(nat)) {
		const bool with_port = nat != NAT_DESTINATION;

		address = address_of(entry->is_ipv6 ? "fd00:7::" : "172.31.7.0", entry->is_ipv6,
				     (uint16_t)(1 + entry->random % 50));
		put_translation(message, CTA_NAT_DST, entry->is_ipv6, &address, with_port ? 9080 : 0);
	}
}

static void put_helper(struct nlmsghdr *message, const char *name)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_HELP);

	mnl_attr_put_strz(message, CTA_HELP_NAME, name);
	mnl_attr_nest_end(message, nest);
}

/* What remains of an entry's time is spread over the upper half of it. */
static uint32_t remaining(const struct entry *entry, uint32_t least)
{
	const uint32_t most = entry->shape->timeout;
	const uint32_t timeout = most - (uint32_t)(entry->random % (most / 2 + 1));

	return timeout < least ? least : timeout;
}

static void put_entry(struct nlmsghdr *message, const struct entry *entry, const struct settings *settings)
{
	const struct shape *shape = entry->shape;

	put_tuple(message, entry, false);
	put_tuple(message, entry, true);
	put_u32(message, CTA_STATUS, shape->status | IPS_CONFIRMED);
	put_u32(message, CTA_TIMEOUT, remaining(entry, settings->least_timeout));
	if (shape->protocol == IPPROTO_TCP || shape->protocol == IPPROTO_SCTP || shape->protocol == IPPROTO_DCCP)
		put_protocol_info(message, entry);
	put_nat(message, entry);
	if (shape->mark)
		put_u32(message, CTA_MARK, shape->mark);
	if (shape->zone_scope == ZONE_BOTH)
		put_u16(message, CTA_ZONE, shape->zone);
	if (shape->labels)
		mnl_attr_put(message, CTA_LABELS, sizeof(few_labels), shape->labels);
	if (shape->helper)
		put_helper(message, shape->helper);
}

static void batch_add(struct batch *batch, const struct entry *entry, const struct settings *settings)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(batch->bytes + batch->used);
	struct nfgenmsg *header;

	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
	message->nlmsg_seq = (uint32_t)entry->index;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->nfgen_family = entry->is_ipv6 ? AF_INET6 : AF_INET;
	header->version = NFNETLINK_V0;
	put_entry(message, entry, settings);
	batch->used += MNL_ALIGN(message->nlmsg_len);
}

/* ---- sending, and what the kernel answers ---- */

static int keep_reason(const struct nlattr *attribute, void *data)
{
	struct batch *batch = data;

	if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
		snprintf(batch->reason, sizeof(batch->reason), ": %s", mnl_attr_get_str(attribute));
	return MNL_CB_OK;
}

static void note_refusal(struct batch *batch, const struct nlmsghdr *message)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_type != NLMSG_ERROR || message->nlmsg_len < NLMSG_LENGTH(sizeof(*answer)) || !answer->error)
		return;
	if (batch->refused++)
		return;
	batch->error = -answer->error;
	batch->first_refused = answer->msg.nlmsg_seq;
	/* With NETLINK_CAP_ACK the answer holds the header of the request alone. */
	if (message->nlmsg_flags & NLM_F_ACK_TLVS)
		mnl_attr_parse(message, sizeof(*answer), keep_reason, batch);
}

static int batch_drain(struct batch *batch)
{
	uint8_t answers[BATCH_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (;;) {
		const ssize_t got = recv(mnl_socket_get_fd(batch->socket), answers, sizeof(answers), MSG_DONTWAIT);
		const struct nlmsghdr *message = (const struct nlmsghdr *)answers;
		int left = (int)got;

		if (got < 0 && errno == ENOBUFS) {
			batch->lost_errors = true;
			continue;
		}
		if (got < 0)
			return errno == EAGAIN ? 0 : -errno;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			note_refusal(batch, message);
	}
}

static int batch_send(struct batch *batch)
{
	if (!batch->used)
		return 0;
	if (mnl_socket_sendto(batch->socket, batch->bytes, batch->used) < 0)
		return -errno;
	batch->used = 0;
	return batch_drain(batch);
}

static int batch_open(struct batch *batch)
{
	const int yes = 1;

	batch->socket = mnl_socket_open(NETLINK_NETFILTER);
	if (!batch->socket)
		return -errno;
	mnl_socket_setsockopt(batch->socket, NETLINK_CAP_ACK, (void *)&yes, sizeof(yes));
	mnl_socket_setsockopt(batch->socket, NETLINK_EXT_ACK, (void *)&yes, sizeof(yes));
	return mnl_socket_bind(batch->socket, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
}

/* ---- options ---- */

static const struct {
	const char *word;
	uint8_t protocol;
} mix_words[] = {
	{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "udplite", IPPROTO_UDPLITE }, { "icmp", PING },
	{ "sctp", IPPROTO_SCTP }, { "gre", IPPROTO_GRE }, { "dccp", IPPROTO_DCCP }, { "esp", IPPROTO_ESP },
	{ "ospf", 89 }, { "253", 253 },
};

static bool mix_takes(const char *word, const struct shape *shape)
{
	if (strcmp(word, "all") == 0)
		return true;
	if (strcmp(word, "nat") == 0)
		return shape->nat != NAT_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(mix_words); i++) {
		if (strcmp(word, mix_words[i].word) == 0)
			return mix_words[i].protocol == shape->protocol;
	}
	return false;
}

static struct mix mix_make(const char *word)
{
	struct mix mix = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (!mix_takes(word, &shapes[i]))
			continue;
		mix.rows[mix.count++] = &shapes[i];
		if (shapes[i].protocol == IPPROTO_TCP)
			mix.tcp_count++;
	}
	return mix;
}

static int usage(FILE *stream, int status)
{
	fputs("usage: load [--count N] [--mix MIX] [--timeout SECONDS] [--seed N]\n"
	      "  --count    how many entries, up to 4194304 (1000)\n"
	      "  --mix      all, nat", stream);
	for (size_t i = 0; i < ARRAY_SIZE(mix_words); i++)
		fprintf(stream, ", %s", mix_words[i].word);
	fputs(" (all); icmp makes icmpv6 too\n"
	      "  --timeout  no entry expires sooner than this (3600)\n"
	      "  --seed     0 to 62; the entries of different seeds differ (0)\n", stream);
	return status;
}

static bool parse_number(const char *text, uint64_t most, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && end != text && !*end && *text != '-' && *number <= most;
}

/* Returns -1 to go on, or the status to end with. */
static int parse_options(int count, char **words, struct settings *settings)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'c' }, { "mix", required_argument, NULL, 'm' },
		{ "timeout", required_argument, NULL, 't' }, { "seed", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	uint64_t number;
	int option;

	while ((option = getopt_long(count, words, "c:m:t:s:h", options, NULL)) != -1) {
		bool is_good = true;

		switch (option) {
		case 'c': is_good = parse_number(optarg, MOST_ENTRIES, &settings->count); break;
		case 's': is_good = parse_number(optarg, MOST_SEEDS - 1, &settings->seed); break;
		case 'm': settings->mix = optarg; break;
		case 't':
			is_good = parse_number(optarg, INT32_MAX, &number);
			settings->least_timeout = (uint32_t)number;
			break;
		case 'h': return usage(stdout, 0);
		default: return usage(stderr, 2);
		}
		if (!is_good) {
			fprintf(stderr, "load: bad number '%s'\n", optarg);
			return 2;
		}
	}
	return optind < count ? usage(stderr, 2) : -1;
}

/* ---- */

static int load(struct batch *batch, const struct mix *mix, const struct settings *settings)
{
	int error = batch_open(batch);

	for (uint64_t index = 0; !error && !batch->refused && index < settings->count; index++) {
		const struct entry entry = entry_make(mix, settings, index);

		batch_add(batch, &entry, settings);
		if (batch->used > BATCH_BYTES - MESSAGE_BYTES || index + 1 == settings->count)
			error = batch_send(batch);
	}
	if (batch->socket)
		mnl_socket_close(batch->socket);
	return error;
}

static void report_refusals(const struct batch *batch, const struct mix *mix, const struct settings *settings)
{
	const struct entry entry = entry_make(mix, settings, batch->first_refused);

	fprintf(stderr, "load: entry %llu (row %zu, protocol %u, IPv%d): %s%s (%llu refused%s)\n",
		(unsigned long long)entry.index, (size_t)(entry.shape - shapes), entry.shape->protocol,
		entry.is_ipv6 ? 6 : 4, strerror(batch->error), batch->reason,
		(unsigned long long)batch->refused, batch->lost_errors ? " or more" : "");
}

int main(int argc, char **argv)
{
	static struct batch batch;
	struct settings settings = { .count = 1000, .least_timeout = 3600, .mix = "all" };
	const int status = parse_options(argc, argv, &settings);
	struct mix mix;
	int error;

	if (status >= 0)
		return status;
	mix = mix_make(settings.mix);
	if (!mix.count) {
		fprintf(stderr, "load: unknown mix '%s'\n", settings.mix);
		return 2;
	}
	error = load(&batch, &mix, &settings);
	if (error) {
		fprintf(stderr, "load: %s\n", strerror(-error));
		return 1;
	}
	if (batch.refused) {
		report_refusals(&batch, &mix, &settings);
		return 1;
	}
	printf("%llu entries\n", (unsigned long long)settings.count);
	return 0;
}
