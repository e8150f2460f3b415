/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#include "scap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>


#define MAGIC 0x1a2b3c4d
#define VERSION_MAJOR 1
#define VERSION_MINOR 2
#define HOSTNAME_BYTES 128
#define ENTRY_IPV4 3
#define ENTRY_IPV6 4
#define ENTRY_USER 0
#define ENTRY_GROUP 1
#define ACCOUNTS_MAX 20000
#define TOLD_PARAMETERS 3

void write_section(struct output *output)
{
	struct block block = {};

	block_u32(&block, MAGIC);
	block_u16(&block, VERSION_MAJOR);
	block_u16(&block, VERSION_MINOR);
	block_u64(&block, UINT64_MAX); /* the length is not known */
	block_write(&block, BLOCK_SECTION, output);
	block_free(&block);
}

static uint64_t largest_pid(void)
{
	FILE *file = fopen("/proc/sys/kernel/pid_max", "re");
	unsigned long long value = 0;

	if (file) {
		if (fscanf(file, "%llu", &value) != 1)
			value = 0;
		fclose(file);
	}
	return value;
}

void write_machine(struct output *output, uint64_t boot_ns)
{
	char hostname[HOSTNAME_BYTES] = {};
	struct block block = {};
	struct sysinfo info = {};

	sysinfo(&info);
	gethostname(hostname, sizeof(hostname) - 1);
	block_u32(&block, sysconf(_SC_NPROCESSORS_ONLN));
	block_u64(&block, (uint64_t)info.totalram * info.mem_unit);
	block_u64(&block, largest_pid());
	block_add(&block, hostname, sizeof(hostname));
	block_u64(&block, boot_ns);
	/* Flags and two more that are kept for later: old readers want them there. */
	for (int spare = 0; spare < 3; spare++)
		block_u64(&block, 0);
	block_write(&block, BLOCK_MACHINE, output);
	block_free(&block);
}

/* An entry's size does not count itself here, unlike in the other lists. */
static void add_interface(struct block *block, const struct ifaddrs *one)
{
	bool is_v4 = one->ifa_addr->sa_family == AF_INET;
	size_t width = is_v4 ? 4 : 16;
	size_t name_bytes = strlen(one->ifa_name);
	static const uint8_t zeros[16];
	const struct sockaddr *addresses[] = { one->ifa_addr, one->ifa_netmask,
					       is_v4 && one->ifa_flags ? one->ifa_broadaddr : NULL };

	block_u32(block, 4 + 3 * width + name_bytes);
	block_u16(block, is_v4 ? ENTRY_IPV4 : ENTRY_IPV6);
	block_u16(block, name_bytes);
	for (size_t index = 0; index < 3; index++) {
		const struct sockaddr *address = addresses[index];

		if (!address)
			block_add(block, zeros, width);
		else if (is_v4)
			block_add(block, &((const struct sockaddr_in *)address)->sin_addr, width);
		else
			block_add(block, &((const struct sockaddr_in6 *)address)->sin6_addr, width);
	}
	block_add(block, one->ifa_name, name_bytes);
}

void write_interfaces(struct output *output)
{
	struct block block = {};
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0) {
		fprintf(stderr, "sensor: the addresses of this host are not told: %s\n", strerror(errno));
		return;
	}
	for (struct ifaddrs *one = all; one; one = one->ifa_next) {
		if (!one->ifa_addr)
			continue;
		if (one->ifa_addr->sa_family == AF_INET || one->ifa_addr->sa_family == AF_INET6)
			add_interface(&block, one);
	}
	freeifaddrs(all);
	block_write(&block, BLOCK_INTERFACES, output);
	block_free(&block);
}

static void add_users(struct block *block)
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd *user;

	for (int count = 0; file && count < ACCOUNTS_MAX && (user = fgetpwent(file)) != NULL; count++) {
		size_t start = block_begin_entry(block);

		block_u8(block, ENTRY_USER);
		block_u32(block, user->pw_uid);
		block_u32(block, user->pw_gid);
		block_text(block, user->pw_name);
		block_text(block, user->pw_dir);
		block_text(block, user->pw_shell);
		block_end_entry(block, start);
	}
	if (file)
		fclose(file);
}

static void add_groups(struct block *block)
{
	FILE *file = fopen("/etc/group", "re");
	struct group *group;

	for (int count = 0; file && count < ACCOUNTS_MAX && (group = fgetgrent(file)) != NULL; count++) {
		size_t start = block_begin_entry(block);

		block_u8(block, ENTRY_GROUP);
		block_u32(block, group->gr_gid);
		block_text(block, group->gr_name);
		block_end_entry(block, start);
	}
	if (file)
		fclose(file);
}

