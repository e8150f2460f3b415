/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Which descriptors the reader of the stream knows, so that it is told when they become something else, and only then.
 *
 * A descriptor is told when an event made it (open, socket, accept, dup …); then its close is told too. Others, of which there
 * are far more, cost a look into a map. A process without an entry was there before the sensor: all that it has was listed.
 *
 * What is written is added up by file and told with the first write, once a second after, and when the descriptor is closed or
 * the process ends: so every file that was written is named and the numbers add up, without an event for every write.
 */
#ifndef KERNEL_DESCRIPTORS_H
#define KERNEL_DESCRIPTORS_H

#define TOLD_FDS 1024
#define PROCESSES_MAX 16384
#define WRITES_MAX 16384
#define WRITE_AGAIN_NS 1000000000ULL
#define FLUSH_FDS 64

struct told_fds {
	__u64 bits[TOLD_FDS / 64];
	/* Writes that are added up and not told. */
	__u32 pending;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PROCESSES_MAX);
	__type(key, __u32);
	__type(value, struct told_fds);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct told_fds);
} told_scratch SEC(".maps");

struct write_key {
	__u64 file;
	__u64 pid;
};

struct written {
	__u64 bytes;
	__u64 told_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WRITES_MAX);
	__type(key, struct write_key);
	__type(value, struct written);
} writes SEC(".maps");

static __always_inline struct told_fds *told_of_current(void)
{
	__u32 pid = current_pid();

	return bpf_map_lookup_elem(&processes, &pid);
}

/* The word with the bit of a descriptor, which is smaller than TOLD_FDS. */
static __always_inline __u64 *word_of(struct told_fds *told, __u32 fd)
{
	/* Else the compiler, which knows that already, leaves out the mask that the verifier wants to see. */
	barrier_var(fd);
	return &told->bits[(fd >> 6) & (TOLD_FDS / 64 - 1)];
}

static __always_inline void mark_told(__u32 fd)
{
	struct told_fds *told = fd < TOLD_FDS ? told_of_current() : NULL;

	if (told)
		*word_of(told, fd) |= 1ULL << (fd & 63);
}

/* Of numbers beyond the bits, and of processes that were there before, everything counts as told. */
static __always_inline bool is_told(__u32 fd)
{
	struct told_fds *told = fd < TOLD_FDS ? told_of_current() : NULL;

	return !told || (*word_of(told, fd) & (1ULL << (fd & 63)));
}

/* As is_told, and it is not from now on. */
static __always_inline bool take_told(__u32 fd)
{
	struct told_fds *told = fd < TOLD_FDS ? told_of_current() : NULL;
	__u64 bit = 1ULL << (fd & 63);
	__u64 *word;

	if (!told)
		return true;
	word = word_of(told, fd);
	if (!(*word & bit))
		return false;
	*word &= ~bit;
	return true;
}

/* A child has what its parent had. Threads share the entry of their process. */
static __always_inline void inherit_told(struct task_struct *child)
{
	__u32 pid = child->tgid;
	__u32 parent = current_pid();
	struct told_fds *told, *copy;
	__u32 zero = 0;

	if (pid == parent)
		return;
	told = bpf_map_lookup_elem(&processes, &parent);
	copy = bpf_map_lookup_elem(&told_scratch, &zero);
	if (!copy)
		return;
	if (told)
		__builtin_memcpy(copy, told, sizeof(*copy));
	else
		__builtin_memset(copy, 0xff, sizeof(*copy));
	copy->pending = 0;
	bpf_map_update_elem(&processes, &pid, copy, BPF_ANY);
}

static __always_inline void tell_close(__u32 fd)
{
	struct event *event = event_begin(CLASS_FILE, EV_CLOSE, 2);

	if (!event)
		return;
	put_s64(event, 0);
	put_s64(event, fd);
	event_submit(event);
}

static __always_inline void tell_write(__u32 fd, __u64 bytes)
{
	struct event *event = event_begin(CLASS_FILE, EV_WRITE, 4);

	if (!event)
		return;
	put_s64(event, bytes);
	put_nothing(event);
	put_s64(event, fd);
	put_u32(event, bytes > 0xffffffff ? 0xffffffff : bytes);
	event_submit(event);
}

static __always_inline void count_pending(__s32 change)
{
	struct told_fds *told = told_of_current();

	if (told)
		__sync_fetch_and_add(&told->pending, change);
}

