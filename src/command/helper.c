/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "helper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- words ---- */

static int parse_protocol(struct policy_job *job, const char *word, uint8_t *protocol)
{
	struct suggestion suggestion = { .typed = slice_of(word) };
	const struct word *words = kinds[KIND_PROTOCOL].words, *found = word_find(words, suggestion.typed);
	char nearest[64];
	uint64_t number;

	if (found)
		number = found->value;
	else if (!slice_number(suggestion.typed, UINT8_MAX, &number) || number == 0) {
		for (; words->name; words++)
			suggestion_offer(&suggestion, words->name);
		return error_usage(&job->error, 0, "no protocol \"%.32s\"%s", word,
				   suggestion_text(&suggestion, nearest, sizeof(nearest)));
	}
	*protocol = (uint8_t)number;
	return 0;
}

/* NAME [FAMILY] [PROTOCOL] at the first words; how many they are in `used`. */
static int parse_selection(struct policy_job *job, struct helper_selection *selection, int *used)
{
	*selection = (struct helper_selection){ .name = job->words[0] };
	if (policy_check_name(selection->name, HELPER_NAME_SIZE, &job->error))
		return job->error.code;
	*used = 1;
	if (*used < job->count && policy_family(job->words[*used], &selection->family))
		++*used;
	return 0;
}

static int parse_number(struct policy_job *job, const char *what, const char *word, uint32_t minimum,
			uint32_t maximum, uint32_t *number)
{
	uint64_t value;

	if (!slice_number(slice_of(word), maximum, &value) || value < minimum)
		return error_usage(&job->error, 0, "%s: \"%.32s\" is not a number from %u to %u", what, word, minimum,
				   maximum);
	*number = (uint32_t)value;
	return 0;
}

/* The words on the left of a value. Those of a class belong to the last one that "expect" named. */
enum key { KEY_QUEUE, KEY_DATA, KEY_STATUS, KEY_EXPECT, KEY_MAX, KEY_TIMEOUT, KEY_COUNT };

static const char *const key_names[KEY_COUNT] = { "queue", "data", "status", "expect", "max", "timeout" };

static int parse_key(struct policy_job *job, const char *word, enum key *key)
{
	struct suggestion suggestion = { .typed = slice_of(word) };
	char nearest[64];

	for (*key = 0; *key < KEY_COUNT; ++*key) {
		if (slice_is(suggestion.typed, key_names[*key]))
			return 0;
		suggestion_offer(&suggestion, key_names[*key]);
	}
	return error_usage(&job->error, 0, "\"%.32s\" is none of queue, data, status, expect, max and timeout%s", word,
			   suggestion_text(&suggestion, nearest, sizeof(nearest)));
}

static int parse_status(struct policy_job *job, const char *word, struct helper *helper)
{
	helper->is_enabled = strcmp(word, "enabled") == 0;
	if (helper->is_enabled || strcmp(word, "disabled") == 0)
		return 0;
	return error_usage(&job->error, 0, "status: \"%.32s\" is neither \"enabled\" nor \"disabled\"", word);
}

/* Words that change a helper, over what is there. */
struct wording {
	struct policy_job *job;
	struct helper *helper;
	struct helper_policy *policy; /* that "expect" named last */
	bool is_new; /* its classes are made; else they are there, and are found by name */
};

/* Begins a class, or finds it. A new one has the kernel's usual values until others are given. */
static int select_policy(struct wording *wording, const char *name)
{
	struct helper *helper = wording->helper;
	struct error *error = &wording->job->error;

	if (policy_check_name(name, HELPER_NAME_SIZE, error))
		return error->code;
	for (unsigned i = 0; i < helper->policy_count; i++) {
		wording->policy = &helper->policies[i];
		if (strcmp(wording->policy->name, name) == 0)
			return wording->is_new ? error_usage(error, 0, "expect %s stands twice", name) : 0;
	}
	if (!wording->is_new)
		return error_usage(error, 0,
				   "%s expects nothing called \"%s\", and what it expects cannot change: delete "
				   "and add it", helper->name, name);
	if (helper->policy_count == HELPER_POLICIES_MAX)
		return error_usage(error, 0, "a helper has at most %d classes of expectations", HELPER_POLICIES_MAX);
	wording->policy = &helper->policies[helper->policy_count++];
	*wording->policy = (struct helper_policy){ .max = 1, .timeout = 300 };
	strcpy(wording->policy->name, name);
	return 0;
}

