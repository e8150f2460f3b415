/** The inventory over HTTP: what was there in a range of time, and the card of one thing. Each answer is bounded, and says when it was cut. */
import {
  type ClusterList,
  type InventoryView,
  type WorkloadCard,
  WorkloadKind,
  type WorkloadView,
} from '@countersign/contract';
import { Type } from 'typebox';
import type { Access, HttpServer } from '../ground/http.ts';
import { httpFailures } from '../ground/http-error.ts';
import { TimeRangeQuery, timeRangeOf } from '../ground/time-range.ts';
import type { ClusterHealth } from './kubernetes/watch.ts';
import type { KnownWorkload, WorkloadSearch, WorkloadStore } from './store.ts';
import { lifeStateAt, WORKLOAD_KINDS, type WorkloadRef } from './workload.ts';

export interface InventoryRoutesOptions {
  readonly workloads: WorkloadStore;
  readonly clusters: () => readonly ClusterHealth[];
  /** Anybody who is signed in. */
  readonly access: Access;
  readonly nowMs: () => number;
}

const Text = Type.Optional(Type.String({ maxLength: 600 }));
const Range = { ...TimeRangeQuery, at: TimeRangeQuery.from };
const InventoryQuery = Type.Object({
  ...Range,
  kind: Type.Optional(Type.Union([WorkloadKind, Type.Array(WorkloadKind, { maxItems: WORKLOAD_KINDS.length })])),
  host: Text,
  cluster: Text,
  namespace: Text,
  application: Text,
  q: Text,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5_000 })),
});
const CardQuery = Type.Object({ ...Range, kind: WorkloadKind, id: Type.String({ minLength: 1, maxLength: 2_000 }) });

const DEFAULT_LIMIT = 200;
const MOST_PARENTS = 6;
const MOST_CHILDREN = 200;

export function registerInventoryRoutes(server: HttpServer, options: InventoryRoutesOptions): void {
  const { workloads, clusters, access, nowMs } = options;
  const config = { access };
  server.get(
    '/api/inventory',
    { config, schema: { querystring: InventoryQuery } },
    async ({ query }): Promise<InventoryView> => {
      const { kind, q: text, limit = DEFAULT_LIMIT, host, cluster, namespace, application } = query;
      const range = rangeOf(query, nowMs());
      const asked = known({ host, cluster, namespace, application, text });
      const kinds = kind === undefined ? {} : { kinds: [kind].flat() };
      const [counts, page] = await Promise.all([
        workloads.counts({ ...range, ...asked }),
        workloads.search({ ...range, ...asked, ...kinds }, limit),
      ]);
      return {
        from: iso(range.fromMs),
        to: iso(range.toMs),
        counts: WORKLOAD_KINDS.flatMap((one) => {
          const count = counts.get(one) ?? 0;
          return count === 0 ? [] : [{ kind: one, count }];
        }),
        workloads: page.workloads.map((one) => viewOf(one, range.toMs)),
        cut: page.isCut,
      };
    },
  );
  server.get(
    '/api/inventory/card',
    { config, schema: { querystring: CardQuery } },
    async ({ query }): Promise<WorkloadCard> => {
      const { kind, id } = query;
      const range = rangeOf(query, nowMs());
      const found = await workloads.find({ kind, id });
      if (found === null) throw httpFailures.notFound();
      const [parents, children] = await Promise.all([
        parentsOf(workloads, found),
        workloads.search({ ...range, parent: { kind, id } }, MOST_CHILDREN),
      ]);
      return {
        workload: viewOf(found, range.toMs),
        parents: parents.map((one) => viewOf(one, range.toMs)),
        children: children.workloads.map((one) => viewOf(one, range.toMs)),
        childrenCut: children.isCut,
      };
    },
  );
  server.get(
    '/api/inventory/clusters',
    { config },
    async (): Promise<ClusterList> => ({
      clusters: clusters().map(({ lastHeardMs, unreadCount: _unread, problemSinceMs: _since, ...health }) => ({
        ...health,
        lastHeardAt: lastHeardMs === null ? null : iso(lastHeardMs),
      })),
    }),
  );
}

async function parentsOf(workloads: WorkloadStore, { parent }: KnownWorkload): Promise<readonly KnownWorkload[]> {
  const found: KnownWorkload[] = [];
  let next: WorkloadRef | null = parent;
  while (next !== null && found.length < MOST_PARENTS) {
    const one = await workloads.find(next);
    if (one === null) break;
    found.push(one);
    next = one.parent;
  }
  return found;
}

/** `at` is a moment; without any, now. */
function rangeOf(
  { from, to, at }: { readonly from?: string; readonly to?: string; readonly at?: string },
  nowMs: number,
): { readonly fromMs: number; readonly toMs: number } {
  if (at === undefined && from !== undefined) return timeRangeOf({ from, ...(to === undefined ? {} : { to }) }, nowMs);
  const moment = at ?? to;
  const atMs = moment === undefined ? nowMs : Date.parse(moment);
  if (Number.isNaN(atMs)) throw httpFailures.invalidInput('at', 'no time: write ISO 8601');
  return { fromMs: atMs, toMs: atMs };
}

function known(asked: Readonly<Record<string, string | undefined>>): Partial<WorkloadSearch> {
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined && value !== ''));
}

function viewOf(workload: KnownWorkload, atMs: number): WorkloadView {
  const { tellers: _tellers, firstMs, lastMs, endedMs, addresses, ...rest } = workload;
  return {
    ...rest,
    addresses: [...addresses],
    firstAt: iso(firstMs),
    lastAt: iso(lastMs),
    endedAt: endedMs === null ? null : iso(endedMs),
    state: lifeStateAt(workload, atMs),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
