/**
 * The fields of the source `syscall` by name, type and argument, and the values of `evt.type`: what is needed to check rules
 * written for it. Names and types are those of Falco's engine 0.62.
 *
 * The catalogue made here reads fields from a plain record (`{ "proc.name": "sh" }`); a decoder of real system activity brings
 * its own.
 */
import type { FieldCatalogue, FieldDefinition, FieldType, FieldValue } from './fields.ts';

const NAMES: Readonly<Partial<Record<FieldType, string>>> = {
  abstime: `
    evt.rawtime evt.rawtime.s evt.rawtime.ns proc.exe_ino.ctime proc.exe_ino.mtime
    proc.exe_ino.ctime_duration_proc_start proc.exe_ino.ctime_duration_pidns_start container.start_ts`,
  any: `
    evt.rawarg`,
  boolean: `
    evt.is_async evt.failed evt.is_io evt.is_io_read evt.is_io_write evt.is_wait evt.is_syslog evt.is_open_read
    evt.is_open_write evt.is_open_exec evt.is_open_create proc.is_exe_writable proc.is_exe_upper_layer
    proc.is_exe_lower_layer proc.is_exe_from_memfd proc.is_sid_leader proc.is_vpgid_leader proc.is_pgid_leader
    thread.ismain fd.is_server fd.connected fd.name_changed fd.is_upper_layer fd.is_lower_layer
    container.privileged container.host_pid container.host_network container.host_ipc
    proc.is_container_healthcheck proc.is_container_liveness_probe proc.is_container_readiness_probe`,
  bytes: `
    evt.buffer`,
  distance: `
    evt.around`,
  ip: `
    fd.ip fd.cip fd.sip fd.lip fd.rip`,
  net: `
    fd.net fd.cnet fd.snet fd.lnet fd.rnet`,
  number: `
    evt.num evt.type.is evt.cpu evt.buflen evt.rawres evt.count evt.count.error evt.count.error.file
    evt.count.error.net evt.count.error.memory evt.count.error.other evt.count.exit proc.cmdnargs
    proc.cmdlenargs proc.loginshellid proc.tty proc.pid proc.ppid proc.apid proc.vpid proc.pvpid proc.sid
    proc.vpgid proc.pgid proc.exe_ino proc.pidns_init_start_ts proc.fdopencount proc.fdlimit proc.fdusage
    proc.vmsize proc.vmrss proc.vmswap thread.pfmajor thread.pfminor thread.tid thread.vtid proc.nthreads
    proc.nchilds thread.cpu thread.cpu.user thread.cpu.system thread.vmsize thread.vmrss user.uid user.loginuid
    group.gid fd.num fd.dev fd.dev.major fd.dev.minor fd.ino`,
  port: `
    fd.port fd.cport fd.sport fd.lport fd.rport fd.proto`,
  reltime: `
    evt.reltime evt.reltime.s evt.reltime.ns evt.deltatime evt.deltatime.s evt.deltatime.ns proc.duration
    proc.ppid.duration proc.pid.ts proc.ppid.ts thread.exectime thread.totexectime container.duration`,
  string: `
    evt.time evt.time.s evt.time.iso8601 evt.datetime evt.datetime.s evt.pluginname evt.plugininfo evt.source
    evt.asynctype evt.hostname evt.type syscall.type evt.category evt.args evt.arg evt.info evt.res evt.io_dir
    evt.abspath proc.exe proc.pexe proc.aexe proc.exepath proc.pexepath proc.aexepath proc.name proc.pname
    proc.aname proc.args proc.aargs proc.cmdline proc.pcmdline proc.acmdline proc.exeline proc.env proc.aenv
    proc.cwd proc.sname proc.sid.exe proc.sid.exepath proc.vpgid.name proc.vpgid.exe proc.vpgid.exepath
    proc.pgid.name proc.pgid.exe proc.pgid.exepath thread.cap_permitted thread.cap_inheritable
    thread.cap_effective thread.cgroups thread.cgroup proc.stdin.type proc.stdout.type proc.stderr.type
    proc.stdin.name proc.stdout.name proc.stderr.name user.name user.homedir user.shell user.loginname group.name
    fd.type fd.typechar fd.name fd.directory fd.filename fd.l4proto fd.sockfamily fd.uid fd.containername
    fd.containerdirectory fd.cproto fd.sproto fd.lproto fd.rproto fd.cip.name fd.sip.name fd.lip.name fd.rip.name
    fd.nameraw fd.types fs.path.name fs.path.nameraw fs.path.source fs.path.sourceraw fs.path.target
    fs.path.targetraw fdlist.nums fdlist.names fdlist.cips fdlist.sips fdlist.cports fdlist.sports container.id
    container.full_id container.name container.image container.image.id container.type container.mounts
    container.mount container.mount.source container.mount.dest container.mount.mode container.mount.rdwr
    container.mount.propagation container.image.repository container.image.tag container.image.digest
    container.healthcheck container.liveness_probe container.readiness_probe container.ip container.cni.json
    container.label container.labels k8s.pod.name k8s.ns.name k8s.pod.id k8s.pod.uid k8s.pod.sandbox_id
    k8s.pod.full_sandbox_id k8s.pod.label k8s.pod.labels k8s.pod.ip k8s.pod.cni.json k8s.rc.name k8s.rc.id
    k8s.rc.label k8s.rc.labels k8s.svc.name k8s.svc.id k8s.svc.label k8s.svc.labels k8s.ns.id k8s.ns.label
    k8s.ns.labels k8s.rs.name k8s.rs.id k8s.rs.label k8s.rs.labels k8s.deployment.name k8s.deployment.id
    k8s.deployment.label k8s.deployment.labels`,
};

