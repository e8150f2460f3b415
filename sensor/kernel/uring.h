/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Opens and connects that a process lays into a ring instead of making a call: no call ends, so nothing else here sees them. What
 * was asked is noted when the kernel takes it, and told with its result, as the same event as the call's, when it is completed.
 */
#ifndef KERNEL_URING_H
#define KERNEL_URING_H

#define ASKED_MAX 1024
#define ASKED_NAME_BYTES 512
#define OP_CONNECT 16
#define OP_OPENAT 18
#define OP_OPENAT2 28
/* The completion got its result behind a pointer. */
#define VERSION_6_14 0x060e00

extern int LINUX_KERNEL_VERSION __kconfig;

struct asked {
	__u32 pid, tid;
	__u32 opcode;
	__s32 fd;
	__u64 flags, mode;
	char name[ASKED_NAME_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ASKED_MAX);
	__type(key, __u64);
	__type(value, struct asked);
} asked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct asked);
} asked_scratch SEC(".maps");

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(uring_asked, struct io_kiocb *request)
{
	__u32 opcode = BPF_CORE_READ(request, opcode);
	struct io_open *open = (void *)request;
	__u64 key = (__u64)request;
	struct asked *one;
	__u32 zero = 0;

	if (opcode != OP_OPENAT && opcode != OP_OPENAT2 && opcode != OP_CONNECT)
		return 0;
	if (current_pid() == settings.own_pid)
		return 0;
	one = bpf_map_lookup_elem(&asked_scratch, &zero);
	if (!one)
		return 0;
	one->pid = current_pid();
	one->tid = current_tid();
	one->opcode = opcode;
	one->name[0] = 0;
	if (opcode == OP_CONNECT) {
		one->fd = BPF_CORE_READ(request, cqe.fd);
	} else {
		one->fd = BPF_CORE_READ(open, dfd);
		one->flags = BPF_CORE_READ(open, how.flags);
		one->mode = BPF_CORE_READ(open, how.mode);
		bpf_probe_read_kernel_str(one->name, sizeof(one->name), BPF_CORE_READ(open, filename, name));
	}
	bpf_map_update_elem(&asked, &key, one, BPF_ANY);
	return 0;
}

static __always_inline bool is_name_wanted(const char *name)
{
	struct prefix *prefix;
	__u32 zero = 0;

	if (settings.reads != READS_BELOW)
		return settings.reads == READS_ALL;
	prefix = bpf_map_lookup_elem(&prefix_scratch, &zero);
	if (!prefix)
		return false;
	prefix->bits = PREFIX_MAX * 8;
	__builtin_memcpy(prefix->path, name, PREFIX_MAX);
	return bpf_map_lookup_elem(&read_prefixes, prefix) != NULL;
}

static __always_inline void tell_asked_open(struct asked *one, __s64 result)
{
	__u32 flags = open_flags_of(one->flags);
	struct event *event;

	if (result < 0 ? !is_failure_wanted(result) : !(flags & TOLD_WRITE) && !is_name_wanted(one->name))
		return;
	event = event_scratch(CLASS_FILE);
	if (!event)
		return;
	event_header(event, EV_OPENAT, 7, one->tid);
	put_s64(event, result);
	put_s64(event, one->fd);
	put_kernel_text(event, one->name);
	put_u32(event, flags);
	put_u32(event, mode_when_created(one->flags, one->mode));
	put_u32(event, 0);
	put_u64(event, 0);
	event_submit(event);
}

static __always_inline void tell_asked_connect(struct asked *one, struct file *file, __s64 result)
{
	struct sock *sk = sock_of_file(file);
	struct event *event = event_scratch(CLASS_NETWORK);

	if (!event)
		return;
	event_header(event, EV_CONNECT, 4, one->tid);
	put_s64(event, result);
	put_tuple(event, sk, OUTBOUND);
	put_s64(event, one->fd);
	put_nothing(event);
	event_submit(event);
	if (current_pid() == one->pid)
		begin_flow(sk, OUTBOUND, result);
}

SEC("tp_btf/io_uring_complete")
int uring_done(__u64 *context)
{
	struct io_kiocb *request = (void *)context[1];
	__u64 key = (__u64)request;
	struct asked *one = bpf_map_lookup_elem(&asked, &key);
	__s32 result;

	if (!one)
		return 0;
	if (LINUX_KERNEL_VERSION >= VERSION_6_14)
		result = BPF_CORE_READ((struct io_uring_cqe *)context[2], res);
	else
		result = context[3];
	if (one->opcode == OP_CONNECT)
		tell_asked_connect(one, BPF_CORE_READ(request, file), result);
	else
		tell_asked_open(one, result);
	bpf_map_delete_elem(&asked, &key);
	return 0;
}

#endif
