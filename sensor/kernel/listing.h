/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The sockets that were open before the hooks: only the kernel knows both ends of one in another namespace. */
#ifndef KERNEL_LISTING_H
#define KERNEL_LISTING_H

#define STATE_LISTEN 10

SEC("iter/task_file")
int list_sockets(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	struct listed_socket listed = {};
	struct sock *sk;

	if (!task || !file)
		return 0;
	sk = sock_of_file(file);
	if (!sk)
		return 0;
	listed.pid = task->tgid;
	listed.fd = context->fd;
	listed.inode = BPF_CORE_READ(file, f_inode, i_ino);
	listed.is_listening = BPF_CORE_READ(sk, __sk_common.skc_state) == STATE_LISTEN;
	listed.flow.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	listed.flow.protocol = BPF_CORE_READ(sk, sk_protocol);
	if (listed.flow.family == FAMILY_IPV4 || listed.flow.family == FAMILY_IPV6) {
		read_ends(&listed.flow, sk);
	} else if (listed.flow.family == FAMILY_UNIX) {
		const char *path = unix_path((struct unix_sock *)sk);

		listed.flow.sent = (__u64)sk;
		listed.flow.received = (__u64)BPF_CORE_READ((struct unix_sock *)sk, peer);
		if (path)
			bpf_probe_read_kernel_str(listed.path, sizeof(listed.path), path);
	}
	bpf_seq_write(context->meta->seq, &listed, sizeof(listed));
	return 0;
}

#endif
