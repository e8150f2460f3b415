/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "hooks.h"
#include "sensor.h"

struct options {
	const char *output;
	/* 0 runs until it is stopped. */
	uint64_t seconds;
	uint64_t activity_ring_bytes;
	uint64_t process_ring_bytes;
	uint32_t env_bytes;
	enum failed_opens failed_opens;
	const char *read_below[PREFIXES_MAX];
	int read_below_count;
	bool no_reads;
	/* By place in `hooks`. */
	bool is_wanted[HOOKS_MAX];
};

enum parsed { PARSED_RUN, PARSED_DONE, PARSED_WRONG };

enum parsed parse_options(struct options *options, int argc, char **argv);

#endif
