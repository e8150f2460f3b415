/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A process may end while it is looked at: whatever cannot be read then is left empty. Lists are written in pieces, so that the
 * memory for them does not grow with the host.
 */
#include "state.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "scap.h"
#include "sensor.h"

#define PIECE_BYTES (1024 * 1024)
#define PATH_BYTES 320
#define FILE_BYTES 8192
#define FDS_MAX 4096
#define FLAG_FILES 1
#define FLAG_THREAD (1 << 13)
#define EXE_WRITABLE 1
#define FD_FILE 16
#define FD_DIRECTORY 2
#define FD_FIFO 7
#define FD_UNSUPPORTED 10
#define FD_IPV4 3
#define FD_IPV6 4
#define FD_IPV4_SERVER 5
#define FD_IPV6_SERVER 6
#define FD_UNIX 8
#define FD_TCP 2
#define FD_UDP 3
#define FD_ICMP 4
#define FD_RAW 5

struct status {
	char name[64];
	int64_t ppid;
	uint32_t uid, gid;
	int64_t inner_tid, inner_pid, inner_pgid;
	uint32_t size_kb, rss_kb, swap_kb;
	uint64_t cap_inheritable, cap_permitted, cap_effective;
};

struct stat_line {
	int64_t pgid, sid;
	uint32_t tty;
	uint64_t faults_minor, faults_major;
};

static size_t read_file(const char *path, char *bytes, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t size;

	bytes[0] = 0;
	if (fd < 0)
		return 0;
	while (used < room - 1 && (size = read(fd, bytes + used, room - 1 - used)) > 0)
		used += size;
	close(fd);
	bytes[used] = 0;
	return used;
}

/* The last number of a line: what the innermost namespace calls it. */
static int64_t last_number(const char *line)
{
	const char *end = strchr(line, '\n');
	const char *at = end ? end : line + strlen(line);

	while (at > line && !isspace((unsigned char)at[-1]))
		at--;
	return strtoll(at, NULL, 10);
}

static const char *value_of(const char *text, const char *label)
{
	const char *found = strstr(text, label);

	return found ? found + strlen(label) : NULL;
}

static uint64_t number_after(const char *text, const char *label, int base)
{
	const char *value = value_of(text, label);

	return value ? strtoull(value, NULL, base) : 0;
}

/* The second of the numbers: the effective one. */
static uint32_t second_number(const char *text, const char *label)
{
	const char *value = value_of(text, label);
	char *end;

	if (!value)
		return UINT32_MAX;
	strtoul(value, &end, 10);
	return strtoul(end, NULL, 10);
}

static int64_t inner_number(const char *text, const char *label, int64_t outer)
{
	const char *value = value_of(text, label);

	return value ? last_number(value) : outer;
}

static bool read_status(const char *folder, int64_t tid, struct status *status)
{
	char path[PATH_BYTES], text[FILE_BYTES];
	const char *name;

	snprintf(path, sizeof(path), "%s/status", folder);
	if (read_file(path, text, sizeof(text)) == 0)
		return false;
	memset(status, 0, sizeof(*status));
	name = value_of(text, "Name:\t");
	if (name)
		snprintf(status->name, sizeof(status->name), "%.*s", (int)strcspn(name, "\n"), name);
	status->ppid = number_after(text, "PPid:\t", 10);
	status->uid = second_number(text, "Uid:\t");
	status->gid = second_number(text, "Gid:\t");
	status->inner_tid = inner_number(text, "NSpid:\t", tid);
	status->inner_pid = inner_number(text, "NStgid:\t", tid);
	status->inner_pgid = inner_number(text, "NSpgid:\t", 0);
	status->size_kb = number_after(text, "VmSize:\t", 10);
	status->rss_kb = number_after(text, "VmRSS:\t", 10);
	status->swap_kb = number_after(text, "VmSwap:\t", 10);
	status->cap_inheritable = number_after(text, "CapInh:\t", 16);
	status->cap_permitted = number_after(text, "CapPrm:\t", 16);
	status->cap_effective = number_after(text, "CapEff:\t", 16);
	return true;
}

