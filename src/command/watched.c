/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The namespaces that watch and check look at. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watch.h"

/* The names of all namespaces, in the order of the directory. */
struct names {
	char *names[NETNS_MAX];
	unsigned count;
	bool is_cut;
};

static void add_name(void *data, const char *name)
{
	struct names *names = data;

	if (names->count == NETNS_MAX - 1)
		names->is_cut = true;
	else if ((names->names[names->count] = strdup(name)))
		names->count++;
}

/* What each of them is opened for. */
struct purpose {
	bool has_events;
	bool reads_timeouts; /* the filter asks for idle time */
};

/* Opens one namespace's sockets in it and comes back. NULL: the one we are in. */
static int open_one(struct watched *watched, const char *name, const struct purpose *purpose, struct error *error)
{
	int saved = name ? namespace_save() : 0, result;

	if (saved < 0)
		return error_set(error, saved, "network namespace: %s", strerror(-saved));
	if (name && namespace_enter(name, error)) {
		namespace_return(saved);
		return error->code;
	}
	result = fill_source_open(&watched->source, name, purpose->has_events, error);
	if (purpose->reads_timeouts)
		environment_timeouts(&watched->environment);
	if (name && namespace_return(saved) < 0)
		return error_set(error, -EPERM, "network namespace: cannot return from %s", name);
	return result;
}

static int open_all(struct watched *list, char *const *names, unsigned count, const struct purpose *purpose,
		    struct error *error)
{
	for (unsigned i = 0; i < count; i++) {
		if (open_one(&list[i], names[i], purpose, error)) {
			for (unsigned opened = 0; opened <= i; opened++)
				fill_source_close(&list[opened].source);
			return error->code;
		}
	}
	return (int)count;
}

/* Names come and go, and some are left over from a machine that crashed: those are told and passed over. */
static int open_names(const struct context *context, struct watched *list, struct names *names,
		      const struct purpose *purpose)
{
	int opened = 0;

	for (unsigned i = 0; i < names->count; i++) {
		struct error error = { 0 };

		if (open_one(&list[opened], names->names[i], purpose, &error) == 0) {
			opened++;
			continue;
		}
		fill_source_close(&list[opened].source);
		report_note(context, "warning: %s", error.text);
	}
	return opened;
}

static int open_every(const struct context *context, struct watched *list, const struct purpose *purpose,
		      struct error *error)
{
	struct names names = { .names = { NULL }, .count = 1 }; /* first where we are */
	int result;

	namespace_each_name(add_name, &names);
	if (names.is_cut)
		result = error_usage(error, 0, "--all-netns: more than %d namespaces; name those that matter with -n",
				     NETNS_MAX - 1);
	else
		result = open_names(context, list, &names, purpose);
	for (unsigned i = 1; i < names.count; i++)
		free(names.names[i]);
	return result ? result : error_set(error, -ENOENT, "no network namespace could be opened");
}

int watched_open(const struct context *context, bool has_events, const struct field_set *filter_reads,
		 struct watched **list, struct error *error)
{
	static char *const here[] = { NULL };
	const struct purpose purpose = { has_events, field_set_has(filter_reads, FIELD_idle) };
	const struct settings *settings = &context->settings;

	*list = calloc(NETNS_MAX, sizeof(**list));
	if (!*list)
		return error_set(error, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < NETNS_MAX; i++)
		(*list)[i].source.events.fd = -1;
	if (settings->is_all_netns)
		return open_every(context, *list, &purpose, error);
	if (settings->netns_count > 0)
		return open_all(*list, (char *const *)settings->netns, settings->netns_count, &purpose, error);
	return open_all(*list, here, 1, &purpose, error);
}

void watched_close(struct watched *list, int count)
{
	for (int i = 0; list && i < count; i++)
		fill_source_close(&list[i].source);
	for (int i = 0; list && i < NETNS_MAX; i++)
		naming_done(&list[i].environment.naming);
	free(list);
}
