/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The memory of a ring, as the kernel lays it out:
 *
 *     page 0            page 1            then, twice in a row so that no record is cut
 *     ┌───────────────┬───────────────┬──────── … ────────┬──────── … ────────┐
 *     │ consumer 64   │ producer 64   │ data              │ the same data     │     record: length 32 (busy, discarded on top),
 *     └───────────────┴───────────────┴───────────────────┴───────────────────┘             32 of the kernel's own, bytes, padding to 8
 */
#include "ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LENGTH_MASK (~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT))

bool ring_open(struct ring *ring, int map_fd, uint64_t size)
{
	long page = sysconf(_SC_PAGESIZE);
	void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	uint8_t *rest = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, map_fd, page);

	if (consumer == MAP_FAILED || rest == MAP_FAILED) {
		fprintf(stderr, "sensor: the ring cannot be mapped: %s\n", strerror(errno));
		return false;
	}
	ring->size = size;
	ring->consumer = consumer;
	ring->producer = (uint64_t *)rest;
	ring->data = rest + page;
	ring->at = *ring->consumer;
	return true;
}

static uint64_t record_bytes(uint32_t header)
{
	return ((header & LENGTH_MASK) + BPF_RINGBUF_HDR_SZ + 7) & ~7ULL;
}

static uint32_t header_at(struct ring *ring)
{
	return __atomic_load_n((uint32_t *)(ring->data + (ring->at & (ring->size - 1))), __ATOMIC_ACQUIRE);
}

const uint8_t *ring_peek(struct ring *ring, uint32_t *size)
{
	uint64_t end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);

	while (ring->at < end) {
		uint32_t header = header_at(ring);

		if (header & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
			*size = header & LENGTH_MASK;
			return ring->data + (ring->at & (ring->size - 1)) + BPF_RINGBUF_HDR_SZ;
		}
		ring->at += record_bytes(header);
	}
	return NULL;
}

void ring_take(struct ring *ring)
{
	ring->at += record_bytes(header_at(ring));
}

void ring_release(struct ring *ring)
{
	__atomic_store_n(ring->consumer, ring->at, __ATOMIC_RELEASE);
}
