/** What workloads use of what they were promised, and how that went over time. Processors are counted in whole ones, memory in bytes. */
import { type Static, Type } from 'typebox';

const Known = Type.Union([Type.Number(), Type.Null()]);
const Count = Type.Integer({ minimum: 0 });

/**
 * `under-used`: far more is promised than is ever used. `over-used`: it is held back, killed, near its limit, or above its request. `unset`:
 * nothing was promised. `too-short`: not watched long enough to say.
 */
export const Verdict = Type.Union([
  Type.Literal('under-used'),
  Type.Literal('over-used'),
  Type.Literal('fits'),
  Type.Literal('unset'),
  Type.Literal('too-short'),
]);
export type Verdict = Static<typeof Verdict>;

export const SizingReason = Type.Union([
  Type.Literal('mostly-idle'),
  Type.Literal('throttled'),
  Type.Literal('killed'),
  Type.Literal('near-limit'),
  Type.Literal('above-request'),
]);
export type SizingReason = Static<typeof SizingReason>;

/** Of one instance. */
export const ResourceSizing = Type.Object({
  request: Known,
  limit: Known,
  p50: Known,
  p95: Known,
  max: Known,
  verdict: Verdict,
  reasons: Type.Array(SizingReason),
  /** What would be enough; null when nothing can be said. */
  suggested: Known,
  /** What all instances together have too much (or, below 0, too little). */
  spare: Known,
});
export type ResourceSizing = Static<typeof ResourceSizing>;

export const SizedKind = Type.Union([Type.Literal('container'), Type.Literal('unit'), Type.Literal('program')]);
export type SizedKind = Static<typeof SizedKind>;

export const WorkloadSizing = Type.Object({
  kind: SizedKind,
  application: Type.String(),
  /** Which of the containers of a pod; empty where there is but one. */
  part: Type.String(),
  /** How many ran at once, on average. */
  instances: Type.Number(),
  hosts: Count,
  watchedSeconds: Type.Number(),
  cpu: ResourceSizing,
  memory: ResourceSizing,
  throttledShare: Known,
  oomKills: Count,
  restarts: Count,
});
export type WorkloadSizing = Static<typeof WorkloadSizing>;

export const CapacityView = Type.Object({
  from: Type.String(),
  to: Type.String(),
  workloads: Type.Array(WorkloadSizing),
  /** There are more: those that use least processor are missing. */
  cut: Type.Boolean(),
});
export type CapacityView = Static<typeof CapacityView>;

/** All instances together; bytes of disks and networks a second. */
export const CapacityPoint = Type.Object({
  at: Type.String(),
  cpu: Type.Number(),
  /** Of one instance in its busiest second. */
  cpuMax: Type.Number(),
  cpuRequest: Known,
  cpuLimit: Known,
  memory: Type.Number(),
  memoryMax: Type.Number(),
  memoryRequest: Known,
  memoryLimit: Known,
  readBytes: Known,
  writtenBytes: Known,
  receivedBytes: Known,
  sentBytes: Known,
  throttledShare: Known,
  oomKills: Count,
  restarts: Count,
});
export type CapacityPoint = Static<typeof CapacityPoint>;

export const CapacitySeries = Type.Object({
  from: Type.String(),
  to: Type.String(),
  stepSeconds: Type.Integer(),
  points: Type.Array(CapacityPoint),
});
export type CapacitySeries = Static<typeof CapacitySeries>;

export const CapacityProcesses = Type.Object({
  processes: Type.Array(
    Type.Object({
      host: Type.String(),
      pid: Type.Integer(),
      name: Type.String(),
      container: Type.String(),
      cpu: Type.Number(),
      memoryMax: Type.Number(),
      lastAt: Type.String(),
    }),
  ),
});
export type CapacityProcesses = Static<typeof CapacityProcesses>;

/** Each host with what all that runs there was promised and uses. */
export const HostCapacity = Type.Object({
  host: Type.String(),
  processors: Known,
  memory: Known,
  cpu: Type.Number(),
  cpuMax: Type.Number(),
  cpuRequested: Type.Number(),
  memoryUsed: Type.Number(),
  memoryMax: Type.Number(),
  memoryRequested: Type.Number(),
  oomKills: Count,
});
export type HostCapacity = Static<typeof HostCapacity>;

export const HostsCapacity = Type.Object({ from: Type.String(), to: Type.String(), hosts: Type.Array(HostCapacity) });
export type HostsCapacity = Static<typeof HostsCapacity>;
