/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The processes that were there before the hooks, from /proc. Written after the hooks are attached: nobody is missed. */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "output.h"

void write_processes(struct output *output);
/* Whether the process was among those written. What a later one has open is not to be told: readers refuse a file with it. */
bool is_listed(int64_t pid);

#endif
