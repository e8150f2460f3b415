/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A process may end while it is looked at: whatever cannot be read then is left empty. Lists are written in pieces, so that the
 * memory for them does not grow with the host.
 */
#include "state.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc.h"
#include "scap.h"
#include "sensor.h"

#define PIECE_BYTES (1024 * 1024)
#define PATH_READ_MAX 1023
#define FLAG_FILES 1
#define FLAG_THREAD (1 << 13)
/* The most that the kernel gives: PID_MAX_LIMIT. */
#define PIDS (4 * 1024 * 1024)

static uint8_t listed[PIDS / 8];

static void list(int64_t pid)
{
	if (pid >= 0 && pid < PIDS)
		listed[pid / 8] |= 1 << pid % 8;
}

bool is_listed(int64_t pid)
{
	return pid >= 0 && pid < PIDS && listed[pid / 8] & 1 << pid % 8;
}

struct status {
	char name[64];
	int64_t ppid;
	uint32_t uid, gid;
	int64_t inner_tid, inner_pid, inner_pgid;
	uint32_t size_kb, rss_kb, swap_kb;
	uint64_t cap_inheritable, cap_permitted, cap_effective;
};

struct stat_line {
	int64_t pgid, sid;
	uint32_t tty;
	uint64_t faults_minor, faults_major;
};

/* The last number of a line: what the innermost namespace calls it. */
static int64_t last_number(const char *line)
{
	const char *end = strchr(line, '\n');
	const char *at = end ? end : line + strlen(line);

	while (at > line && !isspace((unsigned char)at[-1]))
		at--;
	return strtoll(at, NULL, 10);
}

/* The second of the numbers: the effective one. */
static uint32_t second_number(const char *text, const char *label)
{
	const char *value = proc_value(text, label);
	char *end;

	if (!value)
		return UINT32_MAX;
	strtoul(value, &end, 10);
	return strtoul(end, NULL, 10);
}

static int64_t inner_number(const char *text, const char *label, int64_t outer)
{
	const char *value = proc_value(text, label);

	return value ? last_number(value) : outer;
}

static bool read_status(const char *folder, int64_t tid, struct status *status)
{
	char path[PATH_BYTES], text[FILE_BYTES];
	const char *name;

	snprintf(path, sizeof(path), "%s/status", folder);
	if (proc_read(path, text, sizeof(text)) == 0)
		return false;
	memset(status, 0, sizeof(*status));
	name = proc_value(text, "Name:\t");
	if (name)
		snprintf(status->name, sizeof(status->name), "%.*s", (int)strcspn(name, "\n"), name);
	status->ppid = proc_number(text, "PPid:\t", 10);
	status->uid = second_number(text, "Uid:\t");
	status->gid = second_number(text, "Gid:\t");
	status->inner_tid = inner_number(text, "NSpid:\t", tid);
	status->inner_pid = inner_number(text, "NStgid:\t", tid);
	status->inner_pgid = inner_number(text, "NSpgid:\t", 0);
	status->size_kb = proc_number(text, "VmSize:\t", 10);
	status->rss_kb = proc_number(text, "VmRSS:\t", 10);
	status->swap_kb = proc_number(text, "VmSwap:\t", 10);
	status->cap_inheritable = proc_number(text, "CapInh:\t", 16);
	status->cap_permitted = proc_number(text, "CapPrm:\t", 16);
	status->cap_effective = proc_number(text, "CapEff:\t", 16);
	return true;
}

/* The name of a program may hold anything: what counts stands behind its last bracket. */
static void read_stat(const char *folder, struct stat_line *stat)
{
	char path[PATH_BYTES], text[FILE_BYTES];
	const char *rest;
	long long pgid = -1, sid = -1, tty = 0;
	unsigned long long minor = 0, major = 0;

	memset(stat, 0, sizeof(*stat));
	snprintf(path, sizeof(path), "%s/stat", folder);
	proc_read(path, text, sizeof(text));
	rest = strrchr(text, ')');
	if (rest)
		sscanf(rest + 1, " %*c %*d %lld %lld %lld %*d %*u %llu %*u %llu", &pgid, &sid, &tty, &minor, &major);
	stat->pgid = pgid;
	stat->sid = sid;
	stat->tty = tty;
	stat->faults_minor = minor;
	stat->faults_major = major;
}

static void add_link(struct block *block, const char *folder, const char *name)
{
	char path[PATH_BYTES], target[TEXT_MAX];
	ssize_t size;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	size = readlink(path, target, PATH_READ_MAX);
	block_counted(block, target, size > 0 ? size : 0);
}

/* `5:cpu,cpuacct:/a` becomes `cpu=/a` and `cpuacct=/a`; the unified tree has no controllers. */
static void add_groups(struct block *block, const char *folder)
{
	char path[PATH_BYTES], text[FILE_BYTES], groups[2 * FILE_BYTES];
	size_t used = 0;
	char *lines = text, *line;

	snprintf(path, sizeof(path), "%s/cgroup", folder);
	proc_read(path, text, sizeof(text));
	while ((line = strsep(&lines, "\n")) != NULL) {
		char *names = strchr(line, ':');
		char *place = names ? strchr(names + 1, ':') : NULL;
		char *name;

		if (!place)
			continue;
		*place++ = 0;
		names++;
		while ((name = strsep(&names, ",")) != NULL) {
			const char *label = *name ? name : "unified";
			size_t size = strlen(label) + strlen(place) + 2;

			if (used + size > sizeof(groups))
				break;
			used += sprintf(groups + used, "%s=%s", label, place) + 1;
		}
	}
	block_counted(block, groups, used);
}

