/**
 * Follows a cluster: each kind is listed, then watched from there on, and what changes is stored within a second.
 *
 * ```
 *  list ──▶ watch ──(server ends it after minutes)──▶ watch …
 *   ▲         │ 410: our version is too old
 *   └─────────┘ any other trouble: wait, longer each time, and watch on from where we were
 * ```
 *
 * The surprise: what happened while we were away is not told by the watch, so after a list whatever is missing has ended, also what only the
 * store remembers of the time before this process began.
 */
import type { Clock } from '../../ground/clock.ts';
import { messageOf } from '../../ground/failure.ts';
import type { Log } from '../../ground/log.ts';
import type { Random } from '../../ground/random.ts';
import type { ClusterReader, Trouble, WatchEvent } from '../../vendors/kubernetes/cluster-reader.ts';
import type { WorkloadStore } from '../store.ts';
import { RETELL_MS } from '../workload.ts';
import type { Cluster } from './cluster.ts';
import { type ObjectFacts, type ObjectKind, readObject, WATCHED } from './objects.ts';

export interface ClusterWatchOptions {
  readonly name: string;
  readonly cluster: Cluster;
  readonly reader: ClusterReader;
  readonly workloads: Pick<WorkloadStore, 'insert' | 'livingOf'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface ClusterHealth {
  readonly name: string;
  readonly state: 'starting' | 'watching' | 'trouble';
  /** For people; null while all is well. */
  readonly problem: string | null;
  /** Since when there is one. */
  readonly problemSinceMs: number | null;
  readonly lastHeardMs: number | null;
  readonly objectCount: number;
  /** Objects that were no objects. */
  readonly unreadCount: number;
}

const STORE_MS = 1_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** A server that ends every watch at once is not asked in a tight circle. */
const SHORTEST_WATCH_MS = 1_000;
const UNKNOWN_WAIT_MS = 5 * 60_000;
const MOST_PAGES = 10_000;

export class ClusterWatch {
  readonly #options: ClusterWatchOptions;
  readonly #problems = new Map<ObjectKind | 'store', string>();
  #lastHeardMs: number | null = null;
  #problemSinceMs: number | null = null;
  #unread = 0;

  constructor(options: ClusterWatchOptions) {
    this.#options = options;
  }

  health(): ClusterHealth {
    const { name, cluster } = this.#options;
    const [problem = null] = this.#problems.values();
    return {
      name,
      state: problem !== null ? 'trouble' : cluster.isListed ? 'watching' : 'starting',
      problem,
      problemSinceMs: this.#problemSinceMs,
      lastHeardMs: this.#lastHeardMs,
      objectCount: cluster.objectCount,
      unreadCount: this.#unread,
    };
  }

