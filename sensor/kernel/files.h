/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Files: opened, and where a process stands among them.
 *
 * Names are told as the caller gave them, since rules ask how a file was named. Only a name below an open directory gets that
 * directory's path put before it: whoever reads the stream cannot know every directory that somebody opened.
 */
#ifndef KERNEL_FILES_H
#define KERNEL_FILES_H

#define AT_CURRENT_DIRECTORY (-100)
#define MODE_CREATED 0x100000
#define FAILED_ACCESS (-13)
#define FAILED_PERMISSION (-1)

struct prefix {
	__u32 bits;
	__u8 path[PREFIX_MAX];
};

/* Below which paths opens for reading are told. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, PREFIXES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u8);
} read_prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct prefix);
} prefix_scratch SEC(".maps");

/* A name as the caller gave it, at event->at; behind the path of its directory when it is relative to an open one. */
static __always_inline void put_name_at(struct event *event, __s32 directory, __u64 name)
{
	struct file *file;
	char first = 0;
	int size;
	long more;

	if (directory != AT_CURRENT_DIRECTORY && name)
		bpf_probe_read_user(&first, 1, (void *)name);
	if (directory < 0 || first == 0 || first == '/') {
		put_user_text(event, name);
		return;
	}
	file = file_of(bpf_get_current_task_btf(), directory);
	size = file ? write_path((__u64)BPF_CORE_READ(file, f_path.dentry), (__u64)BPF_CORE_READ(file, f_path.mnt)) : 0;
	if (size < 2 || size > TEXT_MAX) {
		put_user_text(event, name);
		return;
	}
	if (size > 2) /* not the root itself, which ends with its slash */
		*SPOT(event, event->at + size++ - 1) = '/';
	more = bpf_probe_read_user_str(SPOT(event, event->at + size - 1), TEXT_MAX, (void *)name);
	end_parameter(event, more > 0 && more <= TEXT_MAX ? size - 1 + more : 0);
}

/* The event's scratch serves for the comparison: nothing stands in it yet. */
static __always_inline bool is_read_wanted(struct event *event, __u64 dentry, __u64 vfsmount)
{
	__u32 zero = 0;
	struct prefix *prefix;
	int size;

	if (settings.reads != READS_BELOW)
		return settings.reads == READS_ALL;
	prefix = bpf_map_lookup_elem(&prefix_scratch, &zero);
	if (!prefix)
		return false;
	event->at = 0;
	size = write_path(dentry, vfsmount);
	if (size < 2)
		return false;
	prefix->bits = PREFIX_MAX * 8;
	__builtin_memcpy(prefix->path, event->bytes, PREFIX_MAX);
	return bpf_map_lookup_elem(&read_prefixes, prefix) != NULL;
}

static __always_inline bool is_failure_wanted(__s64 result)
{
	if (settings.failed_opens == FAILED_DENIED)
		return result == FAILED_ACCESS || result == FAILED_PERMISSION;
	return settings.failed_opens == FAILED_ALL;
}

struct opened {
	__u32 flags;
	__u32 device;
	__u64 inode;
};

static __always_inline void look_at_inode(struct inode *inode, struct opened *opened)
{
	GLIMPSE(seen, INODE_GLIMPSE);
	GLIMPSE(block, SUPERBLOCK_GLIMPSE);
	__u64 superblock;
	enum layer layer;

	LOOK_INTO(seen, inode);
	superblock = SEEN(seen, __u64, inode, struct inode, i_sb);
	opened->inode = SEEN(seen, __u64, inode, struct inode, i_ino);
	LOOK_INTO(block, superblock);
	opened->device = device_number(SEEN(block, __u32, superblock, struct super_block, s_dev));
	if (SEEN(block, __u64, superblock, struct super_block, s_magic) != OVERLAYFS_MAGIC)
		return;
	layer = layer_in_overlay(inode);
	opened->flags |= layer == LAYER_UPPER ? TOLD_UPPER : TOLD_LOWER;
}

