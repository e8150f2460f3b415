/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Calls that change what a directory holds and what may be done with a file: rename, link, remove, make, permit. */
#ifndef KERNEL_NAMES_H
#define KERNEL_NAMES_H

/* The result and one or two names: the calls from before there were open directories. */
static __always_inline int named(struct call *call, __u16 code, int names)
{
	struct event *event = event_begin(CLASS_FILE, code, 1 + names);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_user_text(event, call->arguments[0]);
	if (names > 1)
		put_user_text(event, call->arguments[1]);
	event_submit(event);
	return 0;
}

static __always_inline void put_place(struct event *event, __u64 directory, __u64 name)
{
	put_s64(event, (__s32)directory);
	put_name_at(event, directory, name);
}

/* The result, then two names below directories, then perhaps flags. */
static __always_inline int moved(struct call *call, __u16 code, bool has_flags)
{
	struct event *event = event_begin(CLASS_FILE, code, has_flags ? 6 : 5);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_place(event, call->arguments[0], call->arguments[1]);
	put_place(event, call->arguments[2], call->arguments[3]);
	if (has_flags)
		put_u32(event, call->arguments[4]);
	event_submit(event);
	return 0;
}

ON_CALL(rename)
{
	return named(call, EV_RENAME, 2);
}

ON_CALL(renameat)
{
	return moved(call, EV_RENAMEAT, false);
}

ON_CALL(renameat2)
{
	return moved(call, EV_RENAMEAT2, true);
}

ON_CALL(link)
{
	return named(call, EV_LINK, 2);
}

ON_CALL(linkat)
{
	return moved(call, EV_LINKAT, true);
}

ON_CALL(symlink)
{
	return named(call, EV_SYMLINK, 2);
}

ON_CALL(symlinkat)
{
	struct event *event = event_begin(CLASS_FILE, EV_SYMLINKAT, 4);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_user_text(event, call->arguments[0]);
	put_place(event, call->arguments[1], call->arguments[2]);
	event_submit(event);
	return 0;
}

ON_CALL(unlink)
{
	return named(call, EV_UNLINK, 1);
}

ON_CALL(rmdir)
{
	return named(call, EV_RMDIR, 1);
}

ON_CALL(unlinkat)
{
	struct event *event = event_begin(CLASS_FILE, EV_UNLINKAT, 4);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_place(event, call->arguments[0], call->arguments[1]);
	put_u32(event, call->arguments[2]);
	event_submit(event);
	return 0;
}

/* The result, a name, a mode. */
static __always_inline int permitted(struct call *call, __u16 code)
{
	struct event *event = event_begin(CLASS_FILE, code, 3);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_user_text(event, call->arguments[0]);
	put_u32(event, mode_of(call->arguments[1]));
	event_submit(event);
	return 0;
}

static __always_inline int permitted_at(struct call *call, __u16 code)
{
	struct event *event = event_begin(CLASS_FILE, code, 4);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_place(event, call->arguments[0], call->arguments[1]);
	put_u32(event, mode_of(call->arguments[2]));
	event_submit(event);
	return 0;
}

ON_CALL(mkdir)
{
	return permitted(call, EV_MKDIR);
}

ON_CALL(mkdirat)
{
	return permitted_at(call, EV_MKDIRAT);
}

ON_CALL(chmod)
{
	return permitted(call, EV_CHMOD);
}

/* fchmodat2 too, which differs by flags that the event has no place for. */
ON_CALL(fchmodat)
{
	return permitted_at(call, EV_FCHMODAT);
}

ON_CALL(fchmod)
{
	struct event *event = event_begin(CLASS_FILE, EV_FCHMOD, 3);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_s64(event, (__s32)call->arguments[0]);
	put_u32(event, mode_of(call->arguments[1]));
	event_submit(event);
	return 0;
}

#endif
