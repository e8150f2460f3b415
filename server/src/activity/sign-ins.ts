/**
 * Where a person's session on a host begins: the first program that runs under a login whose parent did not. The kernel keeps the login
 * through `sudo` and `su`, so this is told once, of whoever came in.
 *
 * The surprise: a login alone is no person: cron and services have them too. It takes a terminal, or a connection that one of the processes
 * above holds, as the servers of SSH do; and that is also what tells two sessions of one person apart.
 */
import type { Machine } from '@countersign/scap';

type Thread = NonNullable<Machine['currentThread']>;

const NOBODY = 0xffff_ffff;
/** Sessions that were told, so that what their servers start for each (`motd`, keys) is not told as another. */
const MOST_TOLD = 4_096;
/** Lowest numbers of open files among which a connection is looked for. */
const MOST_FILES = 64;

export class SignIns {
  readonly #told = new Set<string>();

  /** Of a program that just began: `sshd ← 203.0.113.7:51234`, `login on a terminal`; null when it begins no session. */
  begunBy(machine: Machine, thread: Thread): string | null {
    if (thread.loginUid === NOBODY) return null;
    const parent = machine.threads.find(thread.ptid);
    if (parent === null || parent.isInvalid || parent.loginUid === thread.loginUid) return null;
    const server = connectionAbove(machine, thread);
    if (server === null && thread.tty === 0) return null;
    const how = server === null ? `${parent.comm} on a terminal` : `${server.name} ← ${server.peer}`;
    const key = `${thread.loginUid} ${server === null ? thread.tty : server.peer}`;
    if (this.#told.has(key)) return null;
    if (this.#told.size >= MOST_TOLD) this.#told.clear();
    this.#told.add(key);
    return how;
  }
}

/** The nearest process above that somebody has called over the network. */
function connectionAbove(machine: Machine, thread: Thread): { readonly name: string; readonly peer: string } | null {
  let found: { name: string; peer: string } | null = null;
  machine.threads.visitAncestors(thread, (ancestor) => {
    let files = 0;
    ancestor.fds?.each((_, fd) => {
      files += 1;
      if (fd.isTuple && fd.isServer) found = { name: ancestor.comm, peer: fd.name.split('->')[0] ?? '' };
      return found === null && files < MOST_FILES;
    });
    return found === null;
  });
  return found;
}
