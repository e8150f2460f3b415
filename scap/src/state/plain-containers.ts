/**
 * Containers that a runtime was given by hand (`runc run NAME`): no daemon knows of them, and their control group bears any name.
 *
 * What tells them from other processes with a namespace of their own (browsers, sandboxes, services) is that their control group
 * is theirs: not that of whoever stands above them outside of the namespace, and not one that the system manages.
 */
import type { ThreadTable } from './thread-table.ts';
import type { Thread } from './threads.ts';

const ID_CHARACTERS = 64;
const SHORT_ID_CHARACTERS = 12;
const MOST_GENERATIONS = 100;
const MANAGED = /\.(?:service|slice|scope)$/;
/** The runtime's own form where the system manages its groups. */
const BY_RUNTIME = /\/(?:runc|crun|youki)-([^/]+)\.scope(?:\/|$)/;

/** The name of the container that the thread is in; null when it is in none of this kind. */
export function plainContainer(thread: Thread, threads: ThreadTable): string | null {
  if (!thread.isInPidNamespace) return null;
  const outside = outsideOf(thread, threads);
  if (outside === null) return null;
  for (const [controller, path] of thread.groups.pairs) {
    const named = BY_RUNTIME.exec(path)?.[1];
    if (named !== undefined) return short(named);
    if (path === '' || path === '/' || MANAGED.test(path)) continue;
    if (outside.groups.pairs.some(([name, other]) => name === controller && other === path)) continue;
    return short(path.slice(path.lastIndexOf('/') + 1));
  }
  return null;
}

/** The nearest ancestor that is not in the namespace. */
function outsideOf(thread: Thread, threads: ThreadTable): Thread | null {
  let at: Thread | null = thread;
  for (let step = 0; step < MOST_GENERATIONS && at !== null && at.isInPidNamespace; step += 1) {
    at = at.ptid > 0 ? threads.find(at.ptid) : null;
  }
  return at;
}

function short(name: string): string {
  const isId = name.length === ID_CHARACTERS && /^[0-9a-f]+$/.test(name);
  return name.slice(0, isId ? SHORT_ID_CHARACTERS : ID_CHARACTERS);
}
