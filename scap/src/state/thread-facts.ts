/**
 * Who a thread is, apart from what it does: what follows from that alone is found out once and holds for all of its events, until
 * one of these values is another. Nothing has to be told when a thread changes: the values are compared whenever facts are used.
 */
import type { TextList } from './text-list.ts';
import type { Thread } from './threads.ts';

/** Fields that follow from these values; arguments included. */
export const LASTING_FIELDS: ReadonlySet<string> = new Set([
  'container.id',
  'proc.name',
  'proc.exe',
  'proc.exepath',
  'proc.args',
  'proc.tty',
  'proc.is_exe_writable',
  'proc.is_exe_upper_layer',
  'proc.is_exe_lower_layer',
  'proc.is_exe_from_memfd',
  'user.uid',
  'user.loginuid',
  'group.gid',
]);

export class ThreadFacts {
  /** Whatever was concluded, by numbers of its own; belongs to `owner`. */
  readonly conclusions: unknown[] = [];
  /** Who concluded: others begin anew. */
  owner: object | null = null;
  readonly #containerId: string;
  readonly #comm: string;
  readonly #exe: string;
  readonly #exepath: string;
  readonly #args: TextList;
  readonly #uid: number;
  readonly #gid: number;
  readonly #loginUid: number;
  readonly #tty: number;
  readonly #exeFlags: number;

  constructor(thread: Thread) {
    this.#containerId = thread.containerId;
    this.#comm = thread.comm;
    this.#exe = thread.exe;
    this.#exepath = thread.exepath;
    this.#args = thread.argList;
    this.#uid = thread.uid;
    this.#gid = thread.gid;
    this.#loginUid = thread.loginUid;
    this.#tty = thread.tty;
    this.#exeFlags = exeFlags(thread);
  }

  holdFor(thread: Thread): boolean {
    return (
      this.#containerId === thread.containerId &&
      this.#comm === thread.comm &&
      this.#args === thread.argList &&
      this.#exepath === thread.exepath &&
      this.#exe === thread.exe &&
      this.#uid === thread.uid &&
      this.#gid === thread.gid &&
      this.#loginUid === thread.loginUid &&
      this.#tty === thread.tty &&
      this.#exeFlags === exeFlags(thread)
    );
  }
}

function exeFlags({ exeWritable, exeUpperLayer, exeLowerLayer, exeFromMemfd }: Thread): number {
  return (
    Number(exeWritable) | (Number(exeUpperLayer) << 1) | (Number(exeLowerLayer) << 2) | (Number(exeFromMemfd) << 3)
  );
}
