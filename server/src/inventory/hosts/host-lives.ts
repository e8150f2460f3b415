/**
 * What runs on a host, out of its sensor's stream: containers, units and processes that stay, each with its life. Told when it begins, changes
 * or ends, and now and then while it goes on.
 *
 * The surprise: beginnings and ends are taken from the events, and what goes on from the table of processes at the end of each window. So a
 * container that lived for 300 ms is there with exactly its 300 ms, and one that was there before we looked is there, too.
 */
import { CODE, type Container, type Machine } from '@countersign/scap';
import type { HostFacts } from '../../vendors/linux/host-facts.ts';
import type { ProcessStart } from '../../vendors/linux/process-start.ts';
import { keptLabels, RETELL_MS } from '../workload.ts';
import { fullIdOf, isKernelThread, isSandbox, type Thread, unitOf } from './thread-place.ts';
import type { ToldLife } from './told-life.ts';

export interface HostLivesOptions {
  readonly host: string;
  readonly applicationOf: (machine: Machine, thread: Thread) => string;
  /** Null while the host itself is not known yet: its cloud is being asked. */
  readonly facts: () => HostFacts | null;
  /** When a process began, by the kernel's own account; null when it is gone or cannot be looked at. */
  readonly startOf: (pid: number) => ProcessStart | null;
}

const STARTS_AND_ENDS: ReadonlySet<number> = new Set([
  CODE.execve,
  CODE.execveat,
  CODE.clone,
  CODE.clone3,
  CODE.fork,
  CODE.vfork,
  CODE.procExit,
]);
const MOST_LIVES = 50_000;
const MOST_ENDED = 10_000;
const MOST_PROCESSES = 2_000;
/** Processes that come and go are in the activity; the inventory has those that stay. */
const STAYS_MS = 10_000;
const NS_PER_MS = 1_000_000n;
const SHORT_ID = 12;
const LONGEST_NAME = 600;
const LONGEST_FACT = 1_000;

interface Life {
  readonly kind: ToldLife['kind'];
  readonly key: string;
  firstMs: number;
  lastMs: number;
  isThere: boolean;
  /** As it was told last; empty before. */
  told: string;
  toldMs: number;
  content: Omit<ToldLife, 'kind' | 'firstMs' | 'lastMs' | 'endedMs'>;
}

export class HostLives {
  readonly #options: HostLivesOptions;
  readonly #lives = new Map<string, Life>();
  /** Containers that ended, and when they had begun: Docker starts one anew under its old id. */
  readonly #ended = new Map<string, number>();
  /** Its tables are read at the end of a window; a stream that began anew brings its own with its first event. */
  #machine: Machine | null = null;
  readonly #starts = new WeakMap<Thread, ProcessStart>();
  #leftOut = 0;

  constructor(options: HostLivesOptions) {
    this.#options = options;
  }

  isInteresting(code: number): boolean {
    return STARTS_AND_ENDS.has(code);
  }

  follow(machine: Machine): void {
    this.#machine = machine;
    const { currentThread: thread } = machine;
    if (thread === null || thread.containerId === '') return;
    this.#noteContainer(machine, thread, Number(machine.current.timeNs / NS_PER_MS));
  }

  /** What is new, has changed or ended since the last time, and how many lives there was no room for. */
  take(nowMs: number): { readonly lives: readonly ToldLife[]; readonly leftOut: number } {
    for (const life of this.#lives.values()) life.isThere = false;
    this.#noteHost(nowMs);
    if (this.#machine !== null) this.#look(this.#machine, nowMs);
    const lives = [...this.#lives.values()].flatMap((life) => this.#tell(life, nowMs));
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return { lives, leftOut };
  }

  #noteHost(nowMs: number): void {
    const facts = this.#options.facts();
    if (facts === null) return;
    const { host } = this.#options;
    const life = this.#lives.get(`host/${host}`) ?? this.#begin('host', `host/${host}`, facts.bootMs ?? nowMs);
    if (life === null) return;
    const account = facts.facts['account'];
    life.content = {
      ...NOTHING,
      id: host,
      name: host,
      parent: account === undefined ? null : { kind: 'account', id: account },
      addresses: [...facts.addresses],
      facts: facts.facts,
    };
    stay(life, nowMs);
  }

  #look(machine: Machine, nowMs: number): void {
    let processes = 0;
    for (const thread of machine.threads.threads.values()) {
      if (!thread.isMain || thread.isDead || thread.isInvalid || isKernelThread(thread)) continue;
      const start = this.#startOf(thread, nowMs);
      const container = thread.containerId === '' ? null : this.#noteContainer(machine, thread, start.startedMs);
      const unit = container === null ? this.#noteUnit(machine, thread, nowMs) : null;
      for (const life of [container, unit]) if (life !== null) stay(life, nowMs);
      if (nowMs - start.startedMs < STAYS_MS) continue;
      processes += 1;
      if (processes > MOST_PROCESSES) this.#leftOut += 1;
      else this.#noteProcess(machine, thread, { start, nowMs, inside: container ?? unit });
    }
  }

  /** By the kernel, so that it is the same for whoever looks after us; else by its event, else from when we first saw it. */
  #startOf(thread: Thread, nowMs: number): ProcessStart {
    const known = this.#starts.get(thread);
    if (known !== undefined) return known;
    const toldMs = thread.cloneNs === 0n ? nowMs : Number(thread.cloneNs / NS_PER_MS);
    const start = this.#options.startOf(thread.pid) ?? { mark: String(toldMs), startedMs: toldMs };
    this.#starts.set(thread, start);
    return start;
  }

