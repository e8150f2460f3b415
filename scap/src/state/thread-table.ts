/**
 * All threads by number, their groups and parents, and who takes the children of those that end.
 *
 * The surprise: a thread that ended stays as long as its group lives when it is the main one: the others use its files.
 */
import { Thread, THREAD_FLAG, ThreadGroup } from './threads.ts';

const MOST_THREADS = 262_144;
const MOST_ANCESTORS = 1_000;
/** Threads that were found lately, by the lower bits of their number. */
const CACHED = 4_096;

export class ThreadTable {
  readonly threads = new Map<number, Thread>();
  readonly #groups = new Map<number, ThreadGroup>();
  readonly #cache: (Thread | undefined)[] = Array.from({ length: CACHED });

  clear(): void {
    this.threads.clear();
    this.#groups.clear();
    this.#cache.fill(undefined);
  }

  find(tid: number): Thread | null {
    const cached = this.#cache[tid & (CACHED - 1)];
    if (cached !== undefined && cached.tid === tid) return cached;
    const thread = this.threads.get(tid);
    if (thread === undefined) return null;
    this.#cache[tid & (CACHED - 1)] = thread;
    return thread;
  }

  /** Makes an invalid one when there is none; null when the table is full. */
  get(tid: number): Thread | null {
    const known = this.find(tid);
    if (known !== null) return known;
    const thread = new Thread();
    thread.tid = tid;
    thread.comm = '<NA>';
    thread.exe = '<NA>';
    return this.add(thread, true);
  }

  add(thread: Thread, connect: boolean): Thread | null {
    if (this.threads.size >= MOST_THREADS) return null;
    if (connect) this.connect(thread);
    this.threads.set(thread.tid, thread);
    this.#cache[thread.tid & (CACHED - 1)] = thread;
    return thread;
  }

  /** Gives a thread its group and its parent. */
  connect(thread: Thread): void {
    if (thread.isInvalid || thread.group !== null) return;
    let group = this.#groups.get(thread.pid);
    if (group === undefined) {
      group = new ThreadGroup(thread.pid, thread.pid === 1 || thread.vpid === 1);
      this.#groups.set(thread.pid, group);
    }
    group.add(thread);
    thread.group = group;
    if (thread.pid === 1) return;
    const parent = this.find(thread.ptid);
    if (parent === null || parent.isInvalid) thread.ptid = 0;
    else adopt(parent, thread);
  }

  remove(tid: number): void {
    const thread = this.find(tid);
    if (thread === null) return;
    if (thread.isInvalid || thread.group === null) {
      this.#erase(thread);
      return;
    }
    const { group } = thread;
    if (!thread.isDead) {
      group.alive -= 1;
      thread.flags |= THREAD_FLAG.closed;
    }
    if (thread.hasChildren) this.#reparent(thread);
    if (group.alive <= 0) {
      this.#groups.delete(thread.pid);
      const main = this.find(thread.pid);
      if (main !== null) this.#erase(main);
    }
    if (!thread.isMain) this.#erase(thread);
  }

  /** The process `generations` above; 0 is the thread's own. */
  ancestor(thread: Thread, generations: number): Thread | null {
    let at = thread.main;
    for (let step = 0; step < generations && at !== null; step += 1) at = this.find(at.ptid)?.main ?? null;
    return at;
  }

  /** From the parent upwards, until `visit` says false or a ring closes. */
  visitAncestors(thread: Thread, visit: (ancestor: Thread) => boolean): void {
    let steps = 0;
    // Goes half as fast: whoever meets it goes in a ring.
    let behind: Thread | null = thread;
    for (let at = this.find(thread.ptid); at !== null && at.tid !== -1; at = this.find(at.ptid)) {
      if (at === behind || steps > MOST_ANCESTORS || !visit(at)) return;
      steps += 1;
      if (steps % 2 === 0 && behind !== null) behind = this.find(behind.ptid);
    }
  }

  #erase(thread: Thread): void {
    if (this.threads.get(thread.tid) === thread) this.threads.delete(thread.tid);
    const slot = thread.tid & (CACHED - 1);
    if (this.#cache[slot] === thread) this.#cache[slot] = undefined;
    const parent = this.find(thread.ptid);
    if (parent?.hasChildren === true) parent.children.delete(thread);
    thread.group?.remove(thread);
  }

  #reparent(thread: Thread): void {
    let reaper = thread.reaperTid > 0 ? this.get(thread.reaperTid) : null;
    if (reaper === null || reaper.isInvalid) reaper = this.#findReaper(thread);
    if (reaper !== null && reaper.pid !== thread.pid && reaper.group !== null) reaper.group.isReaper = true;
    for (const child of [...thread.children]) {
      if (this.threads.get(child.tid) !== child) continue;
      if (reaper === null || reaper === thread) child.ptid = 0;
      else adopt(reaper, child);
    }
    thread.children.clear();
  }

  #findReaper(thread: Thread): Thread | null {
    const sibling = thread.group?.survivor(thread) ?? null;
    if (sibling !== null) return sibling;
    const seen = new Set([thread.tid]);
    for (let parent = this.find(thread.ptid); parent !== null; parent = this.find(parent.ptid)) {
      if (seen.has(parent.tid) || parent.isInPidNamespace !== thread.isInPidNamespace) return null;
      seen.add(parent.tid);
      const alive = parent.group?.isReaper === true ? parent.group.survivor(null) : null;
      if (alive !== null) return alive;
    }
    return null;
  }
}

function adopt(parent: Thread, child: Thread): void {
  parent.children.add(child);
  child.ptid = parent.tid;
}