/* What became of an open. False when nobody wants to know of it. */
static __always_inline bool look_at_opened(struct event *event, struct call *call, __u32 given, struct opened *opened)
{
	GLIMPSE(seen, FILE_GLIMPSE);
	struct file *file;

	opened->flags = open_flags_of(given);
	opened->device = 0;
	opened->inode = 0;
	if (call->result < 0)
		return is_failure_wanted(call->result);
	file = file_of(bpf_get_current_task_btf(), call->result);
	if (!file)
		return true;
	LOOK_INTO(seen, file);
	if (!(opened->flags & TOLD_WRITE) &&
	    !is_read_wanted(event, SEEN(seen, __u64, file, struct file, f_path.dentry),
			    SEEN(seen, __u64, file, struct file, f_path.mnt)))
		return false;
	if (call->result >= 0)
		mark_told(call->result);
	if (SEEN(seen, __u32, file, struct file, f_mode) & MODE_CREATED)
		opened->flags |= TOLD_CREATED;
	look_at_inode((void *)SEEN(seen, __u64, file, struct file, f_inode), opened);
	return true;
}

/* The event of an open; NULL when nobody wants to know of it, which costs no time of day. */
static __always_inline struct event *open_begin(struct call *call, __u32 given, struct opened *opened, __u16 code,
						__u32 count)
{
	struct event *event = event_scratch(CLASS_FILE);

	if (!event)
		return NULL;
	if (!look_at_opened(event, call, given, opened)) {
		event_discard();
		return NULL;
	}
	event_header(event, code, count, current_tid());
	return event;
}

static __always_inline __u32 mode_when_created(__u32 flags, __u64 mode)
{
	return flags & (OPEN_CREATE | OPEN_TEMPORARY) ? mode_of(mode) : 0;
}

ON_CALL(open)
{
	__u32 given = call->arguments[1];
	struct opened opened;
	struct event *event = open_begin(call, given, &opened, EV_OPEN, 6);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_user_text(event, call->arguments[0]);
	put_u32(event, opened.flags);
	put_u32(event, mode_when_created(given, call->arguments[2]));
	put_u32(event, opened.device);
	put_u64(event, opened.inode);
	event_submit(event);
	return 0;
}

ON_CALL(creat)
{
	struct opened opened;
	struct event *event = open_begin(call, OPEN_CREATE | OPEN_TRUNCATE | 1, &opened, EV_CREAT, 6);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_user_text(event, call->arguments[0]);
	put_u32(event, mode_of(call->arguments[1]));
	put_u32(event, opened.device);
	put_u64(event, opened.inode);
	put_u16(event, opened.flags & TOLD_UPPER ? 1 : opened.flags & TOLD_LOWER ? 2 : 0);
	event_submit(event);
	return 0;
}

ON_CALL(openat)
{
	__u32 given = call->arguments[2];
	struct opened opened;
	struct event *event = open_begin(call, given, &opened, EV_OPENAT, 7);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_s64(event, (__s32)call->arguments[0]);
	put_name_at(event, call->arguments[0], call->arguments[1]);
	put_u32(event, opened.flags);
	put_u32(event, mode_when_created(given, call->arguments[3]));
	put_u32(event, opened.device);
	put_u64(event, opened.inode);
	event_submit(event);
	return 0;
}

ON_CALL(openat2)
{
	struct open_how how = {};
	struct opened opened;
	struct event *event;

	bpf_probe_read_user(&how, sizeof(how), (void *)call->arguments[2]);
	event = open_begin(call, how.flags, &opened, EV_OPENAT2, 8);
	if (!event)
		return 0;
	put_s64(event, call->result);
	put_s64(event, (__s32)call->arguments[0]);
	put_name_at(event, call->arguments[0], call->arguments[1]);
	put_u32(event, opened.flags);
	put_u32(event, mode_when_created(how.flags, how.mode));
	put_u32(event, resolve_of(how.resolve));
	put_u32(event, opened.device);
	put_u64(event, opened.inode);
	event_submit(event);
	return 0;
}

/* Both ways to change the directory are told by the path that they led to. */
static __always_inline int directory_changed(struct call *call)
{
	struct event *event;

	if (call->result < 0)
		return 0;
	event = event_begin(CLASS_PROCESS, EV_CHDIR, 2);
	if (!event)
		return 0;
	put_s64(event, call->result);
	put_working_directory(event, bpf_get_current_task_btf());
	event_submit(event);
	return 0;
}

ON_CALL(chdir)
{
	return directory_changed(call);
}

ON_CALL(fchdir)
{
	return directory_changed(call);
}

#endif
