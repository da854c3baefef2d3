/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/nat.h"

#include <linux/netfilter/nf_conntrack_common.h>

#include "conntab/field.h"

const struct nat nats[NAT_SIDES] = {
	[NAT_SOURCE] = { IPS_SRC_NAT, IPS_SRC_NAT_DONE, FIELD_src, FIELD_sport, FIELD_reply_dst, FIELD_reply_dport, true },
	[NAT_DESTINATION] = { IPS_DST_NAT, IPS_DST_NAT_DONE, FIELD_dst, FIELD_dport, FIELD_reply_src, FIELD_reply_sport,
			      false },
};

static void copy_member(struct record *record, enum field_id to, enum field_id from)
{
	if (!record_has(record, to) || !record_has(record, from))
		return;
	memcpy((char *)record + fields[to].offset, (const char *)record + fields[from].offset, fields[to].size);
}

void nat_undo(const struct record *record, struct record *before)
{
	memcpy(before, record, record_size(record));
	for (size_t i = 0; i < NAT_SIDES; i++) {
		const struct nat *nat = &nats[i];

		if (!record_has(record, FIELD_status) || !(record->status & nat->bit))
			continue;
		copy_member(before, nat->reply_address, nat->address);
		copy_member(before, nat->reply_port, nat->port);
		if (nat->has_echo_id)
			copy_member(before, FIELD_reply_icmp_id, FIELD_icmp_id);
	}
}