static int set_key(struct wording *wording, enum key key, const char *word)
{
	static const unsigned parts[KEY_COUNT] = { HELPER_QUEUE, HELPER_DATA, HELPER_STATUS, HELPER_POLICIES,
						   HELPER_POLICIES, HELPER_POLICIES };
	struct policy_job *job = wording->job;
	struct helper *helper = wording->helper;

	helper->present |= parts[key];
	if ((key == KEY_MAX || key == KEY_TIMEOUT) && !wording->policy)
		return error_usage(&job->error, 0, "%s belongs behind expect NAME", key_names[key]);
	switch (key) {
	case KEY_QUEUE:
		return parse_number(job, "queue", word, 0, UINT16_MAX, &helper->queue);
	case KEY_DATA:
		if (!wording->is_new)
			return error_usage(&job->error, 0, "the data of a helper cannot change: delete and add it");
		return parse_number(job, "data", word, 0, HELPER_DATA_MAX, &helper->data);
	case KEY_STATUS:
		return parse_status(job, word, helper);
	case KEY_EXPECT:
		return select_policy(wording, word);
	case KEY_MAX:
		return parse_number(job, "max", word, 1, HELPER_EXPECT_MAX, &wording->policy->max);
	default:
		return policy_parse_seconds(job, "timeout", word, &wording->policy->timeout);
	}
}

static int parse_words(struct wording *wording, int count, char **words)
{
	struct policy_job *job = wording->job;
	enum key key;

	for (int i = 0; i < count; i += 2) {
		if (parse_key(job, words[i], &key))
			return job->error.code;
		if (i + 1 == count)
			return error_usage(&job->error, 0, "%s: the value is missing", key_names[key]);
		if (set_key(wording, key, words[i + 1]))
			return job->error.code;
	}
	return 0;
}

/* ---- actions ---- */

static void note_change(const struct policy_job *job, const char *done, const char *would, const struct helper *helper)
{
	bool is_dry = job->context->settings.is_dry_run;
	char family[8], protocol[8];

	report_note(job->context, "%s%s helper %s (%s %s)", is_dry ? "dry run: would " : "", is_dry ? would : done,
		    helper->name, policy_family_name(helper->family, family),
		    helper_protocol_name(helper->protocol, protocol));
}

static int run_list(struct policy_job *job)
{
	struct helper_selection all = { 0 };
	struct helper_list list;
	int result = helper_list_read(job, &all, &list);

	if (result == 0)
		result = helper_print(job, &list);
	free(list.helpers);
	return result;
}

/* NAME [FAMILY] [PROTOCOL], and no word more. */
static int parse_only_selection(struct policy_job *job, struct helper_selection *selection)
{
	int used;

	if (parse_selection(job, selection, &used))
		return job->error.code;
	if (used < job->count && parse_protocol(job, job->words[used++], &selection->protocol))
		return job->error.code;
	return used < job->count ? error_usage(&job->error, 0, "too many words behind %s", job->words[used - 1]) : 0;
}

static int run_get(struct policy_job *job)
{
	struct helper_selection selection;
	struct helper_list list = { 0 };
	int result = parse_only_selection(job, &selection);

	if (result == 0)
		result = helper_list_read(job, &selection, &list);
	if (result == 0)
		result = helper_print(job, &list);
	free(list.helpers);
	return result;
}

static int exists(struct policy_job *job, const struct helper *helper)
{
	char family[8], protocol[8];

	return error_set(&job->error, -EEXIST, "there is a helper %s (%s %s) already, here or the kernel's own",
			 helper->name, policy_family_name(helper->family, family),
			 helper_protocol_name(helper->protocol, protocol));
}

static int put(struct policy_job *job, const struct helper *helper, bool is_change)
{
	int result = 0;

	if (!job->context->settings.is_dry_run)
		result = netlink_helper_put(&job->netlink, helper, is_change, &job->error);
	if (result == -EEXIST)
		return exists(job, helper);
	if (result)
		return error_set(&job->error, result, "%s: %s", helper->name, strerror(-result));
	note_change(job, is_change ? "changed" : "added", is_change ? "change" : "add", helper);
	return 0;
}

