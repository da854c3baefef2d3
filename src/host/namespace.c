/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conntab/host.h"

#define NAMED_NAMESPACES "/run/netns"

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

bool namespace_path(const char *spec, char *path, size_t size)
{
	int length;

	if (strchr(spec, '/'))
		length = snprintf(path, size, "%s", spec);
	else
		length = snprintf(path, size, NAMED_NAMESPACES "/%s", spec);
	if (is_number(spec) && access(path, F_OK) != 0)
		length = snprintf(path, size, "/proc/%s/ns/net", spec);
	return length > 0 && (size_t)length < size;
}

static void offer_name(void *data, const char *name)
{
	suggestion_offer(data, name);
}

static int not_found(const char *spec, const char *path, struct error *error)
{
	struct suggestion suggestion = { .typed = slice_of(spec) };
	char text[64];

	if (is_number(spec))
		return error_usage(error, 0, "network namespace %s: no such process, and no namespace of that name in "
				   NAMED_NAMESPACES, spec);
	if (strchr(spec, '/'))
		return error_usage(error, 0, "network namespace %s: no such file", path);
	namespace_each_name(offer_name, &suggestion);
	return error_usage(error, 0, "network namespace %s: none of that name in " NAMED_NAMESPACES "%s", spec,
			   suggestion_text(&suggestion, text, sizeof(text)));
}

int namespace_enter(const char *spec, struct error *error)
{
	char path[512];
	int fd, result = 0;

	if (!*spec || !namespace_path(spec, path, sizeof(path)))
		return error_usage(error, 0, "network namespace: \"%.32s\" is no name, path or process number", spec);
	/* Not blocking: the path may lead to a pipe or a device. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return not_found(spec, path, error);
	if (fd < 0)
		return error_set(error, -errno, "network namespace %s: %s", spec, strerror(errno));
	if (setns(fd, CLONE_NEWNET) < 0) {
		if (errno == EINVAL)
			result = error_usage(error, 0, "network namespace %s: %s is not a network namespace", spec, path);
		else if (errno == EPERM)
			result = error_set(error, -errno, "network namespace %s: permission denied (needs CAP_SYS_ADMIN)",
					   spec);
		else
			result = error_set(error, -errno, "network namespace %s: %s", spec, strerror(errno));
	}
	close(fd);
	return result;
}

void namespace_each_name(void (*each)(void *data, const char *name), void *data)
{
	DIR *directory = opendir(NAMED_NAMESPACES);
	struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			each(data, entry->d_name);
	closedir(directory);
}

int namespace_save(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int namespace_return(int saved)
{
	int result = setns(saved, CLONE_NEWNET) < 0 ? -errno : 0;

	close(saved);
	return result;
}
