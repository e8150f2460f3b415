/** Fields of the process, its thread, user and group: `proc.*`, `thread.*`, `user.*`, `group.*`. */
import { CODE } from '../format/event-codes.ts';
import { typeName } from '../state/fds.ts';
import type { FieldReader, FieldResult, SyscallField } from './fields.ts';
import type { Account, Machine } from '../state/machine.ts';
import { capabilityNames } from './names.ts';
import { NOBODY, type ProcessorTime, type Thread } from '../state/threads.ts';

type ThreadReader = (thread: Thread, machine: Machine) => FieldResult;

const MOST_ENV_ANCESTORS = 20;
const own =
  (read: ThreadReader): FieldReader =>
  (machine) =>
    machine.currentThread === null ? null : read(machine.currentThread, machine);

/** Of the parent process. */
const parent =
  (read: ThreadReader): FieldReader =>
  (machine) => {
    const { currentThread, threads } = machine;
    const found = currentThread === null ? null : threads.ancestor(currentThread, 1);
    return found === null ? null : read(found, machine);
  };

/** What all ancestors have, with spaces between; what is empty at the beginning leaves none. */
function joined(values: readonly (string | number)[]): string | null {
  const first = values.findIndex((value) => value !== '');
  return first === -1 ? null : values.slice(first).join(' ');
}

function allAncestors<Value>({ currentThread, threads }: Machine, read: (thread: Thread) => Value): Value[] {
  const found: Value[] = [];
  const main = currentThread?.main ?? null;
  if (main !== null) {
    threads.visitAncestors(main, (thread) => {
      found.push(read(thread));
      return true;
    });
  }
  return found;
}

/** `[n]`: of that ancestor; without a number all of them, of which one is enough. */
function ancestors(read: (thread: Thread) => string | number): SyscallField {
  const one = ({ currentThread, threads }: Machine, argument: string): FieldResult => {
    const found = currentThread === null ? null : threads.ancestor(currentThread, Number(argument));
    return found === null ? null : read(found);
  };
  return {
    read: (machine, argument) => (argument === null ? allAncestors(machine, read) : one(machine, argument)),
    print: (machine, argument) => (argument === null ? joined(allAncestors(machine, read)) : one(machine, argument)),
    oneMatches: 'always',
  };
}

/** Of the leader of a session or group: the thread with that number, or the furthest ancestor with the same. */
const leader = (idOf: (thread: Thread) => number, read: (thread: Thread) => string, isVirtual: boolean): FieldReader =>
  own((thread, { threads }) => {
    const id = idOf(thread);
    if (id === -1) return '';
    const direct = !isVirtual || !thread.isInPidNamespace ? threads.find(id) : null;
    if (direct !== null) return read(direct);
    let furthest: Thread | null = null;
    threads.visitAncestors(thread, (ancestor) => {
      if (idOf(ancestor) !== id) return false;
      furthest = ancestor;
      return true;
    });
    return furthest === null ? '' : read(furthest);
  });

const unlessZero = (value: bigint): bigint | null => (value === 0n ? null : value);
const args = (thread: Thread): string => thread.args.join(' ');
const standard = (number: number, read: (name: string, type: string) => string): FieldReader =>
  own((thread) => {
    const fd = thread.fds?.get(number);
    return fd === undefined ? null : read(fd.name, typeName(fd));
  });

const APID = ancestors((thread) => thread.pid);

