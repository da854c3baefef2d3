/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "timeout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- words ---- */

static int parse_protocol(struct policy_job *job, const char *word, const struct timeout_protocol **protocol)
{
	struct suggestion suggestion = { .typed = slice_of(word) };
	const struct word *known = word_find(kinds[KIND_PROTOCOL].words, suggestion.typed);
	char nearest[64];
	uint64_t number;

	for (*protocol = timeout_protocols; (*protocol)->name; ++*protocol) {
		if (slice_is(suggestion.typed, (*protocol)->name))
			return 0;
		suggestion_offer(&suggestion, (*protocol)->name);
	}
	/* "icmp6" and other names of the same, and numbers. */
	if (known)
		number = known->value;
	else if (!slice_number(suggestion.typed, UINT8_MAX, &number))
		return error_usage(&job->error, 0, "no protocol \"%.32s\" here%s", word,
				   suggestion_text(&suggestion, nearest, sizeof(nearest)));
	*protocol = timeout_protocol_find((uint8_t)number);
	if (*protocol)
		return 0;
	return error_usage(&job->error, 0,
			   "%.32s has no timeouts of its own; \"generic\" stands for every such protocol",
			   word);
}

static int parse_state(struct policy_job *job, const struct timeout_protocol *protocol, const char *word,
		       unsigned *state)
{
	struct suggestion suggestion = { .typed = slice_of(word) };
	char nearest[64];

	for (*state = 0; protocol->states[*state].name; ++*state) {
		const struct timeout_state *candidate = &protocol->states[*state];

		if (slice_is(suggestion.typed, candidate->name) ||
		    (candidate->nft && slice_is(suggestion.typed, candidate->nft)))
			return 0;
		suggestion_offer(&suggestion, candidate->name);
	}
	return error_usage(&job->error, 0, "%s has no timeout \"%.32s\"%s", protocol->name, word,
			   suggestion_text(&suggestion, nearest, sizeof(nearest)));
}

/* "established 1h syn_sent 10s" into the values, over what is there. */
static int parse_values(struct policy_job *job, const struct timeout_protocol *protocol, int count, char **words,
			struct timeout_policy *policy)
{
	uint32_t given = 0;
	unsigned state;

	for (int i = 0; i < count; i += 2) {
		if (parse_state(job, protocol, words[i], &state))
			return job->error.code;
		if (given >> state & 1)
			return error_usage(&job->error, 0, "%s stands twice", protocol->states[state].name);
		if (i + 1 == count)
			return error_usage(&job->error, 0, "%s: the time is missing, such as 90s, 15m, 1h30m or 5d",
					   protocol->states[state].name);
		if (policy_parse_seconds(job, protocol->states[state].name, words[i + 1], &policy->values[state]))
			return job->error.code;
		given |= 1u << state;
	}
	policy->present |= given;
	return 0;
}

/* ---- actions ---- */

/* There is no policy that can be changed under that name: perhaps an object of nftables, or a near name. */
static int no_such_policy(struct policy_job *job, const struct timeout_list *list, const char *name)
{
	struct suggestion suggestion = { .typed = slice_of(name) };
	char nearest[64];

	for (size_t i = 0; i < list->count; i++) {
		const struct timeout_policy *policy = &list->policies[i];

		if (timeout_is_named(policy))
			suggestion_offer(&suggestion, policy->name);
		else if (strcmp(policy->name, name) == 0)
			return error_set(&job->error, -ENOENT, "\"%.48s\" is an object of nftables, in table %.48s: "
					 "change it with nft", name, policy->table);
	}
	return error_set(&job->error, -ENOENT, "no timeout policy \"%.48s\"%s", name,
			 suggestion_text(&suggestion, nearest, sizeof(nearest)));
}

