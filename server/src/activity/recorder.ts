/**
 * System calls → activity: what a person would call a deed, out of the stream of one host. Deeds that are alike within a window are one row
 * with a count.
 *
 * The surprise: most calls are no deed. A read of any file is none, only of those where secrets lie; and a connection is told when it is
 * tried, whatever becomes of it, since who tried is what is asked for later.
 */
import { CODE, type Machine, SYSCALL_FIELDS } from '@countersign/scap';
import type { Activity, HostKind } from './activity.ts';
import { SignIns } from './sign-ins.ts';

export interface RecorderOptions {
  readonly host: string;
  /** The application of the current event's process. */
  readonly applicationOf: (machine: Machine) => string;
}

type Thread = NonNullable<Machine['currentThread']>;
/** What is told of a call: nothing, or its kind and what exactly. */
type Told = { readonly kind: HostKind; readonly detail: string; readonly bytes?: number } | null;
type Teller = (machine: Machine, thread: Thread) => Told;

const LONGEST_DETAIL = 2_000;
const LONGEST_NAME = 300;
/** More rows than this in one window: the least telling are counted and left out. */
const MOST_ROWS = 50_000;
const WRITES = 2;
const ALWAYS_KEPT: ReadonlySet<HostKind> = new Set(['command', 'exit', 'login', 'privilege', 'module']);
/** Where secrets lie: reading here is a deed. */
const SECRETS =
  /^\/etc\/(?:shadow|gshadow|sudoers|krb5\.keytab|ssl\/private\/|ssh\/ssh_host_.*_key$|kubernetes\/)|\/\.(?:ssh|aws|kube|docker|gnupg|config\/gcloud)\/|\/\.(?:netrc|pgpass|git-credentials|bash_history)$|^\/(?:var\/)?run\/secrets\/|^\/proc\/\d+\/(?:environ|mem)$/;
const ENDING_SIGNALS: ReadonlySet<string> = new Set(['SIGKILL', 'SIGTERM', 'SIGSTOP', 'SIGINT', 'SIGQUIT', 'SIGABRT']);
/** Written all the time, by everybody, and of no interest. */
const DULL = /^\/(?:dev\/(?:null|tty|pts\/|zero|urandom|full)|proc\/(?:self|\d+)\/(?:oom_score_adj|fd\/|task\/))/;

const TELLERS: ReadonlyMap<number, Teller> = new Map<number, Teller>([
  [CODE.execve, told('command', (machine) => text(machine, 'proc.cmdline'))],
  [CODE.execveat, told('command', (machine) => text(machine, 'proc.cmdline'))],
  [
    CODE.procExit,
    (machine, thread) => (thread.isMain ? { kind: 'exit', detail: text(machine, 'proc.cmdline') } : null),
  ],
  ...[CODE.open, CODE.openat, CODE.openat2, CODE.creat].map((code): [number, Teller] => [code, opened]),
  [CODE.write, (machine) => written(machine)],
  ...[CODE.unlink, CODE.unlinkat, CODE.rmdir].map((code): [number, Teller] => [
    code,
    told('file-removed', (machine) => text(machine, 'fs.path.name')),
  ]),
  ...[CODE.rename, CODE.renameat, CODE.renameat2, CODE.link, CODE.linkat, CODE.symlink, CODE.symlinkat].map(
    (code): [number, Teller] => [
      code,
      told('file-written', (machine) => `${text(machine, 'fs.path.source')} → ${text(machine, 'fs.path.target')}`),
    ],
  ),
  ...[CODE.chmod, CODE.fchmod, CODE.fchmodat].map((code): [number, Teller] => [
    code,
    told(
      'file-mode',
      (machine) => `${text(machine, 'fs.path.name') || text(machine, 'fd.name')} ${text(machine, 'evt.arg', 'mode')}`,
    ),
  ]),
  ...[CODE.connect, CODE.accept].map((code): [number, Teller] => [code, connected]),
  [CODE.listen, listened],
  [CODE.kill, killed],
  ...[CODE.initModule, CODE.finitModule, CODE.deleteModule].map((code): [number, Teller] => [
    code,
    told('module', (machine) => `${text(machine, 'evt.type')} ${moduleOf(machine)}`),
  ]),
  ...[CODE.setuid, CODE.setresuid, CODE.setns, CODE.unshare, CODE.mount, CODE.chroot].map((code): [number, Teller] => [
    code,
    told('privilege', (machine) => `${text(machine, 'evt.type')} ${text(machine, 'evt.args')}`),
  ]),
]);

