/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the kernel knows of a task: numbers, identity, memory, terminal, control groups, program. */
#ifndef KERNEL_TASK_H
#define KERNEL_TASK_H

#define PF_KTHREAD 0x00200000
#define PF_IO_WORKER 0x00000010
#define PAGE_KB 4
#define NOBODY 0xffffffff
#define MINOR_BITS 20
#define PREFIX_BYTES 16
#define CAP_DAC_OVERRIDE_BIT (1ULL << 1)
#define S_IWUSR_ANY 0200
#define S_IWGRP_ANY 0020
#define S_IWOTH_ANY 0002

/* Kinds of numbers of a task; the kernel has had them in this order since 4.19. */
enum { KIND_PID, KIND_TGID, KIND_PGID, KIND_SID };

/* Times of an inode, which have had three forms. */
struct inode___before_6_6 {
	struct timespec64 i_ctime;
	struct timespec64 i_mtime;
};
struct inode___before_6_11 {
	struct timespec64 __i_ctime;
};
struct inode___mtime_before_6_11 {
	struct timespec64 i_mtime;
};
struct inode___mtime_of_6_7 {
	struct timespec64 __i_mtime;
};
struct mm_rss_stat___before_6_2 {
	atomic_long_t count[4];
};
struct mm_struct___before_6_2 {
	struct mm_rss_stat___before_6_2 rss_stat;
};

static __always_inline bool is_kernel_thread(struct task_struct *task)
{
	return task->flags & (PF_KTHREAD | PF_IO_WORKER);
}

static __always_inline struct pid *pid_of(struct task_struct *task, int kind)
{
	if (kind == KIND_PID)
		return task->thread_pid;
	return task->signal->pids[kind];
}

/* The number in the first namespace. */
static __always_inline __s64 number_of(struct pid *pid)
{
	return BPF_CORE_READ(pid, numbers[0].nr);
}

/* The number in the namespace where the pid was made: what its owner sees. */
static __always_inline __s64 inner_number_of(struct pid *pid)
{
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	bpf_probe_read_kernel(&upid, sizeof(upid),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      (__u64)level * bpf_core_type_size(struct upid));
	return upid.nr;
}

static __always_inline __u64 seconds_to_ns(__s64 seconds, __u32 ns)
{
	return seconds * 1000000000ULL + ns;
}

static __always_inline __u64 changed_ns(struct inode *inode)
{
	struct inode___before_6_11 *newer = (void *)inode;
	struct inode___before_6_6 *old = (void *)inode;

	if (bpf_core_field_exists(inode->i_ctime_sec))
		return seconds_to_ns(BPF_CORE_READ(inode, i_ctime_sec), BPF_CORE_READ(inode, i_ctime_nsec));
	if (bpf_core_field_exists(newer->__i_ctime))
		return seconds_to_ns(BPF_CORE_READ(newer, __i_ctime.tv_sec),
				     BPF_CORE_READ(newer, __i_ctime.tv_nsec));
	return seconds_to_ns(BPF_CORE_READ(old, i_ctime.tv_sec), BPF_CORE_READ(old, i_ctime.tv_nsec));
}

static __always_inline __u64 modified_ns(struct inode *inode)
{
	struct inode___mtime_of_6_7 *newer = (void *)inode;
	struct inode___mtime_before_6_11 *old = (void *)inode;

	if (bpf_core_field_exists(inode->i_mtime_sec))
		return seconds_to_ns(BPF_CORE_READ(inode, i_mtime_sec), BPF_CORE_READ(inode, i_mtime_nsec));
	if (bpf_core_field_exists(newer->__i_mtime))
		return seconds_to_ns(BPF_CORE_READ(newer, __i_mtime.tv_sec),
				     BPF_CORE_READ(newer, __i_mtime.tv_nsec));
	return seconds_to_ns(BPF_CORE_READ(old, i_mtime.tv_sec), BPF_CORE_READ(old, i_mtime.tv_nsec));
}

static __always_inline __u32 terminal_of(struct task_struct *task)
{
	struct tty_struct *tty = task->signal->tty;
	__u32 major, minor;

	if (!tty)
		return 0;
	major = tty->driver->major;
	minor = tty->driver->minor_start + tty->index;
	return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

static __always_inline __u32 login_uid_of(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->loginuid))
		return NOBODY;
	return task->loginuid.val;
}

static __always_inline __u64 capabilities(const kernel_cap_t *set)
{
	__u64 bits = 0;

	bpf_probe_read_kernel(&bits, sizeof(bits), set);
	return bits;
}

/* Pages of one kind; 0 files, 1 anonymous, 2 swapped, 3 shared. */
static __always_inline __s64 pages_of(struct mm_struct *mm, int kind)
{
	struct mm_struct___before_6_2 *old = (void *)mm;

	if (bpf_core_field_exists(old->rss_stat.count))
		return BPF_CORE_READ(old, rss_stat.count[kind].counter);
	return BPF_CORE_READ(mm, rss_stat[kind].count);
}

static __always_inline __u32 kilobytes(__s64 pages)
{
	return pages > 0 ? pages * PAGE_KB : 0;
}

