/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#include "hooks.h"

#include <string.h>
#include <sys/syscall.h>

#define TOLD(name) { #name, NULL, -1, -1, true }
#define ALWAYS(name, compat) { #name, "call_" #name, SYS_##name, compat, true }
#define CALL(name, compat) { #name, "call_" #name, SYS_##name, compat, false }

const struct hook hooks[] = {
	TOLD(clone),
	TOLD(clone3),
	TOLD(fork),
	TOLD(vfork),
	TOLD(procexit),
	ALWAYS(execve, 11),
	ALWAYS(execveat, 358),
	ALWAYS(chdir, 12),
	ALWAYS(fchdir, 133),
#ifdef SYS_open
	CALL(open, 5),
	CALL(creat, 8),
#endif
	CALL(openat, 295),
	CALL(openat2, 437),
	CALL(socket, 359),
	CALL(bind, 361),
	CALL(connect, 362),
	CALL(listen, 363),
	CALL(accept, -1),
	CALL(accept4, 364),
};

const int hooks_count = sizeof(hooks) / sizeof(hooks[0]);

const struct hook *hook_named(const char *name, int length)
{
	for (int index = 0; index < hooks_count; index++)
		if (strncmp(hooks[index].name, name, length) == 0 && hooks[index].name[length] == 0)
			return &hooks[index];
	return NULL;
}
