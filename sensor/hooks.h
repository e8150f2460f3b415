/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Which programs there are, by the names that events have in rules. */
#ifndef HOOKS_H
#define HOOKS_H

#include <stdbool.h>
#include <stdint.h>

struct hook {
	/* As in a rule's evt.type. */
	const char *name;
	/* Of the program for the call; NULL for events that a tracepoint of their own tells. */
	const char *program;
	int call;
	/* Of the same call made by a 32-bit program, -1 without one. */
	int call_32bit;
	/* Needed to know who did anything: cannot be left out. */
	bool is_always;
};

extern const struct hook hooks[];
extern const int hooks_count;

/* NULL when nothing is called so. */
const struct hook *hook_named(const char *name, int length);

#endif