/* Faults, then sizes: five parameters that clone and exec have in common. */
static __always_inline void put_memory(struct event *event, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	put_u64(event, task->maj_flt);
	put_u64(event, task->min_flt);
	if (!mm) {
		put_u32(event, 0);
		put_u32(event, 0);
		put_u32(event, 0);
		return;
	}
	put_u32(event, kilobytes(mm->total_vm));
	put_u32(event, kilobytes(pages_of(mm, 0) + pages_of(mm, 1) + pages_of(mm, 3)));
	put_u32(event, kilobytes(pages_of(mm, 2)));
}

/* The first argument, then the others; both stand in the memory of the process. */
static __always_inline void put_arguments(struct event *event, struct mm_struct *mm)
{
	__u64 start = mm ? mm->arg_start : 0;
	__u64 end = mm ? mm->arg_end : 0;
	__u32 first = put_user_text(event, start);

	if (first == 0 || end <= start + first) {
		put_nothing(event);
		return;
	}
	put_user_texts(event, start + first, end - start - first, TEXT_MAX);
}

static __always_inline void put_working_directory(struct event *event, struct task_struct *task)
{
	struct fs_struct *fs = task->fs;

	if (!fs) {
		put_nothing(event);
		return;
	}
	/* As plain numbers: a function of its own takes nothing else. */
	put_path(event, BPF_CORE_READ(fs, pwd.dentry), BPF_CORE_READ(fs, pwd.mnt));
}

static __always_inline __u32 write_group_of(struct event *event, __u32 at, struct css_set *set, int subsystem)
{
	struct cgroup_subsys_state *state = BPF_CORE_READ(set, subsys[subsystem]);

	return write_group((__u64)BPF_CORE_READ(state, cgroup, kn), at);
}

static __always_inline __u32 write_label(struct event *event, __u32 at, const char *label, __u32 size)
{
	for (__u32 place = 0; place < size; place++)
		*SPOT(event, at + place) = label[place];
	return at + size;
}

#define WRITE_GROUP(event, at, set, label, id)                                                                         \
	do {                                                                                                           \
		if (bpf_core_enum_value_exists(enum cgroup_subsys_id, id)) {                                            \
			static const char name[] = label "=";                                                          \
			at = write_label(event, at, name, sizeof(name) - 1);                                           \
			at = write_group_of(event, at, set, bpf_core_enum_value(enum cgroup_subsys_id, id));           \
		}                                                                                                      \
	} while (0)

/*
 * The control groups that a runtime puts a container into. Three controllers are enough, since every runtime uses them, and the
 * unified tree, in which a container may be where no controller follows.
 */
static __always_inline void put_groups(struct event *event, struct task_struct *task)
{
	struct css_set *set = task->cgroups;
	static const char unified[] = "unified=";
	__u32 start = event->at;
	__u32 at = start;

	WRITE_GROUP(event, at, set, "cpu", cpu_cgrp_id);
	WRITE_GROUP(event, at, set, "memory", memory_cgrp_id);
	WRITE_GROUP(event, at, set, "pids", pids_cgrp_id);
	at = write_label(event, at, unified, sizeof(unified) - 1);
	at = write_group((__u64)BPF_CORE_READ(set, dfl_cgrp, kn), at);
	end_parameter(event, at - start);
}

/* Whether the process could change its own program. */
static __always_inline bool can_write(struct task_struct *task, struct inode *inode)
{
	const struct cred *cred = task->cred;
	__u32 mode = BPF_CORE_READ(inode, i_mode);

	if (capabilities(&cred->cap_effective) & CAP_DAC_OVERRIDE_BIT)
		return true;
	if (cred->fsuid.val == BPF_CORE_READ(inode, i_uid.val))
		return mode & S_IWUSR_ANY;
	if (cred->fsgid.val == BPF_CORE_READ(inode, i_gid.val))
		return mode & S_IWGRP_ANY;
	return mode & S_IWOTH_ANY;
}

/* Memory that became a file: a file of tmpfs without a place, whose name begins like this. */
static __always_inline bool is_memory_file(struct file *file)
{
	char name[PREFIX_BYTES] = {};
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
	return BPF_CORE_READ(dentry, d_parent) == dentry && name[0] == 'm' && name[1] == 'e' && name[2] == 'm' &&
	       name[3] == 'f' && name[4] == 'd' && name[5] == ':';
}

#define EXE_WRITABLE 1
#define EXE_UPPER_LAYER 2
#define EXE_FROM_MEMFD 4
#define EXE_LOWER_LAYER 8

static __always_inline __u32 exe_flags(struct task_struct *task, struct file *file)
{
	struct inode *inode = file ? BPF_CORE_READ(file, f_inode) : NULL;
	enum layer layer = layer_of(inode);
	__u32 flags = 0;

	if (!inode)
		return 0;
	if (can_write(task, inode))
		flags |= EXE_WRITABLE;
	if (layer == LAYER_UPPER)
		flags |= EXE_UPPER_LAYER;
	if (layer == LAYER_LOWER)
		flags |= EXE_LOWER_LAYER;
	if (is_memory_file(file))
		flags |= EXE_FROM_MEMFD;
	return flags;
}

#endif
