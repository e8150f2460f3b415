/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Addresses as parameters carry them (scap/src/socket-addresses.ts draws the layout). Families have the kernel's own numbers;
 * ports are written least byte first, addresses as they travel.
 */
#ifndef KERNEL_SOCKET_H
#define KERNEL_SOCKET_H

#define FAMILY_UNIX 1
#define FAMILY_IPV4 2
#define FAMILY_IPV6 10
#define UNIX_PATH_BYTES 108
#define KIND_OF_FILE 0170000
#define KIND_SOCKET 0140000
#define KIND_REGULAR 0100000
#define ADDRESS_BYTES 128
/* Behind every event: where an address of the caller is laid to be looked at. */
#define ADDRESS_AT (EVENT_MAX + TEXT_MAX)

enum direction { OUTBOUND, INBOUND };

static __always_inline __u16 host_order(__u16 port)
{
	return __builtin_bswap16(port);
}

static __always_inline struct sock *sock_of_file(struct file *file)
{
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & KIND_OF_FILE) != KIND_SOCKET)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return socket ? BPF_CORE_READ(socket, sk) : NULL;
}

static __always_inline struct sock *sock_of(__u32 fd)
{
	return sock_of_file(file_of(bpf_get_current_task_btf(), fd));
}

static __always_inline __u32 write_ip(struct event *event, __u32 at, const void *ip, __u32 width)
{
	if (width == 4)
		bpf_probe_read_kernel(SPOT(event, at), 4, ip);
	else
		bpf_probe_read_kernel(SPOT(event, at), 16, ip);
	return at + width;
}

static __always_inline __u32 write_port(struct event *event, __u32 at, __u16 port)
{
	write_u16(event, at, host_order(port));
	return at + 2;
}

/* A path of a unix address without the zero byte that begins an abstract one; always ended. */
static __always_inline __u32 write_unix_path(struct event *event, __u32 at, const char *path)
{
	long size = 0;
	char first = 0;

	if (path) {
		bpf_probe_read_kernel(&first, 1, path);
		size = bpf_probe_read_kernel_str(SPOT(event, at), UNIX_PATH_BYTES, first ? path : path + 1);
	}
	if (size <= 0 || size > UNIX_PATH_BYTES) {
		*SPOT(event, at) = 0;
		size = 1;
	}
	return at + size;
}

static __always_inline const char *unix_path(struct unix_sock *unix)
{
	struct unix_address *address = BPF_CORE_READ(unix, addr);

	return address ? (const char *)address->name[0].sun_path : NULL;
}

/* Lays an address that the caller gave behind the event. False when there is none. */
static __always_inline bool fetch_address(struct event *event, __u64 address, __u32 size)
{
	__u8 *place = event->bytes + ADDRESS_AT;

	if (size > ADDRESS_BYTES)
		size = ADDRESS_BYTES;
	if (!address || size < sizeof(__u16))
		return false;
	__builtin_memset(place, 0, ADDRESS_BYTES);
	return bpf_probe_read_user(place, size, (void *)address) == 0;
}

