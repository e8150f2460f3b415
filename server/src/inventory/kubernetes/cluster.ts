/**
 * A cluster as its watch told it, and what of that the inventory must be told: objects in, workloads out. Pure but for the clock.
 *
 * The surprise: nothing is told before every kind was listed once. A pod belongs to its deployment by way of a replica set, and whoever stands
 * between must be known first; where one comes late after all, what it owns is told again.
 */
import { type CustomGroup, inGroup, ownerOfSet } from '../application.ts';
import type { Workload, WorkloadKind, WorkloadRef } from '../workload.ts';
import { type ContainerFacts, type ObjectFacts, type ObjectKind, WATCHED } from './objects.ts';

export interface ClusterOptions {
  readonly name: string;
  readonly groups: readonly CustomGroup[];
}

/** Of a container or pod, for whoever meets its id elsewhere. */
export interface Placed {
  readonly application: string;
  /** Of the container, inside of its pod. */
  readonly name: string;
  /** What was asked for it, and what it may have: `cpuRequestMillis`, `memoryLimitBytes` … */
  readonly facts: Readonly<Record<string, string>>;
}

const MOST_OWNERS = 5;
/** Kinds of our own are objects; `endpoints` only lend their service an application. */
type Told = Exclude<ObjectKind, 'endpoints'>;

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #objects = new Map<ObjectKind, Map<string, ObjectFacts>>(WATCHED.map(({ kind }) => [kind, new Map()]));
  readonly #byUid = new Map<string, ObjectFacts>();
  /** Namespaces and services by `namespace/name`, and the endpoints of each service. */
  readonly #named = new Map<string, ObjectFacts>();
  readonly #slices = new Map<string, Set<ObjectFacts>>();
  readonly #listed = new Set<ObjectKind>();
  /** Owners that nobody told of yet, and what they own. */
  readonly #awaited = new Map<string, Set<string>>();
  readonly #places = new Map<string, Placed>();
  #rows = new Map<string, Workload>();
  /** What was there before this process began, until all was listed. */
  #before = new Map<string, Workload>();

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  get teller(): string {
    return `cluster ${this.#options.name}`;
  }

  get isListed(): boolean {
    return this.#listed.size === WATCHED.length;
  }

  get objectCount(): number {
    return this.#byUid.size;
  }

  /** What was told in an earlier life and not ended: what is not listed any more has ended since. */
  remember(living: readonly Workload[]): void {
    for (const one of living) this.#before.set(keyOf(one), one);
  }

  /** Every container that runs. */
  places(): Iterable<Placed> {
    return this.#places.values();
  }

  /** To which application a container belongs; null: it is none of this cluster's. */
  placeOf(containerId: string): Placed | null {
    return this.#places.get(containerId) ?? null;
  }

  /** Everything of a kind, as a list told it: what is missing has gone. */
  replace(kind: ObjectKind, found: readonly ObjectFacts[], nowMs: number): void {
    const uids = new Set(found.map(({ uid }) => uid));
    for (const known of this.#of(kind).values()) if (!uids.has(known.uid)) this.remove(known, nowMs);
    for (const one of found) this.put(one, nowMs);
    const wasListed = this.isListed;
    this.#listed.add(kind);
    if (this.isListed && !wasListed) this.#begin(nowMs);
  }

  put(object: ObjectFacts, nowMs: number): void {
    const known = this.#of(object.kind).get(object.uid);
    if (known !== undefined) this.#forget(known);
    this.#learn(object);
    if (!this.isListed) return;
    if (known !== undefined) this.#endLeftContainers(known, object, nowMs);
    this.#tell(object, nowMs);
    const owned = this.#awaited.get(object.uid) ?? [];
    this.#awaited.delete(object.uid);
    for (const uid of owned) {
      const one = this.#byUid.get(uid);
      if (one !== undefined) this.#tell(one, nowMs);
    }
  }

  remove(object: ObjectFacts, nowMs: number): void {
    this.#forget(this.#of(object.kind).get(object.uid) ?? object);
    if (!this.isListed) return;
    if (object.kind === 'endpoints') return this.#tell(object, nowMs);
    for (const row of this.#rowsOf({ ...object, endedMs: object.endedMs ?? nowMs }, nowMs)) this.#keep(row);
    for (const { id } of object.containers) this.#places.delete(id);
  }

  /** What must be told since the last time. */
  take(): readonly Workload[] {
    const rows = [...this.#rows.values()];
    this.#rows = new Map();
    return rows;
  }

  /** What could not be stored is told again, unless something newer is known. */
  giveBack(rows: readonly Workload[]): void {
    for (const row of rows) if (!this.#rows.has(keyOf(row))) this.#rows.set(keyOf(row), row);
  }

  /** Everything that is there is there still. */
  retell(nowMs: number): void {
    if (!this.isListed) return;
    for (const object of this.#byUid.values()) if (object.endedMs === null) this.#tell(object, nowMs);
  }

  #of(kind: ObjectKind): Map<string, ObjectFacts> {
    const found = this.#objects.get(kind);
    if (found === undefined) throw new Error(`${kind} is not watched`);
    return found;
  }

  #learn(object: ObjectFacts): void {
    const { kind, uid } = object;
    this.#of(kind).set(uid, object);
    if (kind === 'endpoints') {
      const slices = this.#slices.get(serviceKey(object)) ?? new Set();
      this.#slices.set(serviceKey(object), slices.add(object));
      return;
    }
    this.#byUid.set(uid, object);
    if (kind === 'namespace' || kind === 'service') this.#named.set(nameKey(object), object);
  }

  #forget(object: ObjectFacts): void {
    const { kind, uid, owner } = object;
    this.#of(kind).delete(uid);
    this.#byUid.delete(uid);
    if (this.#named.get(nameKey(object))?.uid === uid) this.#named.delete(nameKey(object));
    const slices = this.#slices.get(serviceKey(object));
    slices?.delete(object);
    if (slices?.size === 0) this.#slices.delete(serviceKey(object));
    if (owner !== null) this.#awaited.get(owner.uid)?.delete(uid);
  }

  #begin(nowMs: number): void {
    for (const object of this.#byUid.values()) this.#tell(object, nowMs);
    for (const [key, row] of this.#before) {
      if (this.#rows.has(key)) continue;
      // Between its last sign of life and now; nobody saw when.
      const facts = { ...row.facts, endedAfter: new Date(row.lastMs).toISOString() };
      this.#keep({ ...row, facts, lastMs: nowMs, endedMs: nowMs, toldMs: nowMs });
    }
    this.#before = new Map();
  }

  #tell(object: ObjectFacts, nowMs: number): void {
    if (object.kind === 'endpoints') {
      const service = this.#named.get(nameKey({ kind: 'service', namespace: object.namespace, name: object.service }));
      if (service !== undefined) this.#tell(service, nowMs);
      return;
    }
    for (const row of this.#rowsOf(object, nowMs)) this.#keep(row);
    const { owner } = object;
    if (owner !== null && !this.#byUid.has(owner.uid) && isWatchedKind(owner.kind)) {
      const owned = this.#awaited.get(owner.uid) ?? new Set();
      this.#awaited.set(owner.uid, owned.add(object.uid));
    }
  }

  #keep(row: Workload): void {
    this.#rows.set(keyOf(row), row);
  }

  #rowsOf(object: ObjectFacts, nowMs: number): readonly Workload[] {
    const application = this.#applicationOf(object);
    const row: Workload = {
      kind: object.kind as Told,
      id: object.uid,
      teller: this.teller,
      name: object.name,
      cluster: this.#options.name,
      namespace: object.kind === 'namespace' ? object.name : object.namespace,
      host: object.host,
      application,
      parent: this.#parentOf(object),
      addresses: object.addresses,
      labels: object.labels,
      facts: object.kind === 'service' ? { ...object.facts, ...this.#targetsOf(object) } : object.facts,
      firstMs: Math.min(object.createdMs, object.endedMs ?? nowMs),
      lastMs: object.endedMs ?? nowMs,
      endedMs: object.endedMs,
      toldMs: nowMs,
    };
    return [row, ...object.containers.map((one) => this.#containerRow(one, row))];
  }

  #containerRow({ id, name, facts, startedMs, endedMs }: ContainerFacts, pod: Workload): Workload {
    const end = endedMs ?? pod.endedMs;
    // What a host tells of one that has just ended may come a little later; it is forgotten with its pod.
    this.#places.set(id, { application: pod.application, name, facts });
    return {
      ...pod,
      kind: 'container',
      id,
      name,
      parent: { kind: 'pod', id: pod.id },
      facts: { ...facts, pod: pod.name },
      firstMs: Math.min(startedMs ?? pod.firstMs, end ?? pod.toldMs),
      lastMs: end ?? pod.lastMs,
      endedMs: end,
    };
  }

  /** A pod tells of the container that runs and the one before; an older one is not told any more. */
  #endLeftContainers(known: ObjectFacts, now: ObjectFacts, nowMs: number): void {
    const told = new Set(now.containers.map(({ id }) => id));
    const left = known.containers.filter(({ id }) => !told.has(id));
    if (left.length === 0) return;
    const ended = left.map((one) => ({ ...one, endedMs: one.endedMs ?? nowMs }));
    const [, ...rows] = this.#rowsOf({ ...now, containers: ended }, nowMs);
    for (const row of rows) {
      this.#keep(row);
      this.#places.delete(row.id);
    }
  }

  #parentOf({ kind, owner, namespace }: ObjectFacts): WorkloadRef | null {
    if (owner !== null && isWatchedKind(owner.kind)) return { kind: owner.kind as WorkloadKind, id: owner.uid };
    if (kind === 'node' || kind === 'namespace') return null;
    const found = this.#named.get(nameKey({ kind: 'namespace', namespace: '', name: namespace }));
    return found === undefined ? null : { kind: 'namespace', id: found.uid };
  }

  /** `shop/deployment/web`: whoever steers it in the end, in the group of one's own that takes it. */
  #applicationOf(object: ObjectFacts): string {
    const { kind, namespace } = object;
    if (kind === 'node' || kind === 'namespace') return '';
    const found = kind === 'service' ? this.#applicationBehind(object) : `${namespace}/${this.#topOwner(object)}`;
    return inGroup(this.#options.groups, found, [
      object.name,
      ...object.containers.flatMap(({ name, facts }) => [name, facts['image'] ?? '']),
    ]);
  }

  #topOwner(object: ObjectFacts): string {
    let current = object;
    for (let steps = 0; steps < MOST_OWNERS; steps += 1) {
      const { owner } = current;
      if (owner === null) return `${current.kind}/${current.name}`;
      const next = this.#byUid.get(owner.uid);
      if (next === undefined)
        return owner.kind === 'replicaset' ? ownerOfSet(owner.name) : `${owner.kind}/${owner.name}`;
      current = next;
    }
    return `${current.kind}/${current.name}`;
  }

  /** `80/tcp:8080`: where its ports lead, as its endpoints say, else as the service itself does. */
  #targetsOf({ namespace, name, ports }: ObjectFacts): Readonly<Record<string, string>> {
    const slices = [...(this.#slices.get(`${namespace}/${name}`) ?? [])];
    const targets = ports.flatMap(({ name: called, port, protocol, target }) => {
      const told = slices
        .flatMap((slice) => slice.ports)
        .find((one) => one.name === called && one.protocol === protocol);
      const to = told?.target || target;
      return port === null || to === '' ? [] : [`${port}/${protocol}:${to}`];
    });
    return targets.length === 0 ? {} : { targets: targets.join(' ') };
  }

  /** What answers behind a service; the service itself while nothing does, or several do. */
  #applicationBehind({ namespace, name }: ObjectFacts): string {
    const behind = new Set<string>();
    for (const slice of this.#slices.get(`${namespace}/${name}`) ?? []) {
      for (const uid of slice.podUids) {
        const pod = this.#byUid.get(uid);
        if (pod !== undefined) behind.add(`${namespace}/${this.#topOwner(pod)}`);
      }
    }
    const [only, ...others] = behind;
    return only === undefined || others.length > 0 ? `${namespace}/service/${name}` : only;
  }
}

const KINDS: ReadonlySet<string> = new Set(WATCHED.map(({ kind }) => kind));

function isWatchedKind(kind: string): boolean {
  return KINDS.has(kind);
}

function nameKey({ kind, namespace, name }: Pick<ObjectFacts, 'kind' | 'namespace' | 'name'>): string {
  return `${kind}:${namespace}/${name}`;
}

/** Of endpoints. */
function serviceKey({ namespace, service }: ObjectFacts): string {
  return `${namespace}/${service}`;
}

function keyOf({ kind, id }: WorkloadRef): string {
  return `${kind}/${id}`;
}
