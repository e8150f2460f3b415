/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the program in the kernel and the one that loads it agree on: the layout of a record, the limits, the classes that losses
 * are counted by.
 *
 * A record in a ring is a whole block of a capture already, so that nothing is left to do for it but to copy it out:
 *
 *      0    4       8    10       18    26      30     32        36              36+2n
 *     ┌────┬───────┬────┬────────┬─────┬───────┬──────┬─────────┬───────────────┬──────── … ──┬───────┐
 *     │type│length │cpu │time ns │tid  │length │code  │number n │n × length 16  │values       │length │
 *     └────┴───────┴────┴────────┴─────┴───────┴──────┴─────────┴───────────────┴─────────────┴───────┘
 *      block             header of the event: 26 bytes                            padded to 4  of block
 *
 * What the format has no event for becomes an asynchronous event (code 402, plugin 0) with a name and JSON, which readers that do
 * not know the name pass over: `sensor` (the first event), `gap` (losses of a class between two times), `connection`, `answer`. Their
 * members are listed in docs/sensor.md.
 *
 * While a record is in a ring, the upper two bits of the CPU's number hold its class.
 *
 * Block types 0 and 1 are no blocks: records of our own (`struct flow_record`, `struct answer_record`) that become asynchronous
 * events with JSON.
 */
#ifndef SENSOR_H
#define SENSOR_H

#define BLOCK_EVENT 0x216
#define BLOCK_EVENT_LARGE 0x221
#define BLOCK_OURS 0
#define BLOCK_ANSWER 1

#define BLOCK_HEADER_BYTES 8
#define BLOCK_TRAILER_BYTES 4
#define EVENT_AT 10
#define EVENT_HEADER_BYTES 26
#define LENGTHS_AT 36
#define CPU_AT 8
#define CLASS_SHIFT 14

/* The longest event; a power of two, since positions are masked with it. */
#define EVENT_MAX 32768
/* The longest text: a path, a name, the arguments of a program. */
#define TEXT_MAX 4096
/* Behind the longest event there is room for the longest text, so that a masked position is always good for one. */
#define SCRATCH_BYTES (EVENT_MAX + 2 * TEXT_MAX)
#define PARAMETERS_MAX 32
#define FLOW_GROUP_BYTES 96
/* The longest answer of a name server that travels in one piece everywhere. */
#define ANSWER_BYTES 1232
/* Paths below which opens for reading are told: how many, how long. */
#define PREFIXES_MAX 256
#define PREFIX_MAX 64

/* Codes of the events that are written, as in the table of the format (scap/src/data/event-rows.ts). */
enum event_code {
	EV_OPEN = 3,
	EV_CLOSE = 5,
	EV_WRITE = 9,
	EV_SOCKET = 19,
	EV_BIND = 21,
	EV_CONNECT = 23,
	EV_LISTEN = 25,
	EV_SENDTO = 31,
	EV_RECVFROM = 35,
	EV_SENDMSG = 49,
	EV_SENDMMSG = 51,
	EV_RECVMSG = 53,
	EV_RECVMMSG = 55,
	EV_CREAT = 59,
	EV_CHDIR = 95,
	EV_KILL = 129,
	EV_FCNTL = 151,
	EV_PTRACE = 169,
	EV_RENAME = 175,
	EV_RENAMEAT = 177,
	EV_SYMLINK = 179,
	EV_SYMLINKAT = 181,
	EV_PROCEXIT = 186,
	EV_SETRESUID = 193,
	EV_SETRESGID = 195,
	EV_SETUID = 199,
	EV_SETGID = 201,
	EV_CLONE = 223,
	EV_FORK = 225,
	EV_VFORK = 227,
	EV_SETNS = 241,
	EV_ACCEPT = 247,
	EV_MOUNT = 257,
	EV_CHROOT = 267,
	EV_SETSID = 275,
	EV_MKDIR = 277,
	EV_RMDIR = 279,
	EV_UNSHARE = 285,
	EV_EXECVE = 293,
	EV_UNLINK = 301,
	EV_UNLINKAT = 303,
	EV_MKDIRAT = 305,
	EV_OPENAT = 307,
	EV_LINK = 309,
	EV_LINKAT = 311,
	EV_FCHMODAT = 313,
	EV_CHMOD = 315,
	EV_FCHMOD = 317,
	EV_RENAMEAT2 = 319,
	EV_USERFAULTFD = 321,
	EV_OPENAT2 = 327,
	EV_EXECVEAT = 331,
	EV_CLONE3 = 335,
	EV_IO_URING_SETUP = 339,
	EV_CAPSET = 353,
	EV_DUP2 = 363,
	EV_DUP3 = 365,
	EV_DUP = 367,
	EV_BPF = 369,
	EV_UMOUNT = 387,
	EV_ACCEPT4 = 389,
	EV_UMOUNT2 = 391,
	EV_ASYNC = 402,
	EV_MEMFD_CREATE = 405,
	EV_INIT_MODULE = 411,
	EV_FINIT_MODULE = 413,
	EV_PROCESS_VM_WRITEV = 423,
	EV_DELETE_MODULE = 425,
	EV_SETREUID = 427,
	EV_SETREGID = 429,
	EV_CLOSE_RANGE = 451,
};

