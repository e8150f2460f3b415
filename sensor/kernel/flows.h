/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Connections from their beginning to their end: whose, between whom, how it went, how many bytes.
 *
 * Whose it is is noted when a process connects or accepts, since the end comes in an interrupt or after the process. TCP counts
 * bytes itself and is read at the end; UDP is added up as it is sent and received. Nothing is hooked that a byte of TCP passes.
 * Long ones, and UDP, which has no end, are told now and then: the loading program has the map walked (`list_flows`).
 */
#ifndef KERNEL_FLOWS_H
#define KERNEL_FLOWS_H

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define FLOWS_MAX 16384
#define TALKERS_MAX 4096
#define STATE_ESTABLISHED 1
#define STATE_SYN_SENT 2
#define STATE_CLOSE 7
#define IN_PROGRESS (-115)
#define SOCK_FLAG_DONE 1
#define SEND_SHUTDOWN_BIT 2
#define BOUND_TO_PORT 8
#define FIRST_PICKED_PORT 32768
#define UDP_IDLE_NS 60000000000ULL
#define TCP_AGAIN_NS 30000000000ULL

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOWS_MAX);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

/* By its inode, a UDP socket that is not connected: to whom it sent last, and what came that is nobody's yet. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TALKERS_MAX);
	__type(key, __u64);
	__type(value, struct talker);
} talkers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow);
} flow_scratch SEC(".maps");

static __always_inline bool is_tcp(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == FAMILY_IPV4 || family == FAMILY_IPV6) && BPF_CORE_READ(sk, sk_protocol) == PROTOCOL_TCP;
}

static __always_inline bool is_udp(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == FAMILY_IPV4 || family == FAMILY_IPV6) && BPF_CORE_READ(sk, sk_protocol) == PROTOCOL_UDP;
}

static __always_inline __u64 inode_of(struct sock *sk)
{
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);

	return socket ? BPF_CORE_READ(socket, file, f_inode, i_ino) : 0;
}

static __always_inline void read_ends(struct flow *flow, struct sock *sk)
{
	struct inet_sock *inet = (void *)sk;

	flow->local_port = host_order(BPF_CORE_READ(inet, inet_sport));
	flow->remote_port = host_order(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (flow->family == FAMILY_IPV4) {
		bpf_probe_read_kernel(flow->local, 4, &inet->inet_saddr);
		bpf_probe_read_kernel(flow->remote, 4, &sk->__sk_common.skc_daddr);
		return;
	}
	bpf_probe_read_kernel(flow->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	bpf_probe_read_kernel(flow->remote, 16, &sk->__sk_common.skc_v6_daddr);
}

static __always_inline void read_owner(struct flow *flow)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct css_set *set = task->cgroups;
	struct cgroup_subsys_state *state = NULL;

	flow->pid = task->tgid;
	flow->tid = task->pid;
	bpf_get_current_comm(flow->comm, sizeof(flow->comm));
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		state = BPF_CORE_READ(set, subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]);
	if (state)
		bpf_probe_read_kernel_str(flow->group, sizeof(flow->group), BPF_CORE_READ(state, cgroup, kn, name));
}

/* A flow of the calling process in scratch; NULL never in fact. */
static __always_inline struct flow *flow_of_caller(struct sock *sk, __u8 protocol, __u8 role)
{
	__u32 zero = 0;
	struct flow *flow = bpf_map_lookup_elem(&flow_scratch, &zero);

	if (!flow)
		return NULL;
	__builtin_memset(flow, 0, sizeof(*flow));
	flow->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	flow->protocol = protocol;
	flow->role = role;
	flow->started_ns = now_ns();
	flow->changed_ns = flow->started_ns;
	flow->told_ns = flow->started_ns;
	flow->network = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	read_owner(flow);
	read_ends(flow, sk);
	return flow;
}

static __always_inline void begin_flow(struct sock *sk, __u8 role, __s64 result)
{
	bool tcp = sk && is_tcp(sk);
	struct flow_key key = {};
	struct flow *flow;

	if (!settings.flows || !sk || !(tcp || is_udp(sk)) || (result < 0 && result != IN_PROGRESS))
		return;
	flow = flow_of_caller(sk, tcp ? PROTOCOL_TCP : PROTOCOL_UDP, role);
	if (!flow)
		return;
	key.socket = tcp ? (__u64)sk : inode_of(sk);
	flow->is_established = result >= 0 || BPF_CORE_READ(sk, __sk_common.skc_state) == STATE_ESTABLISHED;
	/* Refused within the call, as happens on this host itself. */
	if (result == IN_PROGRESS && BPF_CORE_READ(sk, __sk_common.skc_state) == STATE_CLOSE)
		flow->error = BPF_CORE_READ(sk, sk_err);
	bpf_map_update_elem(&flows, &key, flow, BPF_ANY);
}

