/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Flags of the kernel → flags of the format (scap/src/data/flag-rows.ts), which are the same on every processor. */
#ifndef KERNEL_FLAGS_H
#define KERNEL_FLAGS_H

#define MAP_FLAG(from, is, gives)                                                                                      \
	do {                                                                                                           \
		if ((from) & (is))                                                                                     \
			flags |= (gives);                                                                              \
	} while (0)

#define OPEN_ACCESS 3
#define OPEN_CREATE 0100
#define OPEN_EXCLUSIVE 0200
#define OPEN_TRUNCATE 01000
#define OPEN_APPEND 02000
#define OPEN_NONBLOCK 04000
#define OPEN_DATA_SYNC 010000
#define OPEN_CLOSE_ON_EXEC 02000000
#define OPEN_SYNC 04000000
#define OPEN_TEMPORARY 020000000
#if defined(__TARGET_ARCH_arm64)
#define OPEN_DIRECTORY 040000
#define OPEN_DIRECT 0200000
#define OPEN_LARGE 0400000
#else
#define OPEN_DIRECT 040000
#define OPEN_LARGE 0100000
#define OPEN_DIRECTORY 0200000
#endif

#define TOLD_WRITE 2
#define TOLD_CREATED (1 << 14)
#define TOLD_UPPER (1 << 15)
#define TOLD_LOWER (1 << 16)
#define TOLD_CLOSE_ON_EXEC 4096

static __always_inline __u32 open_flags_of(__u32 given)
{
	__u32 access = given & OPEN_ACCESS;
	__u32 flags = access == 1 ? 2 : access == 2 ? 3 : 1;

	MAP_FLAG(given, OPEN_CREATE, 4);
	MAP_FLAG(given, OPEN_APPEND, 8);
	MAP_FLAG(given, OPEN_DATA_SYNC, 16);
	MAP_FLAG(given, OPEN_EXCLUSIVE, 32);
	MAP_FLAG(given, OPEN_NONBLOCK, 64);
	MAP_FLAG(given, OPEN_SYNC, 128);
	MAP_FLAG(given, OPEN_TRUNCATE, 256);
	MAP_FLAG(given, OPEN_DIRECT, 512);
	MAP_FLAG(given, OPEN_DIRECTORY, 1024);
	MAP_FLAG(given, OPEN_LARGE, 2048);
	MAP_FLAG(given, OPEN_CLOSE_ON_EXEC, TOLD_CLOSE_ON_EXEC);
	MAP_FLAG(given, OPEN_TEMPORARY, 8192);
	return flags;
}

static __always_inline __u32 clone_flags_of(__u64 given)
{
	__u32 flags = 0;

	MAP_FLAG(given, 0x00000100, 1 << 15); /* memory */
	MAP_FLAG(given, 0x00000200, 1 << 1);  /* root and directory */
	MAP_FLAG(given, 0x00000400, 1 << 0);  /* files */
	MAP_FLAG(given, 0x00000800, 1 << 11); /* signal handlers */
	MAP_FLAG(given, 0x00002000, 1 << 10); /* tracing goes on */
	MAP_FLAG(given, 0x00004000, 1 << 27); /* vfork */
	MAP_FLAG(given, 0x00008000, 1 << 8);  /* same parent */
	MAP_FLAG(given, 0x00010000, 1 << 13); /* thread */
	MAP_FLAG(given, 0x00020000, 1 << 5);  /* namespaces: mounts, … */
	MAP_FLAG(given, 0x00040000, 1 << 12); /* semaphores */
	MAP_FLAG(given, 0x00080000, 1 << 25); /* thread-local storage */
	MAP_FLAG(given, 0x00100000, 1 << 9);  /* number to the parent */
	MAP_FLAG(given, 0x00200000, 1 << 23); /* number cleared in the child */
	MAP_FLAG(given, 0x00800000, 1 << 14); /* not traced */
	MAP_FLAG(given, 0x01000000, 1 << 24); /* number to the child */
	MAP_FLAG(given, 0x02000000, 1 << 28); /* … control groups, */
	MAP_FLAG(given, 0x04000000, 1 << 7);  /* host name, */
	MAP_FLAG(given, 0x08000000, 1 << 3);  /* messages, */
	MAP_FLAG(given, 0x10000000, 1 << 20); /* users, */
	MAP_FLAG(given, 0x20000000, 1 << 6);  /* processes, */
	MAP_FLAG(given, 0x40000000, 1 << 4);  /* network */
	MAP_FLAG(given, 0x80000000, 1 << 2);  /* I/O context */
	return flags;
}

static __always_inline __u32 resolve_of(__u64 given)
{
	__u32 flags = 0;

	MAP_FLAG(given, 0x01, 16); /* no other mounts */
	MAP_FLAG(given, 0x02, 4);  /* no magic links */
	MAP_FLAG(given, 0x04, 8);  /* no symbolic links */
	MAP_FLAG(given, 0x08, 1);  /* beneath */
	MAP_FLAG(given, 0x10, 2);  /* as if it were the root */
	MAP_FLAG(given, 0x20, 32); /* from the cache */
	return flags;
}

/* The bit between the second and the third is one that the kernel does not take. */
static __always_inline __u32 ring_flags_of(__u32 given)
{
	return (given & 3) | ((given & 0x7c) << 1);
}

/* Requests that every processor has, then those of x86. */
static __always_inline __u16 ptrace_request_of(__u64 request)
{
	static const __u8 low[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 26, 27, 28, 29, 11,
				    12, 30, 31, 0, 32, 0, 0, 13, 33, 34, 0, 0, 0, 35, 36, 37, 38 };

	if (request < sizeof(low))
		return low[request];
	if (request >= 0x4200 && request <= 0x420b)
		return 14 + (request - 0x4200);
	return 0;
}

/* Permissions have the same bits in both. */
static __always_inline __u32 mode_of(__u64 given)
{
	return given & 07777;
}

#endif
