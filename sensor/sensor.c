/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Loads the programs, writes who is there, then copies records from the rings to the output, in the order of their time.
 *
 *     rights dropped → programs loaded and attached → lists written → all rights dropped → rings emptied many times a second
 *
 * A slow reader makes the writing wait, the rings fill, and losses are counted: nothing of the host ever waits for the sensor.
 */
#include "sensor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "hooks.h"
#include "options.h"
#include "output.h"
#include "privileges.h"
#include "ring.h"
#include "scap.h"
#include "sensor.skel.h"
#include "state.h"

#define EXIT_FINE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_NOT_ALLOWED 3

#define SECOND_NS 1000000000ULL
#define DEPTH_MAX 3
/* How often the rings are emptied when nobody calls. */
#define POLL_MS 10
/* A record of one ring waits this long for an older one of the other, which may still be on its way. */
#define HOLD_NS 1000000ULL
#define GAP_EVERY_NS SECOND_NS
/* Of what the asynchronous events say; counted up when their meaning changes. */
#define STREAM_VERSION 1

_Static_assert(EVENT_AT == BLOCK_HEADER_BYTES + 2, "the event follows the number of the CPU");
_Static_assert(LENGTHS_AT == EVENT_AT + EVENT_HEADER_BYTES, "lengths follow the header");
_Static_assert((EVENT_MAX & (EVENT_MAX - 1)) == 0, "positions are masked");
_Static_assert(EVENT_MAX <= UINT16_MAX, "a parameter's length has 16 bits");

static const char *const class_names[CLASSES] = { "process", "file", "network", "privilege" };

static volatile sig_atomic_t is_stopped;

struct sensor {
	struct options options;
	struct sensor_bpf *programs;
	/* Any event that makes a descriptor is wanted. */
	bool has_fds;
	struct output output;
	struct ring rings[2];
	uint64_t epoch_offset_ns;
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
	return clock_ns(CLOCK_BOOTTIME) + sensor->epoch_offset_ns;
}

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_WARN && getenv("SENSOR_DEBUG") ? vfprintf(stderr, format, arguments) : 0;
}

static bool makes_fds(struct sensor *sensor)
{
	static const char *const makers[] = { "open", "openat", "openat2", "creat", "write", "socket",
					      "accept", "accept4", "connect", "bind", "memfd_create" };

	for (int index = 0; index < hooks_count; index++)
		for (size_t maker = 0; maker < sizeof(makers) / sizeof(makers[0]); maker++)
			if (sensor->options.is_wanted[index] && strcmp(hooks[index].name, makers[maker]) == 0)
				return true;
	return false;
}

static bool is_wanted(struct sensor *sensor, int index)
{
	return sensor->options.is_wanted[index] || hooks[index].wanted_when == ALWAYS_WANTED ||
	       (hooks[index].wanted_when == WITH_FDS && sensor->has_fds);
}

static bool has_calls(struct sensor *sensor)
{
	for (int index = 0; index < hooks_count; index++)
		if (hooks[index].program && is_wanted(sensor, index))
			return true;
	return false;
}

/* What is constant to the programs, and which of them exist at all. */
static void configure(struct sensor *sensor)
{
	struct sensor_bpf *programs = sensor->programs;
	struct options *options = &sensor->options;

	sensor->has_fds = makes_fds(sensor);
	programs->rodata->settings.epoch_offset_ns = sensor->epoch_offset_ns;
	programs->rodata->settings.own_pid = getpid();
	programs->rodata->settings.env_bytes = options->env_bytes;
	programs->rodata->settings.failed_opens = options->failed_opens;
	programs->rodata->settings.reads = options->no_reads ? READS_NONE :
					   options->read_below_count > 0 ? READS_BELOW :
									   READS_ALL;
	memset((void *)programs->rodata->number_of_32bit, 0xff, sizeof(programs->rodata->number_of_32bit));
	for (int index = 0; index < hooks_count; index++) {
		struct bpf_program *program;

		if (!hooks[index].program)
			continue;
		program = bpf_object__find_program_by_name(programs->obj, hooks[index].program);
		/* Reached through the table of calls, never attached by themselves. */
		bpf_program__set_autoattach(program, false);
		if (!is_wanted(sensor, index)) {
			bpf_program__set_autoload(program, false);
			continue;
		}
		programs->rodata->wanted[hooks[index].call] = 1;
		if (hooks[index].call_32bit >= 0)
			programs->rodata->number_of_32bit[hooks[index].call_32bit] = hooks[index].call;
	}
	bpf_map__set_max_entries(programs->maps.scratch, libbpf_num_possible_cpus() * DEPTH_MAX);
	bpf_map__set_max_entries(programs->maps.process_ring, options->process_ring_bytes);
	bpf_map__set_max_entries(programs->maps.activity_ring, options->activity_ring_bytes);
}

