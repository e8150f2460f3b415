/** Sizing as a table for spreadsheets: one line a workload, amounts in processors and bytes, nothing where nothing is known. */
import type { ResourceSizing, WorkloadSizing } from '@countersign/contract';

type Column = readonly [name: string, read: (workload: WorkloadSizing) => string | number | null];

const RESOURCE: readonly (readonly [string, (resource: ResourceSizing) => string | number | null])[] = [
  ['request', ({ request }) => request],
  ['limit', ({ limit }) => limit],
  ['p50', ({ p50 }) => p50],
  ['p95', ({ p95 }) => p95],
  ['max', ({ max }) => max],
  ['verdict', ({ verdict }) => verdict],
  ['reasons', ({ reasons }) => reasons.join(' ')],
  ['suggested', ({ suggested }) => suggested],
  ['spare', ({ spare }) => spare],
];

const COLUMNS: readonly Column[] = [
  ['application', ({ application }) => application],
  ['part', ({ part }) => part],
  ['kind', ({ kind }) => kind],
  ['instances', ({ instances }) => instances],
  ['hosts', ({ hosts }) => hosts],
  ['watched_seconds', ({ watchedSeconds }) => watchedSeconds],
  ...RESOURCE.map(([name, read]): Column => [`cpu_${name}`, ({ cpu }) => read(cpu)]),
  ...RESOURCE.map(([name, read]): Column => [`memory_${name}`, ({ memory }) => read(memory)]),
  ['throttled_share', ({ throttledShare }) => throttledShare],
  ['oom_kills', ({ oomKills }) => oomKills],
  ['restarts', ({ restarts }) => restarts],
];

export function sizingCsv(workloads: readonly WorkloadSizing[]): string {
  const lines = [
    COLUMNS.map(([name]) => name).join(','),
    ...workloads.map((workload) => COLUMNS.map(([, read]) => cell(read(workload))).join(',')),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** Texts are quoted; one that a spreadsheet would take for a formula is kept from being one. */
function cell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(Number(value.toPrecision(9)));
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return `"${safe.replaceAll('"', '""')}"`;
}