/* Losses are counted, and told in the stream, by these. */
enum event_class { CLASS_PROCESS, CLASS_FILE, CLASS_NETWORK, CLASS_PRIVILEGE, CLASSES };

/* What the loading program tells before it loads; constants to the verifier. */
struct settings {
	/* What is added to the time since boot to get the time of day. */
	unsigned long long epoch_offset_ns;
	/* The sensor does not watch itself. */
	unsigned int own_pid;
	/* Bytes of the environment that an exec carries; 0 for none. */
	unsigned int env_bytes;
	/* Which successful opens for reading are told: `enum reads`. */
	unsigned int reads;
	/* Which failures of opens are told: `enum failed_opens`. */
	unsigned int failed_opens;
	/* Connections are followed to their end. */
	unsigned int flows;
	/* Calls that send and receive are told, and count what goes over UDP sockets that are not connected. */
	unsigned int calls_count_udp;
};

/* A connection as far as it went. Addresses in network order, ports as numbers. */
struct flow {
	unsigned long long started_ns, changed_ns, told_ns;
	unsigned long long sent, received;
	unsigned int pid, tid;
	unsigned int retransmits;
	/* Of a connect that did not wait, as errno; 0 without one. */
	int error;
	unsigned char local[16], remote[16];
	unsigned short local_port, remote_port;
	unsigned short family;
	unsigned char protocol;
	/* 0 when the process called, 1 when it was called. */
	unsigned char role;
	unsigned char is_established;
	unsigned char zeros[3];
	/* The inode of its network namespace: loopback is of one alone. */
	unsigned int network;
	char comm[16];
	/* The last name of the process's control group: what identifies a container. */
	char group[FLOW_GROUP_BYTES];
};

struct flow_record {
	unsigned int type;
	unsigned int length;
	unsigned short cpu;
	unsigned long long time_ns;
	unsigned char is_ended;
	unsigned char zeros[5];
	struct flow flow;
} __attribute__((packed));

/* What a name server answered, as it came. */
struct answer_record {
	unsigned int type;
	unsigned int length;
	unsigned short cpu;
	unsigned long long time_ns;
	unsigned int pid, tid;
	unsigned int size;
	char comm[16];
	unsigned char bytes[ANSWER_BYTES];
} __attribute__((packed));

/* A socket that was open before; of a unix socket `sent` and `received` are its place in memory and its peer's. */
struct listed_socket {
	unsigned int pid;
	int fd;
	unsigned long long inode;
	unsigned int is_listening;
	unsigned int zeros;
	char path[112];
	struct flow flow;
};

enum reads { READS_NONE, READS_BELOW, READS_ALL };
enum failed_opens { FAILED_NONE, FAILED_DENIED, FAILED_ALL };

#endif