const WITH_REQUIRED_ARGUMENT = words(`
  evt.type.is evt.arg evt.rawarg evt.around thread.cgroup container.mount container.mount.source
  container.mount.dest container.mount.mode container.mount.rdwr container.mount.propagation container.label
  k8s.pod.label k8s.rc.label k8s.svc.label k8s.ns.label k8s.rs.label k8s.deployment.label`);
const WITH_OPTIONAL_ARGUMENT = words(`
  evt.abspath proc.aexe proc.aexepath proc.aname proc.args proc.aargs proc.acmdline proc.env proc.aenv proc.apid fd.types`);
const LISTS = words(`
  fd.types`);
/** Their argument may follow a dot: `evt.arg.flags`. */
const WITH_DOTTED_ARGUMENT = words('evt.arg evt.rawarg evt.type.is evt.abspath');

/** What `evt.type` can be: the events of the capture format and the system calls of Linux on x86-64. */
const EVENT_TYPES = words(`
  _sysctl accept accept4 access acct add_key adjtimex afs_syscall alarm arch_prctl asyncevent bind bpf brk
  capget capset chdir chmod chown chroot clock_adjtime clock_getres clock_gettime clock_nanosleep clock_settime
  clone clone3 close close_range connect container copy_file_range cpu_hotplug creat create_module delete_module
  drop dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
  epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fallocate
  fanotify_init fanotify_mark fchdir fchmod fchmodat fchown fchownat fcntl fdatasync fgetxattr finit_module
  flistxattr flock fork fremovexattr fsconfig fsetxattr fsmount fsopen fspick fstat fstat64 fstatfs fsync
  ftruncate futex futex_waitv futimesat get_kernel_syms get_mempolicy get_robust_list get_thread_area getcpu
  getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid
  getpmsg getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt
  gettid gettimeofday getuid getxattr groupadded groupdeleted infra init_module inotify_add_watch inotify_init
  inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit
  io_uring_enter io_uring_register io_uring_setup ioctl ioperm iopl ioprio_get ioprio_set k8s kcmp
  kexec_file_load kexec_load keyctl kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown
  lgetxattr link linkat listen listxattr llistxattr llseek lookup_dcookie lremovexattr lseek lsetxattr lstat
  lstat64 madvise mbind membarrier memfd_create memfd_secret mesos migrate_pages mincore mkdir mkdirat mknod
  mknodat mlock mlock2 mlockall mmap mmap2 modify_ldt mount mount_setattr move_mount move_pages mprotect
  mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap msgctl msgget msgrcv msgsnd
  msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat nfsservctl notification open
  open_by_handle_at open_tree openat openat2 page_fault pause perf_event_open personality pidfd_getfd pidfd_open
  pidfd_send_signal pipe pipe2 pivot_root pkey_alloc pkey_free pkey_mprotect pluginevent poll ppoll prctl pread
  pread64 preadv preadv2 prlimit prlimit64 process_madvise process_mrelease process_vm_readv process_vm_writev
  procexit procinfo pselect6 ptrace putpmsg pwrite pwrite64 pwritev pwritev2 query_module quotactl quotactl_fd
  read readahead readlink readlinkat readv reboot recv recvfrom recvmmsg recvmsg remap_file_pages removexattr
  rename renameat renameat2 request_key restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask
  rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo scapevent sched_get_priority_max
  sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
  sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp security select semctl
  semget semop semtimedop send sendfile sendmmsg sendmsg sendto set_mempolicy set_mempolicy_home_node
  set_robust_list set_thread_area set_tid_address setdomainname setfsgid setfsuid setgid setgroups sethostname
  setitimer setns setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt
  settimeofday setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack signaldeliver signalfd signalfd4
  socket socketpair splice stat stat64 statfs statx swapoff swapon switch symlink symlinkat sync sync_file_range
  syncfs syscall sysfs sysinfo syslog task task_file_anon_inode task_file_directory task_file_memfd
  task_file_pipe task_file_regular task_file_socket_inet task_file_socket_inet6 task_file_socket_netlink
  task_file_socket_unix tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_settime
  timerfd_create timerfd_gettime timerfd_settime times tkill tracer truncate tuxcall umask umount umount2 uname
  unlink unlinkat unshare uselib useradded userdeleted userfaultfd ustat utime utimensat utimes vfork vhangup
  vmsplice vserver wait4 waitid write writev`);

/** A record's members are its fields; one with an argument is looked up as `name[argument]` first. */
export type SyscallFieldRecord = Readonly<Record<string, FieldValue>>;

export function syscallFieldCatalogue(): FieldCatalogue<SyscallFieldRecord> {
  const fields = new Map<string, FieldDefinition<SyscallFieldRecord>>();
  for (const [type, names] of Object.entries(NAMES)) {
    for (const name of words(names ?? '')) fields.set(name, definitionOf(name, type as FieldType));
  }
  return { source: 'syscall', fields, indexFields: ['evt.type'] };
}

function definitionOf(name: string, type: FieldType): FieldDefinition<SyscallFieldRecord> {
  const required = WITH_REQUIRED_ARGUMENT.has(name);
  return {
    name,
    type,
    isList: LISTS.has(name),
    argument: required || WITH_OPTIONAL_ARGUMENT.has(name) ? { required, kind: 'both' } : null,
    ...(WITH_DOTTED_ARGUMENT.has(name) ? { dottedArgument: true } : {}),
    ...(name === 'evt.type' ? { values: EVENT_TYPES } : {}),
    description: '',
    extract: (event, argument) => (argument === null ? event[name] : event[`${name}[${argument}]`]) ?? null,
  };
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/).filter((word) => word !== ''));
}