/* What was not said is as the program of that name announces it. */
static int complete_helper(struct policy_job *job, struct helper *helper)
{
	const struct known_helper *known = known_helper_find(helper->name, helper->protocol);

	if (!known && !helper->policy_count)
		return error_usage(&job->error, 0, "what %s expects is missing, such as: expect %s max 1 timeout 5m",
				   helper->name, helper->name);
	if (known && !(helper->present & HELPER_DATA))
		helper->data = known->data;
	if (!helper->policy_count) {
		struct helper_policy *policy = &helper->policies[helper->policy_count++];

		*policy = (struct helper_policy){ .max = known->max, .timeout = known->timeout };
		strcpy(policy->name, known->name);
	}
	helper->present |= HELPER_DATA | HELPER_POLICIES;
	return 0;
}

static int parse_helper(struct policy_job *job, struct helper *helper)
{
	struct wording wording = { .job = job, .helper = helper, .is_new = true };
	struct helper_selection selection;
	int used;

	if (parse_selection(job, &selection, &used))
		return job->error.code;
	strcpy(helper->name, selection.name);
	helper->family = selection.family ? selection.family : AF_INET;
	if (used == job->count)
		return error_usage(&job->error, 0, "the protocol is missing");
	if (parse_protocol(job, job->words[used++], &helper->protocol) ||
	    parse_words(&wording, job->count - used, job->words + used))
		return job->error.code;
	return complete_helper(job, helper);
}

static int run_add(struct policy_job *job)
{
	struct helper_selection all = { 0 };
	struct helper helper = { 0 };
	struct helper_list list = { 0 };
	int result = parse_helper(job, &helper);

	/* The list tells a kernel without helpers from one that refuses this one. */
	if (result == 0)
		result = helper_list_read(job, &all, &list);
	for (size_t i = 0; i < list.count && result == 0; i++)
		if (strcmp(list.helpers[i].name, helper.name) == 0 && list.helpers[i].family == helper.family &&
		    list.helpers[i].protocol == helper.protocol)
			result = exists(job, &helper);
	if (result == 0)
		result = put(job, &helper, false);
	free(list.helpers);
	return result;
}

/* Where the words that change something begin: the first key behind NAME [FAMILY] [PROTOCOL]. */
static int parse_set_selection(struct policy_job *job, struct helper_selection *selection, int *used)
{
	enum key key = 0;

	if (parse_selection(job, selection, used))
		return job->error.code;
	while (*used < job->count && key < KEY_COUNT && strcmp(job->words[*used], key_names[key]) != 0)
		key++;
	if (key == KEY_COUNT && parse_protocol(job, job->words[(*used)++], &selection->protocol))
		return job->error.code;
	return *used < job->count ? 0 : error_usage(&job->error, 0, "what to set is missing, such as queue 1");
}

static int run_set(struct policy_job *job)
{
	struct helper_selection selection;
	struct helper_list list = { 0 };
	int used, result = parse_set_selection(job, &selection, &used);

	if (result == 0)
		result = helper_list_read(job, &selection, &list);
	/* All words are checked against each helper before the first is changed. */
	for (size_t i = 0; i < list.count && result == 0; i++) {
		struct wording wording = { .job = job, .helper = &list.helpers[i] };

		wording.helper->present &= HELPER_POLICIES;
		result = parse_words(&wording, job->count - used, job->words + used);
	}
	for (size_t i = 0; i < list.count && result == 0; i++)
		result = put(job, &list.helpers[i], true);
	free(list.helpers);
	return result;
}

static int switch_status(struct policy_job *job, bool is_enabled)
{
	struct helper_selection selection;
	struct helper_list list = { 0 };
	int result = parse_only_selection(job, &selection);

	if (result == 0)
		result = helper_list_read(job, &selection, &list);
	for (size_t i = 0; i < list.count && result == 0; i++) {
		list.helpers[i].is_enabled = is_enabled;
		list.helpers[i].present = HELPER_STATUS;
		result = put(job, &list.helpers[i], true);
	}
	free(list.helpers);
	return result;
}

