/**
 * Right-sizing: what one instance of a workload is promised against what it used. Pure.
 *
 * The surprise: processor and memory are judged differently. Who has too little processor waits, so that the 95th percentile is what counts; who
 * has too little memory is killed, so that the highest second does.
 */
import type { ResourceSizing, SizingReason, Verdict, WorkloadSizing } from '@countersign/contract';
import { type Bounds, NO_BOUNDS } from './reading.ts';
import type { Spread, WorkloadKey, WorkloadUsage } from './store.ts';

/** Who knows what workloads were promised, when it is not in the kernel: Kubernetes. By `workloadName`; one instance each. */
export type PromisedBounds = () => Promise<ReadonlyMap<string, Partial<Bounds>>>;

export function workloadName({ application, part }: Pick<WorkloadKey, 'application' | 'part'>): string {
  return part === '' ? application : `${application}/${part}`;
}

/** Room above what was used, for what has not been seen. */
const HEADROOM = 1.15;
const IDLE_BELOW = 0.5;
const NEAR_LIMIT = 0.9;
const THROTTLED_ABOVE = 0.05;
/** Less than this is not worth anybody's while. */
const LEAST_CPU = 0.05;
const LEAST_MEMORY = 64 * 1024 * 1024;
const SHORTEST_WATCHED_MS = 600_000;
const CPU_STEP = 0.01;
const MEMORY_STEP = 1024 * 1024;

/** @param promised what is known besides the kernel's bounds, and wins over them. */
export function sizeOf(usage: WorkloadUsage, promised: Partial<Bounds> = NO_BOUNDS): WorkloadSizing {
  const { kind, application, part, instances, hosts, coveredMs, throttledShare, oomKills, restarts } = usage;
  const isLong = coveredMs >= SHORTEST_WATCHED_MS;
  const cpuBounds = {
    request: promised.cpuRequest ?? usage.cpuRequest,
    limit: promised.cpuLimit ?? usage.cpuLimit,
  };
  const memoryBounds = {
    request: promised.memoryRequest ?? usage.memoryRequest,
    limit: promised.memoryLimit ?? usage.memoryLimit,
  };
  return {
    kind,
    application,
    part,
    instances,
    hosts,
    watchedSeconds: coveredMs / 1_000,
    cpu: judge(cpuBounds, usage.cpu, {
      isLong,
      instances,
      needed: upTo(usage.cpu.p95 * HEADROOM, CPU_STEP),
      least: LEAST_CPU,
      wants: cpuWants(usage, cpuBounds),
    }),
    memory: judge(memoryBounds, usage.memory, {
      isLong,
      instances,
      needed: upTo((usage.memory?.max ?? 0) * HEADROOM, MEMORY_STEP),
      least: LEAST_MEMORY,
      wants: memoryWants(usage, memoryBounds),
    }),
    throttledShare,
    oomKills,
    restarts,
  };
}

interface Promised {
  readonly request: number | null;
  readonly limit: number | null;
}

interface Judged {
  readonly isLong: boolean;
  readonly instances: number;
  readonly needed: number;
  /** Differences below this are none. */
  readonly least: number;
  /** Why it has too little. */
  readonly wants: readonly SizingReason[];
}

function judge(
  promised: Promised,
  used: Spread | null,
  { isLong, instances, needed, least, wants }: Judged,
): ResourceSizing {
  // Without a request what is limited is what is held free at most.
  const held = promised.request ?? promised.limit;
  const spread = { p50: used?.p50 ?? null, p95: used?.p95 ?? null, max: used?.max ?? null };
  const tell = (verdict: Verdict, reasons: readonly SizingReason[], suggested: number | null): ResourceSizing => ({
    ...promised,
    ...spread,
    verdict,
    reasons: [...reasons],
    suggested,
    spare: held === null || suggested === null ? null : (held - suggested) * instances,
  });
  // Who was killed or held back need not be watched any longer.
  if (wants.length > 0) return tell('over-used', wants, used === null ? null : Math.max(needed, held ?? 0));
  if (used === null || !isLong) return tell('too-short', [], null);
  if (held === null) return tell('unset', [], Math.max(needed, 0));
  if (needed < held * IDLE_BELOW && held - needed >= least) return tell('under-used', ['mostly-idle'], needed);
  return tell('fits', [], needed);
}

function cpuWants({ cpu, throttledShare }: WorkloadUsage, { request, limit }: Promised): readonly SizingReason[] {
  return [
    ...((throttledShare ?? 0) > THROTTLED_ABOVE ? ['throttled' as const] : []),
    ...(limit !== null && cpu.p95 > limit * NEAR_LIMIT ? ['near-limit' as const] : []),
    ...(request !== null && cpu.p95 > request && cpu.p95 - request >= LEAST_CPU ? ['above-request' as const] : []),
  ];
}

function memoryWants({ memory, oomKills }: WorkloadUsage, { request, limit }: Promised): readonly SizingReason[] {
  if (oomKills > 0) return ['killed'];
  if (memory === null) return [];
  return [
    ...(limit !== null && memory.max > limit * NEAR_LIMIT ? ['near-limit' as const] : []),
    ...(request !== null && memory.p95 > request ? ['above-request' as const] : []),
  ];
}

function upTo(value: number, step: number): number {
  // 0.07 / 0.01 is a little more than 7.
  return Number((Math.ceil(Number((value / step).toFixed(6))) * step).toFixed(6));
}
