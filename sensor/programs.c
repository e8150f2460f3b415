/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#include "programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hooks.h"
#include "sensor.skel.h"

#define DEPTH_MAX 3
#define SOCKET_EVENTS " socket bind connect listen accept accept4 sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg "
#define SENDING_EVENTS " sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg "
#define FILE_EVENTS " open openat openat2 creat write memfd_create "

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_WARN && getenv("SENSOR_DEBUG") ? vfprintf(stderr, format, arguments) : 0;
}

/* Whether the list of events has one of these names, with spaces around each. */
static bool lists_any(struct programs *programs, const char *names)
{
	for (int index = 0; index < hooks_count; index++) {
		char name[64];

		snprintf(name, sizeof(name), " %s ", hooks[index].name);
		if (programs->options->is_wanted[index] && strstr(names, name))
			return true;
	}
	return false;
}

bool programs_tell(struct programs *programs, int index)
{
	return programs->options->is_wanted[index] || hooks[index].wanted_when == ALWAYS_WANTED ||
	       (hooks[index].wanted_when == WITH_FDS && programs->has_fds) ||
	       (hooks[index].wanted_when == WITH_SOCKETS && programs->has_sockets);
}

static bool tells(struct programs *programs, const char *name)
{
	for (int index = 0; index < hooks_count; index++)
		if (strcmp(hooks[index].name, name) == 0)
			return programs_tell(programs, index);
	return false;
}

static bool has_calls(struct programs *programs)
{
	for (int index = 0; index < hooks_count; index++)
		if (hooks[index].program && programs_tell(programs, index))
			return true;
	return false;
}

/* Following connections is one event to the outside, and several programs. */
static void configure_flows(struct programs *programs, bool is_wanted)
{
	struct sensor_bpf *bpf = programs->bpf;
	struct bpf_program *const followers[] = { bpf->progs.flow_answered, bpf->progs.flow_ended, bpf->progs.flow_sent,
						  bpf->progs.flow_received, bpf->progs.list_flows };

	for (size_t index = 0; index < sizeof(followers) / sizeof(followers[0]); index++)
		bpf_program__set_autoload(followers[index], is_wanted);
	/* Walks one map, which has to be named when it is attached. */
	bpf_program__set_autoattach(bpf->progs.list_flows, false);
	bpf->rodata->settings.flows = is_wanted;
	bpf->rodata->settings.calls_count_udp = lists_any(programs, SENDING_EVENTS);
}

/* Tracepoints that older kernels do not have; without them what they tell is not told. */
static bool has_tracepoint(const struct btf *kernel, const char *name)
{
	char type[64];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(kernel, type, BTF_KIND_TYPEDEF) >= 0;
}

static void leave_out_absent(struct programs *programs)
{
	const struct {
		struct bpf_program *program;
		const char *tracepoint, *what;
	} optional[] = {
		{ programs->bpf->progs.flow_sent, "sock_send_length", "bytes sent over UDP" },
		{ programs->bpf->progs.flow_received, "sock_recv_length", "bytes received over UDP" },
		{ programs->bpf->progs.uring_asked, "io_uring_submit_req", "opens and connects through io_uring" },
		{ programs->bpf->progs.uring_done, "io_uring_complete", "opens and connects through io_uring" },
	};
	struct btf *kernel = btf__load_vmlinux_btf();

	for (size_t index = 0; kernel && index < sizeof(optional) / sizeof(optional[0]); index++) {
		if (!bpf_program__autoload(optional[index].program) || has_tracepoint(kernel, optional[index].tracepoint))
			continue;
		fprintf(stderr, "sensor: this kernel does not tell: %s\n", optional[index].what);
		bpf_program__set_autoload(optional[index].program, false);
	}
	btf__free(kernel);
}

