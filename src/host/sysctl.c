/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conntab/host.h"

/* /proc/sys/net shows the namespace of the thread that opens it. */
int sysctl_read(const char *name, uint64_t *value)
{
	char path[128], text[32];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/netfilter/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return length < 0 ? -errno : -EINVAL;
	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' '))
		length--;
	if (!slice_number((struct slice){ text, (size_t)length }, UINT64_MAX, value))
		return -EINVAL;
	return 0;
}

struct timeout_setting {
	const char *name; /* without nf_conntrack_ */
	size_t offset;    /* in struct timeouts */
};

#define PLAIN(name_, member) { name_, offsetof(struct timeouts, member) }
#define STATE(name_, table, state) { name_, offsetof(struct timeouts, table) + (state) * sizeof(uint32_t) }

static const struct timeout_setting settings[] = {
	STATE("tcp_timeout_syn_sent", tcp, STATE_SYN_SENT),
	STATE("tcp_timeout_syn_sent", tcp, STATE_SYN_SENT2),
	STATE("tcp_timeout_syn_recv", tcp, STATE_SYN_RECV),
	STATE("tcp_timeout_established", tcp, STATE_ESTABLISHED),
	STATE("tcp_timeout_fin_wait", tcp, STATE_FIN_WAIT),
	STATE("tcp_timeout_close_wait", tcp, STATE_CLOSE_WAIT),
	STATE("tcp_timeout_last_ack", tcp, STATE_LAST_ACK),
	STATE("tcp_timeout_time_wait", tcp, STATE_TIME_WAIT),
	STATE("tcp_timeout_close", tcp, STATE_CLOSE),
	PLAIN("tcp_timeout_max_retrans", tcp_max_retrans),
	PLAIN("tcp_timeout_unacknowledged", tcp_unacknowledged),
	STATE("sctp_timeout_closed", sctp, STATE_CLOSED),
	STATE("sctp_timeout_cookie_wait", sctp, STATE_COOKIE_WAIT),
	STATE("sctp_timeout_cookie_echoed", sctp, STATE_COOKIE_ECHOED),
	STATE("sctp_timeout_established", sctp, STATE_ESTABLISHED),
	STATE("sctp_timeout_shutdown_sent", sctp, STATE_SHUTDOWN_SENT),
	STATE("sctp_timeout_shutdown_recd", sctp, STATE_SHUTDOWN_RECD),
	STATE("sctp_timeout_shutdown_ack_sent", sctp, STATE_SHUTDOWN_ACK_SENT),
	STATE("sctp_timeout_heartbeat_sent", sctp, STATE_HEARTBEAT_SENT),
	STATE("sctp_timeout_heartbeat_acked", sctp, STATE_HEARTBEAT_ACKED),
	STATE("dccp_timeout_request", dccp, STATE_REQUEST),
	STATE("dccp_timeout_respond", dccp, STATE_RESPOND),
	STATE("dccp_timeout_partopen", dccp, STATE_PARTOPEN),
	STATE("dccp_timeout_open", dccp, STATE_OPEN),
	STATE("dccp_timeout_closereq", dccp, STATE_CLOSEREQ),
	STATE("dccp_timeout_closing", dccp, STATE_CLOSING),
	STATE("dccp_timeout_timewait", dccp, STATE_TIMEWAIT),
	PLAIN("udp_timeout", udp),
	PLAIN("udp_timeout_stream", udp_stream),
	PLAIN("icmp_timeout", icmp),
	PLAIN("icmpv6_timeout", icmpv6),
	PLAIN("gre_timeout", gre),
	PLAIN("gre_timeout_stream", gre_stream),
	PLAIN("generic_timeout", generic),
};

void timeouts_load(struct timeouts *timeouts)
{
	memset(timeouts, 0xff, sizeof(*timeouts));
	timeouts->is_loaded = true;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		uint32_t *timeout = (uint32_t *)(void *)((char *)timeouts + settings[i].offset);
		char name[64];
		uint64_t value;

		snprintf(name, sizeof(name), "nf_conntrack_%s", settings[i].name);
		if (sysctl_read(name, &value) == 0 && value < UINT32_MAX)
			*timeout = (uint32_t)value;
	}
}

const struct timeouts *environment_timeouts(struct environment *environment)
{
	if (!environment->timeouts.is_loaded)
		timeouts_load(&environment->timeouts);
	return &environment->timeouts;
}
