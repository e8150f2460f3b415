/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Building one event and handing it over: begin → one put_*() for each parameter of the event's row, in its order → submit.
 *
 * Memory is scratch of this CPU: programs run without being preempted, but one in an interrupt may come between, so there are
 * a few per CPU and a depth says which is free. Positions are masked on every use: that is what the verifier understands.
 */
#ifndef KERNEL_EVENT_H
#define KERNEL_EVENT_H

#define CPUS_MAX 512
#define DEPTH_MAX 3

struct event {
	__u32 at;
	__u32 index;
	__u32 count;
	__u32 class;
	__u8 bytes[SCRATCH_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DEPTH_MAX); /* times the CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct event);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} depths SEC(".maps");

/* Processes come and go on a ring of their own: a flood of files cannot push them out. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 21);
} process_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 23);
} activity_ring SEC(".maps");

const volatile struct settings settings = {};

/* Only grows; the loading program has it in its memory and needs no call, and so no right, to look at it. */
__u64 lost[CLASSES];

static __always_inline void count_lost(__u32 class)
{
	if (class < CLASSES)
		__sync_fetch_and_add(&lost[class], 1);
}

/* Free scratch, or NULL (and a loss) when interrupts are nested deeper than anybody expects. */
static __always_inline struct event *event_scratch(__u32 class)
{
	__u32 zero = 0;
	__u32 *depth = bpf_map_lookup_elem(&depths, &zero);
	struct event *event;
	__u32 index;

	if (!depth)
		return NULL;
	if (*depth >= DEPTH_MAX) {
		count_lost(class);
		return NULL;
	}
	index = bpf_get_smp_processor_id() * DEPTH_MAX + *depth;
	event = bpf_map_lookup_elem(&scratch, &index);
	if (!event) {
		count_lost(class);
		return NULL;
	}
	*depth += 1;
	event->class = class;
	return event;
}

static __always_inline void event_discard(void)
{
	__u32 zero = 0;
	__u32 *depth = bpf_map_lookup_elem(&depths, &zero);

	if (depth && *depth > 0)
		*depth -= 1;
}

#define SPOT(event, at) ((event)->bytes + ((at) & (EVENT_MAX - 1)))

static __always_inline void write_u16(struct event *event, __u32 at, __u16 value)
{
	*(__u16 *)SPOT(event, at) = value;
}

static __always_inline void write_u32(struct event *event, __u32 at, __u32 value)
{
	*(__u32 *)SPOT(event, at) = value;
}

static __always_inline void write_u64(struct event *event, __u32 at, __u64 value)
{
	*(__u64 *)SPOT(event, at) = value;
}

static __always_inline __u64 now_ns(void)
{
	return bpf_ktime_get_boot_ns() + settings.epoch_offset_ns;
}

static __always_inline void event_header(struct event *event, __u16 code, __u32 count, __u32 tid)
{
	write_u32(event, 0, BLOCK_EVENT);
	write_u16(event, CPU_AT, bpf_get_smp_processor_id() | event->class << CLASS_SHIFT);
	write_u64(event, EVENT_AT, now_ns());
	write_u64(event, EVENT_AT + 8, tid);
	write_u16(event, EVENT_AT + 20, code);
	write_u32(event, EVENT_AT + 22, count);
	event->at = LENGTHS_AT + 2 * count;
	event->index = 0;
	event->count = count;
}

/* Both of the task itself, which costs no call. */
static __always_inline __u32 current_tid(void)
{
	return bpf_get_current_task_btf()->pid;
}

static __always_inline __u32 current_pid(void)
{
	return bpf_get_current_task_btf()->tgid;
}

/* An event of the calling thread. `count` is the number of parameters in the event's row. */
static __always_inline struct event *event_begin(__u32 class, __u16 code, __u32 count)
{
	struct event *event = event_scratch(class);

	if (event)
		event_header(event, code, count, current_tid());
	return event;
}

/* The bytes from event->at on are the next parameter. */
static __always_inline void end_parameter(struct event *event, __u32 size)
{
	write_u16(event, LENGTHS_AT + 2 * (event->index & (PARAMETERS_MAX - 1)), size);
	event->index += 1;
	event->at = (event->at + size) & (EVENT_MAX - 1);
}

static __always_inline void put_nothing(struct event *event)
{
	end_parameter(event, 0);
}

static __always_inline void put_u8(struct event *event, __u8 value)
{
	*SPOT(event, event->at) = value;
	end_parameter(event, 1);
}

static __always_inline void put_u16(struct event *event, __u16 value)
{
	write_u16(event, event->at, value);
	end_parameter(event, 2);
}

static __always_inline void put_u32(struct event *event, __u32 value)
{
	write_u32(event, event->at, value);
	end_parameter(event, 4);
}

static __always_inline void put_u64(struct event *event, __u64 value)
{
	write_u64(event, event->at, value);
	end_parameter(event, 8);
}

static __always_inline void put_s64(struct event *event, __s64 value)
{
	put_u64(event, value);
}

/* A text of the caller's memory with its zero byte; nothing when it cannot be read. Gives its size. */
static __always_inline __u32 put_user_text(struct event *event, __u64 address)
{
	long size = address ? bpf_probe_read_user_str(SPOT(event, event->at), TEXT_MAX, (void *)address) : 0;

	if (size < 0 || size > TEXT_MAX)
		size = 0;
	end_parameter(event, size);
	return size;
}

static __always_inline __u32 put_kernel_text(struct event *event, const void *address)
{
	long size = address ? bpf_probe_read_kernel_str(SPOT(event, event->at), TEXT_MAX, address) : 0;

	if (size < 0 || size > TEXT_MAX)
		size = 0;
	end_parameter(event, size);
	return size;
}

/* Texts one behind the other; the last one ends with a zero byte even when it was cut. */
static __always_inline void put_user_texts(struct event *event, __u64 address, __u64 size, __u32 limit)
{
	__u32 length = size > limit ? limit : size;

	length &= 2 * TEXT_MAX - 1;
	if (length > TEXT_MAX)
		length = TEXT_MAX;
	if (length == 0 || bpf_probe_read_user(SPOT(event, event->at), length, (void *)address)) {
		end_parameter(event, 0);
		return;
	}
	*SPOT(event, event->at + length - 1) = 0;
	end_parameter(event, length);
}

/* The first bytes of something long. `limit` is a constant. */
static __always_inline void put_user_bytes(struct event *event, __u64 address, __u64 size, const __u32 limit)
{
	if (size < limit || bpf_probe_read_user(SPOT(event, event->at), limit, (void *)address))
		end_parameter(event, 0);
	else
		end_parameter(event, limit);
}

/* Ends the block. Gives its length. */
static __always_inline __u32 event_seal(struct event *event)
{
	__u32 end = event->at & (EVENT_MAX - 1);
	__u32 padded = (end + 3) & ~3U;

	write_u32(event, EVENT_AT + 16, end - EVENT_AT);
	write_u32(event, end, 0);
	write_u32(event, 4, padded + BLOCK_TRAILER_BYTES);
	write_u32(event, padded, padded + BLOCK_TRAILER_BYTES);
	return padded + BLOCK_TRAILER_BYTES;
}

/* Nobody is woken: the reader comes by itself a hundred times a second, which costs less than being called. */
static __always_inline void hand_over(struct event *event)
{
	__u32 length = event_seal(event);

	if (length > EVENT_MAX)
		length = EVENT_MAX;
	if (event->class == CLASS_PROCESS) {
		if (bpf_ringbuf_output(&process_ring, event->bytes, length, BPF_RB_NO_WAKEUP))
			count_lost(CLASS_PROCESS);
	} else if (bpf_ringbuf_output(&activity_ring, event->bytes, length, BPF_RB_NO_WAKEUP))
		count_lost(event->class);
}

static __always_inline void event_submit(struct event *event)
{
	hand_over(event);
	event_discard();
}

#endif
