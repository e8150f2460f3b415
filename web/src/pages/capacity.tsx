/** Capacity: what workloads use of what they are promised, who has too much or too little, and one of them over time. The address holds it all. */
import '../parts/capacity/capacity.css';
import type { CapacityView } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { api } from '../data/api.ts';
import {
  CAPACITY_LISTS,
  CAPACITY_SPANS,
  capacityRange,
  listed,
  workloadIn,
  workloadText,
} from '../data/capacity-query.ts';
import { HostsTable } from '../parts/capacity/hosts-table.tsx';
import { SizingTable } from '../parts/capacity/sizing-table.tsx';
import { WorkloadSheet } from '../parts/capacity/workload-sheet.tsx';
import { Choice } from '../parts/choice.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { fill, useSpeech } from '../words/speech.tsx';

export function CapacityPage() {
  const { words } = useSpeech();
  const [search, setSearch] = useSearchParams();
  const [nowMs] = useState(() => Date.now());
  const span = CAPACITY_SPANS.find((one) => one === search.get('minutes')) ?? '1440';
  const range = capacityRange(span, nowMs);
  const workload = workloadIn(search.get('workload'));
  const change = (parts: Readonly<Record<string, string>>) => setSearch({ ...Object.fromEntries(search), ...parts });
  const found = useQuery({ queryKey: ['capacity', range], queryFn: () => api.capacity(range) });
  const hosts = useQuery({ queryKey: ['capacity-hosts', range], queryFn: () => api.capacityHosts(range) });
  return (
    <>
      <div className="row between">
        <h1>{words.capacity.title}</h1>
        <a className="button" href={`/api/capacity.csv?${new URLSearchParams({ ...range })}`}>
          {words.capacity.csv}
        </a>
      </div>
      <Choice
        label={words.capacity.span}
        options={CAPACITY_SPANS.map((one) => [one, words.capacity.spans[one]])}
        chosen={span}
        choose={(one) => change({ minutes: one })}
      />
      {workload !== null && <WorkloadSheet workload={workload} range={range} close={() => change({ workload: '' })} />}
      {found.isPending && <Skeleton lines={8} />}
      {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
      {found.data !== undefined && <Workloads view={found.data} search={search} change={change} />}
      {hosts.data !== undefined && hosts.data.hosts.length > 0 && <HostsTable hosts={hosts.data.hosts} />}
      <How />
    </>
  );
}

interface WorkloadsProps {
  readonly view: CapacityView;
  readonly search: URLSearchParams;
  readonly change: (parts: Readonly<Record<string, string>>) => void;
}

function Workloads({ view, search, change }: WorkloadsProps) {
  const { words, number } = useSpeech();
  const [sought, setSought] = useState('');
  const list = CAPACITY_LISTS.find((one) => one === search.get('show')) ?? 'all';
  const { workloads, cut } = view;
  if (workloads.length === 0)
    return (
      <section className="panel empty">
        <p>{words.capacity.empty}</p>
        <p className="quiet small">{words.capacity.emptyMore}</p>
      </section>
    );
  const shown = listed(workloads, list, sought);
  return (
    <>
      <div className="row">
        <Choice
          label={words.capacity.show}
          options={CAPACITY_LISTS.map((one) => [one, words.capacity.shown[one]])}
          chosen={list}
          choose={(one) => change({ show: one })}
        />
        <input
          type="search"
          className="search-box"
          aria-label={words.capacity.search}
          placeholder={words.capacity.search}
          value={sought}
          onChange={(event) => setSought(event.target.value)}
        />
      </div>
      {cut && <p className="lost">{words.capacity.cut}</p>}
      <p className="quiet small" role="status">
        {fill(words.capacity.counted, { shown: number(shown.length), all: number(workloads.length) })}
      </p>
      {shown.length === 0 ? (
        <p className="quiet">{words.capacity.noneFits}</p>
      ) : (
        <SizingTable workloads={shown} open={(workload) => change({ workload: workloadText(workload) })} />
      )}
    </>
  );
}

function How() {
  const { words } = useSpeech();
  return (
    <details>
      <summary>{words.capacity.how}</summary>
      <dl className="facts small">
        {words.capacity.howLines.map(([name, text]) => (
          <div key={name} className="pair">
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
