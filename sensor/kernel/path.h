/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Names that the kernel itself gives: of a file by the directories above it, of a control group by the groups above it.
 *
 * Both walk upwards first and write downwards after, so that the text stands in its place at once. Each is a function of its
 * own to the verifier and takes plain numbers: it is checked once, not once for every caller.
 */
#ifndef KERNEL_PATH_H
#define KERNEL_PATH_H

#define DEPTH_OF_PATH 32
#define DEPTH_OF_GROUP 12
#define NAME_BYTES 256
#define OVERLAYFS_MAGIC 0x794c7630
#define TMPFS_MAGIC 0x01021994

/* Since 6.15 the parent of a node has another name. */
struct kernfs_node___before_6_15 {
	struct kernfs_node___before_6_15 *parent;
};

/* Kept in memory on purpose: the verifier would follow every value of a counter in a register by itself. */
struct walk {
	__u32 depth;
	__u32 at;
	__u64 names[DEPTH_OF_PATH];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk);
} walks SEC(".maps");

/* The scratch that is in use now: functions that the verifier checks by themselves cannot be handed it. */
static __always_inline struct event *event_current(void)
{
	__u32 zero = 0;
	__u32 *depth = bpf_map_lookup_elem(&depths, &zero);
	__u32 index;

	if (!depth || *depth == 0)
		return NULL;
	index = bpf_get_smp_processor_id() * DEPTH_MAX + *depth - 1;
	return bpf_map_lookup_elem(&scratch, &index);
}

static __always_inline struct mount *mount_of(struct vfsmount *vfsmount)
{
	return (struct mount *)((void *)vfsmount - bpf_core_field_offset(struct mount, mnt));
}

/* Where a mount begins, and on what it lies. */
struct mounted {
	__u64 root;
	__u64 mountpoint;
	__u64 above;
};

static __always_inline void look_at_mount(struct mount *mount, struct mounted *mounted)
{
	GLIMPSE(seen, MOUNT_GLIMPSE);

	LOOK_INTO(seen, mount);
	mounted->root = SEEN(seen, __u64, mount, struct mount, mnt.mnt_root);
	mounted->mountpoint = SEEN(seen, __u64, mount, struct mount, mnt_mountpoint);
	mounted->above = SEEN(seen, __u64, mount, struct mount, mnt_parent);
}

static __always_inline bool remember_name(struct walk *walk, const void *name)
{
	__u32 depth = walk->depth;

	if (depth >= DEPTH_OF_PATH)
		return false;
	walk->names[depth & (DEPTH_OF_PATH - 1)] = (__u64)name;
	walk->depth = depth + 1;
	return true;
}

/* The names from the last to the first, each behind a slash, ended by a zero byte. */
static __always_inline void write_names(struct event *event, struct walk *walk)
{
	__u32 start = walk->at;

	for (int step = 0; step < DEPTH_OF_PATH; step++) {
		__u32 depth = walk->depth - 1;
		__u32 at = walk->at;
		long size;

		if (depth >= DEPTH_OF_PATH || at - start > TEXT_MAX - NAME_BYTES - 2)
			break;
		*SPOT(event, at) = '/';
		size = bpf_probe_read_kernel_str(SPOT(event, at + 1), NAME_BYTES,
						 (void *)walk->names[depth & (DEPTH_OF_PATH - 1)]);
		walk->at = at + (size > 0 ? size : 0);
		walk->depth = depth;
	}
	if (walk->at == start)
		*SPOT(event, walk->at++) = '/';
	*SPOT(event, walk->at++) = 0;
}

/*
 * Writes the path of a file at the current place, up to the root of its mounts, ended by a zero byte.
 * Gives its size with the zero, 0 when there is no path.
 */
