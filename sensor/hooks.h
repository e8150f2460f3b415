/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Which programs there are, by the names that events have in rules. */
#ifndef HOOKS_H
#define HOOKS_H

#include <stdbool.h>
#include <stdint.h>

enum wanted_when {
	/* When the list of events names it. */
	WHEN_NAMED,
	/* Needed to know who did anything: cannot be left out. */
	ALWAYS_WANTED,
	/* Keeps the reader's list of descriptors true: wanted with any event that makes one. */
	WITH_FDS,
	/* Says what a socket is: wanted with any event that is about one. */
	WITH_SOCKETS,
};

struct hook {
	/* As in a rule's evt.type. */
	const char *name;
	/* Of the program for the call (kernel/call.h); NULL for events that a tracepoint of their own tells. */
	const char *program;
	int call;
	/* Of the same call made by a 32-bit program, -1 without one. */
	int call_32bit;
	enum wanted_when wanted_when;
};

/* A name may stand several times: calls that are told as the same event. */
extern const struct hook hooks[];
extern const int hooks_count;
/* More than there are. */
#define HOOKS_MAX 128

/* True when the name, of `length` bytes, is that of the hook. */
bool is_named(const struct hook *hook, const char *name, int length);

/* False for the second and further hooks of one name. */
bool is_first_of_name(int index);

#endif
