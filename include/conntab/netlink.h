/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_NETLINK_H
#define CONNTAB_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntab/error.h"
#include "conntab/record.h"

struct nlmsghdr;
struct mnl_socket;

/*
 * ctnetlink. Above this header nobody sees a netlink attribute. Message formats:
 * include/uapi/linux/netfilter/nfnetlink_conntrack.h, as written and read by
 * net/netfilter/nf_conntrack_netlink.c.
 */

/* A socket bound to NETLINK_NETFILTER, of the namespace it was opened in. */
struct netlink {
	struct mnl_socket *socket;
	uint32_t sequence;
	uint8_t *buffer; /* received messages, NETLINK_BUFFER bytes */
};

enum {
	NETLINK_BUFFER = 64 * 1024, /* the kernel fills at most 32 KiB of it */
};

/* Opens the socket. Returns 0 or fills in `error`. */
int netlink_open(struct netlink *netlink, struct error *error);
void netlink_close(struct netlink *netlink);

/*
 * What the kernel is asked to select, during a dump or of events. All given parts must
 * hold. Each of them is evaluated rightly by every kernel that evaluates it at all; a
 * kernel that does not know a part sends too much, never too little, so the
 * caller tests again what comes back.
 */
struct kernel_filter {
	uint8_t family; /* AF_UNSPEC: both */
	enum subject subject; /* of expectations only the family may be given */
	uint8_t events; /* bit n: events of sort n (enum event); 0: this is for a dump */
	bool has_mark, has_status, has_zone;
	uint32_t mark, mark_mask;
	uint32_t status, status_mask;
	uint16_t zone;
	/*
	 * Members of `tuple` that must be equal, of proto, IPv4 addresses, ports of
	 * tcp and udp, icmp type and id of either direction. Needs a family (the
	 * kernel refuses otherwise) and the protocol with all but addresses. Of events:
	 * any member, IPv6 addresses too; icmp's need the protocol.
	 */
	struct field_set tuple_fields;
	struct record tuple;
};

/* Whether any member of the tuple counts. */
static inline bool kernel_filter_has_tuple(const struct kernel_filter *filter)
{
	return filter->tuple_fields.bits[0] || filter->tuple_fields.bits[1];
}

/*
 * Dumps the table. `each` is called with every message; its result: 0 to go on,
 * 1 to stop early (not an error), -errno to stop and fail with. `interrupted` is
 * set when the kernel says that the table changed shape meanwhile, so that
 * entries may be missing. Returns 0, 1, -EINTR after a signal that set the flag
 * in conntab/interrupt.h, or another -errno with `error` filled in. After a
 * negative result the socket is closed.
 */
int netlink_dump(struct netlink *netlink, const struct kernel_filter *filter,
		 int (*each)(void *data, const struct nlmsghdr *message), void *data,
		 bool *interrupted, struct error *error);

/*
 * Asks for one entry by its tuple: the record must hold family, proto, and the
 * addresses and ports, icmp or gre fields of the original direction or, with
 * `is_reply`, of the reply; zone if it has one. Calls `each` with the answer.
 * Returns 0, -ENOENT (no error text), or -errno with `error` filled in.
 */
int netlink_get(struct netlink *netlink, const struct record *tuple, bool is_reply,
		int (*each)(void *data, const struct nlmsghdr *message), void *data, struct error *error);

/*
 * Asks for the expectation that a new connection with this tuple would meet: family,
 * proto, addresses, ports, zone if it has one. As netlink_get().
 */
int netlink_expect_get(struct netlink *netlink, const struct record *tuple,
		       int (*each)(void *data, const struct nlmsghdr *message), void *data, struct error *error);

/*
 * Makes an expectation from netlink_expect_fields(): family, the expected tuple, its mask
 * and the master's tuple must be there. The kernel gives it the timeout of the helper's
 * class; one that the record has is set behind that. With `or_update` the timeout of one that
 * exists is changed instead, and nothing else of it. 0 or -errno with `error`.
 */
int netlink_expect_put(struct netlink *netlink, const struct record *record, bool or_update, struct error *error);
/* The fields that netlink_expect_put() makes use of, added to `set`. */
void netlink_expect_fields(struct field_set *set);
/* Deletes every expectation of this namespace, of both families. 0 or -errno with `error`. */
int netlink_expect_flush(struct netlink *netlink, struct error *error);

/* Entries in this namespace and the global maximum, without a dump. 0 or -errno with `error`. */
int netlink_statistics(struct netlink *netlink, uint64_t *entries, uint64_t *maximum,
		       struct error *error);

/*
 * Sets bit n of `protocols` (256 of them) for every protocol n for which this
 * namespace has a timeout policy: of nfct (nfnetlink_cttimeout) or an object "ct
 * timeout" of nftables. The dump does not say which entry has one. A kernel without
 * them has none.
 */
void netlink_timeout_policies(struct netlink *netlink, uint64_t protocols[4]);

/* Deletes every entry of this namespace in one message. 0 or -errno with `error`. */
int netlink_flush(struct netlink *netlink, struct error *error);

enum { NETLINK_BATCH_MESSAGES = 128 };