/* For changes: what the words say was done, or with --dry-run would be. */
static void note_change(const struct policy_job *job, const char *done, const char *would,
			const struct timeout_policy *policy)
{
	char family[8], protocol[8];
	struct buffer name;

	if (buffer_init(&name, -1))
		return;
	if (policy->name[0])
		buffer_format(&name, "timeout policy %s (%s %s)", policy->name,
			      policy_family_name(policy->family, family),
			      timeout_protocol_name(policy->protocol, protocol));
	else
		buffer_format(&name, "the default timeouts of %s", timeout_protocol_name(policy->protocol, protocol));
	if (job->context->settings.is_dry_run)
		report_note(job->context, "dry run: would %s %s", would, buffer_string(&name));
	else
		report_note(job->context, "%s %s", done, buffer_string(&name));
	buffer_done(&name);
}

/* Older and newer kernels lack some states: they take no notice of their timeouts. */
static void warn_ignored(const struct policy_job *job, const struct timeout_policy *wanted,
			 const struct timeout_policy *kept)
{
	const struct timeout_protocol *protocol = timeout_protocol_find(wanted->protocol);

	for (unsigned i = 0; protocol && protocol->states[i].name; i++)
		if (wanted->present >> i & 1 && (!(kept->present >> i & 1) || wanted->values[i] != kept->values[i]))
			report_note(job->context, "warning: this kernel ignored %s", protocol->states[i].name);
}

static int not_tracked(struct policy_job *job, int result, uint8_t number)
{
	char space[8];

	if (result != -EPROTONOSUPPORT)
		return error_set(&job->error, result, "%s", strerror(-result));
	return error_set(&job->error, result, "this kernel does not track %s by itself",
			 timeout_protocol_name(number, space));
}

static int run_list(struct policy_job *job)
{
	struct timeout_list list = { 0 };
	int result = timeout_list_read(job, &list);

	if (result == 0)
		result = timeout_print(job, &list, NULL);
	free(list.policies);
	return result;
}

static int run_get(struct policy_job *job)
{
	struct timeout_list list = { 0 };
	size_t found = 0;
	int result = timeout_list_read(job, &list);

	while (result == 0 && found < list.count && strcmp(list.policies[found].name, job->words[0]) != 0)
		found++;
	if (result == 0)
		result = found < list.count ? timeout_print(job, &list, job->words[0]) :
					      no_such_policy(job, &list, job->words[0]);
	free(list.policies);
	return result;
}

/* Asks for the policy that was just written, to see what the kernel made of it. */
static void check_written(struct policy_job *job, const struct timeout_policy *wanted)
{
	struct policy_job quiet = *job;
	struct timeout_list list = { 0 };
	const struct timeout_policy *kept;

	if (timeout_list_read(&quiet, &list) == 0) {
		kept = timeout_list_find(&list, wanted->name);
		if (kept)
			warn_ignored(job, wanted, kept);
	}
	job->netlink = quiet.netlink;
	free(list.policies);
}

static int write_policy(struct policy_job *job, const struct timeout_policy *policy, bool is_replacement)
{
	const char *done = is_replacement ? "changed" : "added", *would = is_replacement ? "change" : "add";
	int result;

	if (!job->context->settings.is_dry_run) {
		result = netlink_timeout_put(&job->netlink, policy, is_replacement, &job->error);
		if (result == -EEXIST)
			return error_set(&job->error, result, "there is a timeout policy %s already; to change it: "
					 "conntab timeout set %s", policy->name, policy->name);
		if (result)
			return not_tracked(job, result, policy->protocol);
		check_written(job, policy);
	}
	note_change(job, done, would, policy);
	return 0;
}

/* [FAMILY] PROTOCOL STATE TIME ... behind the name. */
static int parse_policy(struct policy_job *job, struct timeout_policy *policy)
{
	const struct timeout_protocol *protocol;
	int used = 1;

	if (policy_check_name(job->words[0], TIMEOUT_NAME_SIZE, &job->error))
		return job->error.code;
	strcpy(policy->name, job->words[0]);
	used += policy_family(job->words[used], &policy->family);
	if (used == job->count)
		return error_usage(&job->error, 0, "the protocol is missing");
	if (parse_protocol(job, job->words[used++], &protocol))
		return job->error.code;
	if (!policy->family)
		policy->family = protocol->is_ipv6 ? AF_INET6 : AF_INET;
	policy->protocol = protocol->number;
	if (used == job->count)
		return error_usage(&job->error, 0, "a timeout is missing, such as %s 90s", protocol->states[0].name);
	return parse_values(job, protocol, job->count - used, job->words + used, policy);
}

