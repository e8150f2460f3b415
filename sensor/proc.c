/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#include "proc.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

size_t proc_read(const char *path, char *bytes, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t size;

	bytes[0] = 0;
	if (fd < 0)
		return 0;
	while (used < room - 1 && (size = read(fd, bytes + used, room - 1 - used)) > 0)
		used += size;
	close(fd);
	bytes[used] = 0;
	return used;
}

const char *proc_value(const char *text, const char *label)
{
	const char *found = strstr(text, label);

	return found ? found + strlen(label) : NULL;
}

uint64_t proc_number(const char *text, const char *label, int base)
{
	const char *value = proc_value(text, label);

	return value ? strtoull(value, NULL, base) : 0;
}

static bool is_number(const char *name)
{
	return isdigit((unsigned char)name[0]);
}

void proc_each(const char *folder, void (*visit)(const char *folder, int64_t number, void *data), void *data)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)) != NULL)
		if (is_number(entry->d_name))
			visit(folder, strtoll(entry->d_name, NULL, 10), data);
	if (directory)
		closedir(directory);
}
