/**
 * The inventory, stored and asked: what was there in a range of time, what belongs to what, and the life of each.
 *
 * The surprise: what several tellers say of one thing is one thing in every answer. It began when the first of them saw it, it ended when any
 * of them saw its end, and the cluster knows better than a host to which application it belongs.
 */
import type { EventEngine } from '../ground/event-engine.ts';
import { ensureWorkloadTables } from './tables.ts';
import { SILENT_MS, WORKLOAD_KINDS, type Workload, type WorkloadKind, type WorkloadRef } from './workload.ts';

export interface WorkloadSearch {
  readonly fromMs: number;
  readonly toMs: number;
  readonly kinds?: readonly WorkloadKind[];
  readonly host?: string;
  readonly cluster?: string;
  readonly namespace?: string;
  readonly application?: string;
  readonly parent?: WorkloadRef;
  /** In a name, id, address or label. */
  readonly text?: string;
}

/** One thing, as all of its tellers know it. */
export type KnownWorkload = Omit<Workload, 'teller' | 'toldMs'> & { readonly tellers: readonly string[] };

export interface WorkloadPage {
  readonly workloads: readonly KnownWorkload[];
  /** There are more than were asked for. */
  readonly isCut: boolean;
}

export interface WorkloadStore {
  /** @param token the same for the same rows: they are then stored once. */
  insert(workloads: readonly Workload[], token: string): Promise<void>;
  /** By kind, name and id. */
  search(search: WorkloadSearch, limit: number): Promise<WorkloadPage>;
  /** How many of each kind. */
  counts(search: WorkloadSearch): Promise<ReadonlyMap<WorkloadKind, number>>;
  find(ref: WorkloadRef): Promise<KnownWorkload | null>;
  /** Ids of what a teller last told as there: what it must look for when it comes back. */
  livingOf(teller: string): Promise<readonly Workload[]>;
  /** Everything with an address that was there in the range, and every pod: some use the address of their node. */
  addressed(range: { readonly fromMs: number; readonly toMs: number }): Promise<readonly KnownWorkload[]>;
}

/** The pod that a container is of, by the container's whole id. */
export function podsOf({ find }: Pick<WorkloadStore, 'find'>) {
  return async (id: string): Promise<{ readonly namespace: string; readonly name: string } | null> => {
    const container = await find({ kind: 'container', id });
    const name = container?.facts['pod'] ?? '';
    return container === null || name === '' ? null : { namespace: container.namespace, name };
  };
}

const BOUNDS = 'SETTINGS max_execution_time = 20, max_result_bytes = 134217728';
const MOST_ROWS_AT_ONCE = 10_000;
export const MOST_WORKLOADS = 5_000;
const MOST_LIVING = 500_000;
const MOST_ADDRESSED = 200_000;

/** Makes the tables if they are missing; that of events is there already. */
export async function openWorkloadStore(engine: EventEngine): Promise<WorkloadStore> {
  await ensureWorkloadTables(engine);
  return {
    insert: async (workloads, token) => {
      for (let start = 0; start < workloads.length; start += MOST_ROWS_AT_ONCE) {
        const rows = workloads.slice(start, start + MOST_ROWS_AT_ONCE).map(storedRow);
        await engine.insert('workload', rows, { token: `${token}-${start}` });
      }
    },
    search: async (search, limit) => {
      const { sql, parameters } = questionOf(search);
      const most = Math.min(Math.max(Math.trunc(limit), 1), MOST_WORKLOADS);
      const rows = await engine.query<Row>(
        `${sql} ORDER BY indexOf({order:Array(String)}, kind), namespace_, name_, id LIMIT ${most + 1} ${BOUNDS}`,
        { ...parameters, order: WORKLOAD_KINDS },
      );
      return { workloads: rows.slice(0, most).map(workloadOf), isCut: rows.length > most };
    },
    counts: async (search) => {
      const { sql, parameters } = questionOf(search);
      const rows = await engine.query<{ kind: WorkloadKind; n: number | string }>(
        `SELECT kind, count() AS n FROM (${sql}) GROUP BY kind ${BOUNDS}`,
        parameters,
      );
      return new Map(rows.map(({ kind, n }) => [kind, Number(n)]));
    },
    find: async ({ kind, id }) => {
      const rows = await engine.query<Row>(
        `SELECT ${MERGED} FROM (${toldOf(isOfEvents(kind), ONE)}) GROUP BY kind, id ${BOUNDS}`,
        { kind, id },
      );
      return rows[0] === undefined ? null : workloadOf(rows[0]);
    },
    livingOf: async (teller) => {
      const rows = await engine.query<Row>(
        `SELECT ${MERGED} FROM (${toldOf(false, 'teller = {teller:String}')}) WHERE ended = 0
          GROUP BY kind, id LIMIT ${MOST_LIVING} ${BOUNDS}`,
        { teller },
      );
      return rows.map((row) => ({ ...withoutTellers(workloadOf(row)), teller, toldMs: Number(row.told_ms) }));
    },
    addressed: async ({ fromMs, toMs }) => {
      const { sql, parameters } = questionOf({ fromMs, toMs, kinds: ['pod', 'service', 'node', 'host'] });
      const rows = await engine.query<Row>(
        `SELECT * FROM (${sql}) WHERE notEmpty(addresses_) OR kind = 'pod' LIMIT ${MOST_ADDRESSED} ${BOUNDS}`,
        parameters,
      );
      return rows.map(workloadOf);
    },
  };
}