static int run_add(struct policy_job *job)
{
	struct timeout_policy policy = { 0 };
	struct timeout_list list = { 0 };
	int result = parse_policy(job, &policy);

	/* The list tells a kernel without policies from one that refuses this one. */
	if (result == 0)
		result = timeout_list_read(job, &list);
	if (result == 0 && timeout_list_find(&list, policy.name))
		result = error_set(&job->error, -EEXIST, "there is a timeout policy %s already; to change it: "
				   "conntab timeout set %s", policy.name, policy.name);
	if (result == 0)
		result = write_policy(job, &policy, false);
	free(list.policies);
	return result;
}

/* The kernel would put the namespace's settings where nothing is given: so all values are. */
static int run_set(struct policy_job *job)
{
	struct timeout_list list = { 0 };
	int result = timeout_list_read(job, &list);
	const struct timeout_policy *found = result == 0 ? timeout_list_find(&list, job->words[0]) : NULL;
	const struct timeout_protocol *protocol;
	struct timeout_policy policy;

	if (result == 0 && !found)
		result = no_such_policy(job, &list, job->words[0]);
	if (result == 0) {
		policy = *found;
		protocol = timeout_protocol_find(policy.protocol);
		result = protocol ? parse_values(job, protocol, job->count - 1, job->words + 1, &policy) :
				    not_tracked(job, -EPROTONOSUPPORT, policy.protocol);
	}
	if (result == 0)
		result = write_policy(job, &policy, true);
	free(list.policies);
	return result;
}

/* How many rules they are is not known: with some kernels a rule of iptables-nft holds two references. */
static int in_use(struct policy_job *job, const char *name)
{
	return error_set(&job->error, -EBUSY,
			 "%s is in use by rules (iptables -j CT --timeout %s): remove them first, or change it in "
			 "place: conntab timeout set %s", name, name, name);
}

/* Nothing is deleted unless all can be. */
static int check_deletable(struct policy_job *job, const struct timeout_list *list)
{
	for (int i = 0; i < job->count; i++) {
		const struct timeout_policy *policy = timeout_list_find(list, job->words[i]);

		if (!policy)
			return no_such_policy(job, list, job->words[i]);
		if (policy->use > 0)
			return in_use(job, policy->name);
	}
	return policy_check_twice(job);
}

static int delete_policy(struct policy_job *job, const struct timeout_policy *policy)
{
	int result = 0;

	if (!job->context->settings.is_dry_run)
		result = netlink_timeout_delete(&job->netlink, policy->name, &job->error);
	if (result == -EBUSY)
		return in_use(job, policy->name);
	if (result)
		return error_set(&job->error, result, "%s: %s", policy->name, strerror(-result));
	note_change(job, "deleted", "delete", policy);
	return 0;
}

static int run_delete(struct policy_job *job)
{
	struct timeout_list list = { 0 };
	int result = timeout_list_read(job, &list);

	if (result == 0)
		result = check_deletable(job, &list);
	for (int i = 0; i < job->count && result == 0; i++)
		result = delete_policy(job, timeout_list_find(&list, job->words[i]));
	free(list.policies);
	return result;
}

/* How many policies no rule holds. */
static size_t count_unused(const struct timeout_list *list)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += timeout_is_named(&list->policies[i]) && list->policies[i].use == 0;
	return count;
}

/*
 * One after the other, those that no rule holds: the kernel's own message for all takes
 * those in use too on some kernels (seen with Linux 6.1), and leaves rules without them.
 */
