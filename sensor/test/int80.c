/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Makes a 32-bit call from a 64-bit program: `int80 PATH` creates a file through the old gate, whose calls are numbered otherwise.
 * For the tests of the sensor.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define CALL_OPEN 5
#define WRITE_AND_CREATE 0101
#define PAGE 4096

int main(int argc, char **argv)
{
	/* The gate takes addresses of 32 bits. */
	char *path = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long result = CALL_OPEN;

	if (argc != 2 || path == MAP_FAILED || strlen(argv[1]) >= PAGE)
		return 2;
	strcpy(path, argv[1]);
	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 : "b"(path), "c"((long)WRITE_AND_CREATE), "d"(0600L)
			 : "memory", "r8", "r9", "r10", "r11");
	printf("%ld\n", result);
	return 0;
}