/* The name of a program may hold anything: what counts stands behind its last bracket. */
static void read_stat(const char *folder, struct stat_line *stat)
{
	char path[PATH_BYTES], text[FILE_BYTES];
	const char *rest;
	long long pgid = -1, sid = -1, tty = 0;
	unsigned long long minor = 0, major = 0;

	memset(stat, 0, sizeof(*stat));
	snprintf(path, sizeof(path), "%s/stat", folder);
	read_file(path, text, sizeof(text));
	rest = strrchr(text, ')');
	if (rest)
		sscanf(rest + 1, " %*c %*d %lld %lld %lld %*d %*u %llu %*u %llu", &pgid, &sid, &tty, &minor, &major);
	stat->pgid = pgid;
	stat->sid = sid;
	stat->tty = tty;
	stat->faults_minor = minor;
	stat->faults_major = major;
}

static void add_link(struct block *block, const char *folder, const char *name)
{
	char path[PATH_BYTES], target[TEXT_MAX];
	ssize_t size;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	size = readlink(path, target, sizeof(target));
	block_counted(block, target, size > 0 ? size : 0);
}

/* `5:cpu,cpuacct:/a` becomes `cpu=/a` and `cpuacct=/a`; the unified tree has no controllers. */
static void add_groups(struct block *block, const char *folder)
{
	char path[PATH_BYTES], text[FILE_BYTES], groups[2 * FILE_BYTES];
	size_t used = 0;
	char *lines = text, *line;

	snprintf(path, sizeof(path), "%s/cgroup", folder);
	read_file(path, text, sizeof(text));
	while ((line = strsep(&lines, "\n")) != NULL) {
		char *names = strchr(line, ':');
		char *place = names ? strchr(names + 1, ':') : NULL;
		char *name;

		if (!place)
			continue;
		*place++ = 0;
		names++;
		while ((name = strsep(&names, ",")) != NULL) {
			const char *label = *name ? name : "unified";
			size_t size = strlen(label) + strlen(place) + 2;

			if (used + size > sizeof(groups))
				break;
			used += sprintf(groups + used, "%s=%s", label, place) + 1;
		}
	}
	block_counted(block, groups, used);
}

static uint64_t nanoseconds(struct timespec time)
{
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static uint32_t login_uid(const char *folder)
{
	char path[PATH_BYTES], text[32];

	snprintf(path, sizeof(path), "%s/loginuid", folder);
	if (read_file(path, text, sizeof(text)) == 0)
		return UINT32_MAX;
	return strtoul(text, NULL, 10);
}

/* What runs: whether its file could be changed by the process, is held in memory only, and when it changed. */
static void add_program(struct block *block, const char *folder, const struct status *status)
{
	char path[PATH_BYTES], target[TEXT_MAX];
	struct stat file = {};
	bool is_writable = false;
	ssize_t size;

	snprintf(path, sizeof(path), "%s/exe", folder);
	size = readlink(path, target, sizeof(target) - 1);
	target[size > 0 ? size : 0] = 0;
	if (size > 0 && stat(path, &file) == 0)
		is_writable = (status->cap_effective & 2) || (file.st_uid == status->uid ? file.st_mode & S_IWUSR :
							      file.st_gid == status->gid ? file.st_mode & S_IWGRP :
											   file.st_mode & S_IWOTH);
	block_u8(block, is_writable);
	block_u64(block, status->cap_inheritable);
	block_u64(block, status->cap_permitted);
	block_u64(block, status->cap_effective);
	block_u8(block, 0); /* upper layer of an overlay: only the kernel knows */
	block_u64(block, file.st_ino);
	block_u64(block, nanoseconds(file.st_ctim));
	block_u64(block, nanoseconds(file.st_mtim));
	block_u8(block, strncmp(target, "/memfd:", 7) == 0);
	block_u8(block, 0);
}

static void add_texts(struct block *block, const char *folder, const char *name, bool is_command_line)
{
	char path[PATH_BYTES], text[TEXT_MAX];
	size_t size, first;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	size = read_file(path, text, sizeof(text));
	if (!is_command_line) {
		block_counted(block, text, size);
		return;
	}
	first = strnlen(text, size);
	block_counted(block, text, first);
	add_link(block, folder, "exe");
	block_counted(block, text + first + 1, size > first ? size - first - 1 : 0);
}

static void add_thread(struct block *block, const char *folder, int64_t tid, int64_t pid)
{
	size_t start = block->used;
	struct status status;
	struct stat_line stat;
	struct rlimit limit = {};
	uint32_t size;

	if (!read_status(folder, tid, &status))
		return;
	read_stat(folder, &stat);
	prlimit(pid, RLIMIT_NOFILE, NULL, &limit);
	block_u32(block, 0);
	block_u64(block, tid);
	block_u64(block, pid);
	block_u64(block, status.ppid);
	block_u64(block, stat.sid);
	block_u64(block, status.inner_pgid);
	block_text(block, status.name);
	add_texts(block, folder, "cmdline", true);
	add_link(block, folder, "cwd");
	block_u64(block, limit.rlim_cur);
	block_u32(block, tid == pid ? 0 : FLAG_FILES | FLAG_THREAD);
	block_u32(block, status.uid);
	block_u32(block, status.gid);
	block_u32(block, status.size_kb);
	block_u32(block, status.rss_kb);
	block_u32(block, status.swap_kb);
	block_u64(block, stat.faults_major);
	block_u64(block, stat.faults_minor);
	if (tid == pid)
		add_texts(block, folder, "environ", false);
	else
		block_u16(block, 0);
	block_u64(block, status.inner_tid);
	block_u64(block, status.inner_pid);
	add_groups(block, folder);
	add_link(block, folder, "root");
	block_u64(block, 0); /* start of the namespace: not known here */
	block_u32(block, stat.tty);
	block_u32(block, login_uid(folder));
	add_program(block, folder, &status);
	block_u64(block, stat.pgid);
	if (block->is_full)
		return;
	size = block->used - start;
	memcpy(block->bytes + start, &size, sizeof(size));
}

static bool is_number(const char *name)
{
	return isdigit((unsigned char)name[0]);
}

static void for_each_number(const char *folder, void (*visit)(const char *folder, int64_t number, void *data), void *data)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)) != NULL)
		if (is_number(entry->d_name))
			visit(folder, strtoll(entry->d_name, NULL, 10), data);
	if (directory)
		closedir(directory);
}