static int flush_policies(struct policy_job *job, const struct timeout_list *list, struct buffer *kept,
			  size_t *count)
{
	bool is_dry = job->context->settings.is_dry_run;

	for (size_t i = 0; i < list->count; i++) {
		const struct timeout_policy *policy = &list->policies[i];
		int result = timeout_is_named(policy) ? 0 : -ENOENT;

		if (result == 0)
			result = policy->use > 0 ? -EBUSY :
				 is_dry ? 0 : netlink_timeout_delete(&job->netlink, policy->name, &job->error);
		if (result == -EBUSY)
			buffer_format(kept, "%s%s", kept->length ? ", " : "; in use by rules and kept: ", policy->name);
		else if (result == 0)
			++*count;
		else if (result != -ENOENT)
			return error_set(&job->error, result, "%s: %s", policy->name, strerror(-result));
	}
	return 0;
}

static int run_flush(struct policy_job *job)
{
	const struct context *context = job->context;
	struct timeout_list list = { 0 };
	size_t unused, count = 0;
	struct buffer kept;
	int result;

	if (buffer_init(&kept, -1))
		return error_set(&job->error, -ENOMEM, "out of memory");
	result = timeout_list_read(job, &list);
	unused = count_unused(&list);
	if (result == 0 && unused > 0 && !context->settings.is_dry_run &&
	    !request_confirm(context, "Delete all %zu timeout policies that no rule uses?", unused))
		result = error_set(&job->error, -ECANCELED, "nothing was deleted");
	if (result == 0)
		result = flush_policies(job, &list, &kept, &count);
	if (result == 0)
		report_note(context, "%s%zu timeout polic%s%s",
			    context->settings.is_dry_run ? "dry run: would delete " : "deleted ", count,
			    count == 1 ? "y" : "ies", kept.length ? buffer_string(&kept) : "");
	free(list.policies);
	buffer_done(&kept);
	return result;
}

/* ---- the namespace's own timeouts ---- */

/* Of one protocol, or of all that the kernel tracks. */
static int show_defaults(struct policy_job *job, const struct timeout_protocol *only)
{
	struct timeout_list list = { 0 };
	int result = 0;

	for (const struct timeout_protocol *protocol = timeout_protocols; protocol->name && result == 0; protocol++) {
		struct timeout_policy policy = { .protocol = protocol->number };

		if (only && only != protocol)
			continue;
		result = netlink_timeout_default_get(&job->netlink, &policy, false, &job->error);
		if (result == -EPROTONOSUPPORT && !only) {
			result = 0;
			continue;
		}
		policy.family = 0; /* they are the same for both */
		result = result == 0 ? timeout_list_add(&list, &policy) : not_tracked(job, result, protocol->number);
	}
	if (result == 0)
		result = timeout_print(job, &list, NULL);
	free(list.policies);
	return result == 0 ? 0 : error_set(&job->error, result, "%s", strerror(-result));
}

static int set_defaults(struct policy_job *job, const struct timeout_policy *wanted)
{
	struct timeout_policy policy = { .protocol = wanted->protocol };
	int result = netlink_timeout_default_get(&job->netlink, &policy, true, &job->error);

	if (result == 0 && !job->context->settings.is_dry_run)
		result = netlink_timeout_default_set(&job->netlink, wanted, &job->error);
	if (result == 0 && !job->context->settings.is_dry_run)
		result = netlink_timeout_default_get(&job->netlink, &policy, true, &job->error);
	if (result)
		return not_tracked(job, result, wanted->protocol);
	if (!job->context->settings.is_dry_run)
		warn_ignored(job, wanted, &policy);
	note_change(job, "changed", "change", wanted);
	return 0;
}

