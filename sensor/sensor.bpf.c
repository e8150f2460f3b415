/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The part of the sensor that runs in the kernel: one file to the compiler, by meaning in kernel/.
 *
 * Only tracepoints, raw with types: no probes of functions, which kernels may forbid and which change with every version.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "sensor.h"
#include "kernel/glimpse.h"
#include "kernel/event.h"
#include "kernel/path.h"
#include "kernel/call.h"
#include "kernel/flags.h"
#include "kernel/task.h"
#include "kernel/socket.h"
#include "kernel/descriptors.h"
#include "kernel/processes.h"
#include "kernel/files.h"
#include "kernel/names.h"
#include "kernel/answers.h"
#include "kernel/flows.h"
#include "kernel/network.h"
#include "kernel/privileges.h"
#include "kernel/uring.h"
#include "kernel/listing.h"

char LICENSE[] SEC("license") = "GPL";
