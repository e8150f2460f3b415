/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The programs in the kernel: which of them are loaded and with what settings, and the rings that they write to. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "ring.h"
#include "sensor.h"

enum { PROCESS_RING, ACTIVITY_RING, RINGS };

struct programs {
	const struct options *options;
	/* What makes the time of day of the time since boot. */
	uint64_t epoch_offset_ns;
	struct sensor_bpf *bpf;
	struct bpf_link *flow_listing;
	/* Any event that makes a descriptor is wanted. */
	bool has_fds;
	/* Any event about a socket is. */
	bool has_sockets;
	struct ring rings[RINGS];
};

/* Loads and attaches; `options` and `epoch_offset_ns` are set before. False after a message. */
bool programs_start(struct programs *programs);
/* Whether the event of this place in `hooks` is told. */
bool programs_tell(struct programs *programs, int index);
/* How many events of a class were lost since the start. */
uint64_t programs_lost(struct programs *programs, enum event_class class);
/* Has the kernel tell of connections that go on; it does so through the ring. */
void programs_list_flows(struct programs *programs);
/* A descriptor that gives one `struct listed_socket` after the other, for every open socket; -1 after a message. */
int programs_list_sockets(struct programs *programs);
void programs_stop(struct programs *programs);

#endif