export const PROCESS_FIELDS: Readonly<Record<string, FieldReader | SyscallField>> = {
  'proc.exe': own((thread) => thread.exe),
  'proc.pexe': parent((thread) => thread.exe),
  'proc.aexe': ancestors((thread) => thread.exe),
  'proc.exepath': own((thread) => thread.exepath),
  'proc.pexepath': parent((thread) => thread.exepath),
  'proc.aexepath': ancestors((thread) => thread.exepath),
  'proc.name': own((thread) => thread.comm),
  'proc.pname': parent((thread) => thread.comm),
  'proc.aname': ancestors((thread) => thread.comm),
  'proc.args': (machine, argument) => {
    if (machine.currentThread === null) return null;
    return argument === null ? args(machine.currentThread) : (machine.currentThread.args[Number(argument)] ?? '');
  },
  'proc.aargs': (machine, argument) => {
    if (argument === null) return joined(allAncestors(machine, args));
    const { currentThread, threads } = machine;
    const found = currentThread === null ? null : threads.ancestor(currentThread, Number(argument));
    return found === null ? null : args(found);
  },
  'proc.cmdline': own((thread) => thread.commandLine),
  'proc.pcmdline': parent((thread) => thread.commandLine),
  'proc.acmdline': ancestors((thread) => thread.commandLine),
  'proc.cmdnargs': own((thread) => thread.args.length),
  'proc.cmdlenargs': own((thread) => thread.args.reduce((sum, one) => sum + Buffer.byteLength(one), 0)),
  'proc.exeline': own((thread) => `${thread.exe} ${args(thread)}`),
  'proc.env': (machine, argument) => (machine.currentThread === null ? null : envOf(machine.currentThread, argument)),
  'proc.aenv': {
    read: (machine, argument) =>
      argument === null ? allAncestors(machine, (thread) => thread.env.join(' ')) : ancestorEnv(machine, argument),
    print: (machine, argument) =>
      argument === null ? (machine.currentThread?.env.join(' ') ?? null) : ancestorEnv(machine, argument),
    oneMatches: 'always',
  },
  'proc.cwd': own((thread) => thread.cwd),
  'proc.loginshellid': own((thread, { threads }) => {
    let found: number | null = null;
    const look = (one: Thread): boolean => {
      if (one.comm.endsWith('sh')) found = one.pid;
      return true;
    };
    if (thread.main === null) return null;
    look(thread.main);
    threads.visitAncestors(thread.main, look);
    return found;
  }),
  'proc.tty': own((thread) => thread.tty),
  'proc.pid': own((thread) => thread.pid),
  'proc.ppid': parent((thread) => thread.pid),
  'proc.apid': {
    ...APID,
    print: (machine, argument) =>
      argument === null ? (machine.currentThread?.main?.pid ?? null) : APID.read(machine, argument),
  },
  'proc.vpid': own((thread) => (thread.vpid === -1 ? null : thread.vpid)),
  'proc.pvpid': own((thread, { threads }) => threads.find(thread.ptid)?.vpid ?? null),
  'proc.sid': own((thread) => thread.sid),
  'proc.sname': leader(
    (thread) => thread.sid,
    (thread) => thread.comm,
    true,
  ),
  'proc.sid.exe': leader(
    (thread) => thread.sid,
    (thread) => thread.exe,
    true,
  ),
  'proc.sid.exepath': leader(
    (thread) => thread.sid,
    (thread) => thread.exepath,
    true,
  ),
  'proc.vpgid': own((thread) => thread.vpgid),
  'proc.vpgid.name': leader(
    (thread) => thread.vpgid,
    (thread) => thread.comm,
    true,
  ),
  'proc.vpgid.exe': leader(
    (thread) => thread.vpgid,
    (thread) => thread.exe,
    true,
  ),
  'proc.vpgid.exepath': leader(
    (thread) => thread.vpgid,
    (thread) => thread.exepath,
    true,
  ),
  'proc.pgid': own((thread) => thread.pgid),
  'proc.pgid.name': leader(
    (thread) => thread.pgid,
    (thread) => thread.comm,
    false,
  ),
  'proc.pgid.exe': leader(
    (thread) => thread.pgid,
    (thread) => thread.exe,
    false,
  ),
  'proc.pgid.exepath': leader(
    (thread) => thread.pgid,
    (thread) => thread.exepath,
    false,
  ),
  'proc.duration': own((thread, { current }) => (thread.cloneNs === 0n ? null : current.timeNs - thread.cloneNs)),
  // Of a parent whose beginning is not known Falco gives what its code does next: the number of open files.
  'proc.ppid.duration': parent((thread, { current, currentThread }) =>
    thread.cloneNs === 0n ? openCount(currentThread) : current.timeNs - thread.cloneNs,
  ),
  'proc.pid.ts': own((thread) => unlessZero(thread.cloneNs)),
  'proc.ppid.ts': own((thread, { threads }) => threads.find(thread.ptid)?.cloneNs ?? null),
  'proc.is_exe_writable': own((thread) => thread.exeWritable),
  'proc.is_exe_upper_layer': own((thread) => thread.exeUpperLayer),
  'proc.is_exe_lower_layer': own((thread) => thread.exeLowerLayer),
  'proc.is_exe_from_memfd': own((thread) => thread.exeFromMemfd),
  'proc.is_sid_leader': own((thread) => thread.sid === thread.vpid),
  'proc.is_vpgid_leader': own((thread) => thread.vpgid === thread.vpid),
  'proc.is_pgid_leader': own((thread) => thread.pgid === thread.pid),
  'proc.exe_ino': own((thread) => unlessZero(thread.exeInode)),
  'proc.exe_ino.ctime': own((thread) => unlessZero(thread.exeChangedNs)),
  'proc.exe_ino.mtime': own((thread) => unlessZero(thread.exeModifiedNs)),
  'proc.exe_ino.ctime_duration_proc_start': own((thread) => unlessZero(thread.exeChangedBeforeStartNs)),
  'proc.exe_ino.ctime_duration_pidns_start': own((thread) => unlessZero(thread.exeChangedAfterNamespaceNs)),
  'proc.pidns_init_start_ts': own((thread) => unlessZero(thread.pidNamespaceStartNs)),
  'proc.fdopencount': own(openCount),
  'proc.fdlimit': own((thread) => thread.main?.fdLimit ?? 0),
  'proc.fdusage': own((thread) => {
    const limit = thread.main?.fdLimit ?? 0;
    return limit <= 0 ? 0 : Math.min(100, (openCount(thread) * 100) / limit);
  }),
  'proc.vmsize': own((thread) => thread.vmSizeKb),
  'proc.vmrss': own((thread) => thread.vmRssKb),
  'proc.vmswap': own((thread) => thread.vmSwapKb),
  'thread.pfmajor': own((thread) => thread.faultsMajor),
  'thread.pfminor': own((thread) => thread.faultsMinor),
  // Falco does not know how many processors a recorded machine had, and counts nothing.
  'thread.exectime': () => 0,
  'thread.totexectime': own(() => 0),
  'thread.cpu': processorTime(({ userGain, systemGain }) => userGain + systemGain),
  'thread.cpu.user': processorTime(({ userGain }) => userGain),
  'thread.cpu.system': processorTime(({ systemGain }) => systemGain),
  'thread.tid': ({ current }) => current.tid,
  'thread.ismain': own((thread) => thread.isMain),
  'thread.vtid': own((thread) => (thread.vtid === -1 ? null : thread.vtid)),
  'thread.cap_permitted': own((thread) => capabilityNames(thread.capPermitted)),
  'thread.cap_inheritable': own((thread) => capabilityNames(thread.capInheritable)),
  'thread.cap_effective': own((thread) => capabilityNames(thread.capEffective)),
  'thread.cgroups': own((thread) => thread.cgroups.map((pair) => pair.join('=')).join(' ') || null),
  'thread.cgroup': (machine, argument) =>
    machine.currentThread?.cgroups.find(([name]) => name === argument)?.[1] ?? null,
  'thread.vmsize': own((thread) => (thread.isMain ? thread.vmSizeKb : 0)),
  'thread.vmrss': own((thread) => (thread.isMain ? thread.vmRssKb : 0)),
  'proc.nthreads': own((thread) => thread.group?.alive ?? 0),
  'proc.nchilds': own((thread) => {
    const alive = thread.group?.alive ?? 0;
    return thread.main !== null && !thread.main.isDead && alive > 0 ? alive - 1 : alive;
  }),
  'proc.stdin.type': standard(0, (_, type) => type),
  'proc.stdout.type': standard(1, (_, type) => type),
  'proc.stderr.type': standard(2, (_, type) => type),
  'proc.stdin.name': standard(0, (name) => name),
  'proc.stdout.name': standard(1, (name) => name),
  'proc.stderr.name': standard(2, (name) => name),
  'user.uid': own((thread) => thread.uid),
  'user.name': own((thread, machine) => {
    const { code } = machine.current;
    const user = code === CODE.containerJson2 || code === CODE.async ? containerUser(machine, thread) : '';
    return user || (accountOf(machine, thread, thread.uid)?.name ?? rootOr(thread.uid, 'root'));
  }),
  'user.homedir': own((thread, machine) => accountOf(machine, thread, thread.uid)?.home ?? rootOr(thread.uid, '/root')),
  'user.shell': own((thread, machine) => accountOf(machine, thread, thread.uid)?.shell ?? '<NA>'),
  'user.loginuid': own((thread) => (thread.loginUid === NOBODY ? -1 : thread.loginUid)),
  'user.loginname': own(
    (thread, machine) => accountOf(machine, thread, thread.loginUid)?.name ?? rootOr(thread.loginUid, 'root'),
  ),
  'group.gid': own((thread) => thread.gid),
  'group.name': own((thread, { groups }) => {
    const name = thread.containerId === '' ? groups.get(thread.gid) : undefined;
    return name ?? rootOr(thread.gid, 'root');
  }),
};

