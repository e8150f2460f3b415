/** Workloads with what they are promised and use: bars to see, numbers to know, a word for what follows from them. */
import type { ResourceSizing, Verdict, WorkloadSizing } from '@countersign/contract';
import { useState } from 'react';
import { type WorkloadName, workloadText, workloadTitle } from '../../data/capacity-query.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { type Meaning, Shape } from '../state-badge.tsx';
import { amountText, coresText, type Resource, shareText } from './amounts.ts';

const ROWS_AT_ONCE = 100;
const MEANINGS: Readonly<Record<Verdict, Meaning | null>> = {
  'over-used': 'ask',
  'under-used': 'note',
  fits: 'fine',
  unset: null,
  'too-short': null,
};

export interface SizingTableProps {
  readonly workloads: readonly WorkloadSizing[];
  readonly open: (workload: WorkloadName) => void;
}

export function SizingTable({ workloads, open }: SizingTableProps) {
  const { words } = useSpeech();
  const [most, setMost] = useState(ROWS_AT_ONCE);
  return (
    <section className="panel sheet" aria-label={words.capacity.tableLabel} tabIndex={0}>
      <table className="data sizes">
        <thead>
          <tr>
            <th scope="col">{words.capacity.workload}</th>
            {(['cpu', 'memory'] as const).map((resource) => (
              <th key={resource} scope="col" className="resource">
                {words.capacity.heads[resource]}
                <div className="small quiet">{words.capacity.used}</div>
                <div className="small quiet">{words.capacity.promised}</div>
              </th>
            ))}
            <th scope="col">{words.capacity.events}</th>
          </tr>
        </thead>
        <tbody>
          {workloads.slice(0, most).map((workload) => (
            <Row key={workloadText(workload)} workload={workload} open={open} />
          ))}
        </tbody>
      </table>
      {workloads.length > most && (
        <button type="button" className="plain" onClick={() => setMost(most + ROWS_AT_ONCE)}>
          {words.common.more}
        </button>
      )}
    </section>
  );
}

function Row({ workload, open }: { readonly workload: WorkloadSizing; readonly open: (one: WorkloadName) => void }) {
  const { words, language, number } = useSpeech();
  const title = workloadTitle(workload);
  return (
    <tr>
      <th scope="row">
        <button
          type="button"
          className="plain whole"
          title={fill(words.capacity.open, { name: title })}
          onClick={() => open(workload)}
        >
          {title}
        </button>
        <div className="small quiet">
          {words.capacity.kinds[workload.kind]} · {words.capacity.instances} {coresText(workload.instances, language)}
        </div>
      </th>
      <Cell resource="cpu" sizing={workload.cpu} />
      <Cell resource="memory" sizing={workload.memory} />
      <td className="number">
        <div className="label small quiet">{words.capacity.events}</div>
        {shareText(workload.throttledShare, language)} · {number(workload.oomKills)} · {number(workload.restarts)}
      </td>
    </tr>
  );
}

function Cell({ resource, sizing }: { readonly resource: Resource; readonly sizing: ResourceSizing }) {
  const speech = useSpeech();
  const { words } = speech;
  const amount = (value: number | null) => amountText(resource, value, speech);
  const { p50, p95, max, request, limit, suggested, spare, reasons, verdict } = sizing;
  return (
    <td className="resource number">
      <div className="label small quiet">{words.capacity.heads[resource]}</div>
      <UsageBar sizing={sizing} />
      <div>
        {amount(p50)} · {amount(p95)} · {amount(max)}
      </div>
      <div className="small quiet">
        {amount(request)} · {amount(limit)}
      </div>
      <VerdictBadge verdict={verdict} />
      {reasons.length > 0 && (
        <div className="small">{reasons.map((reason) => words.capacity.reasons[reason]).join(' · ')}</div>
      )}
      {(verdict === 'over-used' || verdict === 'under-used') && suggested !== null && (
        <div className="small quiet">
          {words.capacity.suggested} {amount(suggested)} · {words.capacity.spare} {amount(spare)}
        </div>
      )}
    </td>
  );
}

function VerdictBadge({ verdict }: { readonly verdict: Verdict }) {
  const { words } = useSpeech();
  const meaning = MEANINGS[verdict];
  if (meaning === null) return <div className="small quiet">{words.capacity.verdicts[verdict]}</div>;
  return (
    <span className={`badge ${meaning}`}>
      <Shape meaning={meaning} />
      {words.capacity.verdicts[verdict]}
    </span>
  );
}

/** The numbers stand beside it. */
function UsageBar({ sizing: { p50, p95, max, request, limit } }: { readonly sizing: ResourceSizing }) {
  const whole = Math.max(request ?? 0, limit ?? 0, max ?? 0);
  if (whole === 0) return null;
  const at = (value: number) => (value / whole) * 100;
  const mark = (value: number) => Math.min(99.2, Math.max(0, at(value) - 0.4));
  return (
    <svg className="usage-bar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
      <rect className="track" width="100" height="12" />
      <rect className="p95" y="2" width={at(p95 ?? 0)} height="8" />
      <rect className="p50" y="2" width={at(p50 ?? 0)} height="8" />
      {request !== null && <rect className="request" x={mark(request)} width="0.8" height="12" />}
      {limit !== null && <rect className="limit" x={mark(limit)} width="0.8" height="12" />}
    </svg>
  );
}