static uint64_t nanoseconds(struct timespec time)
{
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static uint32_t login_uid(const char *folder)
{
	char path[PATH_BYTES], text[32];

	snprintf(path, sizeof(path), "%s/loginuid", folder);
	if (proc_read(path, text, sizeof(text)) == 0)
		return UINT32_MAX;
	return strtoul(text, NULL, 10);
}

/* What runs: whether its file could be changed by the process, is held in memory only, and when it changed. */
static void add_program(struct block *block, const char *folder, const struct status *status)
{
	char path[PATH_BYTES], target[TEXT_MAX];
	struct stat file = {};
	bool is_writable = false;
	ssize_t size;

	snprintf(path, sizeof(path), "%s/exe", folder);
	size = readlink(path, target, sizeof(target) - 1);
	target[size > 0 ? size : 0] = 0;
	if (size > 0 && stat(path, &file) == 0)
		is_writable = (status->cap_effective & 2) || (file.st_uid == status->uid ? file.st_mode & S_IWUSR :
							      file.st_gid == status->gid ? file.st_mode & S_IWGRP :
											   file.st_mode & S_IWOTH);
	block_u8(block, is_writable);
	block_u64(block, status->cap_inheritable);
	block_u64(block, status->cap_permitted);
	block_u64(block, status->cap_effective);
	block_u8(block, 0); /* upper layer of an overlay: only the kernel knows */
	block_u64(block, file.st_ino);
	block_u64(block, nanoseconds(file.st_ctim));
	block_u64(block, nanoseconds(file.st_mtim));
	block_u8(block, strncmp(target, "/memfd:", 7) == 0);
	block_u8(block, 0);
}

static void add_texts(struct block *block, const char *folder, const char *name, bool is_command_line)
{
	char path[PATH_BYTES], text[TEXT_MAX];
	size_t size, first;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	size = proc_read(path, text, sizeof(text));
	if (!is_command_line) {
		block_counted(block, text, size);
		return;
	}
	first = strnlen(text, size);
	/* What readers take for a path; whoever names itself may say more. */
	block_counted(block, text, first < PATH_READ_MAX ? first : PATH_READ_MAX);
	add_link(block, folder, "exe");
	block_counted(block, text + first + 1, size > first ? size - first - 1 : 0);
}

static void add_thread(struct block *block, const char *folder, int64_t tid, int64_t pid)
{
	struct status status;
	struct stat_line stat;
	struct rlimit limit = {};
	size_t start;

	if (!read_status(folder, tid, &status))
		return;
	if (tid == pid)
		list(pid);
	read_stat(folder, &stat);
	prlimit(pid, RLIMIT_NOFILE, NULL, &limit);
	start = block_begin_entry(block);
	block_u64(block, tid);
	block_u64(block, pid);
	block_u64(block, status.ppid);
	block_u64(block, stat.sid);
	block_u64(block, status.inner_pgid);
	block_text(block, status.name);
	add_texts(block, folder, "cmdline", true);
	add_link(block, folder, "cwd");
	block_u64(block, limit.rlim_cur);
	block_u32(block, tid == pid ? 0 : FLAG_FILES | FLAG_THREAD);
	block_u32(block, status.uid);
	block_u32(block, status.gid);
	block_u32(block, status.size_kb);
	block_u32(block, status.rss_kb);
	block_u32(block, status.swap_kb);
	block_u64(block, stat.faults_major);
	block_u64(block, stat.faults_minor);
	if (tid == pid)
		add_texts(block, folder, "environ", false);
	else
		block_u16(block, 0);
	block_u64(block, status.inner_tid);
	block_u64(block, status.inner_pid);
	add_groups(block, folder);
	add_link(block, folder, "root");
	block_u64(block, 0); /* start of the namespace: not known here */
	block_u32(block, stat.tty);
	block_u32(block, login_uid(folder));
	add_program(block, folder, &status);
	block_u64(block, stat.pgid);
	block_end_entry(block, start);
}

struct listing {
	struct output *output;
	struct block block;
	int64_t pid;
};

static void visit_thread(const char *folder, int64_t tid, void *data)
{
	struct listing *listing = data;
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%lld", folder, (long long)tid);
	add_thread(&listing->block, path, tid, listing->pid);
	if (listing->block.used > PIECE_BYTES)
		block_write(&listing->block, BLOCK_PROCESSES, listing->output);
}

static void visit_process(const char *folder, int64_t pid, void *data)
{
	struct listing *listing = data;
	char path[PATH_BYTES];

	listing->pid = pid;
	snprintf(path, sizeof(path), "%s/%lld/task", folder, (long long)pid);
	proc_each(path, visit_thread, listing);
}

void write_processes(struct output *output)
{
	struct listing listing = { .output = output };

	proc_each("/proc", visit_process, &listing);
	if (listing.block.used > 0)
		block_write(&listing.block, BLOCK_PROCESSES, output);
	block_free(&listing.block);
}
