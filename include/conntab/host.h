/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_HOST_H
#define CONNTAB_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "conntab/error.h"
#include "conntab/kind.h"

/*
 * What conntab knows of the machine outside ctnetlink. All of it is of the
 * network namespace that the thread is in.
 */

/* Reads net.netfilter.NAME; returns 0 or -errno (-ENOENT: this kernel has no such setting). */
int sysctl_read(const char *name, uint64_t *value);

/*
 * Whether the kernel could load that module and has not. Asking it over netlink for
 * what a module does would load it, which looking must never do. False for what is
 * built in, and where nothing is known of this kernel's modules.
 */
bool module_is_unloaded(const char *name);

/*
 * The timeouts that the kernel gives to an entry when a packet passes, in
 * seconds; UINT32_MAX where the kernel has no such setting. From
 * net/netfilter/nf_conntrack_standalone.c (the sysctls) and nf_conntrack_proto_*.c
 * (which one applies).
 */
struct timeouts {
	bool is_loaded;
	uint32_t tcp[STATE_COUNT + 1]; /* by state code; the last one stands for states unknown to us */
	uint32_t tcp_max_retrans;
	uint32_t tcp_unacknowledged;
	uint32_t sctp[STATE_COUNT + 1];
	uint32_t dccp[STATE_COUNT + 1];
	uint32_t udp, udp_stream;
	uint32_t icmp, icmpv6;
	uint32_t gre, gre_stream;
	uint32_t generic;
};

void timeouts_load(struct timeouts *timeouts);

/* What a record alone does not tell: the clock, the configured timeouts, names. */
struct environment {
	enum subject subject; /* what records are about */
	bool is_live; /* records are events: shown as they come, and with fields of their own */
	uint64_t now;             /* nanoseconds since 1970 when the dump began */
	struct timeouts timeouts; /* use environment_timeouts() */
	/* Bit n: a timeout policy for protocol n exists here, so some entries have other timeouts. */
	uint64_t policies[4];
	struct naming naming;
};

/* The namespace's timeouts, read at first use. */
const struct timeouts *environment_timeouts(struct environment *environment);

/*
 * Moves the calling thread into a network namespace: NAME as `ip netns` keeps
 * them, a path, or the number of a process (a name made of digits wins over a
 * process). Needs CAP_SYS_ADMIN. Returns 0 or fills in `error`.
 */
int namespace_enter(const char *spec, struct error *error);

/* Where the file of that namespace is (NAME, path or process number); false when it is too long. */
bool namespace_path(const char *spec, char *path, size_t size);
/* A descriptor of the namespace that the thread is in, to come back to with namespace_return(); or -errno. */
int namespace_save(void);
/* Goes back and closes the descriptor. 0 or -errno. */
int namespace_return(int saved);

/* Calls `each` with every name in /run/netns. */
void namespace_each_name(void (*each)(void *data, const char *name), void *data);

#endif
