/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The helpers that are there or known, and how they are printed. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "helper.h"

/*
 * What the helpers of conntrackd 1.4.7 announce, so that they find what they expect.
 * The bytes of data are those of a 64 bit machine.
 */
const struct known_helper known_helpers[] = {
	{ "amanda", { IPPROTO_UDP }, 10080, 0, 3, 180 },
	{ "dhcpv6", { IPPROTO_UDP }, 547, 0, 1, 300 },
	{ "ftp", { IPPROTO_TCP }, 21, 24, 1, 300 },
	{ "mdns", { IPPROTO_UDP }, 5353, 0, 8, 30 },
	{ "rpc", { IPPROTO_TCP, IPPROTO_UDP }, 111, 16, 1, 300 },
	{ "sane", { IPPROTO_TCP }, 6566, 4, 1, 300 },
	{ "slp", { IPPROTO_UDP }, 427, 0, 8, 16 },
	{ "ssdp", { IPPROTO_UDP, IPPROTO_TCP }, 1900, 0, 8, 300 },
	{ "tftp", { IPPROTO_UDP }, 69, 0, 1, 300 },
	{ "tns", { IPPROTO_TCP }, 1521, 1, 1, 300 },
	{ .name = NULL },
};

const struct known_helper *known_helper_find(const char *name, uint8_t protocol)
{
	for (const struct known_helper *known = known_helpers; known->name; known++)
		if (strcmp(name, known->name) == 0 &&
		    (known->protocols[0] == protocol || known->protocols[1] == protocol))
			return known;
	return NULL;
}

const char *helper_protocol_name(uint8_t number, char space[8])
{
	const char *name = kind_word(KIND_PROTOCOL, number);

	snprintf(space, 8, "%u", number);
	return name ? name : space;
}

/* ---- the helpers that are there ---- */