function openCount(thread: Thread | null): number {
  return thread?.main?.ownFds.size ?? 0;
}

const MOST_PERCENT = 100;

/** Told by one type of event alone, as what was added since the one before. */
function processorTime(read: (time: ProcessorTime) => number): FieldReader {
  return ({ current, currentThread }) => {
    const time = current.code === CODE.procInfo ? (currentThread?.processorTime ?? null) : null;
    return time === null ? null : Math.min(MOST_PERCENT, read(time));
  };
}

/** Who has the number: known on the host alone, a container has its own users. */
function accountOf({ users }: Machine, thread: Thread, uid: number): Account | undefined {
  return thread.containerId === '' ? users.get(uid) : undefined;
}

/** Of an event about a container: whom its image runs as. */
function containerUser(machine: Machine, thread: Thread): string {
  const isAbout = machine.current.code === CODE.containerJson2 || machine.current.text(1) === 'container';
  return isAbout ? (machine.containers.get(thread.containerId)?.user ?? '') : '';
}

function rootOr(id: number, name: string): string {
  return id === 0 ? name : '<NA>';
}

/** `[n]`: all of that ancestor; `[name]`: of the nearest that has it. */
function ancestorEnv({ currentThread, threads }: Machine, argument: string): string | null {
  if (currentThread === null) return null;
  if (/^\d+$/.test(argument)) return threads.ancestor(currentThread, Number(argument))?.env.join(' ') ?? null;
  for (let generation = 1; generation <= MOST_ENV_ANCESTORS; generation += 1) {
    const ancestor = threads.ancestor(currentThread, generation);
    if (ancestor === null) break;
    const value = envOf(ancestor, argument);
    if (value !== '') return value;
  }
  return '';
}

function envOf(thread: Thread, name: string | null): string {
  if (name === null) return thread.env.join(' ');
  const found = thread.env.find((one) => one.startsWith(`${name}=`) && one.length > name.length + 1);
  return found === undefined ? '' : found.slice(name.length + 1).trim();
}
