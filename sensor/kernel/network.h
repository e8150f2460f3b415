/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Sockets: made, bound, listening, connected, accepted. Both ends are read from the socket itself when the call returns. */
#ifndef KERNEL_NETWORK_H
#define KERNEL_NETWORK_H

#define SOCKET_FLAGS 02004000

/* Both bits that a socket can be made with have their open flag's value. */
static __always_inline __u32 socket_flags_of(__u32 given)
{
	__u32 flags = 0;

	MAP_FLAG(given, OPEN_NONBLOCK, 64);
	MAP_FLAG(given, OPEN_CLOSE_ON_EXEC, TOLD_CLOSE_ON_EXEC);
	return flags;
}

ON_CALL(socket)
{
	struct event *event = event_begin(CLASS_NETWORK, EV_SOCKET, 5);

	if (!event)
		return 0;
	if (call->result >= 0)
		mark_told(call->result);
	put_s64(event, call->result);
	put_u32(event, call->arguments[0]);
	put_u32(event, call->arguments[1] & ~SOCKET_FLAGS);
	put_u32(event, call->arguments[2]);
	put_u32(event, socket_flags_of(call->arguments[1]));
	event_submit(event);
	return 0;
}

ON_CALL(bind)
{
	struct event *event = event_begin(CLASS_NETWORK, EV_BIND, 3);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_address(event, call->arguments[1], call->arguments[2]);
	put_s64(event, (__s32)call->arguments[0]);
	event_submit(event);
	return 0;
}

ON_CALL(listen)
{
	struct event *event = event_begin(CLASS_NETWORK, EV_LISTEN, 3);

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_s64(event, (__s32)call->arguments[0]);
	put_u32(event, call->arguments[1]);
	event_submit(event);
	return 0;
}

ON_CALL(connect)
{
	struct sock *sk = sock_of(call->arguments[0]);
	struct event *event = event_begin(CLASS_NETWORK, EV_CONNECT, 4);

	begin_flow(sk, OUTBOUND, call->result);
	if (!event)
		return 0;
	put_s64(event, call->result);
	put_tuple_to(event, sk, OUTBOUND, call->arguments[1], call->arguments[2]);
	put_s64(event, (__s32)call->arguments[0]);
	put_address(event, call->arguments[1], call->arguments[2]);
	event_submit(event);
	return 0;
}

static __always_inline int accepted(struct call *call, bool has_flags)
{
	struct sock *listening = sock_of(call->arguments[0]);
	struct sock *sk = call->result < 0 ? NULL : sock_of(call->result);
	struct event *event = event_begin(CLASS_NETWORK, has_flags ? EV_ACCEPT4 : EV_ACCEPT, has_flags ? 6 : 5);
	__u32 waiting = listening ? BPF_CORE_READ(listening, sk_ack_backlog) : 0;
	__u32 most = listening ? BPF_CORE_READ(listening, sk_max_ack_backlog) : 0;

	begin_flow(sk, INBOUND, call->result);
	if (!event)
		return 0;
	if (call->result >= 0)
		mark_told(call->result);
	put_s64(event, call->result);
	put_tuple(event, sk, INBOUND);
	put_u8(event, most == 0 ? 0 : waiting * 100ULL / most);
	put_u32(event, waiting);
	put_u32(event, most);
	if (has_flags)
		put_u32(event, socket_flags_of(call->arguments[3]));
	event_submit(event);
	return 0;
}

ON_CALL(accept)
{
	return accepted(call, false);
}

ON_CALL(accept4)
{
	return accepted(call, true);
}

/* Where the address stands in a message of the caller; 0 when it gives none. */
static __always_inline __u64 address_in_message(__u64 message, __u32 *size)
{
	struct user_msghdr header = {};

	if (bpf_probe_read_user(&header, 16, (void *)message))
		return 0;
	*size = header.msg_namelen;
	return (__u64)header.msg_name;
}

/*
 * Something was sent or received with an address: told when it is the first between this socket and that address. TCP, and UDP
 * that is connected, give none and are out after one look.
 */
static __always_inline int talked(struct call *call, __u16 code, __u64 address, __u32 size)
{
	bool is_sent = code == EV_SENDTO || code == EV_SENDMSG || code == EV_SENDMMSG;
	struct sock *sk;
	struct event *event;

	if (!address || size < sizeof(struct sockaddr_in))
		return 0;
	sk = sock_of(call->arguments[0]);
	if (!is_new_talk(sk, address, code == EV_SENDMMSG || code == EV_RECVMMSG ? 0 : call->result, is_sent))
		return 0;
	event = event_begin(CLASS_NETWORK, code, code == EV_RECVMSG || code == EV_RECVMMSG ? 6 : 5);
	if (!event)
		return 0;
	put_s64(event, call->result);
	switch (code) {
	case EV_SENDTO:
	case EV_SENDMSG:
		put_nothing(event);
		put_s64(event, (__s32)call->arguments[0]);
		put_u32(event, call->result > 0 ? call->result : 0);
		put_tuple_to(event, sk, OUTBOUND, address, size);
		break;
	case EV_SENDMMSG:
		put_s64(event, (__s32)call->arguments[0]);
		put_u32(event, 0);
		put_nothing(event);
		put_tuple_to(event, sk, OUTBOUND, address, size);
		break;
	case EV_RECVFROM:
		put_nothing(event);
		put_tuple_to(event, sk, INBOUND, address, size);
		put_s64(event, (__s32)call->arguments[0]);
		put_u32(event, call->result > 0 ? call->result : 0);
		break;
	case EV_RECVMSG:
		put_u32(event, call->result > 0 ? call->result : 0);
		put_nothing(event);
		put_tuple_to(event, sk, INBOUND, address, size);
		put_nothing(event);
		put_s64(event, (__s32)call->arguments[0]);
		break;
	default:
		put_s64(event, (__s32)call->arguments[0]);
		put_u32(event, 0);
		put_nothing(event);
		put_tuple_to(event, sk, INBOUND, address, size);
		put_nothing(event);
	}
	event_submit(event);
	return 0;
}

ON_CALL(sendto)
{
	return talked(call, EV_SENDTO, call->arguments[4], call->arguments[5]);
}

ON_CALL(recvfrom)
{
	__u32 size = 0;

	if (!call->arguments[4] || call->result < 0)
		return 0;
	bpf_probe_read_user(&size, sizeof(size), (void *)call->arguments[5]);
	return talked(call, EV_RECVFROM, call->arguments[4], size);
}

ON_CALL(sendmsg)
{
	__u32 size = 0;
	__u64 address = address_in_message(call->arguments[1], &size);

	return talked(call, EV_SENDMSG, address, size);
}

ON_CALL(recvmsg)
{
	__u32 size = 0;
	__u64 address = call->result < 0 ? 0 : address_in_message(call->arguments[1], &size);

	return talked(call, EV_RECVMSG, address, size);
}

/* Of many messages the first one's address is looked at. */
ON_CALL(sendmmsg)
{
	__u32 size = 0;
	__u64 address = address_in_message(call->arguments[1], &size);

	return talked(call, EV_SENDMMSG, address, size);
}

ON_CALL(recvmmsg)
{
	__u32 size = 0;
	__u64 address = call->result < 0 ? 0 : address_in_message(call->arguments[1], &size);

	return talked(call, EV_RECVMMSG, address, size);
}

#endif