const ONE = 'kind = {kind:String} AND id = {id:String}';

/** What is known of each life: as it was told, or as events have named it. The condition stands inside, where it can use the key. */
function toldOf(byEvents: boolean, condition: string): string {
  if (byEvents) return `SELECT ${TOLD} FROM (${SEEN}) WHERE ${condition}`;
  // The newest telling of each teller. `FINAL` says the same, for four times the time: it sorts before it sorts out.
  return `SELECT ${TOLD} FROM (SELECT ${TOLD} FROM workload WHERE ${condition} ORDER BY told DESC LIMIT 1 BY kind, id, teller)`;
}

const TOLD = `kind, id, teller, name, cluster, namespace, host, application, parent_kind, parent_id, addresses, labels, facts, first, last,
  ended, told`;
/** As `workload` has it. The surrounding names are those of columns that exist already, so these end in `_`. */
const SEEN = `SELECT if(resource_type = 'account', 'account', 'resource') AS kind,
    if(resource_type = 'account', account, concat(account, '/', region_, '/', resource_type, '/', resource_id)) AS id, 'events' AS teller,
    resource_id AS name, account AS cluster, region_ AS namespace, '' AS host, '' AS application,
    if(resource_type = 'account', '', 'account') AS parent_kind, if(resource_type = 'account', '', account) AS parent_id,
    CAST([], 'Array(String)') AS addresses, CAST(map(), 'Map(String, String)') AS labels,
    map('type', toString(resource_type), 'service', service_) AS facts, first_ AS first, last_ AS last,
    toDateTime64(0, 3, 'UTC') AS ended, last_ AS told
    FROM (SELECT account, resource_type, resource_id, if(resource_type = 'account', '', region) AS region_, min(first) AS first_,
        max(last) AS last_, anyLast(service) AS service_
      FROM seen_resource GROUP BY account, resource_type, resource_id, region_)`;

/** The latest that is not empty; of an application what a cluster says. */
const latest = (column: string) => `argMaxIf(${column}, told, ${column} != '')`;
const MERGED = `kind, id, groupArray(teller) AS tellers, ${latest('name')} AS name_, ${latest('cluster')} AS cluster_,
  ${latest('namespace')} AS namespace_, ${latest('host')} AS host_,
  argMaxIf(application, (startsWith(teller, 'cluster '), told), application != '') AS application_,
  argMaxIf((parent_kind, parent_id), (startsWith(teller, 'cluster '), told), parent_id != '') AS parent_,
  arrayDistinct(arrayFlatten(groupArray(addresses))) AS addresses_,
  arrayMap(one -> one.2, arraySort(one -> one.1, groupArray((told, labels)))) AS labels_,
  arrayMap(one -> one.2, arraySort(one -> one.1, groupArray((told, facts)))) AS facts_,
  toUnixTimestamp64Milli(min(first)) AS first_ms, toUnixTimestamp64Milli(max(last)) AS last_ms,
  toUnixTimestamp64Milli(minIf(ended, ended > 0)) AS ended_ms, toUnixTimestamp64Milli(max(told)) AS told_ms`;

function questionOf(search: WorkloadSearch): {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, string | number | readonly string[]>>;
} {
  const { fromMs, toMs, kinds, host, cluster, namespace, application, parent, text } = search;
  const having = [
    // What ended while nobody looked has its end; what nobody tells of any more was there until it was told last.
    '(ended_ms = 0 OR ended_ms >= {from:Int64})',
    ...(host === undefined ? [] : ['host_ = {host:String}']),
    ...(cluster === undefined ? [] : ['cluster_ = {cluster:String}']),
    ...(namespace === undefined ? [] : ['namespace_ = {namespace:String}']),
    ...(application === undefined ? [] : ['application_ = {application:String}']),
    ...(parent === undefined ? [] : ['parent_ = ({parentKind:String}, {parentId:String})']),
    ...(text === undefined || text === '' ? [] : [MATCHES_TEXT]),
  ];
  const given = {
    from: Math.trunc(fromMs),
    heard: Math.max(0, Math.trunc(fromMs) - SILENT_MS),
    to: Math.trunc(toMs),
    kinds: kinds ?? WORKLOAD_KINDS,
    host,
    cluster,
    namespace,
    application,
    parentKind: parent?.kind,
    parentId: parent?.id,
    text: text === '' ? undefined : text,
  };
  const entries = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return {
    sql: `SELECT ${MERGED} FROM (${sourcesOf(search)}) GROUP BY kind, id HAVING ${having.join(' AND ')}`,
    parameters: Object.fromEntries(entries),
  };
}

