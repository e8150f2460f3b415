/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Answers of name servers: which name an address has, as this host itself looked it up. Taken from the memory of whoever asked when
 * the answer is there, so that it does not matter how the network brought it.
 *
 * The surprise: who asked stands in the socket when it is connected; else only in the call that sent the question, so sockets that
 * ask are remembered. An answer that nobody asked for names nothing.
 */
#ifndef KERNEL_ANSWERS_H
#define KERNEL_ANSWERS_H

#define NAME_SERVER_PORT 53
/* Header of a message, and the shortest question. */
#define ANSWER_LEAST 18

#if defined(__TARGET_ARCH_x86)
#define NUMBER_READ 0
#define NUMBER_SENDTO 44
#define NUMBER_RECVFROM 45
#define NUMBER_SENDMSG 46
#define NUMBER_RECVMSG 47
#define NUMBER_RECVMMSG 299
#define NUMBER_SENDMMSG 307
#else
#define NUMBER_READ 63
#define NUMBER_SENDTO 206
#define NUMBER_RECVFROM 207
#define NUMBER_SENDMSG 211
#define NUMBER_RECVMSG 212
#define NUMBER_RECVMMSG 243
#define NUMBER_SENDMMSG 269
#endif

/* Over a socket that is not connected: whether it last sent to a name server. */
static __always_inline bool has_asked(struct sock *sk, const struct talker *talker)
{
	__u16 port = BPF_CORE_READ(sk, __sk_common.skc_dport);

	if (!port && talker)
		port = talker->last.port;
	return host_order(port) == NAME_SERVER_PORT;
}

/* Where the call that the process is in lays what it receives; 0 when that is not known. Of several messages the first one's. */
static __always_inline __u64 place_of_received(void)
{
	struct call call = {};
	__u64 vector = 0, place = 0;
	__u32 number = read_current_call(&call);

	if (number == NUMBER_READ || number == NUMBER_RECVFROM)
		return call.arguments[1];
	if (number != NUMBER_RECVMSG && number != NUMBER_RECVMMSG)
		return 0;
	if (bpf_probe_read_user(&vector, sizeof(vector), (void *)(call.arguments[1] + offsetof(struct user_msghdr, msg_iov))))
		return 0;
	if (!vector || bpf_probe_read_user(&place, sizeof(place), (void *)vector))
		return 0;
	return place;
}

/* Where the call that the process is in says to whom it sends; 0 when it does not. */
static __always_inline __u64 place_of_address(void)
{
	struct call call = {};
	__u32 number = read_current_call(&call);
	__u64 place = 0;

	if (number == NUMBER_SENDTO)
		return call.arguments[4];
	if (number == NUMBER_SENDMSG || number == NUMBER_SENDMMSG)
		bpf_probe_read_user(&place, sizeof(place), (void *)call.arguments[1]);
	return place;
}

static __always_inline void tell_answer(__u32 size)
{
	struct event *event;
	struct answer_record *record;
	__u64 place = place_of_received();
	__u64 who = bpf_get_current_pid_tgid();

	if (!place || size < ANSWER_LEAST || (__u32)(who >> 32) == settings.own_pid)
		return;
	event = event_scratch(CLASS_NETWORK);
	if (!event)
		return;
	record = (void *)event->bytes;
	__builtin_memset(record, 0, offsetof(struct answer_record, bytes));
	record->type = BLOCK_ANSWER;
	record->cpu = CLASS_NETWORK << CLASS_SHIFT;
	record->time_ns = now_ns();
	record->pid = who >> 32;
	record->tid = who;
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	if (size > ANSWER_BYTES)
		size = ANSWER_BYTES;
	record->size = size;
	record->length = offsetof(struct answer_record, bytes) + size;
	if (bpf_probe_read_user(record->bytes, size, (void *)place) == 0 &&
	    bpf_ringbuf_output(&activity_ring, record, offsetof(struct answer_record, bytes) + size, BPF_RB_NO_WAKEUP))
		count_lost(CLASS_NETWORK);
	event_discard();
}

#endif