  #tell(life: Life, nowMs: number): readonly ToldLife[] {
    const { kind, firstMs, lastMs, isThere, content } = life;
    if (!isThere) this.#forget(life);
    const text = JSON.stringify(content);
    if (isThere && text === life.told && nowMs - life.toldMs < RETELL_MS) return [];
    life.told = text;
    life.toldMs = nowMs;
    return [{ kind, firstMs, lastMs, endedMs: isThere ? null : lastMs, ...content }];
  }

  #forget({ kind, key, firstMs }: Life): void {
    this.#lives.delete(key);
    if (kind !== 'container') return;
    const [oldest] = this.#ended.keys();
    if (oldest !== undefined && this.#ended.size >= MOST_ENDED) this.#ended.delete(oldest);
    this.#ended.set(key, firstMs);
  }

  #noteContainer(machine: Machine, thread: Thread, atMs: number): Life | null {
    const described = machine.containers.get(thread.containerId);
    const id = fullIdOf(thread, described);
    const key = `container/${thread.containerId}`;
    const life = this.#lives.get(key) ?? this.#begin('container', key, this.#ended.get(key) ?? atMs);
    if (life === null) return null;
    life.lastMs = Math.max(life.lastMs, atMs);
    if (life.told === '') life.firstMs = Math.min(life.firstMs, atMs);
    // The runtime's word comes a moment after the first process.
    if (life.told === '' || (described?.json ?? '') !== '')
      life.content = this.#containerContent(id, described, this.#options.applicationOf(machine, thread));
    return life;
  }

  #containerContent(id: string, described: Container | undefined, application: string): Life['content'] {
    const labels = new Map([...(described?.podLabels ?? []), ...(described?.labels ?? [])]);
    const podUid = labels.get('io.kubernetes.pod.uid') ?? '';
    const inside: ToldLife['parent'] = { kind: 'host', id: this.#options.host };
    return {
      id,
      name: described?.name.slice(0, LONGEST_NAME) || id.slice(0, SHORT_ID),
      namespace: labels.get('io.kubernetes.pod.namespace') ?? '',
      application,
      parent: podUid === '' ? inside : { kind: 'pod', id: podUid },
      addresses: described === undefined || described.ip === '' ? [] : [described.ip],
      labels: keptLabels(labels),
      facts: known({
        image: described?.image,
        imageId: described?.imageId,
        runtime: described?.type,
        user: described?.user,
        pod: labels.get('io.kubernetes.pod.name'),
        privileged: described?.isPrivileged === true ? 'true' : '',
        hostNetwork: described?.hasHostNetwork === true ? 'true' : '',
        sandbox: isSandbox(labels) ? 'true' : '',
      }),
    };
  }

  #noteUnit(machine: Machine, thread: Thread, nowMs: number): Life | null {
    const name = unitOf(thread);
    if (name === '') return null;
    const key = `unit/${name}`;
    const known = this.#lives.get(key);
    if (known !== undefined) return known;
    const { host, applicationOf } = this.#options;
    const { mark, startedMs } = this.#oldestOf(machine, name, this.#startOf(thread, nowMs));
    const life = this.#begin('unit', key, startedMs);
    if (life === null) return null;
    life.content = {
      ...NOTHING,
      id: `${host}/${name}/${mark}`,
      name,
      application: applicationOf(machine, thread),
      parent: { kind: 'host', id: host },
    };
    return life;
  }

  /** A unit began with the oldest of its processes that is left. */
  #oldestOf(machine: Machine, unit: string, of: ProcessStart): ProcessStart {
    let oldest = of;
    for (const thread of machine.threads.threads.values()) {
      if (!thread.isMain || thread.isDead || thread.containerId !== '' || unitOf(thread) !== unit) continue;
      const start = this.#startOf(thread, oldest.startedMs);
      if (start.startedMs < oldest.startedMs) oldest = start;
    }
    return oldest;
  }

  #noteProcess(
    machine: Machine,
    thread: Thread,
    { start, nowMs, inside }: { readonly start: ProcessStart; readonly nowMs: number; readonly inside: Life | null },
  ): void {
    const { host, applicationOf } = this.#options;
    const key = `process/${thread.pid}/${start.mark}`;
    const life = this.#lives.get(key) ?? this.#begin('process', key, start.startedMs);
    if (life === null) return;
    life.content = {
      ...NOTHING,
      id: `${host}/${thread.pid}/${start.mark}`,
      name: thread.comm,
      application: applicationOf(machine, thread),
      parent: inside === null ? { kind: 'host', id: host } : { kind: inside.kind, id: inside.content.id },
      facts: known({ exe: thread.exepath, pid: String(thread.pid), uid: String(thread.uid) }),
    };
    stay(life, nowMs);
  }

  #begin(kind: Life['kind'], key: string, firstMs: number): Life | null {
    if (this.#lives.size >= MOST_LIVES) {
      this.#leftOut += 1;
      return null;
    }
    const life = { kind, key, firstMs, lastMs: firstMs, isThere: false, told: '', toldMs: 0, content: NOTHING };
    this.#lives.set(key, life);
    return life;
  }
}

const NOTHING: Life['content'] = {
  id: '',
  name: '',
  namespace: '',
  application: '',
  parent: null,
  addresses: [],
  labels: {},
  facts: {},
};

function stay(life: Life, nowMs: number): void {
  life.isThere = true;
  life.lastMs = nowMs;
}

function known(facts: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [[name, value.slice(0, LONGEST_FACT)]],
    ),
  );
}