static int run_enable(struct policy_job *job)
{
	return switch_status(job, true);
}

static int run_disable(struct policy_job *job)
{
	return switch_status(job, false);
}

/* Some kernels refuse where a rule names the helper; others take it away from its connections. */
static int delete_helper(struct policy_job *job, const struct helper *helper)
{
	int result = 0;

	if (!job->context->settings.is_dry_run)
		result = netlink_helper_delete(&job->netlink, helper, &job->error);
	if (result == -EBUSY)
		return error_set(&job->error, result,
				 "%s is in use by a rule (iptables -j CT --helper %s, or nft's ct helper): "
				 "remove it first", helper->name, helper->name);
	if (result)
		return error_set(&job->error, result, "%s: %s", helper->name, strerror(-result));
	note_change(job, "deleted", "delete", helper);
	return 0;
}

static int run_delete(struct policy_job *job)
{
	struct helper_selection selection;
	struct helper_list list = { 0 };
	int result = parse_only_selection(job, &selection);

	if (result == 0)
		result = helper_list_read(job, &selection, &list);
	for (size_t i = 0; i < list.count && result == 0; i++)
		result = delete_helper(job, &list.helpers[i]);
	free(list.helpers);
	return result;
}

/* What is in use stays and is named, the rest goes. */
static int flush_helpers(struct policy_job *job, const struct helper_list *list)
{
	int result = 0;

	for (size_t i = 0; i < list->count && result == 0; i++) {
		result = delete_helper(job, &list->helpers[i]);
		if (result != -EBUSY)
			continue;
		report_note(job->context, "kept: %s", job->error.text);
		job->error = (struct error){ 0 };
		result = 0;
	}
	return result;
}

static int run_flush(struct policy_job *job)
{
	struct helper_selection all = { 0 };
	struct helper_list list;
	int result = helper_list_read(job, &all, &list);

	if (result == 0 && list.count > 0 && !job->context->settings.is_dry_run &&
	    !request_confirm(job->context, "Delete all %zu user-space helpers of this machine?", list.count))
		result = error_set(&job->error, -ECANCELED, "nothing was deleted");
	if (result == 0)
		result = flush_helpers(job, &list);
	free(list.helpers);
	return result;
}

static const struct policy_action actions[] = {
	{ "list", 0, 0, "", true, run_list },
	{ "get", 1, 3, " NAME [ipv4|ipv6] [PROTOCOL]", true, run_get },
	{ "add", 2, -1,
	  " NAME [ipv4|ipv6] PROTOCOL [queue N] [data BYTES] [status enabled] [expect NAME max N timeout TIME]...",
	  false, run_add },
	{ "set", 3, -1,
	  " NAME [ipv4|ipv6] [PROTOCOL] [queue N] [status enabled|disabled] [expect NAME max N timeout TIME]...",
	  false, run_set },
	{ "enable", 1, 3, " NAME [ipv4|ipv6] [PROTOCOL]", false, run_enable },
	{ "disable", 1, 3, " NAME [ipv4|ipv6] [PROTOCOL]", false, run_disable },
	{ "delete", 1, 3, " NAME [ipv4|ipv6] [PROTOCOL]", false, run_delete },
	{ "flush", 0, 0, "", false, run_flush },
	{ .name = NULL },
};

static int helper_run(struct context *context)
{
	return policy_run(context, actions);
}

/* ---- completion ---- */

static int offer_helper(void *data, const struct helper *helper)
{
	const struct completer *completer = data;

	completer->offer(completer->data, helper->name);
	return 0;
}

/* The names of those that are there, or of those that are known. No privilege, no names, silently. */
static void offer_names(const char *action, const struct completer *completer)
{
	struct error error = { 0 };
	struct netlink netlink;

	if (strcmp(action, "add") == 0) {
		for (const struct known_helper *known = known_helpers; known->name; known++)
			completer->offer(completer->data, known->name);
	} else if (netlink_open(&netlink, &error) == 0) {
		netlink_helper_list(&netlink, offer_helper, (void *)completer, &error);
		netlink_close(&netlink);
	}
}

static void offer_all(const struct completer *completer, const char *const *words)
{
	for (; *words; words++)
		completer->offer(completer->data, *words);
}