void write_accounts(struct output *output)
{
	struct block block = {};

	add_users(&block);
	add_groups(&block);
	block_write(&block, BLOCK_USERS, output);
	block_free(&block);
}

void write_told(struct output *output, uint64_t time_ns, uint64_t tid, const char *name, const char *json)
{
	uint32_t sizes[TOLD_PARAMETERS] = { sizeof(uint32_t), strlen(name) + 1, strlen(json) };
	struct block block = {};
	uint32_t length = EVENT_HEADER_BYTES + sizeof(sizes);

	for (int index = 0; index < TOLD_PARAMETERS; index++)
		length += sizes[index];
	block_u16(&block, 0);
	block_u64(&block, time_ns);
	block_u64(&block, tid);
	block_u32(&block, length);
	block_u16(&block, EV_ASYNC);
	block_u32(&block, TOLD_PARAMETERS);
	block_add(&block, sizes, sizeof(sizes));
	block_u32(&block, 0);
	block_add(&block, name, sizes[1]);
	block_add(&block, json, sizes[2]);
	block_write(&block, BLOCK_EVENT_LARGE, output);
	block_free(&block);
}

/* Names of programs hold what their owners like: nothing of it may leave the quotes, and all of it must be UTF-8. */
static void quote(char *quoted, const char *text, size_t most)
{
	for (size_t place = 0; place < most && text[place]; place++) {
		unsigned char one = text[place];

		if (one < 0x20 || one >= 0x7f)
			one = '?';
		if (one == '"' || one == '\\')
			*quoted++ = '\\';
		*quoted++ = one;
	}
	*quoted = 0;
}

static void print_end(char *text, size_t room, const struct flow *flow, bool is_remote)
{
	char ip[INET6_ADDRSTRLEN] = "";
	bool is_v6 = flow->family == AF_INET6;

	inet_ntop(is_v6 ? AF_INET6 : AF_INET, is_remote ? flow->remote : flow->local, ip, sizeof(ip));
	snprintf(text, room, is_v6 ? "[%s]:%d" : "%s:%d", ip, is_remote ? flow->remote_port : flow->local_port);
}

void write_flow(struct output *output, const struct flow_record *record)
{
	struct flow flow;
	char comm[2 * sizeof(flow.comm) + 1], group[2 * FLOW_GROUP_BYTES + 1], local[64], remote[64], json[1024];

	memcpy(&flow, &record->flow, sizeof(flow));
	quote(comm, flow.comm, sizeof(flow.comm));
	quote(group, flow.group, sizeof(flow.group));
	print_end(local, sizeof(local), &flow, false);
	print_end(remote, sizeof(remote), &flow, true);
	snprintf(json, sizeof(json),
		 "{\"pid\":%u,\"comm\":\"%s\",\"group\":\"%s\",\"network\":%u,\"protocol\":\"%s\",\"role\":\"%s\","
		 "\"local\":\"%s\",\"remote\":\"%s\",\"established\":%s,\"error\":%d,\"startedNs\":\"%llu\",\"sentBytes\":%llu,"
		 "\"receivedBytes\":%llu,\"retransmits\":%u,\"ended\":%s}",
		 flow.pid, comm, group, flow.network, flow.protocol == IPPROTO_TCP ? "tcp" : "udp",
		 flow.role ? "server" : "client", local, remote, flow.is_established ? "true" : "false", flow.error, flow.started_ns, flow.sent, flow.received,
		 flow.retransmits, record->is_ended ? "true" : "false");
	write_told(output, record->time_ns, flow.tid, "connection", json);
}

/* Base64, as RFC 4648 has it. */
static void encode(char *text, const uint8_t *bytes, size_t size)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t at = 0; at < size; at += 3) {
		size_t left = size - at;
		uint32_t three = bytes[at] << 16 | (left > 1 ? bytes[at + 1] << 8 : 0) | (left > 2 ? bytes[at + 2] : 0);

		*text++ = letters[three >> 18];
		*text++ = letters[three >> 12 & 63];
		*text++ = left > 1 ? letters[three >> 6 & 63] : '=';
		*text++ = left > 2 ? letters[three & 63] : '=';
	}
	*text = 0;
}

void write_answer(struct output *output, const struct answer_record *record)
{
	char comm[2 * sizeof(record->comm) + 1], bytes[(ANSWER_BYTES + 2) / 3 * 4 + 1], json[sizeof(bytes) + 128];

	quote(comm, record->comm, sizeof(record->comm));
	encode(bytes, record->bytes, record->size > ANSWER_BYTES ? ANSWER_BYTES : record->size);
	snprintf(json, sizeof(json), "{\"pid\":%u,\"comm\":\"%s\",\"bytes\":\"%s\"}", record->pid, comm, bytes);
	write_told(output, record->time_ns, record->tid, "answer", json);
}
