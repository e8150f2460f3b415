/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Where the stream goes: a file, a pipe or a socket. A queue in memory stands before it, so that a reader that is busy for a moment
 * costs nothing. And a buffer in which a block is put together.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output {
	int fd;
	/* What is not written yet: `used` bytes from `start` on. Memory is taken once and touched as needed. */
	uint8_t *bytes;
	size_t start;
	size_t used;
	/* Nobody reads any more; what comes from then on is thrown away. */
	bool is_closed;
};

/* `where` is "-" for standard output, "unix:PATH" for a socket that listens there, or a file. False after a message. */
bool output_open(struct output *output, const char *where);
/* Room for this many bytes more. Who adds more than there is room for waits for the reader. */
size_t output_room(const struct output *output);
/* More is waiting than a reader that keeps up leaves. */
bool output_is_crowded(const struct output *output);
void output_add(struct output *output, const void *bytes, size_t size);
/* Writes what the reader takes without being waited for. */
void output_push(struct output *output);
/* Writes everything, and gives up when the reader takes nothing for some seconds. */
void output_flush(struct output *output);
void output_close(struct output *output);

/* Grows up to a limit; beyond it what is added is left out and `is_full` says so. */
struct block {
	uint8_t *bytes;
	size_t used;
	size_t room;
	bool is_full;
};

void block_add(struct block *block, const void *bytes, size_t size);
void block_u8(struct block *block, uint8_t value);
void block_u16(struct block *block, uint16_t value);
void block_u32(struct block *block, uint32_t value);
void block_u64(struct block *block, uint64_t value);
/* A length of 16 bits, then that many bytes. */
void block_counted(struct block *block, const void *bytes, size_t size);
void block_text(struct block *block, const char *text);
/* Writes the whole block and empties the buffer. */
/* An entry that begins with its own size: where it begins is handed to its end. */
size_t block_begin_entry(struct block *block);
void block_end_entry(struct block *block, size_t start);
void block_free(struct block *block);
void block_write(struct block *block, uint32_t type, struct output *output);

#endif
