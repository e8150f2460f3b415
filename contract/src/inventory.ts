/** What exists, with the life of each: what the inventory page lists, and the card of one thing. */
import { type Static, Type } from 'typebox';

export const WorkloadKind = Type.Union([
  Type.Literal('host'),
  Type.Literal('node'),
  Type.Literal('namespace'),
  Type.Literal('deployment'),
  Type.Literal('statefulset'),
  Type.Literal('daemonset'),
  Type.Literal('replicaset'),
  Type.Literal('job'),
  Type.Literal('cronjob'),
  Type.Literal('service'),
  Type.Literal('pod'),
  Type.Literal('container'),
  Type.Literal('unit'),
  Type.Literal('process'),
  Type.Literal('account'),
  Type.Literal('resource'),
]);
export type WorkloadKind = Static<typeof WorkloadKind>;

export const LifeState = Type.Union([Type.Literal('running'), Type.Literal('ended'), Type.Literal('silent')]);
export type LifeState = Static<typeof LifeState>;

const Text = Type.String();
const Texts = Type.Record(Type.String(), Type.String());

export const WorkloadView = Type.Object({
  kind: WorkloadKind,
  id: Text,
  name: Text,
  cluster: Text,
  namespace: Text,
  host: Text,
  application: Text,
  parent: Type.Union([Type.Null(), Type.Object({ kind: WorkloadKind, id: Text })]),
  addresses: Type.Array(Text),
  labels: Texts,
  /** What else is known, by names that the console has words for: `image`, `kernel` … */
  facts: Texts,
  firstAt: Text,
  lastAt: Text,
  endedAt: Type.Union([Type.Null(), Text]),
  /** At the end of the range that was asked for. */
  state: LifeState,
});
export type WorkloadView = Static<typeof WorkloadView>;

export const InventoryView = Type.Object({
  from: Text,
  to: Text,
  /** Of every kind, whichever kinds are listed. */
  counts: Type.Array(Type.Object({ kind: WorkloadKind, count: Type.Integer({ minimum: 0 }) })),
  workloads: Type.Array(WorkloadView),
  /** There are more than are listed. */
  cut: Type.Boolean(),
});
export type InventoryView = Static<typeof InventoryView>;

export const WorkloadCard = Type.Object({
  workload: WorkloadView,
  /** From what it belongs to directly up to the top. */
  parents: Type.Array(WorkloadView),
  children: Type.Array(WorkloadView),
  childrenCut: Type.Boolean(),
});
export type WorkloadCard = Static<typeof WorkloadCard>;

export const ClusterView = Type.Object({
  name: Text,
  state: Type.Union([Type.Literal('starting'), Type.Literal('watching'), Type.Literal('trouble')]),
  problem: Type.Union([Type.Null(), Text]),
  lastHeardAt: Type.Union([Type.Null(), Text]),
  objectCount: Type.Integer({ minimum: 0 }),
});
export type ClusterView = Static<typeof ClusterView>;

export const ClusterList = Type.Object({ clusters: Type.Array(ClusterView) });
export type ClusterList = Static<typeof ClusterList>;
