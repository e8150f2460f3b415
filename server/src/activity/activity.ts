/**
 * What people and programs did on hosts and in containers, one row a deed: commands, files, connections, sign-ins, changes of privilege. Calls
 * of clouds and clusters are shown in the same stream, but live with the events.
 *
 * The surprise: a row says what was done and by whom, as fields; it is no copy of a system call. What it was exactly is in the capture.
 */

export const HOST_KINDS = [
  'command',
  'exit',
  'file-written',
  'file-read',
  'file-removed',
  'file-mode',
  'connection',
  'listen',
  'login',
  'privilege',
  'module',
  'signal',
] as const;
export const CALL_KINDS = ['cloud-call', 'cluster-call'] as const;
export const ACTIVITY_KINDS = [...HOST_KINDS, ...CALL_KINDS] as const;
export type HostKind = (typeof HOST_KINDS)[number];
export type ActivityKind = (typeof ACTIVITY_KINDS)[number];

/** A process, for as long as the host is up: numbers are used again, beginnings are not. */
export interface ProcessKey {
  readonly pid: number;
  /** ns since 1970. */
  readonly startNs: bigint;
}

export interface Activity {
  readonly timeNs: bigint;
  readonly kind: HostKind;
  readonly host: string;
  /** Whole id; empty on the host itself. */
  readonly container: string;
  /** As everywhere: `shop/deployment/web`, `unit:sshd.service`. */
  readonly application: string;
  readonly process: ProcessKey;
  readonly parent: ProcessKey;
  /** `comm` and path of the program. */
  readonly name: string;
  readonly exe: string;
  /** Who signed in, by the login's uid; empty where nobody did. */
  readonly loginUser: string;
  /** As whom it ran. */
  readonly user: string;
  /** The terminal; 0: none. */
  readonly tty: number;
  /** The command line, the path, `10.0.0.1:4242 → 192.0.2.7:443`. */
  readonly detail: string;
  /** Empty: it went well; else the error's name, `EACCES`. */
  readonly result: string;
  /** How many alike this row stands for, and their bytes. */
  readonly count: number;
  readonly bytes: number;
}

/** Fields that can be filtered by, as people call them, and counted. */
export const ACTIVITY_FIELDS = [
  'kind',
  'host',
  'container',
  'application',
  'name',
  'exe',
  'login_user',
  'user',
  'detail',
  'result',
  'pid',
] as const;
export type ActivityField = (typeof ACTIVITY_FIELDS)[number];
