/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "derive.h"

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#define NANOSECONDS 1000000000ull

/* The clock is read once, before the dump; a dump of a large table takes some seconds. */
enum { IDLE_SLACK = 60 };

/* GRE's keys come in the attributes of ports (net/netfilter/nf_conntrack_proto_gre.c). */
#define GRE_KEY(key, port)                                                                  \
	void derive_##key(struct record *record, struct environment *environment)    \
	{                                                                                   \
		(void)environment;                                                          \
		if (!record_has(record, FIELD_##port) || !is_gre(record))                   \
			return;                                                             \
		record->key = record->port;                                                 \
		field_set_add(&record->present, FIELD_##key);                               \
	}                                                                                   \
	void drop_gre_##port(struct record *record, struct environment *environment) \
	{                                                                                   \
		(void)environment;                                                          \
		if (is_gre(record))                                                         \
			field_set_remove(&record->present, FIELD_##port);                   \
	}

static bool is_gre(const struct record *record)
{
	return record_has(record, FIELD_proto) && record->proto == IPPROTO_GRE;
}

GRE_KEY(gre_srckey, sport)
GRE_KEY(gre_dstkey, dport)
GRE_KEY(reply_gre_srckey, reply_sport)
GRE_KEY(reply_gre_dstkey, reply_dport)

/* The sum of two counters, if the kernel keeps both; at the end of the range it stays there. */
#define SUM(sum, one, other)                                                            \
	void derive_##sum(struct record *record, struct environment *environment) \
	{                                                                               \
		(void)environment;                                                      \
		if (!record_has(record, FIELD_##one) || !record_has(record, FIELD_##other)) \
			return;                                                         \
		if (__builtin_add_overflow(record->one, record->other, &record->sum))   \
			record->sum = UINT64_MAX;                                       \
		field_set_add(&record->present, FIELD_##sum);                           \
	}

SUM(packets, orig_packets, reply_packets)
SUM(bytes, orig_bytes, reply_bytes)

/* The kernel does not send the default zone; a zone of one direction only stands in the tuple. */
void default_zone(struct record *record, struct environment *environment)
{
	/* Of an expectation the kernel does not tell it. */
	if (environment->subject == SUBJECT_EXPECTATION || record_has(record, FIELD_zone) ||
	    record_has(record, FIELD_orig_zone) ||
	    record_has(record, FIELD_reply_zone))
		return;
	record->zone = 0;
	field_set_add(&record->present, FIELD_zone);
}

void derive_age(struct record *record, struct environment *environment)
{
	uint64_t end = record_has(record, FIELD_stop) && record->stop ? record->stop : environment->now;

	if (!record_has(record, FIELD_start))
		return;
	record->age = end > record->start ? (uint32_t)((end - record->start) / NANOSECONDS) : 0;
	field_set_add(&record->present, FIELD_age);
}

static bool has_status(const struct record *record, uint32_t bit)
{
	return (record->status & bit) != 0;
}

/*
 * nf_conntrack_tcp_packet() gives some entries less than their state's timeout:
 * data that is not acknowledged, a connection that was picked up in the middle
 * and never answered, and (not visible from here) retransmissions and a closed
 * window. In the last two cases what remains is at most tcp_max_retrans, so
 * below that limit the idle time of a longer-lived state is not known.
 */
static uint32_t tcp_timeout(const struct record *record, const struct timeouts *timeouts)
{
	uint32_t configured = record->state < STATE_COUNT ? timeouts->tcp[record->state] : UINT32_MAX;
	uint32_t retransmission = timeouts->tcp_max_retrans;
	bool is_unanswered = record->state == STATE_ESTABLISHED && !has_status(record, IPS_SEEN_REPLY);
	uint8_t flags = 0;

	if (configured == UINT32_MAX)
		return UINT32_MAX;
	if (record_has(record, FIELD_tcp_flags))
		flags |= record->tcp_flags;
	if (record_has(record, FIELD_reply_tcp_flags))
		flags |= record->reply_tcp_flags;
	if ((is_unanswered || flags & IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED) &&
	    configured > timeouts->tcp_unacknowledged)
		configured = timeouts->tcp_unacknowledged;
	if (configured > retransmission && record->timeout <= retransmission)
		return UINT32_MAX;
	return configured;
}

uint32_t timeout_given(const struct record *record, const struct timeouts *timeouts)
{
	bool has_state = record_has(record, FIELD_state);
	uint8_t state = has_state && record->state < STATE_COUNT ? record->state : STATE_UNKNOWN;

	switch (record->proto) {
	case IPPROTO_TCP:
		return has_state ? tcp_timeout(record, timeouts) : UINT32_MAX;
	/* Without a state there is no tracker for them: then the kernel treats them as any protocol. */
	case IPPROTO_SCTP:
		return has_state ? timeouts->sctp[state] : timeouts->generic;
	case IPPROTO_DCCP:
		return has_state ? timeouts->dccp[state] : timeouts->generic;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		/* Assured is set by the packet that first gets the stream's timeout. */
		return has_status(record, IPS_ASSURED) ? timeouts->udp_stream : timeouts->udp;
	case IPPROTO_ICMP:
		return timeouts->icmp;
	case IPPROTO_ICMPV6:
		return timeouts->icmpv6;
	case IPPROTO_GRE:
		return has_status(record, IPS_SEEN_REPLY) ? timeouts->gre_stream : timeouts->gre;
	default:
		return timeouts->generic;
	}
}

void derive_idle(struct record *record, struct environment *environment)
{
	uint32_t given, idle;

	if (!record_has(record, FIELD_timeout) || !record_has(record, FIELD_proto) ||
	    !record_has(record, FIELD_status) || has_status(record, IPS_FIXED_TIMEOUT))
		return;
	if (environment->policies[record->proto / 64] >> record->proto % 64 & 1)
		return;
	given = timeout_given(record, environment_timeouts(environment));
	/* More left than the setting gives: another timeout was attached, or the setting changed. */
	if (given == UINT32_MAX || record->timeout > given)
		return;
	idle = given - record->timeout;
	/* Idle for longer than it has existed: the setting is not the one that the entry got. */
	if (record_has(record, FIELD_start) && environment->now > record->start &&
	    idle > (environment->now - record->start) / NANOSECONDS + IDLE_SLACK)
		return;
	record->idle = idle;
	field_set_add(&record->present, FIELD_idle);
}
