/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sensor.h"

#define QUEUE_BYTES (16 * 1024 * 1024)
#define CROWDED_BYTES (12 * 1024 * 1024)
#define PIECE_BYTES (128 * 1024)
#define PIPE_BYTES (1024 * 1024)
#define PATIENCE_MS 10000
#define BLOCK_START_BYTES (64 * 1024)
#define BLOCK_LIMIT_BYTES (8 * 1024 * 1024)
#define FILE_MODE 0600

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		fprintf(stderr, "sensor: the path of the socket is too long: %s\n", path);
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		fprintf(stderr, "sensor: nobody listens at %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* A pipe is opened once more, so that not waiting holds for this process alone and not for whoever shares it. */
static int open_again(int fd)
{
	char path[64];
	struct stat file;
	int again;

	if (fstat(fd, &file) < 0 || !S_ISFIFO(file.st_mode))
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (again < 0)
		return fd;
	fcntl(again, F_SETPIPE_SZ, PIPE_BYTES);
	close(fd);
	return again;
}

static void stop_waiting(int fd)
{
	struct stat file;

	if (fstat(fd, &file) == 0 && S_ISSOCK(file.st_mode))
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

bool output_open(struct output *output, const char *where)
{
	memset(output, 0, sizeof(*output));
	output->bytes = mmap(NULL, QUEUE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (output->bytes == MAP_FAILED) {
		fprintf(stderr, "sensor: no memory\n");
		return false;
	}
	if (strcmp(where, "-") == 0) {
		output->fd = open_again(STDOUT_FILENO);
	} else if (strncmp(where, "unix:", 5) == 0) {
		output->fd = connect_to(where + 5);
	} else {
		output->fd = open(where, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
		if (output->fd < 0)
			fprintf(stderr, "sensor: %s cannot be written: %s\n", where, strerror(errno));
	}
	if (output->fd >= 0)
		stop_waiting(output->fd);
	return output->fd >= 0;
}

size_t output_room(const struct output *output)
{
	return QUEUE_BYTES - output->used;
}

bool output_is_crowded(const struct output *output)
{
	return output->used > CROWDED_BYTES;
}

/* Takes back the place of what was written. */
static void make_room(struct output *output, size_t size)
{
	if (output->start + output->used + size <= QUEUE_BYTES)
		return;
	memmove(output->bytes, output->bytes + output->start, output->used);
	output->start = 0;
}

void output_add(struct output *output, const void *bytes, size_t size)
{
	if (size > output_room(output))
		output_flush(output);
	if (output->is_closed)
		return;
	/* A piece left out would make everything behind it unreadable. */
	if (size > output_room(output)) {
		fprintf(stderr, "sensor: the reader takes nothing any more\n");
		output->is_closed = true;
		return;
	}
	make_room(output, size);
	memcpy(output->bytes + output->start + output->used, bytes, size);
	output->used += size;
	/* A reader that keeps up gets it in large pieces, and the queue stays short. */
	if (output->used >= PIECE_BYTES && output->used - size < PIECE_BYTES)
		output_push(output);
}

void output_push(struct output *output)
{
	while (output->used > 0 && !output->is_closed) {
		ssize_t written = write(output->fd, output->bytes + output->start, output->used);

		if (written >= 0) {
			output->start += written;
			output->used -= written;
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR) {
			if (errno != EPIPE && errno != ECONNRESET)
				fprintf(stderr, "sensor: writing failed: %s\n", strerror(errno));
			output->is_closed = true;
		}
	}
	output->start = 0;
}

void output_flush(struct output *output)
{
	struct pollfd writable = { .fd = output->fd, .events = POLLOUT };

	output_push(output);
	while (output->used > 0 && !output->is_closed && poll(&writable, 1, PATIENCE_MS) > 0)
		output_push(output);
}

void output_close(struct output *output)
{
	output_flush(output);
	close(output->fd);
	munmap(output->bytes, QUEUE_BYTES);
}

void block_add(struct block *block, const void *bytes, size_t size)
{
	if (block->is_full || block->used + size > BLOCK_LIMIT_BYTES) {
		block->is_full = true;
		return;
	}
	if (block->used + size > block->room) {
		size_t room = block->room ? block->room : BLOCK_START_BYTES;
		uint8_t *larger;

		while (room < block->used + size)
			room *= 2;
		larger = realloc(block->bytes, room);
		if (!larger) {
			block->is_full = true;
			return;
		}
		block->bytes = larger;
		block->room = room;
	}
	if (size > 0)
		memcpy(block->bytes + block->used, bytes, size);
	block->used += size;
}

void block_u8(struct block *block, uint8_t value)
{
	block_add(block, &value, sizeof(value));
}

void block_u16(struct block *block, uint16_t value)
{
	block_add(block, &value, sizeof(value));
}

void block_u32(struct block *block, uint32_t value)
{
	block_add(block, &value, sizeof(value));
}

void block_u64(struct block *block, uint64_t value)
{
	block_add(block, &value, sizeof(value));
}

void block_counted(struct block *block, const void *bytes, size_t size)
{
	if (size > UINT16_MAX)
		size = UINT16_MAX;
	block_u16(block, size);
	block_add(block, bytes, size);
}

void block_text(struct block *block, const char *text)
{
	block_counted(block, text, strlen(text));
}

size_t block_begin_entry(struct block *block)
{
	size_t start = block->used;

	block_u32(block, 0);
	return start;
}

void block_end_entry(struct block *block, size_t start)
{
	uint32_t size = block->used - start;

	if (!block->is_full)
		memcpy(block->bytes + start, &size, sizeof(size));
}

void block_write(struct block *block, uint32_t type, struct output *output)
{
	static const uint8_t zeros[4];
	size_t padded = (block->used + 3) & ~(size_t)3;
	uint32_t header[2] = { type, padded + BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES };

	output_add(output, header, sizeof(header));
	output_add(output, block->bytes, block->used);
	output_add(output, zeros, padded - block->used);
	output_add(output, &header[1], sizeof(header[1]));
	block->used = 0;
	block->is_full = false;
}

void block_free(struct block *block)
{
	free(block->bytes);
	*block = (struct block){};
}
