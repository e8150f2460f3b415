/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#include "privileges.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(capability) (1ULL << (capability))
#define REQUIRED (BIT(CAP_BPF) | BIT(CAP_PERFMON))
#define USEFUL (BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH))

static bool get_rights(uint64_t *permitted)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	*permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return true;
}

static bool set_rights(uint64_t rights)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = rights, .permitted = rights },
		{ .effective = rights >> 32, .permitted = rights >> 32 },
	};

	return syscall(SYS_capset, &header, data) == 0;
}

static void say_how_to_allow(uint64_t permitted)
{
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[length < 0 ? 0 : length] = '\0';
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		fprintf(stderr, "sensor: whoever started it set no_new_privs (NoNewPrivileges= of systemd does): rights that the "
				"file has do not count\n");
	fprintf(stderr,
		"sensor: not allowed here: missing%s%s.\n"
		"Either start it as root, or give the program these rights once:\n"
		"  sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search=ep %s\n"
		"In a container: --cap-add BPF --cap-add PERFMON --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH --pid host.\n",
		permitted & BIT(CAP_BPF) ? "" : " CAP_BPF", permitted & BIT(CAP_PERFMON) ? "" : " CAP_PERFMON",
		program[0] == '\0' ? "countersign-sensor" : program);
}

bool keep_needed_rights(void)
{
	uint64_t permitted = 0;

	if (!get_rights(&permitted) || (permitted & REQUIRED) != REQUIRED) {
		say_how_to_allow(permitted);
		return false;
	}
	if ((permitted & USEFUL) != USEFUL)
		fprintf(stderr, "sensor: without CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH it is not known what other users' processes "
				"had open before\n");
	if (permitted & BIT(CAP_SETPCAP))
		for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
			prctl(PR_CAPBSET_DROP, capability);
	if (!set_rights(permitted & (REQUIRED | USEFUL))) {
		fprintf(stderr, "sensor: rights cannot be dropped: %s\n", strerror(errno));
		return false;
	}
	return true;
}

bool drop_rights_of_start(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || !set_rights(BIT(CAP_BPF))) {
		fprintf(stderr, "sensor: rights cannot be dropped: %s\n", strerror(errno));
		return false;
	}
	return true;
}
