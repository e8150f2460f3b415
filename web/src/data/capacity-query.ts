/** What the page of capacity shows, as its address holds it: the time, which workloads, and the one that is looked at. */
import type { ResourceSizing, SizedKind, Verdict, WorkloadSizing } from '@countersign/contract';

const MINUTE_MS = 60_000;
export const CAPACITY_SPANS = ['60', '1440', '10080', '43200', '129600'] as const;
export type CapacitySpan = (typeof CAPACITY_SPANS)[number];
export const CAPACITY_LISTS = ['all', 'over-used', 'under-used', 'unset'] as const satisfies readonly (
  | Verdict
  | 'all'
)[];
export type CapacityList = (typeof CAPACITY_LISTS)[number];

export interface CapacityRange {
  readonly from: string;
  readonly to: string;
}

/** Until now, in whole minutes: the same question has the same answer for a while. */
export function capacityRange(span: CapacitySpan, nowMs: number): CapacityRange {
  const toMs = nowMs - (nowMs % MINUTE_MS);
  return { from: new Date(toMs - Number(span) * MINUTE_MS).toISOString(), to: new Date(toMs).toISOString() };
}

export interface WorkloadName {
  readonly kind: SizedKind;
  readonly application: string;
  readonly part: string;
}

export function workloadTitle({ application, part }: Omit<WorkloadName, 'kind'>): string {
  return part === '' ? application : `${application} › ${part}`;
}

/** As it stands in the address; null when there is none, or it is none of ours. */
export function workloadIn(text: string | null): WorkloadName | null {
  const [, kind, application, part = ''] = /^(container|unit|program)\|([^|]+)(?:\|(.*))?$/.exec(text ?? '') ?? [];
  return kind === undefined || application === undefined ? null : { kind: kind as SizedKind, application, part };
}

export function workloadText({ kind, application, part }: WorkloadName): string {
  return part === '' ? `${kind}|${application}` : `${kind}|${application}|${part}`;
}

/** What has too little first, then by what could be given back. */
export function listed(
  workloads: readonly WorkloadSizing[],
  list: CapacityList,
  sought: string,
): readonly WorkloadSizing[] {
  const text = sought.trim().toLowerCase();
  return workloads
    .filter(({ cpu, memory }) => list === 'all' || cpu.verdict === list || memory.verdict === list)
    .filter((workload) => workloadTitle(workload).toLowerCase().includes(text))
    .toSorted((one, other) => urgency(other) - urgency(one) || weight(other) - weight(one));
}

function urgency({ cpu, memory }: WorkloadSizing): number {
  return Math.max(
    ...[cpu, memory].map(({ verdict }) => (verdict === 'over-used' ? 2 : verdict === 'under-used' ? 1 : 0)),
  );
}

/** A core costs about as much as 4 GB. */
function weight({ cpu, memory }: WorkloadSizing): number {
  const spare = ({ spare: amount }: ResourceSizing) => Math.abs(amount ?? 0);
  return spare(cpu) + spare(memory) / 4e9;
}
