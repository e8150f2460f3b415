/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The rights that are needed, and no others: CAP_BPF and CAP_PERFMON to load and attach, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH to
 * look at the processes that are there already. When both is done only CAP_BPF is left: kernels before 6.5 want it for each look at a map.
 */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

#include <stdbool.h>

/* Drops every other right. False after a message when one that is needed is missing. */
bool keep_needed_rights(void);
/* Drops all but CAP_BPF; nothing that this process starts could get any back. */
bool drop_rights_of_start(void);

#endif