/* Writes the two ends of a socket at the current place; `address` is what the caller gave, for sockets that are not connected. */
__noinline int write_tuple(__u64 sock_address, __u32 direction, __u64 address, __u32 address_bytes)
{
	struct event *event = event_current();
	struct sock *sk = (void *)sock_address;
	struct inet_sock *inet = (void *)sk;
	struct unix_sock *unix = (void *)sk, *peer;
	const void *local, *remote;
	__u16 local_port, remote_port;
	__u32 start, at, width;
	__u16 family;
	bool given;

	if (!event || !sk)
		return 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	start = at = event->at & (EVENT_MAX - 1);
	*SPOT(event, at++) = family;
	given = fetch_address(event, address, address_bytes);
	if (family == FAMILY_UNIX) {
		peer = (void *)BPF_CORE_READ(unix, peer);
		write_u64(event, at, direction == OUTBOUND ? (__u64)peer : (__u64)unix);
		write_u64(event, at + 8, direction == OUTBOUND ? (__u64)unix : (__u64)peer);
		if (direction == INBOUND)
			at = write_unix_path(event, at + 16, unix_path(unix));
		else if (peer && BPF_CORE_READ(peer, addr))
			at = write_unix_path(event, at + 16, unix_path(peer));
		else
			at = write_unix_path(event, at + 16, given ? (char *)event->bytes + ADDRESS_AT + 2 : NULL);
		return at - start;
	}
	if (family != FAMILY_IPV4 && family != FAMILY_IPV6)
		return 0;
	width = family == FAMILY_IPV4 ? 4 : 16;
	remote_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	local_port = BPF_CORE_READ(inet, inet_sport);
	if (family == FAMILY_IPV4) {
		local = &inet->inet_saddr;
		remote = &sk->__sk_common.skc_daddr;
	} else {
		local = &BPF_CORE_READ(inet, pinet6)->saddr;
		remote = &sk->__sk_common.skc_v6_daddr;
	}
	if (remote_port == 0 && given) {
		remote_port = *(__u16 *)(event->bytes + ADDRESS_AT + 2);
		remote = event->bytes + ADDRESS_AT + (family == FAMILY_IPV4 ? 4 : 8);
	}
	at = write_ip(event, at, direction == OUTBOUND ? local : remote, width);
	at = write_port(event, at, direction == OUTBOUND ? local_port : remote_port);
	at = write_ip(event, at, direction == OUTBOUND ? remote : local, width);
	at = write_port(event, at, direction == OUTBOUND ? remote_port : local_port);
	return at - start;
}

/* Writes an address that the caller gave at the current place. */
__noinline int write_address(__u64 address, __u32 address_bytes)
{
	struct event *event = event_current();
	__u32 start, at;
	__u16 family;

	if (!event || !fetch_address(event, address, address_bytes))
		return 0;
	family = *(__u16 *)(event->bytes + ADDRESS_AT);
	start = at = event->at & (EVENT_MAX - 1);
	*SPOT(event, at++) = family;
	if (family == FAMILY_UNIX)
		return write_unix_path(event, at, (char *)event->bytes + ADDRESS_AT + 2) - start;
	if (family == FAMILY_IPV4)
		at = write_ip(event, at, event->bytes + ADDRESS_AT + 4, 4);
	else if (family == FAMILY_IPV6)
		at = write_ip(event, at, event->bytes + ADDRESS_AT + 8, 16);
	else
		return 0;
	return write_port(event, at, *(__u16 *)(event->bytes + ADDRESS_AT + 2)) - start;
}

/* The two ends; the other one as the caller gave it when the socket itself does not know. */
static __always_inline void put_tuple_to(struct event *event, struct sock *sk, enum direction direction, __u64 address,
					 __u32 address_bytes)
{
	int size = write_tuple((__u64)sk, direction, address, address_bytes);

	end_parameter(event, size < 0 || size > TEXT_MAX ? 0 : size);
}

static __always_inline void put_tuple(struct event *event, struct sock *sk, enum direction direction)
{
	put_tuple_to(event, sk, direction, 0, 0);
}

static __always_inline void put_address(struct event *event, __u64 address, __u32 address_bytes)
{
	int size = write_address(address, address_bytes);

	end_parameter(event, size < 0 || size > TEXT_MAX ? 0 : size);
}

/*
 * One socket, and of a UDP socket that talks to several, one of them. TCP is known by its place in memory, which is there until
 * its end is told; UDP by its inode, since nobody tells when it ends and another may come to its place.
 */
struct flow_key {
	__u64 socket;
	__u8 remote[16];
	__u16 port;
	__u16 zeros[3];
};

/* A UDP socket that is not connected. */
struct talker {
	struct flow_key last;
	/* Bytes that came from somebody who was not answered yet. */
	__u64 unclaimed;
};

#endif
