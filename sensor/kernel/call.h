/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * From the end of a system call to the program for it.
 *
 * One program sees every call end and looks its number up; calls that nobody asked for end there. `ON_CALL(name)` is the program
 * for a call: the loader puts it into `handlers` under its number when it is wanted. 32-bit calls, which any program can make,
 * are numbered otherwise and are looked up in a table of their own.
 */
#ifndef KERNEL_CALL_H
#define KERNEL_CALL_H

#define CALLS_MAX 512
#define NO_CALL 0xffff

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 2
#define CALL_CLONE 56
#define CALL_FORK 57
#define CALL_VFORK 58
#elif defined(__TARGET_ARCH_arm64)
#define CALL_CLONE 220
#define CALL_FORK 0xfffe
#define CALL_VFORK 0xfffd
#else
#error "this processor is not supported"
#endif
#define CALL_CLONE3 435

struct call {
	__s64 result;
	__u64 arguments[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, CALLS_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} handlers SEC(".maps");

/* 64-bit number of a 32-bit call. */
const volatile __u16 number_of_32bit[CALLS_MAX] = {};
/* By 64-bit number. A lookup here is cheaper than a failing tail call. */
const volatile __u8 wanted[CALLS_MAX] = {};

static __always_inline bool is_32bit(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & TS_COMPAT;
#else
	return false;
#endif
}

/* Of the call that the task is in, whose registers these are. */
static __always_inline __u32 call_number(struct task_struct *task, struct pt_regs *registers)
{
#if defined(__TARGET_ARCH_x86)
	__u32 number = registers->orig_ax;
#else
	__u32 number = registers->syscallno;
#endif

	if (number >= CALLS_MAX)
		return NO_CALL;
	if (is_32bit(task))
		return number_of_32bit[number & (CALLS_MAX - 1)];
	return number;
}

static __always_inline void read_call(struct call *call, struct pt_regs *registers, __s64 result)
{
	call->result = result;
#if defined(__TARGET_ARCH_x86)
	if (is_32bit(bpf_get_current_task_btf())) {
		call->arguments[0] = (__u32)registers->bx;
		call->arguments[1] = (__u32)registers->cx;
		call->arguments[2] = (__u32)registers->dx;
		call->arguments[3] = (__u32)registers->si;
		call->arguments[4] = (__u32)registers->di;
		call->arguments[5] = (__u32)registers->bp;
		return;
	}
	call->arguments[0] = registers->di;
	call->arguments[1] = registers->si;
	call->arguments[2] = registers->dx;
	call->arguments[3] = registers->r10;
	call->arguments[4] = registers->r8;
	call->arguments[5] = registers->r9;
#else
	call->arguments[0] = registers->orig_x0;
	call->arguments[1] = registers->regs[1];
	call->arguments[2] = registers->regs[2];
	call->arguments[3] = registers->regs[3];
	call->arguments[4] = registers->regs[4];
	call->arguments[5] = registers->regs[5];
#endif
}

/* The call that the process is in the midst of, for tracepoints within it; `NO_CALL` when it is a 32-bit one. */
static __always_inline __u32 read_current_call(struct call *call)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *registers = (struct pt_regs *)bpf_task_pt_regs(task);

	if (is_32bit(task))
		return NO_CALL;
	read_call(call, registers, 0);
	return call_number(task, registers);
}

#define ON_CALL(name)                                                                                                  \
	static __always_inline int handle_##name(struct call *call);                                                   \
	SEC("tp_btf/sys_exit")                                                                                         \
	int BPF_PROG(call_##name, struct pt_regs *registers, long result)                                              \
	{                                                                                                              \
		struct call call;                                                                                      \
		read_call(&call, registers, result);                                                                   \
		return handle_##name(&call);                                                                           \
	}                                                                                                              \
	static __always_inline int handle_##name(struct call *call)

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *registers, long result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 number = call_number(task, registers);

	if (number >= CALLS_MAX || !wanted[number & (CALLS_MAX - 1)])
		return 0;
	if ((__u32)task->tgid == settings.own_pid)
		return 0;
	bpf_tail_call(ctx, &handlers, number);
	return 0;
}

#endif
