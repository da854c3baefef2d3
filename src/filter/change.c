/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What shall change of entries: a draft that is laid over what is there. */
#include <errno.h>
#include <string.h>

#include "conntab/draft.h"

/* What ctnetlink_change_conntrack() in net/netfilter/nf_conntrack_netlink.c lets a user decide. */
static const uint8_t changeable[] = {
	FIELD_mark, FIELD_labels, FIELD_timeout, FIELD_state, FIELD_helper, FIELD_status,
};

void draft_change_fields(struct field_set *set)
{
	for (size_t i = 0; i < sizeof(changeable); i++)
		field_set_add(set, changeable[i]);
}

int draft_change(struct draft *draft, struct slice text, struct naming *naming, struct error *error)
{
	memset(draft, 0, sizeof(*draft));
	draft->is_change = true;
	draft_change_fields(&draft->settable);
	if (draft_terms(draft, text, naming, error))
		return error->code;
	if (!draft->record.present.bits[0] && !draft->record.present.bits[1])
		return error_usage(error, 0, "what shall change is missing behind \"set\", for example: set mark 0x10");
	return 0;
}

/* With a state the kernel takes the rest of the protocol's information: it stays as it is. */
static const uint8_t beside_state[] = {
	FIELD_sctp_vtag, FIELD_reply_sctp_vtag, FIELD_dccp_role, FIELD_dccp_handshake_seq,
};

void draft_differs_fields(const struct draft *draft, struct field_set *set)
{
	netlink_delete_fields(set);
	field_set_merge(set, &draft->record.present);
	/* The flags that a refusal is about. */
	field_set_add(set, FIELD_status);
	for (size_t i = 0; i < sizeof(beside_state) && record_has(&draft->record, FIELD_state); i++)
		field_set_add(set, beside_state[i]);
}

/* What is not there is zero: no mark, no labels, no helper. */
static bool is_so(const struct draft *draft, const struct record *record, enum field_id id)
{
	static const struct record empty;
	const struct record *wanted = &draft->record, *now = record_has(record, id) ? record : &empty;

	switch (id) {
	case FIELD_mark:
		return ((now->mark ^ wanted->mark) & draft->masks.mark) == 0;
	case FIELD_labels:
		for (size_t i = 0; i < 4; i++)
			if ((now->labels.words[i] ^ wanted->labels.words[i]) & draft->masks.labels.words[i])
				return false;
		return true;
	case FIELD_helper:
		return strcmp(now->helper.text, wanted->helper.text) == 0;
	case FIELD_status:
		return (now->status & wanted->status) == wanted->status;
	case FIELD_state:
		return record_has(record, id) && now->state == wanted->state;
	default:
		return record_has(record, id) && now->timeout == wanted->timeout;
	}
}

static void copy(struct record *to, const struct record *from, enum field_id id)
{
	memcpy((char *)to + fields[id].offset, (const char *)from + fields[id].offset, fields[id].size);
	field_set_add(&to->present, id);
}

/* What of an entry names it, and beside its state. */
static void begin_update(const struct draft *draft, const struct record *record, struct record *update)
{
	struct field_set kept = { { 0, 0 } };

	netlink_delete_fields(&kept);
	for (size_t i = 0; i < sizeof(beside_state) && record_has(&draft->record, FIELD_state); i++)
		field_set_add(&kept, beside_state[i]);
	memset(&update->present, 0, sizeof(update->present));
	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if (field_set_has(&kept, id) && record_has(record, id))
			copy(update, record, id);
}

int draft_differs(const struct draft *draft, const struct record *record, struct record *update, struct error *error)
{
	int result = 0;

	if (record_has(&draft->record, FIELD_state) &&
	    state_to_kernel(record->proto, draft->record.state) == UINT8_MAX)
		return error_set(error, -EINVAL, "%s is no state of their protocol", state_name(draft->record.state));
	begin_update(draft, record, update);
	for (size_t i = 0; i < sizeof(changeable); i++) {
		enum field_id id = changeable[i];

		if (!record_has(&draft->record, id) || is_so(draft, record, id))
			continue;
		copy(update, &draft->record, id);
		result = 1;
	}
	if (record_has(update, FIELD_status))
		update->status |= record->status;
	return result;
}
