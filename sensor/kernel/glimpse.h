/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Several fields of one of the kernel's structures with one look. A call into the kernel costs some 35 ns where returns are
 * guarded against speculation, whatever it copies: so what stands together is copied at once.
 *
 * Where a field stands is known when the program is loaded. One that another kernel has further behind is read by itself.
 */
#ifndef KERNEL_GLIMPSE_H
#define KERNEL_GLIMPSE_H

#define DENTRY_GLIMPSE 64
#define MOUNT_GLIMPSE 64
#define FILE_GLIMPSE 128
#define INODE_GLIMPSE 128
#define SUPERBLOCK_GLIMPSE 128

#define GLIMPSE(name, size) __u8 name[size] __attribute__((aligned(8)))

/* What cannot be read is zero: the kernel sees to that. */
#define LOOK_INTO(glimpse, address) bpf_probe_read_kernel(glimpse, sizeof(glimpse), (const void *)(address))

/* A field of what stands at `address`, of which `glimpse` has the first bytes. */
#define SEEN(glimpse, value_type, address, type, field)                                                                \
	({                                                                                                             \
		const __u32 field_at = bpf_core_field_offset(type, field);                                             \
		value_type field_value;                                                                                \
                                                                                                                       \
		if (field_at + sizeof(field_value) <= sizeof(glimpse))                                                 \
			field_value = *(value_type *)((glimpse) + field_at);                                           \
		else                                                                                                   \
			field_value = (value_type)BPF_CORE_READ((type *)(address), field);                             \
		field_value;                                                                                           \
	})

#endif