/* A connect that did not wait got its result. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(flow_answered, const struct sock *sk, int before, int after)
{
	struct flow_key key = { .socket = (__u64)sk };
	struct flow *flow;

	if (before != STATE_SYN_SENT)
		return 0;
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow)
		return 0;
	if (after == STATE_ESTABLISHED) {
		flow->is_established = 1;
		read_ends(flow, (struct sock *)sk);
	} else if (after == STATE_CLOSE) {
		flow->error = BPF_CORE_READ(sk, sk_err);
	}
	return 0;
}

/* TCP counts what begins and what ends a connection as a byte each; nobody sent those. */
static __always_inline void read_tcp_bytes(struct flow *flow, struct tcp_sock *tcp)
{
	struct sock *sk = (struct sock *)tcp;
	bool has_end_of_other = BPF_CORE_READ(sk, __sk_common.skc_flags) & (1 << SOCK_FLAG_DONE);
	bool has_own_end = (BPF_CORE_READ(sk, sk_shutdown) & SEND_SHUTDOWN_BIT) && !BPF_CORE_READ(sk, sk_err) &&
			   BPF_CORE_READ(tcp, snd_una) == BPF_CORE_READ(tcp, snd_nxt);
	__u64 sent = BPF_CORE_READ(tcp, bytes_acked);
	__u64 received = BPF_CORE_READ(tcp, bytes_received);

	if (flow->role == OUTBOUND && sent)
		sent--;
	flow->sent = sent - (has_own_end && sent);
	flow->received = received - (has_end_of_other && received);
	flow->retransmits = BPF_CORE_READ(tcp, total_retrans);
}

static __always_inline void tell_flow(struct flow *flow, bool is_ended)
{
	struct event *event = event_scratch(CLASS_NETWORK);
	struct flow_record *record;

	if (!event)
		return;
	record = (void *)event->bytes;
	__builtin_memset(record, 0, sizeof(*record));
	record->type = BLOCK_OURS;
	record->length = sizeof(*record);
	record->cpu = CLASS_NETWORK << CLASS_SHIFT;
	record->time_ns = now_ns();
	record->is_ended = is_ended;
	__builtin_memcpy(&record->flow, flow, sizeof(record->flow));
	if (bpf_ringbuf_output(&activity_ring, record, sizeof(*record), BPF_RB_NO_WAKEUP))
		count_lost(CLASS_NETWORK);
	event_discard();
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(flow_ended, struct sock *sk)
{
	struct flow_key key = { .socket = (__u64)sk };
	struct flow *flow = bpf_map_lookup_elem(&flows, &key);

	if (!flow)
		return 0;
	read_tcp_bytes(flow, (struct tcp_sock *)sk);
	tell_flow(flow, true);
	bpf_map_delete_elem(&flows, &key);
	return 0;
}

static __always_inline void count_udp(struct flow_key *key, __s64 bytes, bool is_sent)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, key);

	if (!flow)
		return;
	__sync_fetch_and_add(is_sent ? &flow->sent : &flow->received, bytes);
	flow->changed_ns = now_ns();
}

static __always_inline void note_sent(struct flow_key *key)
{
	struct talker new = {}, *talker = bpf_map_lookup_elem(&talkers, &key->socket);

	if (talker) {
		talker->last = *key;
		return;
	}
	new.last = *key;
	bpf_map_update_elem(&talkers, &key->socket, &new, BPF_ANY);
}

/* From whom something came is not told here: it is the answer of whom was asked last, or the question that is answered next. */
static __always_inline void count_untold(__u64 inode, struct talker *talker, __s64 bytes)
{
	struct talker new = { .unclaimed = bytes };
	struct flow *flow = talker ? bpf_map_lookup_elem(&flows, &talker->last) : NULL;

	if (flow && flow->role == OUTBOUND)
		count_udp(&talker->last, bytes, false);
	else if (talker)
		talker->unclaimed += bytes;
	else
		bpf_map_update_elem(&talkers, &inode, &new, BPF_ANY);
}

