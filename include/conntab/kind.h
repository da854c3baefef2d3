/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_KIND_H
#define CONNTAB_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntab/error.h"
#include "conntab/record.h"
#include "conntab/text.h"

struct buffer;
struct nfct_labelmap;

/* Names of things that the system, not the kernel's message, knows. */
struct naming {
	struct nfct_labelmap *labels; /* connlabel.conf, owned; NULL: none or not yet looked for */
	bool labels_looked_for;
};

/* The label map, read at first use; NULL where there is no connlabel.conf. */
struct nfct_labelmap *naming_labels(struct naming *naming);
void naming_done(struct naming *naming);

/* What sort of value a field has. */
enum kind_id {
	KIND_EVENT,
	KIND_FAMILY,
	KIND_PROTOCOL,
	KIND_ADDRESS,
	KIND_PORT,
	KIND_NUMBER,  /* a plain number */
	KIND_HEX,     /* a number that people write in hexadecimal */
	KIND_BITS,    /* flags without names */
	KIND_COUNTER, /* 64 bits, with units */
	KIND_DURATION,
	KIND_TIME, /* nanoseconds since 1970, UTC */
	KIND_MARK,
	KIND_STATE,
	KIND_STATUS,
	KIND_FLAGS, /* of an expectation */
	KIND_LABELS,
	KIND_TEXT,
	KIND_COUNT,
};

/*
 * A value on its way from a record to a consumer. Numbers are in `number`; an
 * address, labels or text is borrowed from the record through `data`.
 */
struct value {
	enum kind_id kind;
	bool is_present;
	uint64_t number;
	const void *data;
};

/* How an operand of a filter is held against a value. */
enum operand_test {
	TEST_RANGE,   /* low <= number <= high */
	TEST_MASK,    /* (number & mask) == value */
	TEST_ANY_BIT, /* (number & mask) != 0 */
	TEST_ADDRESS, /* of one family, from low to high */
	TEST_LABELS,  /* all these bits are set */
	TEST_TEXT,    /* equal, or matched by a pattern with * and ? */
};

struct operand {
	enum operand_test test;
	union {
		struct {
			uint64_t low, high;
		} range;
		struct {
			uint64_t value, mask;
		} bits;
		struct {
			struct address low, high;
		} address;
		struct labels labels;
		struct slice text;
	};
};

/* A named value of an enumerated kind, usable as a bare word of the filter. */
struct word {
	const char *name;
	uint64_t value;
	uint64_t mask;     /* of status words; 0: the value is the whole number */
	bool is_any;       /* any bit of the mask, not all */
	bool is_alias;     /* read, but never printed */
};

/* Why a text is not a value of a kind: one clause, or empty. */
struct reason {
	char text[96];
};

/* A part of a list value: a name, or a number where `name` is NULL. */
struct list_part {
	const char *name;
	uint64_t number;
};

/* How JSON writes a kind. */
enum json_form { JSON_NUMBER, JSON_STRING, JSON_LIST };

struct kind {
	const char *name;
	const char *expects; /* "a port: 0 to 65535, a service name or a range" */
	enum json_form json;
	bool is_ordered;     /* < and > make sense */
	const struct word *words; /* ends with a NULL name; or NULL */
	/*
	 * Reads one value, or a range, as users write it. Numbers above `maximum`
	 * are faults. False: not such a value; `reason` is filled in where there is
	 * more to say than `expects`.
	 */
	bool (*parse)(struct slice text, uint64_t maximum, struct naming *naming,
		      struct operand *operand, struct reason *reason);
	/* Writes the value for people; the parts of a list separated by commas. */
	void (*format)(struct buffer *buffer, const struct value *value, struct naming *naming);
	/* The short form for the table format; NULL: as `format`. Writing nothing means "not worth a look". */
	void (*format_brief)(struct buffer *buffer, const struct value *value);
	/* Lists only: the next part at or after `*position` (0 at first), false at the end. */
	bool (*next)(const struct value *value, unsigned *position, struct list_part *part);
	/*
	 * For groups of numbers that hardly ever repeat: the bucket of a number, from
	 * `*low` to below `*end` (UINT64_MAX: open). NULL: each number is its own group.
	 */
	void (*bucket)(uint64_t number, uint64_t *low, uint64_t *end);
	/* Writes a number so that `parse` reads it back; NULL: as `format` does. */
	void (*format_number)(struct buffer *buffer, uint64_t number);
};