/*
 * Deletes and creates in batches: messages are gathered, sent together when the batch
 * is full, and answered before netlink_batch_send() returns.
 */
struct netlink_batch {
	struct netlink *netlink;
	uint8_t *buffer;
	size_t length, last; /* of what was gathered; where its last message begins */
	uint32_t first_sequence;
	unsigned count;   /* messages gathered */
	uint64_t done;    /* answered: carried out */
	uint64_t refused; /* answered otherwise */
	/*
	 * Told of each refusal, in the order of the messages (NULL: nobody). Returns 0 to
	 * go on, or the code that sending then fails with; what was sent together with the
	 * refused message is answered and counted all the same. `words` says the reason.
	 */
	int (*refusal)(void *data, uint64_t tag, int code, const struct error *words);
	void *data;
	uint64_t tags[NETLINK_BATCH_MESSAGES]; /* whatever the caller wants to be told of a message */
	uint8_t tasks[NETLINK_BATCH_MESSAGES]; /* what each message is for: private to batch.c */
};

/* `netlink` is a socket of its own: not the one that a dump is running on. 0 or -ENOMEM. */
int netlink_batch_init(struct netlink_batch *batch, struct netlink *netlink);
void netlink_batch_done(struct netlink_batch *batch);
/*
 * Adds the deletion of an entry by original tuple, zone and, where the record has one,
 * id together, so that a new entry with the same tuple survives; sends when the batch
 * is full. An entry that is not there any more is refused with -ENOENT. 0, what
 * `refusal` returned, or -errno with `error`.
 */
int netlink_batch_delete(struct netlink_batch *batch, const struct record *record, uint64_t tag,
			 struct error *error);
/* The same of an expectation. */
int netlink_batch_delete_expectation(struct netlink_batch *batch, const struct record *record, uint64_t tag,
				     struct error *error);
/*
 * Adds the creation of an entry: both tuples, timeout, and of netlink_create_fields()
 * what the record has. Refused with -EEXIST where an entry has one of the tuples
 * already; with `or_update` an entry that has the original tuple is changed instead (all
 * but its reply tuple, NAT and master, which the kernel never changes). The kernel sets
 * the NAT bits of the status itself, for both directions as soon as one of them is given;
 * takes window scales of tcp only where both directions' flags say so, and labels only
 * while some rule of the namespace uses labels; counters, start, use and id cannot be
 * given. A record without a timeout (an offloaded
 * entry) is no entry to create: -EINVAL with `error`, nothing is added. Else as
 * netlink_batch_delete().
 */
int netlink_batch_create(struct netlink_batch *batch, const struct record *record, uint64_t tag,
			 bool or_update, struct error *error);
/*
 * Of values that are many bits, those that an update changes; the kernel leaves the others as
 * they are at that moment (of the mark since 3.14: before, all of it becomes the value).
 */
struct netlink_masks {
	uint32_t mark;
	struct labels labels;
};

/*
 * Adds the change of an entry that must exist, named by its original tuple and zone (the
 * kernel does not compare an id here): of netlink_create_fields() what the record has and the
 * kernel lets change, of mark and labels the bits of `masks` (NULL: all of them). Bits of the
 * status can only be set, and a status without a bit that the entry got meanwhile is refused
 * with -EBUSY; an empty helper is taken away. Refused with -ENOENT where there is no entry,
 * with -EPERM where its timeout is fixed. Else as netlink_batch_delete().
 */
int netlink_batch_update(struct netlink_batch *batch, const struct record *record, const struct netlink_masks *masks,
			 uint64_t tag, struct error *error);
/* The same at once, on a socket with nothing else under way. The kernel's code, with `error`. */
int netlink_update(struct netlink *netlink, const struct record *record, const struct netlink_masks *masks,
		   struct error *error);
int netlink_batch_send(struct netlink_batch *batch, struct error *error);
/* The fields that netlink_batch_delete() needs, added to `set`. */
void netlink_delete_fields(struct field_set *set);
/* The fields that netlink_batch_create() makes use of, added to `set`. */
void netlink_create_fields(struct field_set *set);

/*
 * Turns messages into records, decoding only the fields that are wanted. Built
 * once for a query; attributes that are unknown or of an odd length are skipped.
 */
struct decoder_slot {
	uint8_t node;   /* index + 1 of the nested attributes' node; 0: none */
	uint8_t field;  /* what to store, FIELD_NONE: nothing */
	uint8_t path;   /* which of the field's paths this is */
	uint8_t length; /* the payload's length; 0: text */
};

enum { DECODER_NODES = 24, DECODER_SLOTS = 32 };

struct decoder {
	struct decoder_slot slots[DECODER_NODES][DECODER_SLOTS];
	unsigned node_count;
	bool wants_family;
	uint8_t subsystem; /* NFNL_SUBSYS_* */
};

/* Of entries. */
void decoder_init(struct decoder *decoder, const struct field_set *wanted);
void decoder_init_of(struct decoder *decoder, enum subject subject, const struct field_set *wanted);
/* False when the message is about something else (the record is empty then). */
bool decoder_decode(const struct decoder *decoder, const struct nlmsghdr *message,
		    struct record *record);

#endif