/* What is constant to the programs, and which of them exist at all. */
static void configure(struct programs *programs)
{
	struct sensor_bpf *bpf = programs->bpf;
	const struct options *options = programs->options;

	programs->has_sockets = lists_any(programs, SOCKET_EVENTS);
	programs->has_fds = programs->has_sockets || lists_any(programs, FILE_EVENTS);
	bpf->rodata->settings.epoch_offset_ns = programs->epoch_offset_ns;
	bpf->rodata->settings.own_pid = getpid();
	bpf->rodata->settings.env_bytes = options->env_bytes;
	bpf->rodata->settings.failed_opens = options->failed_opens;
	bpf->rodata->settings.reads = options->no_reads ? READS_NONE :
					   options->read_below_count > 0 ? READS_BELOW :
									   READS_ALL;
	memset((void *)bpf->rodata->number_of_32bit, 0xff, sizeof(bpf->rodata->number_of_32bit));
	for (int index = 0; index < hooks_count; index++) {
		struct bpf_program *program;

		if (strcmp(hooks[index].name, "connection") == 0)
			configure_flows(programs, programs_tell(programs, index));
		if (!hooks[index].program)
			continue;
		program = bpf_object__find_program_by_name(bpf->obj, hooks[index].program);
		/* Reached through the table of calls, never attached by themselves. */
		bpf_program__set_autoattach(program, false);
		if (!programs_tell(programs, index)) {
			bpf_program__set_autoload(program, false);
			continue;
		}
		bpf->rodata->wanted[hooks[index].call] = 1;
		if (hooks[index].call_32bit >= 0)
			bpf->rodata->number_of_32bit[hooks[index].call_32bit] = hooks[index].call;
	}
	bpf_program__set_autoload(bpf->progs.uring_asked, tells(programs, "openat") || tells(programs, "connect"));
	bpf_program__set_autoload(bpf->progs.uring_done, tells(programs, "openat") || tells(programs, "connect"));
	leave_out_absent(programs);
	bpf_map__set_max_entries(bpf->maps.scratch, libbpf_num_possible_cpus() * DEPTH_MAX);
	bpf_map__set_max_entries(bpf->maps.process_ring, options->process_ring_bytes);
	bpf_map__set_max_entries(bpf->maps.activity_ring, options->activity_ring_bytes);
}

static bool fill_maps(struct programs *programs)
{
	int handlers = bpf_map__fd(programs->bpf->maps.handlers);
	int prefixes = bpf_map__fd(programs->bpf->maps.read_prefixes);
	const struct options *options = programs->options;
	uint8_t present = 1;

	for (int index = 0; index < hooks_count; index++) {
		struct bpf_program *program;
		int fd;

		if (!hooks[index].program || !programs_tell(programs, index))
			continue;
		program = bpf_object__find_program_by_name(programs->bpf->obj, hooks[index].program);
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

static bool attach_listing(struct programs *programs)
{
	union bpf_iter_link_info link = { .map.map_fd = bpf_map__fd(programs->bpf->maps.flows) };
	DECLARE_LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &link, .link_info_len = sizeof(link));

	if (!programs->bpf->rodata->settings.flows)
		return true;
	programs->flow_listing = bpf_program__attach_iter(programs->bpf->progs.list_flows, &options);
	if (!programs->flow_listing)
		fprintf(stderr, "sensor: the connections cannot be listed: %s\n", strerror(errno));
	return programs->flow_listing != NULL;
}

bool programs_start(struct programs *programs)
{
	libbpf_set_print(print_libbpf);
	raise_memory_limit();
	programs->bpf = sensor_bpf__open();
	if (!programs->bpf) {
		fprintf(stderr, "sensor: the programs cannot be opened: %s\n", strerror(errno));
		return false;
	}
	configure(programs);
	if (sensor_bpf__load(programs->bpf) < 0 || !fill_maps(programs)) {
		fprintf(stderr, "sensor: this kernel does not take the programs: %s (it needs Linux 5.15 with BTF; SENSOR_DEBUG=1 says why)\n",
			strerror(errno));
		return false;
	}
	if (!has_calls(programs))
		bpf_program__set_autoattach(programs->bpf->progs.on_sys_exit, false);
	if (sensor_bpf__attach(programs->bpf) < 0) {
		fprintf(stderr, "sensor: the programs cannot be attached: %s\n", strerror(errno));
		return false;
	}
	if (!attach_listing(programs))
		return false;
	return ring_open(&programs->rings[0], bpf_map__fd(programs->bpf->maps.process_ring),
			 programs->options->process_ring_bytes) &&
	       ring_open(&programs->rings[1], bpf_map__fd(programs->bpf->maps.activity_ring),
			 programs->options->activity_ring_bytes);
}

void programs_list_flows(struct programs *programs)
{
	char nothing[64];
	int fd;

	if (!programs->flow_listing)
		return;
	fd = bpf_iter_create(bpf_link__fd(programs->flow_listing));
	if (fd < 0)
		return;
	while (read(fd, nothing, sizeof(nothing)) > 0)
		;
	close(fd);
}


int programs_list_sockets(struct programs *programs)
{
	int fd = bpf_iter_create(bpf_link__fd(programs->bpf->links.list_sockets));

	if (fd < 0)
		fprintf(stderr, "sensor: open sockets cannot be listed: %s\n", strerror(errno));
	return fd;
}

uint64_t programs_lost(struct programs *programs, enum event_class class)
{
	return __atomic_load_n(&programs->bpf->bss->lost[class], __ATOMIC_RELAXED);
}

void programs_stop(struct programs *programs)
{
	bpf_link__destroy(programs->flow_listing);
	sensor_bpf__destroy(programs->bpf);
}