/** Rows that may matter, by what the key knows. */
function sourcesOf({ kinds = WORKLOAD_KINDS, host, namespace, application }: WorkloadSearch): string {
  const isOfKind = 'kind IN {kinds:Array(String)}';
  const hasBegun = 'first <= fromUnixTimestamp64Milli({to:Int64})';
  const isHeard = 'last >= fromUnixTimestamp64Milli({heard:Int64})';
  const told = [isOfKind, hasBegun, isHeard, ...(host === undefined ? [] : ['host = {host:String}'])];
  const isSeenAsked = kinds.some(isOfEvents) && [host, namespace, application].every((one) => one === undefined);
  return [
    toldOf(false, told.join(' AND ')),
    ...(isSeenAsked ? [toldOf(true, [isOfKind, hasBegun].join(' AND '))] : []),
  ].join('\nUNION ALL\n');
}

function isOfEvents(kind: WorkloadKind): boolean {
  return kind === 'account' || kind === 'resource';
}

const MATCHES_TEXT = `(positionCaseInsensitiveUTF8(name_, {text:String}) > 0 OR startsWith(id, {text:String})
  OR positionCaseInsensitiveUTF8(application_, {text:String}) > 0 OR has(addresses_, {text:String})
  OR arrayExists(one -> arrayExists(label -> positionCaseInsensitiveUTF8(label, {text:String}) > 0,
    arrayMap((name, value) -> concat(name, '=', value), mapKeys(one), mapValues(one))), labels_))`;

interface Row {
  readonly kind: string;
  readonly id: string;
  readonly tellers: readonly string[];
  readonly name_: string;
  readonly cluster_: string;
  readonly namespace_: string;
  readonly host_: string;
  readonly application_: string;
  readonly parent_: readonly [string, string];
  readonly addresses_: readonly string[];
  /** One of each teller, the latest last. */
  readonly labels_: readonly Readonly<Record<string, string>>[];
  readonly facts_: readonly Readonly<Record<string, string>>[];
  readonly first_ms: number | string;
  readonly last_ms: number | string;
  readonly ended_ms: number | string;
  readonly told_ms: number | string;
}

function workloadOf(row: Row): KnownWorkload {
  const [parentKind, parentId] = row.parent_;
  const endedMs = Number(row.ended_ms);
  return {
    // Only `insert` and the table of resources write kinds.
    kind: row.kind as WorkloadKind,
    id: row.id,
    tellers: row.tellers,
    name: row.name_,
    cluster: row.cluster_,
    namespace: row.namespace_,
    host: row.host_,
    application: row.application_,
    parent: parentId === '' ? null : { kind: parentKind as WorkloadKind, id: parentId },
    addresses: row.addresses_,
    labels: Object.assign({}, ...row.labels_) as Record<string, string>,
    facts: Object.assign({}, ...row.facts_) as Record<string, string>,
    firstMs: Number(row.first_ms),
    lastMs: Number(row.last_ms),
    endedMs: endedMs === 0 ? null : endedMs,
  };
}

function withoutTellers({ tellers: _tellers, ...workload }: KnownWorkload): Omit<KnownWorkload, 'tellers'> {
  return workload;
}

function storedRow(workload: Workload) {
  return {
    kind: workload.kind,
    id: workload.id,
    teller: workload.teller,
    name: workload.name,
    cluster: workload.cluster,
    namespace: workload.namespace,
    host: workload.host,
    application: workload.application,
    parent_kind: workload.parent?.kind ?? '',
    parent_id: workload.parent?.id ?? '',
    addresses: workload.addresses,
    labels: workload.labels,
    facts: workload.facts,
    first: stored(workload.firstMs),
    last: stored(workload.lastMs),
    ended: stored(workload.endedMs ?? 0),
    told: stored(workload.toldMs),
  };
}

/** ClickHouse reads a number as the ticks of the column: milliseconds here. */
function stored(ms: number): number {
  return Math.max(0, Math.trunc(ms));
}
