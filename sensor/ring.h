/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Reads a ring of the kernel record by record, with a look at the next one before it is taken: two rings are merged by time.
 * libbpf's own reader hands over each ring in one go, which would put an exec behind the files that it opened.
 */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	uint64_t size;
	uint64_t at;
	uint64_t *consumer;
	uint64_t *producer;
	uint8_t *data;
};

bool ring_open(struct ring *ring, int map_fd, uint64_t size);
/* The oldest record that is whole; NULL when there is none now. It stays where it is until ring_take(). */
const uint8_t *ring_peek(struct ring *ring, uint32_t *size);
void ring_take(struct ring *ring);
/* Lets the kernel use again what was taken. */
void ring_release(struct ring *ring);

#endif
