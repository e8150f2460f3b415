/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * How processes come, change their program and go. These hooks cost nothing to other calls, and everything that is told is read
 * from the kernel while the process is there: a program of half a millisecond is known as well as a daemon.
 */
#ifndef KERNEL_PROCESSES_H
#define KERNEL_PROCESSES_H

#define CLONE_PARAMETERS 21
#define EXEC_PARAMETERS 31
#define EXECVEAT_PARAMETERS 30
#define EXIT_PARAMETERS 5
#define ANCESTORS_MAX 32
#define RLIMIT_FILES 7
#define IN_CHILD_NAMESPACE (1 << 29)
/* The child is made in a control group of its own. */
#define INTO_OTHER_GROUP 0x200000000ULL

static __always_inline __u16 clone_code(struct task_struct *task)
{
	switch (call_number(task, (struct pt_regs *)bpf_task_pt_regs(task))) {
	case CALL_FORK:
		return EV_FORK;
	case CALL_VFORK:
		return EV_VFORK;
	case CALL_CLONE3:
		return EV_CLONE3;
	default:
		return EV_CLONE;
	}
}

/* Parameters 4 to 6: thread, process, parent, as the first namespace numbers them. */
static __always_inline void put_numbers(struct event *event, struct task_struct *task)
{
	put_s64(event, task->pid);
	put_s64(event, task->tgid);
	put_s64(event, task->real_parent->tgid);
}

/* Where the parts of a clone stand that differ between its two events. */
struct clone_places {
	__u32 result, numbers, memory, tail;
};

static __always_inline __u32 clone_flags_for(struct task_struct *task, __u32 flags)
{
	if (task->thread_pid->level > 0 || task->nsproxy->pid_ns_for_children->level > 0)
		flags |= IN_CHILD_NAMESPACE;
	return flags;
}

static __always_inline void put_clone(struct event *event, struct task_struct *task, __s64 result, __u32 flags,
				      struct clone_places *places)
{
	struct pid_namespace *namespace = task->nsproxy->pid_ns_for_children;
	const struct cred *cred = task->cred;

	places->result = event->at;
	put_s64(event, result);
	put_arguments(event, bpf_get_current_task_btf()->mm);
	places->numbers = event->at;
	put_numbers(event, task);
	put_working_directory(event, task);
	put_s64(event, task->signal->rlim[RLIMIT_FILES].rlim_cur);
	places->memory = event->at;
	put_memory(event, task);
	put_kernel_text(event, &task->comm);
	put_groups(event, task);
	places->tail = event->at;
	put_u32(event, clone_flags_for(task, flags));
	put_u32(event, cred->euid.val);
	put_u32(event, cred->egid.val);
	put_s64(event, inner_number_of(task->thread_pid));
	put_s64(event, inner_number_of(pid_of(task, KIND_TGID)));
	put_u64(event, namespace->child_reaper->start_time);
}

/* Makes the child's event of the caller's: names, directory, groups and limits are the same when a clone returns. */
static __always_inline void turn_to_child(struct event *event, struct task_struct *child, __u32 flags,
					  const struct clone_places *places)
{
	write_u64(event, EVENT_AT, now_ns());
	write_u64(event, EVENT_AT + 8, child->pid);
	write_u64(event, places->result, 0);
	write_u64(event, places->numbers, child->pid);
	write_u64(event, places->numbers + 8, child->tgid);
	write_u64(event, places->numbers + 16, child->real_parent->tgid);
	write_u64(event, places->memory, child->maj_flt);
	write_u64(event, places->memory + 8, child->min_flt);
	write_u32(event, places->tail, clone_flags_for(child, flags));
	write_u32(event, places->tail + 4, child->cred->euid.val);
	write_u32(event, places->tail + 8, child->cred->egid.val);
	write_u64(event, places->tail + 12, inner_number_of(child->thread_pid));
	write_u64(event, places->tail + 20, inner_number_of(pid_of(child, KIND_TGID)));
	write_u64(event, places->tail + 28, child->nsproxy->pid_ns_for_children->child_reaper->start_time);
}

/* A task was made and does not run yet. Two events, as if both sides had returned from the call: first the caller's. */
SEC("tp_btf/task_newtask")
int BPF_PROG(on_newtask, struct task_struct *child, __u64 clone_flags)
{
	struct task_struct *caller = bpf_get_current_task_btf();
	__u32 flags = clone_flags_of(clone_flags);
	struct clone_places places = {};
	struct event *event;
	__u16 code;

	if (is_kernel_thread(child))
		return 0;
	inherit_told(child);
	code = clone_code(caller);
	event = event_begin(CLASS_PROCESS, code, CLONE_PARAMETERS);
	if (!event)
		return 0;
	put_clone(event, caller, inner_number_of(child->thread_pid), flags, &places);
	hand_over(event);
	if (clone_flags & INTO_OTHER_GROUP) {
		event_header(event, code, CLONE_PARAMETERS, child->pid);
		put_clone(event, child, 0, flags, &places);
	} else {
		turn_to_child(event, child, flags, &places);
	}
	event_submit(event);
	return 0;
}

