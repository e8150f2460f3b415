/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What a stream begins with, and the events that the sensor itself has to tell. Lists of processes are in state.h. */
#ifndef SCAP_H
#define SCAP_H

#include <stdint.h>

#include "output.h"
#include "sensor.h"

#define BLOCK_SECTION 0x0a0d0d0a
#define BLOCK_MACHINE 0x201
#define BLOCK_PROCESSES 0x215
#define BLOCK_FDS 0x218
#define BLOCK_INTERFACES 0x219
#define BLOCK_USERS 0x220

void write_section(struct output *output);
void write_machine(struct output *output, uint64_t boot_ns);
void write_interfaces(struct output *output);
void write_accounts(struct output *output);
/* An asynchronous event: `name` says what `json` is about. Readers that do not know the name pass over it. */
void write_told(struct output *output, uint64_t time_ns, uint64_t tid, const char *name, const char *json);

/* How far a connection went, from the kernel's record, as a `connection` event. */
void write_flow(struct output *output, const struct flow_record *record);

/* What a name server answered, as an `answer` event. */
void write_answer(struct output *output, const struct answer_record *record);

#endif
