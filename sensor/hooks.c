/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#include "hooks.h"

#include <string.h>
#include <sys/syscall.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define TOLD(name) { #name, NULL, -1, -1, ALWAYS_WANTED }
#define HOOK(name, program, call, compat, when) { #name, "call_" #program, SYS_##call, compat, when }
#define CALL(name, compat) HOOK(name, name, name, compat, WHEN_NAMED)
/* A call that is told as the event of another. */
#define AS(name, call, compat) HOOK(name, name, call, compat, WHEN_NAMED)
#define FOR_FDS(name, compat) HOOK(name, name, name, compat, WITH_FDS)

const struct hook hooks[] = {
	TOLD(clone),
	TOLD(clone3),
	TOLD(fork),
	TOLD(vfork),
	TOLD(procexit),
	HOOK(execve, execve, execve, 11, ALWAYS_WANTED),
	HOOK(execveat, execveat, execveat, 358, ALWAYS_WANTED),
	HOOK(chdir, chdir, chdir, 12, ALWAYS_WANTED),
	HOOK(chdir, fchdir, fchdir, 133, ALWAYS_WANTED),
	HOOK(setsid, setsid, setsid, 66, ALWAYS_WANTED),
	HOOK(setuid, setuid, setuid, 213, ALWAYS_WANTED),
	HOOK(setgid, setgid, setgid, 214, ALWAYS_WANTED),
	HOOK(setreuid, setreuid, setreuid, 203, ALWAYS_WANTED),
	HOOK(setregid, setregid, setregid, 204, ALWAYS_WANTED),
	HOOK(setresuid, setresuid, setresuid, 208, ALWAYS_WANTED),
	HOOK(setresgid, setresgid, setresgid, 210, ALWAYS_WANTED),
	HOOK(capset, capset, capset, 185, ALWAYS_WANTED),
	HOOK(chroot, chroot, chroot, 61, ALWAYS_WANTED),
	FOR_FDS(close, 6),
	FOR_FDS(close_range, 436),
	FOR_FDS(dup, 41),
	FOR_FDS(dup3, 330),
	FOR_FDS(fcntl, 221),
#ifdef SYS_dup2
	FOR_FDS(dup2, 63),
	CALL(open, 5),
	CALL(creat, 8),
	CALL(rename, 38),
	CALL(link, 9),
	CALL(symlink, 83),
	CALL(unlink, 10),
	CALL(mkdir, 39),
	CALL(rmdir, 40),
	CALL(chmod, 15),
#endif
	CALL(openat, 295),
	CALL(openat2, 437),
	CALL(write, 4),
	AS(write, pwrite64, 181),
	AS(write, writev, 146),
	AS(write, pwritev, 334),
	AS(write, pwritev2, 379),
	AS(write, sendfile, 187),
	HOOK(write, copy_file_range, copy_file_range, 377, WHEN_NAMED),
#ifdef SYS_renameat
	CALL(renameat, 302),
#endif
	CALL(renameat2, 353),
	CALL(linkat, 303),
	CALL(symlinkat, 304),
	CALL(unlinkat, 301),
	CALL(mkdirat, 296),
	CALL(fchmodat, 306),
	HOOK(fchmodat, fchmodat, fchmodat2, 452, WHEN_NAMED),
	CALL(fchmod, 94),
	HOOK(socket, socket, socket, 359, WITH_SOCKETS),
	CALL(bind, 361),
	CALL(connect, 362),
	CALL(listen, 363),
	CALL(accept, -1),
	CALL(accept4, 364),
	CALL(sendto, 369),
	CALL(recvfrom, 371),
	CALL(sendmsg, 370),
	CALL(recvmsg, 372),
	CALL(sendmmsg, 345),
	CALL(recvmmsg, 337),
	{ "connection", NULL, -1, -1, WHEN_NAMED },
	CALL(unshare, 310),
	CALL(setns, 346),
	CALL(mount, 21),
	CALL(umount2, 52),
	CALL(ptrace, 26),
	CALL(process_vm_writev, 348),
	CALL(kill, 37),
	CALL(bpf, 357),
	CALL(memfd_create, 356),
	CALL(userfaultfd, 374),
	CALL(init_module, 128),
	CALL(finit_module, 350),
	CALL(delete_module, 129),
	CALL(io_uring_setup, 425),
};

_Static_assert(sizeof(hooks) / sizeof(hooks[0]) <= HOOKS_MAX, "every hook has its place");

const int hooks_count = sizeof(hooks) / sizeof(hooks[0]);

bool is_named(const struct hook *hook, const char *name, int length)
{
	return strncmp(hook->name, name, length) == 0 && hook->name[length] == 0;
}

bool is_first_of_name(int index)
{
	for (int before = 0; before < index; before++)
		if (strcmp(hooks[before].name, hooks[index].name) == 0)
			return false;
	return true;
}
