/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What was open before the hooks: files from /proc, sockets from the kernel's own listing, which knows both ends of each. */
#include "descriptors.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "proc.h"
#include "scap.h"
#include "sensor.h"
#include "state.h"

#define FDS_MAX 4096
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

struct listing {
	struct output *output;
	struct block block;
	int64_t pid;
	int fds;
};

/* Flags of an open file stand in /proc in octal, as the kernel has them. */
static uint32_t open_flags(const char *folder, int64_t fd)
{
	char path[PATH_BYTES], text[1024];
	uint64_t flags;

	snprintf(path, sizeof(path), "%s/fdinfo/%lld", folder, (long long)fd);
	proc_read(path, text, sizeof(text));
	flags = proc_number(text, "flags:\t", 8);
	return ((flags & O_ACCMODE) == O_WRONLY ? 2 : (flags & O_ACCMODE) == O_RDWR ? 3 : 1) |
	       (flags & O_APPEND ? 8 : 0) | (flags & O_CLOEXEC ? 4096 : 0);
}

static void visit_fd(const char *folder, int64_t fd, void *data)
{
	struct listing *listing = data;
	struct block *block = &listing->block;
	char path[PATH_BYTES], name[TEXT_MAX];
	struct stat file;
	size_t start;
	ssize_t size;

	snprintf(path, sizeof(path), "%s/%lld", folder, (long long)fd);
	size = readlink(path, name, sizeof(name));
	if (size <= 0 || stat(path, &file) < 0 || S_ISSOCK(file.st_mode) || listing->fds++ > FDS_MAX)
		return;
	start = block_begin_entry(block);
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
	block_end_entry(block, start);
}

static void visit_files(const char *folder, int64_t pid, void *data)
{
	struct listing *listing = data;
	char path[PATH_BYTES];

	if (!is_listed(pid))
		return;
	listing->pid = pid;
	listing->fds = 0;
	block_u64(&listing->block, pid);
	snprintf(path, sizeof(path), "%s/%lld/fd", folder, (long long)pid);
	proc_each(path, visit_fd, listing);
	block_write(&listing->block, BLOCK_FDS, listing->output);
}

void write_files(struct output *output)
{
	struct listing listing = { .output = output };

	proc_each("/proc", visit_files, &listing);
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
	size_t start = block_begin_entry(block);

	block_u64(block, socket->fd);
	block_u64(block, socket->inode);
	if (socket->flow.family == AF_UNIX)
		add_unix(block, socket);
	else
		add_internet(block, socket);
	block_end_entry(block, start);
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
		if (!is_listed(socket.pid))
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