static int run_default(struct policy_job *job)
{
	const struct timeout_protocol *protocol = NULL;
	struct timeout_policy policy = { 0 };
	const char *what = job->count > 0 ? job->words[0] : "get";
	bool is_set = strcmp(what, "set") == 0;

	if (policy_prints_rules(job))
		return error_usage(&job->error, 0, "default timeouts need no rules: -o %s means nothing to them",
				   job->format);
	if (!is_set && strcmp(what, "get") != 0)
		return error_usage(&job->error, 0, "default what? \"%.32s\" is neither \"get\" nor \"set\"", what);
	if (is_set ? job->count < 4 : job->count > 2)
		return error_usage(&job->error, 0, "too %s words: conntab timeout default %s", is_set ? "few" : "many",
				   is_set ? "set PROTOCOL STATE TIME..." : "get [PROTOCOL]");
	if (job->count > 1 && parse_protocol(job, job->words[1], &protocol))
		return job->error.code;
	if (!is_set)
		return show_defaults(job, protocol);
	policy.protocol = protocol->number;
	if (parse_values(job, protocol, job->count - 2, job->words + 2, &policy))
		return job->error.code;
	return set_defaults(job, &policy);
}

static const struct policy_action actions[] = {
	{ "list", 0, 0, "", true, run_list },
	{ "get", 1, 1, " NAME", true, run_get },
	{ "add", 2, -1, " NAME [ipv4|ipv6] PROTOCOL STATE TIME...", false, run_add },
	{ "set", 3, -1, " NAME STATE TIME...", false, run_set },
	{ "delete", 1, -1, " NAME...", false, run_delete },
	{ "flush", 0, 0, "", false, run_flush },
	{ "default", 0, -1, " get [PROTOCOL] | set PROTOCOL STATE TIME...", true, run_default },
	{ .name = NULL },
};

static int timeout_run(struct context *context)
{
	return policy_run(context, actions);
}

/* ---- completion ---- */

struct offered {
	const struct completer *completer;
	const char *name; /* only what belongs to this policy: its states; NULL: names */
};

static void offer_states(const struct completer *completer, const struct timeout_protocol *protocol)
{
	for (unsigned i = 0; protocol && protocol->states[i].name; i++)
		completer->offer(completer->data, protocol->states[i].name);
}

static int offer_policy(void *data, const struct timeout_policy *policy)
{
	const struct offered *offered = data;

	if (!offered->name)
		offered->completer->offer(offered->completer->data, policy->name);
	else if (timeout_is_named(policy) && strcmp(policy->name, offered->name) == 0)
		offer_states(offered->completer, timeout_protocol_find(policy->protocol));
	return 0;
}

/* No privilege, no policies: then nothing is offered, silently. */
static void offer_policies(const struct completer *completer, const char *name)
{
	struct offered offered = { completer, name };
	struct error error = { 0 };
	struct netlink netlink;

	if (netlink_open(&netlink, &error))
		return;
	netlink_timeout_list(&netlink, offer_policy, &offered, &error);
	netlink_close(&netlink);
}

static const struct timeout_protocol *protocol_in(char **words, int count)
{
	struct policy_job job = { 0 };
	const struct timeout_protocol *protocol;
	uint8_t family;

	for (int i = 0; i < count; i++)
		if (!policy_family(words[i], &family))
			return parse_protocol(&job, words[i], &protocol) == 0 ? protocol : NULL;
	return NULL;
}

static void offer_protocols(const struct completer *completer, bool with_families)
{
	for (const struct timeout_protocol *protocol = timeout_protocols; protocol->name; protocol++)
		completer->offer(completer->data, protocol->name);
	for (size_t i = 0; with_families && i < 2; i++)
		completer->offer(completer->data, i == 0 ? "ipv4" : "ipv6");
}

/* [FAMILY] PROTOCOL STATE TIME ...: what follows `words`. A time is not offered. */
static void offer_values(char **words, int count, bool with_families, const struct completer *completer)
{
	uint8_t family;
	int used = count > 0 && with_families && policy_family(words[0], &family);

	if (count == used)
		offer_protocols(completer, with_families && used == 0);
	else if ((count - used) % 2 == 1)
		offer_states(completer, protocol_in(words + used, 1));
}

