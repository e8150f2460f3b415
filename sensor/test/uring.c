/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Opens a file and connects to a port without making a call for it: `uring PATH PORT` lays both into a ring and prints the two
 * results. For the tests of the sensor.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES 4

struct ring {
	int fd;
	uint8_t *submissions, *completions;
	struct io_uring_sqe *entries;
	struct io_uring_params parameters;
};

static int start(struct ring *ring)
{
	struct io_uring_params *parameters = &ring->parameters;

	ring->fd = syscall(SYS_io_uring_setup, ENTRIES, parameters);
	if (ring->fd < 0)
		return -1;
	ring->submissions = mmap(NULL, parameters->sq_off.array + ENTRIES * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED,
				 ring->fd, IORING_OFF_SQ_RING);
	ring->completions = mmap(NULL, parameters->cq_off.cqes + 2 * ENTRIES * sizeof(struct io_uring_cqe),
				 PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_CQ_RING);
	ring->entries = mmap(NULL, ENTRIES * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
			     IORING_OFF_SQES);
	return ring->submissions == MAP_FAILED || ring->completions == MAP_FAILED || ring->entries == MAP_FAILED ? -1 : 0;
}

/* Submits one entry and waits for its result. */
static int submit(struct ring *ring, const struct io_uring_sqe *entry)
{
	uint32_t *tail = (uint32_t *)(ring->submissions + ring->parameters.sq_off.tail);
	uint32_t *array = (uint32_t *)(ring->submissions + ring->parameters.sq_off.array);
	uint32_t *head = (uint32_t *)(ring->completions + ring->parameters.cq_off.head);
	struct io_uring_cqe *results = (struct io_uring_cqe *)(ring->completions + ring->parameters.cq_off.cqes);
	uint32_t place = *tail % ENTRIES;
	int result;

	ring->entries[place] = *entry;
	array[place] = place;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	result = results[*head % (2 * ENTRIES)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct io_uring_sqe open = { .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .open_flags = O_WRONLY | O_CREAT, .len = 0600 };
	struct io_uring_sqe connect = { .opcode = IORING_OP_CONNECT, .off = sizeof(address) };
	struct ring ring = {};

	if (argc != 3 || start(&ring) < 0)
		return 2;
	open.addr = (uint64_t)argv[1];
	address.sin_port = htons(atoi(argv[2]));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connect.fd = socket(AF_INET, SOCK_STREAM, 0);
	connect.addr = (uint64_t)&address;
	printf("%d", submit(&ring, &open));
	printf(" %d\n", submit(&ring, &connect));
	return 0;
}
