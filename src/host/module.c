/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "conntab/host.h"

/* "kernel/net/netfilter/nf_tables.ko.xz: ..." names nf_tables. */
static bool names_module(const char *line, const char *name)
{
	const char *end = strchr(line, ':'), *slash = NULL;
	size_t length = strlen(name);

	for (const char *at = line; end && at < end; at++)
		if (*at == '/')
			slash = at;
	return slash && strncmp(slash + 1, name, length) == 0 && strncmp(slash + 1 + length, ".ko", 3) == 0;
}

static bool can_be_loaded(const char *name)
{
	struct utsname system;
	char path[256], *line = NULL;
	size_t size = 0;
	bool is_found = false;
	FILE *file;

	uname(&system);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", system.release);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!is_found && getline(&line, &size, file) >= 0)
		is_found = names_module(line, name);
	free(line);
	fclose(file);
	return is_found;
}

bool module_is_unloaded(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return access(path, F_OK) != 0 && can_be_loaded(name);
}