static void timeout_complete(char **words, int count, const struct completer *completer)
{
	const char *action = count > 0 ? words[0] : "";

	if (count == 0)
		action_offer(actions, sizeof(actions[0]), completer);
	else if (strcmp(action, "delete") == 0 ||
		 (count == 1 && (strcmp(action, "get") == 0 || strcmp(action, "set") == 0)))
		offer_policies(completer, NULL);
	else if (strcmp(action, "set") == 0 && count % 2 == 0)
		offer_policies(completer, words[1]);
	else if (strcmp(action, "add") == 0 && count > 1)
		offer_values(words + 2, count - 2, true, completer);
	else if (strcmp(action, "default") == 0 && count == 1)
		for (size_t i = 0; i < 2; i++)
			completer->offer(completer->data, i == 0 ? "get" : "set");
	else if (strcmp(action, "default") == 0 && (count == 2 || strcmp(words[1], "set") == 0))
		offer_values(words + 2, count - 2, false, completer);
}

const struct command timeout_command = {
	.name = "timeout",
	.arguments = "list | get | add | set | delete | flush | default ...",
	.summary = "timeout policies: other timeouts for some connections; the defaults",
	.details = "Actions: list; get NAME; add NAME [ipv4|ipv6] PROTOCOL STATE TIME...; set NAME STATE\n"
		   "TIME...; delete NAME...; flush; default get [PROTOCOL]; default set PROTOCOL STATE\n"
		   "TIME...\n"
		   "\n"
		   "A policy gives the connections that a rule attaches it to timeouts of their own. It\n"
		   "is for one family (ipv4 unless ipv6 is said; icmpv6 is ipv6) and one protocol: tcp,\n"
		   "udp, udplite, icmp, icmpv6, sctp, dccp, gre, or generic, which stands for every\n"
		   "protocol that the kernel does not track by itself. States that are not named get the\n"
		   "namespace's settings of that moment. A connection gets its policy with its first\n"
		   "packet, and each later packet gives it the timeout of its state: so set reaches\n"
		   "connections that have the policy already, and what was there before the rule keeps\n"
		   "to the settings.\n"
		   "\n"
		   "Rules of iptables attach a policy (-j CT --timeout NAME in the table raw), also where\n"
		   "iptables is a front for nftables: -o iptables prints them, for every connection of\n"
		   "the protocol; narrow them to those that are meant. nft cannot attach it, but has\n"
		   "timeout objects of its own, for tcp and udp: -o nft prints a table with an equal one\n"
		   "and the rules, for nft -f. list shows both sorts, the second with the table it is in;\n"
		   "nft alone changes those.\n"
		   "\n"
		   "USE is how often rules hold a policy; some kernels count a rule of iptables-nft twice.\n"
		   "The kernel refuses to delete a policy in use; flush deletes the others and names it.\n"
		   "delete deletes all that are named or none.\n"
		   "\n"
		   "default shows and sets the timeouts of connections without a policy, the namespace's\n"
		   "net.netfilter.nf_conntrack_*timeout*. udplite has those of udp: what is set for one\n"
		   "is set for both.\n"
		   "\n"
		   "Formats: table, json, jsonl (seconds), csv, nft, iptables.\n",
	.examples = "conntab timeout add web tcp established 1h syn_sent 10s\n"
		    "conntab timeout add tunnel ipv6 generic timeout 5m\n"
		    "conntab timeout list\n"
		    "conntab timeout get web -o iptables   # the rules that attach it\n"
		    "conntab timeout get web -o nft        # an object of nft's own that is equal, with rules\n"
		    "conntab timeout set web established 30m\n"
		    "conntab timeout delete web\n"
		    "conntab timeout default get tcp\n"
		    "conntab timeout default set udp unreplied 20s replied 60s\n",
	.options = OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_YES),
	.refuses = OPTION_BIT(OPTION_IPV4) | OPTION_BIT(OPTION_IPV6),
	.completes = COMPLETE_WORDS,
	.complete = timeout_complete,
	.formats = policy_formats,
	.run = timeout_run,
};