static __always_inline int wrote(__u32 fd, __s64 bytes)
{
	struct file *file;
	struct write_key key;
	struct written *written, first = {};
	__u64 now, sum;

	if (bytes <= 0)
		return 0;
	file = file_of(bpf_get_current_task_btf(), fd);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & KIND_OF_FILE) != KIND_REGULAR)
		return 0;
	key.file = (__u64)file;
	key.pid = current_pid();
	now = bpf_ktime_get_boot_ns();
	written = bpf_map_lookup_elem(&writes, &key);
	if (written && now - written->told_ns < WRITE_AGAIN_NS) {
		if (__sync_fetch_and_add(&written->bytes, bytes) == 0)
			count_pending(1);
		return 0;
	}
	if (!written) {
		first.told_ns = now;
		bpf_map_update_elem(&writes, &key, &first, BPF_ANY);
		tell_write(fd, bytes);
		return 0;
	}
	sum = written->bytes;
	written->bytes = 0;
	written->told_ns = now;
	if (sum)
		count_pending(-1);
	tell_write(fd, sum + bytes);
	return 0;
}

ON_CALL(write)
{
	return wrote(call->arguments[0], call->result);
}

/* Of a copy between files the receiving one stands at another place. */
ON_CALL(copy_file_range)
{
	return wrote(call->arguments[2], call->result);
}

/*
 * Tells what was added up for a descriptor that is about to go, by the number of its file when that is still known.
 * A function of its own to the verifier, since it is called in a loop.
 */
__noinline int flush_writes(__u32 fd)
{
	struct file *file = file_of(bpf_get_current_task_btf(), fd);
	struct write_key key = { .file = (__u64)file, .pid = current_pid() };
	struct written *written = file ? bpf_map_lookup_elem(&writes, &key) : NULL;

	if (!written)
		return 0;
	if (written->bytes)
		tell_write(fd, written->bytes);
	bpf_map_delete_elem(&writes, &key);
	return 0;
}

/* The last thread of a process ends: its files are still open. */
static __always_inline void forget_process(struct task_struct *task)
{
	__u32 pid = task->tgid;
	struct told_fds *told;

	if (task->signal->live.counter > 0)
		return;
	told = bpf_map_lookup_elem(&processes, &pid);
	if (told && told->pending)
		for (__u32 fd = 0; fd < FLUSH_FDS; fd++)
			flush_writes(fd);
	bpf_map_delete_elem(&processes, &pid);
}

ON_CALL(close)
{
	__u32 fd = call->arguments[0];

	if (call->result < 0 || !take_told(fd))
		return 0;
	tell_close(fd);
	return 0;
}

ON_CALL(close_range)
{
	struct event *event;

	if (call->result < 0)
		return 0;
	event = event_begin(CLASS_FILE, EV_CLOSE_RANGE, 4);
	if (!event)
		return 0;
	put_s64(event, call->result);
	put_u32(event, call->arguments[0]);
	put_u32(event, call->arguments[1]);
	put_u32(event, call->arguments[2] & 6);
	event_submit(event);
	return 0;
}

/* True when the reader shall hear of a new number for `from`. If it shall not, but knew the number as another file, that ends. */
static __always_inline bool is_duplicate_told(__u32 from, __s64 to)
{
	if (to < 0)
		return false;
	if (is_told(from)) {
		mark_told(to);
		return true;
	}
	if (take_told(to))
		tell_close(to);
	return false;
}

static __always_inline int duplicated(struct call *call, __u16 code, int parameters)
{
	struct event *event;

	if (!is_duplicate_told(call->arguments[0], call->result))
		return 0;
	event = event_begin(CLASS_FILE, code, parameters);
	if (!event)
		return 0;
	put_s64(event, call->result);
	put_s64(event, (__s32)call->arguments[0]);
	if (parameters > 2)
		put_s64(event, (__s32)call->arguments[1]);
	if (parameters > 3)
		put_u32(event, call->arguments[2] & OPEN_CLOSE_ON_EXEC ? TOLD_CLOSE_ON_EXEC : 0);
	event_submit(event);
	return 0;
}

ON_CALL(dup)
{
	return duplicated(call, EV_DUP, 2);
}

ON_CALL(dup2)
{
	return duplicated(call, EV_DUP2, 3);
}

ON_CALL(dup3)
{
	return duplicated(call, EV_DUP3, 4);
}

#define CONTROL_DUPLICATE 0
#define CONTROL_DUPLICATE_CLOSE_ON_EXEC 1030

ON_CALL(fcntl)
{
	__u32 command = call->arguments[1];
	struct event *event;

	if (command != CONTROL_DUPLICATE && command != CONTROL_DUPLICATE_CLOSE_ON_EXEC)
		return 0;
	if (!is_duplicate_told(call->arguments[0], call->result))
		return 0;
	event = event_begin(CLASS_FILE, EV_FCNTL, 4);
	if (!event)
		return 0;
	put_s64(event, call->result);
	put_s64(event, (__s32)call->arguments[0]);
	put_u8(event, command == CONTROL_DUPLICATE ? 1 : 26);
	put_u64(event, call->arguments[2]);
	event_submit(event);
	return 0;
}

#endif
