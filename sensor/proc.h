/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Reading /proc: small files whole, a value behind its label, the entries that are numbers. */
#ifndef PROC_H
#define PROC_H

#include <stddef.h>
#include <stdint.h>

#define PATH_BYTES 320
#define FILE_BYTES 8192

/* Gives how much was read, 0 when it cannot be; always ended by a zero byte. */
size_t proc_read(const char *path, char *bytes, size_t room);
/* What follows a label; NULL without it. */
const char *proc_value(const char *text, const char *label);
uint64_t proc_number(const char *text, const char *label, int base);
void proc_each(const char *folder, void (*visit)(const char *folder, int64_t number, void *data), void *data);

#endif