  /** Until `signal` aborts; what is known by then is stored. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#remember(signal);
    await Promise.all([...WATCHED.map(({ kind, path }) => this.#follow(kind, path, signal)), this.#store(signal)]);
  }

  async #remember(signal: AbortSignal): Promise<void> {
    const { cluster, workloads, clock } = this.#options;
    for (let tries = 0; !signal.aborted; tries += 1) {
      try {
        cluster.remember(await workloads.livingOf(cluster.teller));
        return this.#note('store', null);
      } catch (error) {
        this.#note('store', messageOf(error));
        await clock.sleep(this.#waitMs(tries), signal);
      }
    }
  }

  async #follow(kind: ObjectKind, path: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let version: string | null = null;
    for (let failures = 0; !signal.aborted; ) {
      const startedMs = clock.steadyMs();
      const outcome: Outcome =
        version === null ? await this.#list(kind, path, signal) : await this.#watch({ kind, path, version }, signal);
      if (signal.aborted) return;
      version = outcome.version;
      const { trouble } = outcome;
      const isQuick = clock.steadyMs() - startedMs < SHORTEST_WATCH_MS;
      if (trouble === null) {
        failures = 0;
        this.#note(kind, null);
        if (outcome.hasEnded && isQuick) await clock.sleep(FIRST_WAIT_MS, signal);
        continue;
      }
      failures = isQuick || trouble.type !== 'gone' ? failures + 1 : 1;
      this.#note(kind, trouble.type === 'failed' ? trouble.reason : null);
      if (trouble.type === 'unknown') this.#options.cluster.replace(kind, [], clock.nowMs());
      await clock.sleep(this.#waitAfter(trouble, failures), signal);
    }
  }

  async #list(kind: ObjectKind, path: string, signal: AbortSignal): Promise<Outcome> {
    const { reader, cluster, clock } = this.#options;
    const found: ObjectFacts[] = [];
    let token = '';
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const outcome = await reader.list(path, { continue: token }, signal);
      if (outcome.type !== 'page') return { version: null, trouble: outcome, hasEnded: true };
      for (const item of outcome.items) {
        const object = this.#read(kind, item);
        if (object !== null) found.push(object);
      }
      token = outcome.continue;
      if (token !== '') continue;
      this.#heard();
      cluster.replace(kind, found, clock.nowMs());
      return { version: outcome.resourceVersion, trouble: null, hasEnded: false };
    }
    const reason = `${path} has more than ${MOST_PAGES} pages`;
    return { version: null, trouble: { type: 'failed', reason, retryAfterMs: LONGEST_WAIT_MS }, hasEnded: true };
  }

  async #watch(
    { kind, path, version }: { readonly kind: ObjectKind; readonly path: string; readonly version: string },
    signal: AbortSignal,
  ): Promise<Outcome> {
    let newest = version;
    const onEvent = (event: WatchEvent) => {
      newest = event.resourceVersion;
      this.#heard();
      // Whatever was wrong is over once events come.
      this.#note(kind, null);
      if (event.type !== 'BOOKMARK') this.#take(kind, event);
    };
    const end = await this.#options.reader.watch(path, { resourceVersion: version, onEvent }, signal);
    if (end.type === 'ended') return { version: newest, trouble: null, hasEnded: true };
    return { version: end.type === 'failed' ? newest : null, trouble: end, hasEnded: true };
  }

  #take(kind: ObjectKind, { type, object }: WatchEvent): void {
    const { cluster, clock } = this.#options;
    const read = this.#read(kind, object);
    if (read === null) return;
    if (type === 'DELETED') cluster.remove(read, clock.nowMs());
    else cluster.put(read, clock.nowMs());
  }

  #read(kind: ObjectKind, object: WatchEvent['object']): ObjectFacts | null {
    const read = readObject(kind, object);
    if (read === null) this.#unread += 1;
    return read;
  }

  /** What changed, each second; everything that is there, every few minutes. */
  async #store(signal: AbortSignal): Promise<void> {
    const { cluster, clock } = this.#options;
    let retoldMs = clock.nowMs();
    for (let failures = 0; ; ) {
      await clock.sleep(failures === 0 ? STORE_MS : this.#waitMs(failures), signal);
      const nowMs = clock.nowMs();
      // Nothing is known of what is there while the cluster cannot be heard.
      if (nowMs - retoldMs >= RETELL_MS && !this.#isDeaf()) {
        cluster.retell(nowMs);
        retoldMs = nowMs;
      }
      failures = (await this.#storeChanges()) ? 0 : failures + 1;
      if (signal.aborted) return;
    }
  }

  async #storeChanges(): Promise<boolean> {
    const { cluster, workloads, clock, random } = this.#options;
    const rows = cluster.take();
    try {
      await workloads.insert(rows, random.id(clock.nowMs()));
      this.#note('store', null);
      return true;
    } catch (error) {
      cluster.giveBack(rows);
      this.#note('store', messageOf(error));
      return false;
    }
  }

  #isDeaf(): boolean {
    return WATCHED.some(({ kind }) => this.#problems.has(kind));
  }

  #heard(): void {
    this.#lastHeardMs = this.#options.clock.nowMs();
  }

  #note(about: ObjectKind | 'store', problem: string | null): void {
    const { log, name, clock } = this.#options;
    const before = this.#problems.get(about) ?? null;
    if (before === problem) return;
    if (problem === null) this.#problems.delete(about);
    else this.#problems.set(about, problem);
    this.#problemSinceMs = this.#problems.size === 0 ? null : (this.#problemSinceMs ?? clock.nowMs());
    if (problem !== null) log.warn('a cluster cannot be followed; trying again', { cluster: name, about, problem });
    else if (this.#problems.size === 0) log.info('a cluster is followed again', { cluster: name });
  }

  #waitAfter(trouble: Trouble, failures: number): number {
    if (trouble.type === 'unknown') return UNKNOWN_WAIT_MS;
    // The first list after a version that was too old is made at once.
    if (trouble.type === 'gone' && failures <= 1) return 0;
    return Math.max(this.#waitMs(failures), trouble.type === 'failed' ? trouble.retryAfterMs : 0);
  }

  /** Doubles, up to half a minute, by chance a little less, so that many servers do not come back at once. */
  #waitMs(failures: number): number {
    const whole = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10));
    return whole * (0.75 + this.#options.random.fraction() / 4);
  }
}

interface Outcome {
  /** To watch from; null: list. */
  readonly version: string | null;
  readonly trouble: Trouble | null;
  readonly hasEnded: boolean;
}
