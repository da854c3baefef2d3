/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>

#include "conntab/field.h"
#include "conntab/netlink.h"

/*
 * The decoder is a tree of attribute types, built from the paths of the wanted
 * fields: one table of slots for each level. Walking a message costs one look-up
 * an attribute; what nobody wants is stepped over whole.
 */

static uint8_t payload_length(const struct field *field, unsigned path)
{
	switch (field->kind) {
	case KIND_ADDRESS:
		return path == 0 ? 4 : 16; /* the rows name IPv4 first */
	case KIND_TEXT:
		return 0;
	default:
		/* Flags of TCP come with a mask behind them. */
		return field->decode[path] == flags_from_tcp ? 2 : (uint8_t)field->size;
	}
}

static void add_path(struct decoder *decoder, enum field_id id, unsigned path, const uint8_t *types)
{
	struct decoder_slot *slot = &decoder->slots[0][types[0]];

	for (unsigned depth = 1; depth < FIELD_PATH_DEPTH && types[depth]; depth++) {
		if (!slot->node)
			slot->node = (uint8_t)++decoder->node_count;
		slot = &decoder->slots[slot->node - 1][types[depth]];
	}
	slot->field = (uint8_t)id;
	slot->path = (uint8_t)path;
	slot->length = payload_length(&fields[id], path);
}

void decoder_init_of(struct decoder *decoder, enum subject subject, const struct field_set *wanted)
{
	bool is_entry = subject == SUBJECT_ENTRY;

	memset(decoder, 0, sizeof(*decoder));
	for (unsigned node = 0; node < DECODER_NODES; node++)
		for (unsigned type = 0; type < DECODER_SLOTS; type++)
			decoder->slots[node][type].field = FIELD_NONE;
	decoder->node_count = 1; /* the message itself */
	decoder->subsystem = is_entry ? NFNL_SUBSYS_CTNETLINK : NFNL_SUBSYS_CTNETLINK_EXP;
	decoder->wants_family = field_set_has(wanted, FIELD_family);
	for (enum field_id id = 0; id < FIELD_STORED; id++)
		for (unsigned path = 0; path < FIELD_PATHS_MAX; path++) {
			const uint8_t *types = is_entry ? fields[id].paths[path] : fields[id].expect_paths[path];

			if (field_set_has(wanted, id) && types[0])
				add_path(decoder, id, path, types);
		}
}

void decoder_init(struct decoder *decoder, const struct field_set *wanted)
{
	decoder_init_of(decoder, SUBJECT_ENTRY, wanted);
}

static void store_number(void *member, uint8_t size, const uint8_t *payload)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < size; i++)
		number = number << 8 | payload[i];
	switch (size) {
	case 1: *(uint8_t *)member = (uint8_t)number; break;
	case 2: *(uint16_t *)member = (uint16_t)number; break;
	case 4: *(uint32_t *)member = (uint32_t)number; break;
	default: *(uint64_t *)member = number; break;
	}
}

static void store_address(struct address *address, const uint8_t *payload, uint8_t length)
{
	memset(address->bytes, 0, sizeof(address->bytes));
	memcpy(address->bytes, payload, length);
	address->family = length == 4 ? AF_INET : AF_INET6;
}

static void store_text(char *text, size_t size, const char *payload, size_t length)
{
	length = strnlen(payload, length < size - 1 ? length : size - 1);
	memcpy(text, payload, length);
	text[length] = '\0';
}

static void store(const struct decoder_slot *slot, const struct nlattr *attribute, struct record *record)
{
	const struct field *field = &fields[slot->field];
	const uint8_t *payload = mnl_attr_get_payload(attribute);
	uint16_t length = mnl_attr_get_payload_len(attribute);
	void *member = (char *)record + field->offset;

	if (slot->length ? length != slot->length : length == 0)
		return;
	if (field->kind == KIND_ADDRESS)
		store_address(member, payload, slot->length);
	else if (field->kind == KIND_TEXT)
		store_text(member, field->size, (const char *)payload, length);
	else if (field->kind == KIND_LABELS)
		memcpy(member, payload, sizeof(struct labels));
	else if (field->decode[slot->path])
		*(uint8_t *)member = field->decode[slot->path](payload);
	else
		store_number(member, slot->length, payload);
	field_set_add(&record->present, slot->field);
}

static void walk(const struct decoder *decoder, unsigned node, const void *at, size_t length,
		 struct record *record)
{
	const struct decoder_slot *slots = decoder->slots[node];
	const struct nlattr *attribute = at;

	while (length >= sizeof(*attribute) && attribute->nla_len >= sizeof(*attribute) &&
	       attribute->nla_len <= length) {
		unsigned type = mnl_attr_get_type(attribute);
		size_t step = MNL_ALIGN(attribute->nla_len);

		if (type < DECODER_SLOTS) {
			const struct decoder_slot *slot = &slots[type];

			if (slot->node)
				walk(decoder, slot->node - 1u, mnl_attr_get_payload(attribute),
				     mnl_attr_get_payload_len(attribute), record);
			else if (slot->field != FIELD_NONE)
				store(slot, attribute, record);
		}
		if (step >= length)
			break;
		attribute = (const struct nlattr *)(const void *)((const char *)attribute + step);
		length -= step;
	}
}

bool decoder_decode(const struct decoder *decoder, const struct nlmsghdr *message,
		    struct record *record)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	size_t length = mnl_nlmsg_get_payload_len(message);
	size_t header_length = MNL_ALIGN(sizeof(*header));

	record->present = (struct field_set){ { 0, 0 } };
	record->family = record->proto = 0; /* read without a look at `present` */
	if (message->nlmsg_len < MNL_NLMSG_HDRLEN || length < header_length ||
	    message->nlmsg_type >> 8 != decoder->subsystem)
		return false;
	if (decoder->wants_family) {
		record->family = header->nfgen_family;
		field_set_add(&record->present, FIELD_family);
	}
	walk(decoder, 0, (const char *)header + header_length, length - header_length, record);
	return true;
}
