/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Calls that change what a process may do, reach or see, or that reach into others: rare, and always told. */
#ifndef KERNEL_PRIVILEGES_H
#define KERNEL_PRIVILEGES_H

#define MOUNT_MAGIC 0xc0ed0000
#define MOUNT_MAGIC_MASK 0xffff0000
#define MODULE_HEAD_BYTES 64

/* The result and up to three numbers of 32 bits. */
static __always_inline int numbers(struct call *call, __u16 code, int count)
{
	struct event *event = event_begin(CLASS_PRIVILEGE, code, 1 + count);

	if (!event)
		return 0;
	put_s64(event, call->result);
	for (int place = 0; place < count; place++)
		put_u32(event, call->arguments[place]);
	event_submit(event);
	return 0;
}

ON_CALL(setuid)
{
	return numbers(call, EV_SETUID, 1);
}

ON_CALL(setgid)
{
	return numbers(call, EV_SETGID, 1);
}

ON_CALL(setreuid)
{
	return numbers(call, EV_SETREUID, 2);
}

ON_CALL(setregid)
{
	return numbers(call, EV_SETREGID, 2);
}

ON_CALL(setresuid)
{
	return numbers(call, EV_SETRESUID, 3);
}

ON_CALL(setresgid)
{
	return numbers(call, EV_SETRESGID, 3);
}

ON_CALL(setsid)
{
	return numbers(call, EV_SETSID, 0);
}

ON_CALL(userfaultfd)
{
	return numbers(call, EV_USERFAULTFD, 1);
}

ON_CALL(bpf)
{
	return numbers(call, EV_BPF, 1);
}

ON_CALL(unshare)
{
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_UNSHARE, 2);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_u32(event, clone_flags_of(call->arguments[0]));
	event_submit(event);
	return 0;
}

ON_CALL(setns)
{
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_SETNS, 3);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_s64(event, (__s32)call->arguments[0]);
	put_u32(event, clone_flags_of(call->arguments[1]));
	event_submit(event);
	return 0;
}

/* The capabilities as they are after the call, not as they were asked for. */
ON_CALL(capset)
{
	const struct cred *cred = BPF_CORE_READ(bpf_get_current_task_btf(), cred);
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_CAPSET, 4);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_u64(event, capabilities(&cred->cap_inheritable));
	put_u64(event, capabilities(&cred->cap_permitted));
	put_u64(event, capabilities(&cred->cap_effective));
	event_submit(event);
	return 0;
}

ON_CALL(mount)
{
	__u32 flags = call->arguments[3];
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_MOUNT, 5);

	if (!event)
		return 0;
	if ((flags & MOUNT_MAGIC_MASK) == MOUNT_MAGIC)
		flags &= ~MOUNT_MAGIC_MASK;
	put_s64(event, call->result);
	put_user_text(event, call->arguments[0]);
	put_user_text(event, call->arguments[1]);
	put_user_text(event, call->arguments[2]);
	put_u32(event, flags);
	event_submit(event);
	return 0;
}

ON_CALL(umount2)
{
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_UMOUNT2, 3);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_user_text(event, call->arguments[0]);
	put_u32(event, call->arguments[1]);
	event_submit(event);
	return 0;
}

ON_CALL(chroot)
{
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_CHROOT, 2);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_user_text(event, call->arguments[0]);
	event_submit(event);
	return 0;
}

/* A value of which the first byte says what it is: 0 a number, 1 a signal. */
static __always_inline void put_variant_u64(struct event *event, __u64 value)
{
	*SPOT(event, event->at) = 0;
	write_u64(event, event->at + 1, value);
	end_parameter(event, 9);
}

ON_CALL(ptrace)
{
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_PTRACE, 5);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_variant_u64(event, call->arguments[2]);
	put_variant_u64(event, call->arguments[3]);
	put_u16(event, ptrace_request_of(call->arguments[0]));
	put_s64(event, (__s32)call->arguments[1]);
	event_submit(event);
	return 0;
}

ON_CALL(process_vm_writev)
{
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_PROCESS_VM_WRITEV, 3);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_s64(event, (__s32)call->arguments[0]);
	put_nothing(event);
	event_submit(event);
	return 0;
}

ON_CALL(kill)
{
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_KILL, 3);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_s64(event, (__s32)call->arguments[0]);
	put_u8(event, call->arguments[1]);
	event_submit(event);
	return 0;
}

ON_CALL(memfd_create)
{
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_MEMFD_CREATE, 3);

	if (!event)
		return 0;
	if (call->result >= 0)
		mark_told(call->result);
	put_s64(event, call->result);
	put_user_text(event, call->arguments[0]);
	put_u32(event, call->arguments[1] & 7);
	event_submit(event);
	return 0;
}

/* The beginning of the module is enough to tell what it is. */
ON_CALL(init_module)
{
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_INIT_MODULE, 4);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_user_bytes(event, call->arguments[0], call->arguments[1], MODULE_HEAD_BYTES);
	put_u64(event, call->arguments[1]);
	put_user_text(event, call->arguments[2]);
	event_submit(event);
	return 0;
}

ON_CALL(finit_module)
{
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_FINIT_MODULE, 4);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_s64(event, (__s32)call->arguments[0]);
	put_user_text(event, call->arguments[1]);
	put_u32(event, call->arguments[2] & 7);
	event_submit(event);
	return 0;
}

ON_CALL(delete_module)
{
	__u32 flags = 0;
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_DELETE_MODULE, 3);

	if (!event)
		return 0;
	MAP_FLAG(call->arguments[1], OPEN_TRUNCATE, 1);
	MAP_FLAG(call->arguments[1], OPEN_NONBLOCK, 2);
	put_s64(event, call->result);
	put_user_text(event, call->arguments[0]);
	put_u32(event, flags);
	event_submit(event);
	return 0;
}

ON_CALL(io_uring_setup)
{
	struct io_uring_params parameters = {};
	struct event *event = event_begin(CLASS_PRIVILEGE, EV_IO_URING_SETUP, 8);

	if (!event)
		return 0;
	bpf_probe_read_user(&parameters, sizeof(parameters), (void *)call->arguments[1]);
	put_s64(event, call->result);
	put_u32(event, call->arguments[0]);
	put_u32(event, parameters.sq_entries);
	put_u32(event, parameters.cq_entries);
	put_u32(event, ring_flags_of(parameters.flags));
	put_u32(event, parameters.sq_thread_cpu);
	put_u32(event, parameters.sq_thread_idle);
	put_u32(event, parameters.features & 0x7ff);
	event_submit(event);
	return 0;
}

#endif