export class ActivityRecorder {
  readonly #options: RecorderOptions;
  readonly #signIns = new SignIns();
  #rows = new Map<string, { -readonly [Name in keyof Activity]: Activity[Name] }>();
  #leftOut = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  isInteresting(code: number): boolean {
    return TELLERS.has(code);
  }

  follow(machine: Machine): void {
    const thread = machine.currentThread;
    const found = thread === null ? null : (TELLERS.get(machine.current.code)?.(machine, thread) ?? null);
    if (thread === null || found === null || found.detail === '') return;
    this.#add(machine, thread, found);
    if (found.kind !== 'command' || resultOf(machine) !== '') return;
    const how = this.#signIns.begunBy(machine, thread);
    if (how !== null) this.#add(machine, thread, { kind: 'login', detail: how });
  }

  #add(machine: Machine, thread: Thread, found: NonNullable<Told>): void {
    const result = resultOf(machine);
    const key = `${found.kind}|${thread.pid}|${found.detail}|${result}`;
    const known = ALWAYS_KEPT.has(found.kind) ? undefined : this.#rows.get(key);
    if (known !== undefined) {
      known.count += 1;
      known.bytes += found.bytes ?? 0;
      return;
    }
    if (this.#rows.size >= MOST_ROWS && !ALWAYS_KEPT.has(found.kind)) {
      this.#leftOut += 1;
      return;
    }
    const isOwnRow = ALWAYS_KEPT.has(found.kind);
    this.#rows.set(
      isOwnRow ? `${key}|${machine.current.number}` : key,
      this.#rowOf(machine, thread, { ...found, result }),
    );
  }

  /** The rows since the last time, oldest first, and how many were left out because there were too many. */
  take(): { readonly rows: readonly Activity[]; readonly leftOut: number } {
    const rows = [...this.#rows.values()];
    const leftOut = this.#leftOut;
    this.#rows = new Map();
    this.#leftOut = 0;
    return { rows, leftOut };
  }

  #rowOf(
    machine: Machine,
    thread: Thread,
    { kind, detail, bytes = 0, result }: NonNullable<Told> & { readonly result: string },
  ): Activity {
    const main = machine.threads.find(thread.pid) ?? thread;
    const parent = machine.threads.find(main.ptid);
    return {
      timeNs: machine.current.timeNs,
      kind,
      host: this.#options.host,
      container: containerOf(machine),
      application: this.#options.applicationOf(machine).slice(0, LONGEST_NAME),
      process: { pid: Math.max(main.pid, 0), startNs: main.cloneNs },
      parent: { pid: Math.max(parent?.pid ?? main.ptid, 0), startNs: parent?.cloneNs ?? 0n },
      name: thread.comm.slice(0, LONGEST_NAME),
      exe: thread.exepath.slice(0, LONGEST_NAME),
      loginUser: known(text(machine, 'user.loginname')),
      user: known(text(machine, 'user.name')),
      tty: thread.tty,
      detail: detail.slice(0, LONGEST_DETAIL),
      result,
      count: 1,
      bytes,
    };
  }
}

function told(kind: HostKind, detail: (machine: Machine) => string): Teller {
  return (machine) => ({ kind, detail: detail(machine) });
}

function opened(machine: Machine): Told {
  const { currentFd } = machine;
  const path = currentFd?.name ?? text(machine, 'fs.path.name');
  if (DULL.test(path)) return null;
  const isWritten =
    currentFd === null ? text(machine, 'evt.is_open_write') === 'true' : (currentFd.openFlags & WRITES) !== 0;
  if (isWritten) return { kind: 'file-written', detail: path };
  return SECRETS.test(path) ? { kind: 'file-read', detail: path } : null;
}

/** What was written since the sensor told the last time; what other writers tell of each call is summed. */
function written({ current, currentFd }: Machine): Told {
  if (currentFd === null || !currentFd.isFile || DULL.test(currentFd.name)) return null;
  const bytes = current.result;
  return bytes > 0 ? { kind: 'file-written', detail: currentFd.name, bytes } : null;
}

function connected(machine: Machine): Told {
  const type = text(machine, 'fd.type');
  if (type !== 'ipv4' && type !== 'ipv6') return null;
  const name = text(machine, 'fd.name');
  return { kind: 'connection', detail: name.replace('->', ' → ') };
}

function listened(machine: Machine): Told {
  const type = text(machine, 'fd.type');
  return type === 'ipv4' || type === 'ipv6' ? { kind: 'listen', detail: text(machine, 'fd.name') } : null;
}

/** Of its own children and threads a program says it all day: only what ends or stops another process is a deed. */
function killed(machine: Machine, thread: Thread): Told {
  const pid = Number(text(machine, 'evt.rawarg', 'pid'));
  const signal = text(machine, 'evt.arg', 'sig');
  const target = machine.threads.find(pid);
  if (!ENDING_SIGNALS.has(signal) || pid <= 0 || target === null || target.pid === thread.pid) return null;
  if (target.ptid === thread.pid) return null;
  return { kind: 'signal', detail: `${signal} → ${target.comm} (${pid})` };
}

/** What a module is called, as far as the call says it. */
function moduleOf(machine: Machine): string {
  return text(machine, 'evt.arg', 'name') || text(machine, 'fd.name') || known(text(machine, 'evt.arg', 'uargs'));
}

function containerOf(machine: Machine): string {
  const id = text(machine, 'container.full_id') || text(machine, 'container.id');
  return id === 'host' ? '' : id;
}

/** Empty when it went well or goes on. */
function resultOf(machine: Machine): string {
  const result = known(text(machine, 'evt.res'));
  return result === 'SUCCESS' || result === 'EINPROGRESS' ? '' : result;
}

function known(value: string): string {
  return value === '<NA>' ? '' : value.slice(0, LONGEST_NAME);
}

function text(machine: Machine, field: string, argument: string | null = null): string {
  const value = SYSCALL_FIELDS.get(field)?.read(machine, argument) ?? null;
  return value === null ? '' : String(value);
}