struct listing {
	struct output *output;
	struct block block;
	int64_t pid;
	int fds;
};

static void visit_thread(const char *folder, int64_t tid, void *data)
{
	struct listing *listing = data;
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%lld", folder, (long long)tid);
	add_thread(&listing->block, path, tid, listing->pid);
	if (listing->block.used > PIECE_BYTES)
		block_write(&listing->block, BLOCK_PROCESSES, listing->output);
}

static void visit_process(const char *folder, int64_t pid, void *data)
{
	struct listing *listing = data;
	char path[PATH_BYTES];

	listing->pid = pid;
	snprintf(path, sizeof(path), "%s/%lld/task", folder, (long long)pid);
	for_each_number(path, visit_thread, listing);
}

/* Flags of an open file stand in /proc in octal, as the kernel has them. */
static uint32_t open_flags(const char *folder, int64_t fd)
{
	char path[PATH_BYTES], text[1024];
	uint64_t flags;

	snprintf(path, sizeof(path), "%s/fdinfo/%lld", folder, (long long)fd);
	read_file(path, text, sizeof(text));
	flags = number_after(text, "flags:\t", 8);
	return ((flags & O_ACCMODE) == O_WRONLY ? 2 : (flags & O_ACCMODE) == O_RDWR ? 3 : 1) |
	       (flags & O_APPEND ? 8 : 0) | (flags & O_CLOEXEC ? 4096 : 0);
}