static __always_inline void claim(struct flow *flow, __u64 inode)
{
	struct talker *talker = bpf_map_lookup_elem(&talkers, &inode);

	if (!talker || flow->role != INBOUND)
		return;
	flow->received += talker->unclaimed;
	talker->unclaimed = 0;
}

/*
 * Something went to or came from an address over a UDP socket that is not connected. True when it is the first time, which is
 * when rules want to hear of it.
 */
static __always_inline bool is_new_talk(struct sock *sk, __u64 address, __s64 bytes, bool is_sent)
{
	__u8 given[28] = {};
	struct flow_key key = {};
	struct flow *flow;
	__u16 family;

	if (!sk || !address || !is_udp(sk) || bpf_probe_read_user(given, sizeof(struct sockaddr_in), (void *)address))
		return false;
	family = *(__u16 *)given;
	if (family == FAMILY_IPV6 && bpf_probe_read_user(given, sizeof(given), (void *)address))
		return false;
	key.socket = inode_of(sk);
	key.port = *(__u16 *)(given + 2);
	if (family == FAMILY_IPV6)
		__builtin_memcpy(key.remote, given + 8, 16);
	else
		__builtin_memcpy(key.remote, given + 4, 4);
	if (is_sent)
		note_sent(&key);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow) {
		if (bytes > 0)
			count_udp(&key, bytes, is_sent);
		claim(flow, key.socket);
		return false;
	}
	flow = flow_of_caller(sk, PROTOCOL_UDP, is_sent ? OUTBOUND : INBOUND);
	if (!flow)
		return true;
	/* What is sent from a port that the program chose to one that a kernel chose is an answer. */
	if (host_order(key.port) >= FIRST_PICKED_PORT && (BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & BOUND_TO_PORT))
		flow->role = INBOUND;
	__builtin_memcpy(flow->remote, key.remote, 16);
	flow->remote_port = host_order(key.port);
	flow->is_established = 1;
	/* At the next walk, however little it was. */
	flow->told_ns = 0;
	if (bytes > 0 && is_sent)
		flow->sent = bytes;
	if (bytes > 0 && !is_sent)
		flow->received = bytes;
	claim(flow, key.socket);
	bpf_map_update_elem(&flows, &key, flow, BPF_ANY);
	return true;
}

/*
 * UDP as it is sent. To whom, over a socket that is not connected, stands in the call alone; where calls are told, they count it.
 */
SEC("tp_btf/sock_send_length")
int BPF_PROG(flow_sent, struct sock *sk, int result, int flags)
{
	struct flow_key key = {};

	if (result <= 0 || sk->sk_protocol != PROTOCOL_UDP)
		return 0;
	if (!BPF_CORE_READ(sk, __sk_common.skc_dport)) {
		if (!settings.calls_count_udp)
			is_new_talk(sk, place_of_address(), result, true);
		return 0;
	}
	key.socket = inode_of(sk);
	count_udp(&key, result, true);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(flow_received, struct sock *sk, int result, int flags)
{
	struct flow_key key = {};
	struct talker *talker = NULL;

	if (result <= 0 || sk->sk_protocol != PROTOCOL_UDP)
		return 0;
	key.socket = inode_of(sk);
	if (BPF_CORE_READ(sk, __sk_common.skc_dport)) {
		count_udp(&key, result, false);
	} else {
		talker = bpf_map_lookup_elem(&talkers, &key.socket);
		if (!settings.calls_count_udp)
			count_untold(key.socket, talker, result);
	}
	if (has_asked(sk, talker))
		tell_answer(result);
	return 0;
}

/* Walks the flows: tells those that changed, forgets UDP that fell silent. */
SEC("iter/bpf_map_elem")
int list_flows(struct bpf_iter__bpf_map_elem *context)
{
	struct flow_key *found = context->key, key;
	struct flow *flow;
	__u64 now = now_ns();

	if (!found || !context->value)
		return 0;
	__builtin_memcpy(&key, found, sizeof(key));
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow)
		return 0;
	if (flow->protocol == PROTOCOL_UDP) {
		bool is_silent = now - flow->changed_ns > UDP_IDLE_NS;

		if (flow->changed_ns > flow->told_ns || is_silent)
			tell_flow(flow, is_silent);
		flow->told_ns = now;
		if (is_silent)
			bpf_map_delete_elem(&flows, &key);
		return 0;
	}
	if (now - flow->told_ns < TCP_AGAIN_NS)
		return 0;
	read_tcp_bytes(flow, (struct tcp_sock *)key.socket);
	flow->told_ns = now;
	tell_flow(flow, false);
	return 0;
}

#endif