static bool fill_maps(struct sensor *sensor)
{
	int handlers = bpf_map__fd(sensor->programs->maps.handlers);
	int prefixes = bpf_map__fd(sensor->programs->maps.read_prefixes);
	struct options *options = &sensor->options;
	uint8_t present = 1;

	for (int index = 0; index < hooks_count; index++) {
		struct bpf_program *program;
		int fd;

		if (!hooks[index].program || !is_wanted(sensor, index))
			continue;
		program = bpf_object__find_program_by_name(sensor->programs->obj, hooks[index].program);
		fd = bpf_program__fd(program);
		if (bpf_map_update_elem(handlers, &hooks[index].call, &fd, BPF_ANY) < 0)
			return false;
	}
	for (int index = 0; index < options->read_below_count; index++) {
		struct {
			uint32_t bits;
			char path[PREFIX_MAX];
		} key = { .bits = strlen(options->read_below[index]) * 8 };

		memcpy(key.path, options->read_below[index], key.bits / 8);
		if (bpf_map_update_elem(prefixes, &key, &present, BPF_ANY) < 0)
			return false;
	}
	return true;
}

/* Kernels before 5.11 count what programs use against this limit; newer ones do not, and may refuse to raise it. */
static void raise_memory_limit(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &limit);
}

static bool start_programs(struct sensor *sensor)
{
	libbpf_set_print(print_libbpf);
	raise_memory_limit();
	sensor->programs = sensor_bpf__open();
	if (!sensor->programs) {
		fprintf(stderr, "sensor: the programs cannot be opened: %s\n", strerror(errno));
		return false;
	}
	configure(sensor);
	if (sensor_bpf__load(sensor->programs) < 0 || !fill_maps(sensor)) {
		fprintf(stderr, "sensor: this kernel does not take the programs: %s (it needs Linux 5.15 with BTF; SENSOR_DEBUG=1 says why)\n",
			strerror(errno));
		return false;
	}
	if (!has_calls(sensor))
		bpf_program__set_autoattach(sensor->programs->progs.on_sys_exit, false);
	if (sensor_bpf__attach(sensor->programs) < 0) {
		fprintf(stderr, "sensor: the programs cannot be attached: %s\n", strerror(errno));
		return false;
	}
	return ring_open(&sensor->rings[0], bpf_map__fd(sensor->programs->maps.process_ring),
			 sensor->options.process_ring_bytes) &&
	       ring_open(&sensor->rings[1], bpf_map__fd(sensor->programs->maps.activity_ring),
			 sensor->options.activity_ring_bytes);
}

static void write_lists(struct sensor *sensor)
{
	struct output *output = &sensor->output;

	write_section(output);
	write_machine(output, sensor->epoch_offset_ns);
	write_interfaces(output);
	write_accounts(output);
	write_processes(output);
	output_flush(output);
}

static uint64_t time_of(const uint8_t *record)
{
	uint64_t time_ns;

	memcpy(&time_ns, record + EVENT_AT, sizeof(time_ns));
	return time_ns;
}

/* Copies records that are older than `until_ns`, always the oldest of both rings. Gives how many. */
static uint64_t drain(struct sensor *sensor, uint64_t until_ns)
{
	struct ring *rings = sensor->rings;
	uint64_t count = 0;

	for (;;) {
		uint32_t sizes[2];
		const uint8_t *records[2] = { ring_peek(&rings[0], &sizes[0]), ring_peek(&rings[1], &sizes[1]) };
		int oldest = !records[0] || (records[1] && time_of(records[1]) < time_of(records[0]));

		if (!records[oldest] || time_of(records[oldest]) > until_ns)
			break;
		output_add(&sensor->output, records[oldest], sizes[oldest]);
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
		uint64_t lost = __atomic_load_n(&sensor->programs->bss->lost[class], __ATOMIC_RELAXED);
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
		if (!is_wanted(sensor, index) || !is_first_of_name(index))
			continue;
		used += snprintf(json + used, sizeof(json) - used, "%s\"%s\"", comma, hooks[index].name);
		comma = ",";
	}
	snprintf(json + used, sizeof(json) - used, "]}");
	write_told(&sensor->output, now_ns(sensor), 0, "sensor", json);
}

static void run(struct sensor *sensor)
{
	struct pollfd polled[2] = {
		{ .fd = sensor->rings[0].fd, .events = POLLIN },
		{ .fd = sensor->rings[1].fd, .events = POLLIN },
	};
	uint64_t end = sensor->options.seconds ? clock_ns(CLOCK_MONOTONIC) + sensor->options.seconds * SECOND_NS : UINT64_MAX;
	struct timespec pause = { .tv_nsec = POLL_MS * 1000000 };

	tell_start(sensor);
	sensor->told_ns = now_ns(sensor);
	while (!is_stopped && !sensor->output.is_closed && clock_ns(CLOCK_MONOTONIC) < end) {
		uint64_t now = now_ns(sensor);

		drain(sensor, now - HOLD_NS);
		if (now - sensor->told_ns > GAP_EVERY_NS)
			tell_gaps(sensor, now);
		output_flush(&sensor->output);
		/* Readable all the time there is a record: what is waited for is the time, or the call of a ring half full. */
		polled[0].events = polled[1].events = 0;
		ppoll(polled, 2, &pause, NULL);
	}
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
	sensor.epoch_offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	if (!keep_needed_rights() || !start_programs(&sensor))
		return EXIT_NOT_ALLOWED;
	write_lists(&sensor);
	if (!drop_all_rights())
		return EXIT_FAILED;
	run(&sensor);
	output_close(&sensor.output);
	sensor_bpf__destroy(sensor.programs);
	return EXIT_FINE;
}
