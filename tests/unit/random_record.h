/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_TESTS_RANDOM_RECORD_H
#define CONNTAB_TESTS_RANDOM_RECORD_H

/*
 * Random records as a kernel could send them: a protocol has only its own fields, an
 * icmp entry is IPv4, there is one form of zone, and what may be unknown often is. Values
 * come from small pools, the same ones that random filters use, so that they meet.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "conntab/field.h"
#include "unit.h"

static const uint8_t pool_protocols[] = {
	IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_UDPLITE, IPPROTO_GRE,
	IPPROTO_DCCP, IPPROTO_ESP, 253, 0,
};
static const char *const pool_addresses[2][6] = {
	{ "10.0.0.1", "10.0.0.2", "10.1.255.0", "192.0.2.7", "0.0.0.0", "255.255.255.255" },
	{ "2001:db8::1", "2001:db8::2", "::ffff:10.0.0.1", "fd00:7::80", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
};
static const uint64_t pool_numbers[] = {
	0, 1, 2, 3, 8, 53, 80, 128, 255, 443, 1000, 3600, 65535, 86400, 0x12345678, UINT32_MAX, 10000000,
	UINT64_MAX, 1000000000000,
};
/* Instants around the borders of a second, a minute and a day (2023-11-14T22:13:20Z is 1700000000). */
static const uint64_t pool_times[] = {
	0, 1700000000000000000, 1700000000000000001, 1700000000999999999, 1700000001000000000, 1700000040000000000,
	1699999980000000000, 1699920000000000000, 1700006399999999999, 1700006400000000000,
};
static const char *const pool_texts[] = { "ftp", "tftp", "sip", "f", "a b", "system_u:object_r:x_t:s0" };

static inline struct address pool_address(const char *text)
{
	struct address address = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	assert_int_equal(inet_pton(address.family, text, address.bytes), 1);
	return address;
}

static inline uint64_t pool_number(uint64_t *seed, enum field_id id)
{
	uint64_t maximum = field_maximum(id), number;

	do
		number = pool_numbers[random_below(seed, COUNT_OF(pool_numbers))];
	while (number > maximum);
	return number;
}

static inline uint8_t random_state(uint64_t *seed, uint8_t protocol)
{
	if (protocol == IPPROTO_TCP)
		return (uint8_t)random_below(seed, STATE_SYN_SENT2 + 1);
	if (protocol == IPPROTO_SCTP)
		return random_below(seed, 4) == 0 ? STATE_ESTABLISHED :
		       (uint8_t)(STATE_CLOSED + random_below(seed, STATE_HEARTBEAT_ACKED - STATE_CLOSED + 1));
	return (uint8_t)(STATE_REQUEST + random_below(seed, STATE_INVALID - STATE_REQUEST + 1));
}

static inline void random_member(uint64_t *seed, struct record *record, enum field_id id)
{
	const struct field *field = &fields[id];
	char *member = (char *)record + field->offset;
	uint64_t number = pool_number(seed, id);
	struct address address = pool_address(pool_addresses[record->family == AF_INET6][random_below(seed, 6)]);
	struct labels labels = { { 0 } };

	labels.words[random_below(seed, 4)] = (uint32_t)random_next(seed) & (uint32_t)random_next(seed);
	if (field->kind == KIND_TIME)
		number = pool_times[random_below(seed, COUNT_OF(pool_times))];
	if (field->kind == KIND_EVENT)
		number = EVENT_NEW + random_below(seed, EVENT_COUNT - EVENT_NEW);
	if (field->kind == KIND_STATUS)
		number = random_next(seed) & random_next(seed) & 0x1ffff;
	if (field->kind == KIND_STATE)
		number = random_state(seed, record->proto);
	if (field->kind == KIND_PROTOCOL)
		number = record->proto;
	if (field->kind == KIND_ADDRESS)
		memcpy(member, &address, sizeof(address));
	else if (field->kind == KIND_LABELS)
		memcpy(member, &labels, sizeof(labels));
	else if (field->kind == KIND_TEXT)
		snprintf(member, field->size, "%s", pool_texts[random_below(seed, COUNT_OF(pool_texts))]);
	else if (field->size == 1)
		*(uint8_t *)member = (uint8_t)number;
	else if (field->size == 2)
		*(uint16_t *)(void *)member = (uint16_t)number;
	else if (field->size == 4)
		*(uint32_t *)(void *)member = (uint32_t)number;
	else
		*(uint64_t *)(void *)member = number;
	field_set_add(&record->present, id);
}

static inline bool always_there(enum field_id id)
{
	return id == FIELD_src || id == FIELD_dst || id == FIELD_reply_src || id == FIELD_reply_dst ||
	       id == FIELD_status || id == FIELD_mark || id == FIELD_id;
}

static inline void random_zone(uint64_t *seed, struct record *record)
{
	static const uint8_t forms[] = { FIELD_zone, FIELD_orig_zone, FIELD_reply_zone };
	enum field_id form = forms[random_below(seed, COUNT_OF(forms))];

	for (size_t i = 0; i < COUNT_OF(forms); i++)
		field_set_remove(&record->present, forms[i]);
	random_member(seed, record, form);
}

static inline void random_record(uint64_t *seed, struct record *record)
{
	memset(record, 0, sizeof(*record));
	record->proto = pool_protocols[random_below(seed, COUNT_OF(pool_protocols))];
	record->family = random_below(seed, 2) ? AF_INET : AF_INET6;
	if (record->proto == IPPROTO_ICMP)
		record->family = AF_INET;
	if (record->proto == IPPROTO_ICMPV6)
		record->family = AF_INET6;
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		unsigned protocols = fields[id].protocols ? fields[id].protocols : CLASS_ALL;

		if (id != FIELD_family && id != FIELD_proto && protocols & protocol_class(record->proto) &&
		    (always_there(id) || random_below(seed, 3)))
			random_member(seed, record, id);
	}
	field_set_add(&record->present, FIELD_family);
	field_set_add(&record->present, FIELD_proto);
	random_zone(seed, record);
}

#endif