/* What can follow NAME [FAMILY] [PROTOCOL] KEY VALUE ...; a number or time is not offered. */
static void offer_rest(const char *action, char **words, int count, const struct completer *completer)
{
	bool is_change = strcmp(action, "add") == 0 || strcmp(action, "set") == 0;
	uint8_t family = 0;
	int used = count > 0 && policy_family(words[0], &family);
	bool is_key = used < count && strspn(words[used], "0123456789") == 0 &&
		      !word_find(kinds[KIND_PROTOCOL].words, slice_of(words[used]));

	if (count == used) {
		offer_all(completer, (const char *const[]){ "tcp", "udp", NULL });
		if (!used)
			offer_all(completer, (const char *const[]){ "ipv4", "ipv6", NULL });
	}
	if (!is_change || (count == used && strcmp(action, "add") == 0))
		return;
	used += count > used && !is_key;
	if ((count - used) % 2 == 0) {
		for (enum key key = 0; key < KEY_COUNT; key++)
			if (key != KEY_DATA || strcmp(action, "add") == 0)
				completer->offer(completer->data, key_names[key]);
	} else if (strcmp(words[count - 1], key_names[KEY_STATUS]) == 0) {
		offer_all(completer, (const char *const[]){ "enabled", "disabled", NULL });
	}
}

static void helper_complete(char **words, int count, const struct completer *completer)
{
	if (count == 0)
		action_offer(actions, sizeof(actions[0]), completer);
	else if (strcmp(words[0], "list") == 0 || strcmp(words[0], "flush") == 0)
		return;
	else if (count == 1)
		offer_names(words[0], completer);
	else
		offer_rest(words[0], words + 2, count - 2, completer);
}

const struct command helper_command = {
	.name = "helper",
	.arguments = "list | get | add | set | enable | disable | delete | flush ...",
	.summary = "helpers in user space, which announce what a connection will open",
	.details = "Actions: list; get NAME; add NAME [ipv4|ipv6] PROTOCOL [queue N] [data BYTES]\n"
		   "[status enabled] [expect NAME max N timeout TIME]...; set, enable, disable and delete\n"
		   "NAME [ipv4|ipv6] [PROTOCOL]; flush.\n"
		   "\n"
		   "A helper in user space is a program, such as conntrackd, that reads the packets of\n"
		   "some connections from a queue and makes expectations of what they will open. These\n"
		   "are the kernel's entries for such programs, one list for the whole machine: -n makes\n"
		   "no difference to it. A name stands for one helper each of a family and a protocol; set and\n"
		   "the like change all that are meant.\n"
		   "\n"
		   "queue is that of nfnetlink_queue on which the program listens, 0 by default; data\n"
		   "the bytes, up to 32, that it keeps with each connection; expect names one of up to four\n"
		   "classes, with how many of a connection may be open and how long each waits. For the\n"
		   "helpers of conntrackd (amanda, dhcpv6, ftp, mdns, rpc, sane, slp, ssdp, tftp, tns) what\n"
		   "is not named is as conntrackd 1.4.7 announces it. A new helper is disabled: its packets\n"
		   "pass as if it were not there until its program, or enable, enables it. Number and\n"
		   "names of the classes and the data cannot change later.\n"
		   "\n"
		   "A rule attaches a helper to the connections of a port: -o iptables and -o nft print it.\n"
		   "Whether a helper that a rule names can be deleted depends on the kernel; where not,\n"
		   "it says so.\n"
		   "\n"
		   "Formats: table, json, jsonl (seconds), csv, nft, iptables.\n",
	.examples = "conntab helper add ftp tcp\n"
		    "conntab helper add game ipv6 udp queue 3 expect data max 4 timeout 30s\n"
		    "conntab helper list\n"
		    "conntab helper get ftp -o nft    # the rules that attach it\n"
		    "conntab helper set game queue 4 expect data max 8\n"
		    "conntab helper disable ftp\n"
		    "conntab helper delete ftp tcp\n",
	.options = OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_YES),
	.refuses = OPTION_BIT(OPTION_IPV4) | OPTION_BIT(OPTION_IPV6),
	.completes = COMPLETE_WORDS,
	.complete = helper_complete,
	.formats = policy_formats,
	.run = helper_run,
};
