/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Loads the programs, writes who is there, then copies records from the rings to the output, in the order of their time.
 *
 *     rights dropped → programs loaded and attached → lists written → all rights but one dropped → rings emptied many times a second
 *
 * A slow reader makes the writing wait, the rings fill, and losses are counted: nothing of the host ever waits for the sensor.
 */
#include "sensor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "descriptors.h"
#include "hooks.h"
#include "options.h"
#include "output.h"
#include "privileges.h"
#include "programs.h"
#include "scap.h"
#include "state.h"

#define EXIT_FINE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_NOT_ALLOWED 3

#define SECOND_NS 1000000000ULL
/* How often the rings are emptied. */
#define POLL_MS 10
/* A record of one ring waits this long for an older one of the other, which may still be on its way. */
#define HOLD_NS 1000000ULL
#define GAP_EVERY_NS SECOND_NS
/* The rings wait when the queue has less room than this: the longest record, and what is told of losses. */
#define ROOM_BYTES (2 * SCRATCH_BYTES)
#define LIST_EVERY_NS (10 * SECOND_NS)
/* Of what the asynchronous events say; counted up when their meaning changes. */
#define STREAM_VERSION 1

_Static_assert(CLASSES <= 1 << (16 - CLASS_SHIFT), "a class fits its bits");
_Static_assert(CPU_AT == BLOCK_HEADER_BYTES && EVENT_AT == CPU_AT + 2, "the event follows the number of the CPU");
_Static_assert(LENGTHS_AT == EVENT_AT + EVENT_HEADER_BYTES, "lengths follow the header");
_Static_assert((EVENT_MAX & (EVENT_MAX - 1)) == 0, "positions are masked");
_Static_assert(offsetof(struct answer_record, time_ns) == EVENT_AT, "records of all kinds have their time at the same place");
_Static_assert(offsetof(struct flow_record, time_ns) == EVENT_AT, "records of all kinds have their time at the same place");
_Static_assert(sizeof(struct flow) % 8 == 0, "no padding that differs");
_Static_assert(EVENT_MAX <= UINT16_MAX, "a parameter's length has 16 bits");

static const char *const class_names[CLASSES] = { "process", "file", "network", "privilege" };

static volatile sig_atomic_t is_stopped;

struct sensor {
	struct options options;
	struct programs programs;
	struct output output;
	uint64_t attached_ns;
	uint64_t listed_ns;
	/* Thrown away here; the kernel counts its own. */
	uint64_t lost[CLASSES];
	uint64_t told_lost[CLASSES];
	uint64_t told_ns;
};

static void stop(int signal)
{
	is_stopped = 1;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * SECOND_NS + time.tv_nsec;
}

static uint64_t now_ns(struct sensor *sensor)
{
	return clock_ns(CLOCK_BOOTTIME) + sensor->programs.epoch_offset_ns;
}

static void write_lists(struct sensor *sensor)
{
	struct output *output = &sensor->output;
	int sockets = programs_list_sockets(&sensor->programs);

	write_section(output);
	write_machine(output, sensor->programs.epoch_offset_ns);
	write_interfaces(output);
	write_accounts(output);
	write_processes(output);
	write_files(output);
	if (sockets >= 0) {
		write_sockets(output, sockets);
		close(sockets);
	}
	output_flush(output);
}

static uint64_t time_of(const uint8_t *record)
{
	uint64_t time_ns;

	memcpy(&time_ns, record + EVENT_AT, sizeof(time_ns));
	return time_ns;
}

static void copy_out(struct sensor *sensor, const uint8_t *record, uint32_t size)
{
	uint16_t cpu;
	uint32_t type;

	memcpy(&type, record, sizeof(type));
	memcpy(&cpu, record + CPU_AT, sizeof(cpu));
	/* A reader that does not keep up loses files and connections before it loses processes. */
	if (cpu >> CLASS_SHIFT != CLASS_PROCESS && output_is_crowded(&sensor->output)) {
		sensor->lost[cpu >> CLASS_SHIFT]++;
		return;
	}
	if (type == BLOCK_OURS) {
		write_flow(&sensor->output, (const struct flow_record *)record);
		return;
	}
	if (type == BLOCK_ANSWER) {
		write_answer(&sensor->output, (const struct answer_record *)record);
		return;
	}
	cpu &= (1 << CLASS_SHIFT) - 1;
	output_add(&sensor->output, record, CPU_AT);
	output_add(&sensor->output, &cpu, sizeof(cpu));
	output_add(&sensor->output, record + EVENT_AT, size - EVENT_AT);
}

