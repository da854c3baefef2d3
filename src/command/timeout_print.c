/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The timeout policies as they are, and how they are printed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "timeout.h"

int timeout_list_add(void *data, const struct timeout_policy *policy)
{
	struct timeout_list *list = data;
	struct timeout_policy *grown = realloc(list->policies, (list->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	list->policies = grown;
	list->policies[list->count++] = *policy;
	return 0;
}

int timeout_list_read(struct policy_job *job, struct timeout_list *list)
{
	int result = netlink_timeout_list(&job->netlink, timeout_list_add, list, &job->error);

	return result == 0 ? 0 : error_set(&job->error, result, "%s", strerror(-result));
}

bool timeout_is_named(const struct timeout_policy *policy)
{
	return !policy->table[0];
}

const struct timeout_policy *timeout_list_find(const struct timeout_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (timeout_is_named(&list->policies[i]) && strcmp(list->policies[i].name, name) == 0)
			return &list->policies[i];
	return NULL;
}

/* ---- printing ---- */

enum { COLUMN_NAME, COLUMN_FAMILY, COLUMN_PROTOCOL, COLUMN_USE, COLUMN_TABLE, COLUMN_FIXED };

static const struct column fixed_columns[COLUMN_FIXED] = {
	{ .name = "name", .field = FIELD_NONE, .kind = KIND_TEXT },
	{ .name = "family", .field = FIELD_NONE, .kind = KIND_TEXT },
	{ .name = "proto", .field = FIELD_NONE, .kind = KIND_TEXT },
	{ .name = "use", .field = FIELD_NONE, .kind = KIND_NUMBER },
	{ .name = "nft", .field = FIELD_NONE, .kind = KIND_TEXT },
};

/* Prints policies. A table has one column for all timeouts, the others one for each. */
struct listing {
	struct policy_job *job;
	struct printer printer;
	struct column columns[COLUMNS_MAX];
	char names[COLUMNS_MAX][40]; /* of the columns of timeouts: "timeouts.established" */
	size_t count;
	bool is_table;
};

static size_t find_column(const struct listing *listing, const char *state)
{
	size_t i = COLUMN_FIXED;

	while (i < listing->count && strcmp(listing->names[i] + strlen("timeouts."), state) != 0)
		i++;
	return i;
}

static void add_column(struct listing *listing, const char *state)
{
	size_t i = find_column(listing, state);

	if (i < listing->count)
		return;
	snprintf(listing->names[i], sizeof(listing->names[i]), "timeouts.%s", state);
	listing->columns[i] = (struct column){ .name = listing->names[i], .field = FIELD_NONE, .kind = KIND_DURATION };
	listing->count++;
}

static int open_listing(struct listing *listing, struct policy_job *job)
{
	*listing = (struct listing){ .job = job, .count = COLUMN_FIXED, .is_table = strcmp(job->format, "table") == 0 };
	memcpy(listing->columns, fixed_columns, sizeof(fixed_columns));
	if (listing->is_table)
		listing->columns[listing->count++] =
			(struct column){ .name = "timeouts", .field = FIELD_NONE, .kind = KIND_TEXT };
	for (const struct timeout_protocol *protocol = timeout_protocols; protocol->name && !listing->is_table;
	     protocol++)
		for (unsigned i = 0; protocol->states[i].name; i++)
			add_column(listing, protocol->states[i].name);
	return policy_open_printer(job, &listing->printer, listing->columns, listing->count);
}

/* "syn_sent 2m established 1h", as timeout add takes it. */
static void put_values(struct buffer *out, const struct timeout_policy *policy)
{
	const struct timeout_protocol *protocol = timeout_protocol_find(policy->protocol);

	for (unsigned i = 0; protocol && protocol->states[i].name; i++) {
		if (!(policy->present >> i & 1))
			continue;
		buffer_format(out, "%s%s ", out->length ? " " : "", protocol->states[i].name);
		unit_format_duration(out, policy->values[i]);
	}
}

static void set_timeouts(const struct listing *listing, const struct timeout_policy *policy, struct value *values)
{
	const struct timeout_protocol *protocol = timeout_protocol_find(policy->protocol);

	for (size_t i = COLUMN_FIXED; i < listing->count; i++)
		values[i] = (struct value){ .kind = KIND_DURATION };
	for (unsigned i = 0; protocol && protocol->states[i].name; i++)
		if (policy->present >> i & 1)
			values[find_column(listing, protocol->states[i].name)] =
				(struct value){ .kind = KIND_DURATION, .is_present = true,
						.number = policy->values[i] };
}

const char *timeout_protocol_name(uint8_t number, char space[8])
{
	const struct timeout_protocol *protocol = timeout_protocol_find(number);

	snprintf(space, 8, "%u", number);
	return protocol ? protocol->name : space;
}

static int print_row(struct listing *listing, const struct timeout_policy *policy)
{
	struct value values[COLUMNS_MAX];
	char family[8], protocol[8];
	struct buffer text;

	if (buffer_init(&text, -1))
		return error_set(&listing->job->error, -ENOMEM, "out of memory");
	values[COLUMN_NAME] = policy_text(policy->name);
	values[COLUMN_FAMILY] = policy_text(policy->family ? policy_family_name(policy->family, family) : "");
	values[COLUMN_PROTOCOL] = policy_text(timeout_protocol_name(policy->protocol, protocol));
	values[COLUMN_USE] = (struct value){ .kind = KIND_NUMBER, .is_present = policy->has_use,
					     .number = policy->use };
	values[COLUMN_TABLE] = policy_text(policy->table);
	if (listing->is_table) {
		put_values(&text, policy);
		values[COLUMN_FIXED] = policy_text(buffer_string(&text));
	} else {
		set_timeouts(listing, policy, values);
	}
	printer_row(&listing->printer, values);
	buffer_done(&text);
	return 0;
}

/* What stands within the object "ct timeout" that is equal to a policy; nothing where nft has none for the protocol. */
static void put_nft_object(struct buffer *out, const struct timeout_policy *policy,
			   const struct timeout_protocol *protocol)
{
	const char *separator = "";

	if (!protocol->states[0].nft)
		return;
	buffer_format(out, "\t\tprotocol %s\n\t\tl3proto %s\n\t\tpolicy = { ", protocol->name,
		      policy->family == AF_INET6 ? "ip6" : "ip");
	for (unsigned i = 0; protocol->states[i].name; i++) {
		if (!(policy->present >> i & 1) || !protocol->states[i].nft)
			continue;
		buffer_format(out, "%s%s : %u", separator, protocol->states[i].nft, policy->values[i]);
		separator = ", ";
	}
	buffer_text(out, " }\n");
}

static const char *remark(const struct policy_job *job, const struct timeout_protocol *protocol)
{
	if (protocol->number == TIMEOUT_PROTOCOL_GENERIC)
		return "# for -p: any protocol that is not tracked by itself, such as esp, ah or ospf\n";
	if (strcmp(job->format, "nft") != 0)
		return NULL;
	return protocol->states[0].nft && timeout_protocol_count(protocol) > 2 ?
		"# an object of nft's own with the same timeouts, without syn_sent2, for which nft has no word\n" :
		"# an object of nft's own with the same timeouts\n";
}

static int print_rules(struct policy_job *job, const struct timeout_policy *policy, bool is_one)
{
	const struct timeout_protocol *protocol = timeout_protocol_find(policy->protocol);
	struct attachment attachment = { .sort = "timeout", .name = policy->name, .family = policy->family };
	struct buffer object;
	int result;

	/* An object of nftables is attached by nftables. */
	if (!timeout_is_named(policy) || !protocol)
		return 0;
	if (buffer_init(&object, -1))
		return error_set(&job->error, -ENOMEM, "out of memory");
	put_nft_object(&object, policy, protocol);
	attachment.protocol = protocol->number == TIMEOUT_PROTOCOL_GENERIC ? "esp" : protocol->name;
	attachment.nft_object = object.length ? buffer_string(&object) : NULL;
	attachment.remark = remark(job, protocol);
	result = policy_print_rules(job, &attachment, is_one);
	buffer_done(&object);
	return result;
}

static int print_columns(struct policy_job *job, const struct timeout_list *list, const char *name)
{
	struct listing listing;

	if (open_listing(&listing, job))
		return job->error.code;
	for (size_t i = 0; i < list->count && !job->error.code; i++)
		if (!name || strcmp(list->policies[i].name, name) == 0)
			print_row(&listing, &list->policies[i]);
	return policy_close_printer(job, &listing.printer);
}

int timeout_print(struct policy_job *job, const struct timeout_list *list, const char *name)
{
	if (!policy_prints_rules(job))
		return print_columns(job, list, name);
	for (size_t i = 0; i < list->count && !job->error.code; i++)
		if (!name || strcmp(list->policies[i].name, name) == 0)
			print_rules(job, &list->policies[i], name != NULL);
	return job->error.code;
}
