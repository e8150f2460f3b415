/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The processes that were there before the hooks, from /proc. Written after the hooks are attached: nobody is missed. */
#ifndef STATE_H
#define STATE_H

#include "output.h"

void write_processes(struct output *output);

#endif