static int add_to_list(void *data, const struct helper *helper)
{
	struct helper_list *list = data;
	const struct helper_selection *selection = list->selection;
	struct helper *grown;

	suggestion_offer(&list->suggestion, helper->name);
	if (selection->name && (strcmp(selection->name, helper->name) != 0 ||
				(selection->family && selection->family != helper->family) ||
				(selection->protocol && selection->protocol != helper->protocol)))
		return 0;
	grown = realloc(list->helpers, (list->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->helpers = grown;
	list->helpers[list->count++] = *helper;
	return 0;
}

int helper_list_read(struct policy_job *job, const struct helper_selection *selection, struct helper_list *list)
{
	char nearest[64];
	int result;

	*list = (struct helper_list){ .selection = selection };
	list->suggestion.typed = slice_of(selection->name ? selection->name : "");
	result = netlink_helper_list(&job->netlink, add_to_list, list, &job->error);
	if (result)
		return error_set(&job->error, result, "%s", strerror(-result));
	if (!selection->name || list->count > 0)
		return 0;
	if (strcmp(list->suggestion.best, selection->name) == 0)
		return error_set(&job->error, -ENOENT, "no helper %.32s of that family and protocol", selection->name);
	return error_set(&job->error, -ENOENT, "no helper \"%.32s\"%s", selection->name,
			 suggestion_text(&list->suggestion, nearest, sizeof(nearest)));
}

/* ---- printing ---- */

enum { COLUMN_NAME, COLUMN_FAMILY, COLUMN_PROTOCOL, COLUMN_QUEUE, COLUMN_DATA, COLUMN_STATUS, COLUMN_EXPECT,
       POLICY_COLUMNS = 3, COLUMNS = COLUMN_EXPECT + HELPER_POLICIES_MAX * POLICY_COLUMNS };

#define COLUMN_OF(name_, kind_) { .name = name_, .field = FIELD_NONE, .kind = kind_ }
#define COLUMNS_OF_POLICY(name) COLUMN_OF(name ".name", KIND_TEXT), COLUMN_OF(name ".max", KIND_NUMBER), \
				COLUMN_OF(name ".timeout", KIND_DURATION)

/* A table has one column for all that is expected, the others three for each class. */
static const struct column columns[COLUMNS] = {
	COLUMN_OF("name", KIND_TEXT), COLUMN_OF("family", KIND_TEXT), COLUMN_OF("proto", KIND_TEXT),
	COLUMN_OF("queue", KIND_NUMBER), COLUMN_OF("data", KIND_NUMBER), COLUMN_OF("status", KIND_TEXT),
	COLUMNS_OF_POLICY("expect1"), COLUMNS_OF_POLICY("expect2"), COLUMNS_OF_POLICY("expect3"),
	COLUMNS_OF_POLICY("expect4"),
};
static const struct column table_column = COLUMN_OF("expects", KIND_TEXT);

/* "ftp max 1 timeout 5m", as helper add takes it behind expect. */
static void put_policies(struct buffer *out, const struct helper *helper)
{
	for (unsigned i = 0; i < helper->policy_count; i++) {
		const struct helper_policy *policy = &helper->policies[i];

		buffer_format(out, "%s%s max %u timeout ", i == 0 ? "" : ", ", policy->name, policy->max);
		unit_format_duration(out, policy->timeout);
	}
}

static void set_policies(struct value *values, const struct helper *helper)
{
	for (unsigned i = 0; i < HELPER_POLICIES_MAX; i++) {
		struct value *value = &values[COLUMN_EXPECT + i * POLICY_COLUMNS];
		bool is_present = i < helper->policy_count;

		value[0] = policy_text(is_present ? helper->policies[i].name : "");
		value[1] = (struct value){ KIND_NUMBER, is_present, helper->policies[i].max, NULL };
		value[2] = (struct value){ KIND_DURATION, is_present, helper->policies[i].timeout, NULL };
	}
}

static int print_row(struct printer *printer, const struct helper *helper, bool is_table)
{
	char family[8], protocol[8];
	struct value values[COLUMNS];
	struct buffer text;

	if (buffer_init(&text, -1))
		return -ENOMEM;
	values[COLUMN_NAME] = policy_text(helper->name);
	values[COLUMN_FAMILY] = policy_text(policy_family_name(helper->family, family));
	values[COLUMN_PROTOCOL] = policy_text(helper_protocol_name(helper->protocol, protocol));
	values[COLUMN_QUEUE] = (struct value){ KIND_NUMBER, helper->present & HELPER_QUEUE, helper->queue, NULL };
	values[COLUMN_DATA] = (struct value){ KIND_NUMBER, helper->present & HELPER_DATA, helper->data, NULL };
	values[COLUMN_STATUS] = policy_text(!(helper->present & HELPER_STATUS) ? "" :
					    helper->is_enabled ? "enabled" : "disabled");
	put_policies(&text, helper);
	if (is_table)
		values[COLUMN_EXPECT] = policy_text(buffer_string(&text));
	else
		set_policies(values, helper);
	printer_row(printer, values);
	buffer_done(&text);
	return 0;
}

static int print_columns(struct policy_job *job, const struct helper_list *list)
{
	bool is_table = strcmp(job->format, "table") == 0;
	struct column chosen[COLUMNS];
	struct printer printer;
	int result;

	memcpy(chosen, columns, sizeof(chosen));
	if (is_table)
		chosen[COLUMN_EXPECT] = table_column;
	result = policy_open_printer(job, &printer, chosen, is_table ? COLUMN_EXPECT + 1 : COLUMNS);
	if (result)
		return result;
	for (size_t i = 0; i < list->count && result == 0; i++)
		result = print_row(&printer, &list->helpers[i], is_table);
	if (result)
		error_set(&job->error, result, "out of memory");
	return policy_close_printer(job, &printer);
}

static int print_rules(struct policy_job *job, const struct helper *helper, bool is_one)
{
	static const char remark[] = "# for every port: narrow it to those that the helper is for\n";
	const struct known_helper *known = known_helper_find(helper->name, helper->protocol);
	char protocol[8], object[128];
	struct attachment attachment = { .sort = "helper", .name = helper->name, .family = helper->family,
					 .protocol = helper_protocol_name(helper->protocol, protocol),
					 .port = known ? known->port : 0, .remark = known ? NULL : remark };

	snprintf(object, sizeof(object), "\t\ttype \"%s\" protocol %s\n\t\tl3proto %s\n", helper->name,
		 attachment.protocol, helper->family == AF_INET6 ? "ip6" : "ip");
	if (helper->protocol == IPPROTO_TCP || helper->protocol == IPPROTO_UDP)
		attachment.nft_object = object;
	return policy_print_rules(job, &attachment, is_one);
}

int helper_print(struct policy_job *job, const struct helper_list *list)
{
	int result = 0;

	if (!policy_prints_rules(job))
		return print_columns(job, list);
	for (size_t i = 0; i < list->count && result == 0; i++)
		result = print_rules(job, &list->helpers[i], list->selection->name);
	return result;
}
