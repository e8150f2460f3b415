/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Work for bench/sensor.ts: `load KIND COUNT` does one thing COUNT times and prints the nanoseconds of processor that each took,
 * children included, which other work on the machine disturbs less than the clock; `load run PROGRAM …` prints those of a program;
 * `load flood SECONDS OPENS_PER_SECOND` opens at an even pace and prints how many it did and how long it took.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ULL
#define FLOOD_STEP 50

extern char **environ;

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND_NS + time.tv_nsec;
}

static uint64_t of_processor(int whose)
{
	struct rusage usage;

	getrusage(whose, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND_NS +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000ULL;
}

static uint64_t used_ns(void)
{
	return of_processor(RUSAGE_SELF) + of_processor(RUSAGE_CHILDREN);
}

static void open_and_close(void)
{
	close(open("/etc/hostname", O_RDONLY | O_CLOEXEC));
}

static void run_true(void)
{
	char *const argv[] = { "true", NULL };
	pid_t pid;

	if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) == 0)
		waitpid(pid, NULL, 0);
}

static int listening = -1;
static struct sockaddr_in address = { .sin_family = AF_INET };

static void listen_somewhere(void)
{
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listening = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listening, (struct sockaddr *)&address, size) < 0 || listen(listening, 16) < 0)
		exit(1);
	getsockname(listening, (struct sockaddr *)&address, &size);
}

static void connect_and_accept(void)
{
	static const struct linger at_once = { .l_onoff = 1 };
	int client = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (connect(client, (struct sockaddr *)&address, sizeof(address)) == 0)
		close(accept(listening, NULL, NULL));
	close(client);
}

static void unwatched(void)
{
	syscall(SYS_getppid);
}

static void write_a_little(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/tmp/countersign-load", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (pwrite(fd, "x", 1, 0) != 1)
		exit(1);
}

static void flood(uint64_t seconds, uint64_t per_second)
{
	uint64_t start = now_ns(), done = 0, all = seconds * per_second;

	while (done < all) {
		uint64_t due = start + done * SECOND_NS / per_second;
		struct timespec at = { .tv_sec = due / SECOND_NS, .tv_nsec = due % SECOND_NS };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		for (int step = 0; step < FLOOD_STEP; step++, done++)
			open_and_close();
	}
	printf("%llu %llu\n", (unsigned long long)done, (unsigned long long)(now_ns() - start));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*work)(void);
	} kinds[] = { { "open", open_and_close }, { "exec", run_true }, { "connect", connect_and_accept },
		      { "unwatched", unwatched }, { "write", write_a_little } };
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

	if (argc > 2 && strcmp(argv[1], "run") == 0) {
		pid_t pid;
		int status = 1;

		if (posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ) == 0)
			waitpid(pid, &status, 0);
		printf("%llu\n", (unsigned long long)of_processor(RUSAGE_CHILDREN));
		return status != 0;
	}
	if (argc == 4 && strcmp(argv[1], "flood") == 0) {
		flood(count, strtoull(argv[3], NULL, 10));
		return 0;
	}
	listen_somewhere();
	for (size_t kind = 0; argc == 3 && count > 0 && kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		uint64_t start = used_ns();

		if (strcmp(argv[1], kinds[kind].name) != 0)
			continue;
		for (uint64_t done = 0; done < count; done++)
			kinds[kind].work();
		printf("%.1f\n", (double)(used_ns() - start) / count);
		return 0;
	}
	fprintf(stderr, "load KIND COUNT | load flood SECONDS OPENS_PER_SECOND\n");
	return 2;
}
