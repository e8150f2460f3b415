/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include "output.h"

/* The files of every process. */
void write_files(struct output *output);
/* `listing` gives one `struct listed_socket` after the other. */
void write_sockets(struct output *output, int listing);

#endif