__noinline int write_path(__u64 dentry_address, __u64 vfsmount_address)
{
	struct dentry *dentry = (void *)dentry_address;
	struct mount *mount = mount_of((void *)vfsmount_address);
	struct event *event = event_current();
	struct mounted here;
	__u32 zero = 0;
	struct walk *walk = bpf_map_lookup_elem(&walks, &zero);

	if (!event || !walk || !dentry || !vfsmount_address)
		return 0;
	walk->depth = 0;
	look_at_mount(mount, &here);
	for (int step = 0; step < 2 * DEPTH_OF_PATH; step++) {
		__u64 parent = (__u64)dentry, name = 0;

		if ((__u64)dentry != here.root) {
			GLIMPSE(seen, DENTRY_GLIMPSE);

			LOOK_INTO(seen, dentry);
			parent = SEEN(seen, __u64, dentry, struct dentry, d_parent);
			name = SEEN(seen, __u64, dentry, struct dentry, d_name.name);
		}
		if (parent == (__u64)dentry) {
			if (here.above == (__u64)mount || !here.above)
				break;
			dentry = (void *)here.mountpoint;
			mount = (void *)here.above;
			look_at_mount(mount, &here);
			continue;
		}
		if (!remember_name(walk, (void *)name))
			break;
		dentry = (void *)parent;
	}
	/* A file that lies nowhere, such as memory that was made one, is told by its bare name. */
	if (walk->depth == 0 && (__u64)dentry != here.root)
		return bpf_probe_read_kernel_str(SPOT(event, event->at), NAME_BYTES, BPF_CORE_READ(dentry, d_name.name));
	walk->at = event->at;
	write_names(event, walk);
	return walk->at - event->at;
}

static __always_inline struct kernfs_node *group_above(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->__parent))
		return BPF_CORE_READ(node, __parent);
	return (void *)BPF_CORE_READ((struct kernfs_node___before_6_15 *)node, parent);
}

/* Writes the path of a control group at `at`, ended by a zero byte. Gives where it ends. */
__noinline int write_group(__u64 node_address, __u32 at)
{
	struct kernfs_node *node = (void *)node_address;
	struct event *event = event_current();
	__u32 zero = 0;
	struct walk *walk = bpf_map_lookup_elem(&walks, &zero);

	if (!event || !walk)
		return at;
	walk->depth = 0;
	for (int step = 0; step < DEPTH_OF_GROUP; step++) {
		struct kernfs_node *parent = node ? group_above(node) : NULL;

		if (!parent || !remember_name(walk, BPF_CORE_READ(node, name)))
			break;
		node = parent;
	}
	walk->at = at;
	write_names(event, walk);
	return walk->at;
}

/* The path of a file as the next parameter. */
static __always_inline void put_path(struct event *event, struct dentry *dentry, struct vfsmount *mount)
{
	int size = write_path((__u64)dentry, (__u64)mount);

	end_parameter(event, size < 0 || size > TEXT_MAX ? 0 : size);
}

static __always_inline void put_file_path(struct event *event, struct file *file)
{
	if (!file) {
		put_nothing(event);
		return;
	}
	put_path(event, BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt));
}

enum layer { LAYER_NONE, LAYER_UPPER, LAYER_LOWER };

/* In which layer of an overlay an inode of one lies: it is followed by its entry in the upper layer, if any. */
static __always_inline enum layer layer_in_overlay(struct inode *inode)
{
	struct dentry *upper = NULL;

	bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + bpf_core_type_size(struct inode));
	return upper && BPF_CORE_READ(upper, d_inode) ? LAYER_UPPER : LAYER_LOWER;
}

static __always_inline enum layer layer_of(struct inode *inode)
{
	if (!inode || BPF_CORE_READ(inode, i_sb, s_magic) != OVERLAYFS_MAGIC)
		return LAYER_NONE;
	return layer_in_overlay(inode);
}

/* As user space writes it. */
static __always_inline __u32 device_number(__u32 device)
{
	__u32 major = device >> 20;
	__u32 minor = device & 0xfffff;

	return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

static __always_inline struct file *file_of(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = task->files->fdt;
	struct file *file = NULL;

	if (fd >= table->max_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), (struct file **)table->fd + fd);
	return file;
}

#endif