extern const struct kind kinds[KIND_COUNT];

/* The word for a value, NULL when it has none. */
const char *kind_word(enum kind_id kind, uint64_t value);
/* The state's code in a record from the kernel's number of that protocol; UINT8_MAX if unknown. */
uint8_t state_from_tcp(const uint8_t *payload);
uint8_t state_from_sctp(const uint8_t *payload);
uint8_t state_from_dccp(const uint8_t *payload);
/* The inverse: the kernel's number in that protocol; UINT8_MAX if the protocol has no such state. */
uint8_t state_to_kernel(uint8_t protocol, uint8_t state);
/* "ESTABLISHED"; "UNKNOWN" for a code that is none. */
const char *state_name(uint8_t state);
/* struct nf_ct_tcp_flags carries flags and a mask: the flags. */
uint8_t flags_from_tcp(const uint8_t *payload);
/* "tcp" as /proc writes it: "unknown" for all but the protocols that the kernel tracks by name. */
const char *protocol_proc_name(uint8_t protocol);

/* Holds an operand against a value that is present. */
bool operand_matches(const struct operand *operand, const struct value *value);
/* Writes the operand so that parsing it again gives the same. */
void operand_format(struct buffer *buffer, enum kind_id kind, const struct operand *operand,
		    struct naming *naming);
/* <0, 0, >0; values of one kind. An absent one sorts before all. */
int value_compare(const struct value *a, const struct value *b);

/* Text forms that the fixed formats need too. Each returns one past the last byte. */
char *address_text(char *at, const struct address *address);      /* 2001:db8::1 (45 bytes at most) */
char *address_text_full(char *at, const struct address *address); /* 2001:0db8:0000:... as /proc */
/* "2026-11-22T12:00:00.123456789Z" (30 bytes). */
char *time_text(char *at, uint64_t nanoseconds);
/* Reads a number or a range a-b whose ends `one` reads; a value may itself be a span (a day). */
bool range_parse(struct slice text, uint64_t maximum,
		 bool (*one)(struct slice text, uint64_t maximum, uint64_t *low, uint64_t *high),
		 struct operand *operand, struct reason *reason);
/* The word for that name, NULL if the kind has none. Upper and lower case are alike. */
const struct word *word_find(const struct word *words, struct slice name);

/* What happened to an entry, as the field "event" has it. */
enum event {
	EVENT_NEW = 1,
	EVENT_UPDATE,
	EVENT_DESTROY,
	EVENT_PRESENT, /* not the kernel's word: it is in the table, but we have not seen it begin */
	EVENT_COUNT,
};

/* The events that the kernel sends, as bits of kernel_filter.events. */
#define EVENT_BIT(event) (1u << (event))
#define EVENT_ALL (EVENT_BIT(EVENT_NEW) | EVENT_BIT(EVENT_UPDATE) | EVENT_BIT(EVENT_DESTROY))

/* States of TCP by their code in a record, for what depends on the state (idle, flush). */
enum state_code {
	STATE_NONE,
	STATE_SYN_SENT,
	STATE_SYN_RECV,
	STATE_ESTABLISHED,
	STATE_FIN_WAIT,
	STATE_CLOSE_WAIT,
	STATE_LAST_ACK,
	STATE_TIME_WAIT,
	STATE_CLOSE,
	STATE_SYN_SENT2,
	/* SCTP */
	STATE_CLOSED,
	STATE_COOKIE_WAIT,
	STATE_COOKIE_ECHOED,
	STATE_SHUTDOWN_SENT,
	STATE_SHUTDOWN_RECD,
	STATE_SHUTDOWN_ACK_SENT,
	STATE_HEARTBEAT_SENT,
	STATE_HEARTBEAT_ACKED,
	/* DCCP (kernels before 6.17) */
	STATE_REQUEST,
	STATE_RESPOND,
	STATE_PARTOPEN,
	STATE_OPEN,
	STATE_CLOSEREQ,
	STATE_CLOSING,
	STATE_TIMEWAIT,
	STATE_IGNORE,
	STATE_INVALID,
	STATE_COUNT,
	STATE_UNKNOWN = STATE_COUNT, /* in tables by state: no timeout is known */
};

#endif