static void visit_fd(const char *folder, int64_t fd, void *data)
{
	struct listing *listing = data;
	struct block *block = &listing->block;
	char path[PATH_BYTES], name[TEXT_MAX];
	struct stat file;
	size_t start = block->used;
	ssize_t size;
	uint32_t length;

	snprintf(path, sizeof(path), "%s/%lld", folder, (long long)fd);
	size = readlink(path, name, sizeof(name));
	if (size <= 0 || stat(path, &file) < 0 || S_ISSOCK(file.st_mode) || listing->fds++ > FDS_MAX)
		return;
	block_u32(block, 0);
	block_u64(block, fd);
	block_u64(block, file.st_ino);
	if (S_ISREG(file.st_mode) || S_ISCHR(file.st_mode) || S_ISBLK(file.st_mode)) {
		snprintf(path, sizeof(path), "/proc/%lld", (long long)listing->pid);
		block_u8(block, FD_FILE);
		block_u32(block, open_flags(path, fd));
		block_counted(block, name, size);
		block_u32(block, (minor(file.st_dev) & 0xff) | (major(file.st_dev) << 8) | ((minor(file.st_dev) & ~0xffU) << 12));
	} else {
		block_u8(block, S_ISDIR(file.st_mode) ? FD_DIRECTORY : S_ISFIFO(file.st_mode) ? FD_FIFO : FD_UNSUPPORTED);
		block_counted(block, name, size);
	}
	if (block->is_full)
		return;
	length = block->used - start;
	memcpy(block->bytes + start, &length, sizeof(length));
}

static void visit_files(const char *folder, int64_t pid, void *data)
{
	struct listing *listing = data;
	char path[PATH_BYTES];

	listing->pid = pid;
	listing->fds = 0;
	block_u64(&listing->block, pid);
	snprintf(path, sizeof(path), "%s/%lld/fd", folder, (long long)pid);
	for_each_number(path, visit_fd, listing);
	block_write(&listing->block, BLOCK_FDS, listing->output);
}

void write_processes(struct output *output)
{
	struct listing listing = { .output = output };

	for_each_number("/proc", visit_process, &listing);
	if (listing.block.used > 0)
		block_write(&listing.block, BLOCK_PROCESSES, output);
	for_each_number("/proc", visit_files, &listing);
	block_free(&listing.block);
}

static void add_unix(struct block *block, const struct listed_socket *socket)
{
	block_u8(block, FD_UNIX);
	block_u64(block, socket->flow.sent);
	block_u64(block, socket->flow.received);
	/* An abstract name begins with a zero byte. */
	block_text(block, socket->path[0] ? socket->path : socket->path + 1);
}

static uint8_t protocol_of(unsigned char protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return FD_TCP;
	case IPPROTO_UDP:
		return FD_UDP;
	case IPPROTO_ICMP:
		return FD_ICMP;
	case IPPROTO_RAW:
		return FD_RAW;
	default:
		return 0;
	}
}

static void add_internet(struct block *block, const struct listed_socket *socket)
{
	const struct flow *ends = &socket->flow;
	bool is_v4 = ends->family == AF_INET;
	size_t width = is_v4 ? 4 : 16;

	if (socket->is_listening) {
		block_u8(block, is_v4 ? FD_IPV4_SERVER : FD_IPV6_SERVER);
		block_add(block, ends->local, width);
		block_u16(block, ends->local_port);
	} else {
		block_u8(block, is_v4 ? FD_IPV4 : FD_IPV6);
		block_add(block, ends->local, width);
		block_add(block, ends->remote, width);
		block_u16(block, ends->local_port);
		block_u16(block, ends->remote_port);
	}
	block_u8(block, protocol_of(ends->protocol));
}

static void add_socket(struct block *block, const struct listed_socket *socket)
{
	size_t start = block->used;
	uint32_t size;

	block_u32(block, 0);
	block_u64(block, socket->fd);
	block_u64(block, socket->inode);
	if (socket->flow.family == AF_UNIX)
		add_unix(block, socket);
	else
		add_internet(block, socket);
	if (block->is_full)
		return;
	size = block->used - start;
	memcpy(block->bytes + start, &size, sizeof(size));
}

/* The sockets of a process follow each other; each process gets a block of its own. */
void write_sockets(struct output *output, int listing)
{
	struct listed_socket socket;
	struct block block = {};
	uint32_t pid = 0;

	while (read(listing, &socket, sizeof(socket)) == sizeof(socket)) {
		if (socket.flow.family != AF_UNIX && socket.flow.family != AF_INET && socket.flow.family != AF_INET6)
			continue;
		if (block.used > 0 && socket.pid != pid)
			block_write(&block, BLOCK_FDS, output);
		pid = socket.pid;
		if (block.used == 0)
			block_u64(&block, pid);
		add_socket(&block, &socket);
	}
	if (block.used > 0)
		block_write(&block, BLOCK_FDS, output);
	block_free(&block);
}