/* Parameters of an exec from the seventh on; the three before and the first are alike for success and failure. */
static __always_inline void put_exec(struct event *event, struct task_struct *task, __s64 result)
{
	struct mm_struct *mm = task->mm;
	const struct cred *cred = task->cred;
	struct file *program = mm ? mm->exe_file : NULL;
	struct inode *inode = program ? BPF_CORE_READ(program, f_inode) : NULL;
	__u64 env = mm ? mm->env_start : 0;

	put_s64(event, result);
	put_arguments(event, mm);
	put_numbers(event, task);
	put_working_directory(event, task);
	put_u64(event, task->signal->rlim[RLIMIT_FILES].rlim_cur);
	put_memory(event, task);
	put_kernel_text(event, &task->comm);
	put_groups(event, task);
	put_user_texts(event, env, mm ? mm->env_end - env : 0, settings.env_bytes);
	put_u32(event, terminal_of(task));
	put_s64(event, inner_number_of(pid_of(task, KIND_PGID)));
	put_u32(event, login_uid_of(task));
	put_u32(event, exe_flags(task, program));
	put_u64(event, capabilities(&cred->cap_inheritable));
	put_u64(event, capabilities(&cred->cap_permitted));
	put_u64(event, capabilities(&cred->cap_effective));
	put_u64(event, inode ? BPF_CORE_READ(inode, i_ino) : 0);
	put_u64(event, inode ? changed_ns(inode) : 0);
	put_u64(event, inode ? modified_ns(inode) : 0);
	put_u32(event, cred->euid.val);
	put_file_path(event, program);
	put_s64(event, number_of(pid_of(task, KIND_PGID)));
	put_u32(event, cred->egid.val);
}

/* A program has replaced another and does not run yet. Told as execve, also when execveat was called: its path is known. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct event *event;

	if (is_kernel_thread(task))
		return 0;
	event = event_begin(CLASS_PROCESS, EV_EXECVE, EXEC_PARAMETERS);
	if (!event)
		return 0;
	put_exec(event, task, 0);
	put_kernel_text(event, BPF_CORE_READ(bprm, filename));
	event_submit(event);
	return 0;
}

static __always_inline int exec_failed(struct call *call, __u16 code, __u64 filename)
{
	struct event *event;

	if (call->result >= 0)
		return 0;
	event = event_begin(CLASS_PROCESS, code, code == EV_EXECVE ? EXEC_PARAMETERS : EXECVEAT_PARAMETERS);
	if (!event)
		return 0;
	put_exec(event, bpf_get_current_task_btf(), call->result);
	if (code == EV_EXECVE)
		put_user_text(event, filename);
	event_submit(event);
	return 0;
}

ON_CALL(execve)
{
	return exec_failed(call, EV_EXECVE, call->arguments[0]);
}

ON_CALL(execveat)
{
	return exec_failed(call, EV_EXECVEAT, 0);
}

/* Who gets the children of a process that ends: its other threads, else the nearest ancestor that asked for them, else init. */
static __always_inline __s64 reaper_of(struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct task_struct *init = NULL, *ancestor;
	struct pid_namespace *namespace;
	struct upid upid = {};

	if (BPF_CORE_READ(task, children.next) == &task->children)
		return 0;
	if (BPF_CORE_READ(signal, live.counter) > 0)
		return 0;
	bpf_probe_read_kernel(&upid, sizeof(upid),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      (__u64)level * bpf_core_type_size(struct upid));
	namespace = upid.ns;
	init = BPF_CORE_READ(namespace, child_reaper);
	if (init == task)
		return 0;
	ancestor = BPF_CORE_READ(task, real_parent);
	for (int step = 0; step < ANCESTORS_MAX; step++) {
		struct signal_struct *its = BPF_CORE_READ(ancestor, signal);

		if (ancestor == init || BPF_CORE_READ(ancestor, thread_pid, level) != level)
			break;
		if (BPF_CORE_READ_BITFIELD_PROBED(its, is_child_subreaper))
			return BPF_CORE_READ(ancestor, pid);
		ancestor = BPF_CORE_READ(ancestor, real_parent);
	}
	return BPF_CORE_READ(init, pid);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__s32 code = task->exit_code;
	struct event *event;

	if (is_kernel_thread(task))
		return 0;
	forget_process(task);
	event = event_begin(CLASS_PROCESS, EV_PROCEXIT, EXIT_PARAMETERS);
	if (!event)
		return 0;
	put_s64(event, code);
	put_s64(event, (code >> 8) & 0xff);
	put_u8(event, code & 0x7f);
	put_u8(event, (code & 0x80) != 0);
	put_s64(event, reaper_of(task));
	event_submit(event);
	return 0;
}

#endif
