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

	if (!event)
		return 0;
	put_s64(event, call->result);
	put_tuple_to(event, sk, call->arguments[1], call->arguments[2]);
	put_s64(event, (__s32)call->arguments[0]);
	put_address(event, call->arguments[1], call->arguments[2]);
	event_submit(event);
	return 0;
}

static __always_inline int accepted(struct call *call, bool has_flags)
{
	struct sock *listening = sock_of(call->arguments[0]);
	struct event *event = event_begin(CLASS_NETWORK, has_flags ? EV_ACCEPT4 : EV_ACCEPT, has_flags ? 6 : 5);
	__u32 waiting = listening ? BPF_CORE_READ(listening, sk_ack_backlog) : 0;
	__u32 most = listening ? BPF_CORE_READ(listening, sk_max_ack_backlog) : 0;

	if (!event)
		return 0;
	if (call->result >= 0)
		mark_told(call->result);
	put_s64(event, call->result);
	put_tuple(event, call->result < 0 ? NULL : sock_of(call->result), INBOUND);
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

#endif