/* Copies records that are older than `until_ns`, always the oldest of both rings. Gives how many. */
static uint64_t drain(struct sensor *sensor, uint64_t until_ns)
{
	struct ring *rings = sensor->programs.rings;
	uint64_t count = 0;

	for (;;) {
		uint32_t sizes[2];
		const uint8_t *records[2] = { ring_peek(&rings[0], &sizes[0]), ring_peek(&rings[1], &sizes[1]) };
		int oldest = !records[0] || (records[1] && time_of(records[1]) < time_of(records[0]));

		if (!records[oldest] || time_of(records[oldest]) > until_ns || output_room(&sensor->output) < ROOM_BYTES)
			break;
		copy_out(sensor, records[oldest], sizes[oldest]);
		ring_take(&rings[oldest]);
		/* Space is given back now and then, not only at the end: a flood may refill the ring as fast as it is emptied. */
		if (++count % 256 == 0) {
			ring_release(&rings[0]);
			ring_release(&rings[1]);
		}
	}
	ring_release(&rings[0]);
	ring_release(&rings[1]);
	return count;
}

/* What was lost since it was told last, by class. */
static void tell_gaps(struct sensor *sensor, uint64_t now)
{
	for (int class = 0; class < CLASSES; class ++) {
		uint64_t lost = programs_lost(&sensor->programs, class) + sensor->lost[class];
		char json[256];

		if (lost == sensor->told_lost[class])
			continue;
		snprintf(json, sizeof(json), "{\"class\":\"%s\",\"lost\":%llu,\"fromNs\":\"%llu\",\"toNs\":\"%llu\"}",
			 class_names[class], (unsigned long long)(lost - sensor->told_lost[class]),
			 (unsigned long long)sensor->told_ns, (unsigned long long)now);
		write_told(&sensor->output, now, 0, "gap", json);
		sensor->told_lost[class] = lost;
	}
	sensor->told_ns = now;
}

/* The first event: from here on everything is told, and this is what "everything" means. */
static void tell_start(struct sensor *sensor)
{
	char json[4096];
	int used = snprintf(json, sizeof(json), "{\"version\":%d,\"events\":[", STREAM_VERSION);
	const char *comma = "";

	for (int index = 0; index < hooks_count; index++) {
		if (!programs_tell(&sensor->programs, index) || !is_first_of_name(index))
			continue;
		used += snprintf(json + used, sizeof(json) - used, "%s\"%s\"", comma, hooks[index].name);
		comma = ",";
	}
	snprintf(json + used, sizeof(json) - used, "]}");
	write_told(&sensor->output, sensor->attached_ns, 0, "sensor", json);
}

static void run(struct sensor *sensor)
{
	struct pollfd polled = { .fd = sensor->output.fd };
	uint64_t end = sensor->options.seconds ? clock_ns(CLOCK_MONOTONIC) + sensor->options.seconds * SECOND_NS : UINT64_MAX;
	struct timespec pause = { .tv_nsec = POLL_MS * 1000000 };

	tell_start(sensor);
	sensor->told_ns = now_ns(sensor);
	while (!is_stopped && !sensor->output.is_closed && clock_ns(CLOCK_MONOTONIC) < end) {
		uint64_t now = now_ns(sensor);

		drain(sensor, now - HOLD_NS);
		if (now - sensor->told_ns > GAP_EVERY_NS)
			tell_gaps(sensor, now);
		if (now - sensor->listed_ns > LIST_EVERY_NS) {
			programs_list_flows(&sensor->programs);
			sensor->listed_ns = now;
		}
		output_push(&sensor->output);
		polled.events = sensor->output.used > 0 ? POLLOUT : 0;
		ppoll(&polled, 1, &pause, NULL);
	}
	programs_list_flows(&sensor->programs);
	drain(sensor, UINT64_MAX);
	tell_gaps(sensor, now_ns(sensor));
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = stop };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

int main(int argc, char **argv)
{
	struct sensor sensor = {};

	switch (parse_options(&sensor.options, argc, argv)) {
	case PARSED_DONE:
		return EXIT_FINE;
	case PARSED_WRONG:
		return EXIT_USAGE;
	case PARSED_RUN:
		break;
	}
	catch_signals();
	if (!output_open(&sensor.output, sensor.options.output))
		return EXIT_FAILED;
	sensor.programs.options = &sensor.options;
	sensor.programs.epoch_offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	if (!keep_needed_rights() || !programs_start(&sensor.programs))
		return EXIT_NOT_ALLOWED;
	sensor.attached_ns = now_ns(&sensor);
	write_lists(&sensor);
	if (!drop_rights_of_start())
		return EXIT_FAILED;
	run(&sensor);
	output_close(&sensor.output);
	programs_stop(&sensor.programs);
	return EXIT_FINE;
}
