/** Inventory: what exists, and what existed at any moment that is kept, each with its life. The address holds what is asked. */
import '../parts/inventory/inventory.css';
import type { ClusterView, InventoryView, WorkloadKind } from '@countersign/contract';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useSearchParams } from 'react-router';
import { api } from '../data/api.ts';
import { FILTERS, type InventoryAsked, readAsked, serverQuery, writeAsked } from '../data/inventory-query.ts';
import { WorkloadCard } from '../parts/inventory/workload-card.tsx';
import { WorkloadTable } from '../parts/inventory/workload-table.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { Shape } from '../parts/state-badge.tsx';
import { fill, useSpeech } from '../words/speech.tsx';

const REFRESH_MS = 15_000;

export function InventoryPage() {
  const { words } = useSpeech();
  const [search, setSearch] = useSearchParams();
  const asked = readAsked(search);
  const change = (parts: Partial<InventoryAsked>) => setSearch(writeAsked({ ...asked, ...parts }));
  const query = serverQuery(asked).toString();
  const found = useQuery({
    queryKey: ['inventory', query],
    queryFn: () => api.inventory(query),
    placeholderData: keepPreviousData,
    refetchInterval: asked.at === '' ? REFRESH_MS : false,
  });
  const clusters = useQuery({ queryKey: ['clusters'], queryFn: api.clusters, refetchInterval: REFRESH_MS });
  return (
    <>
      <h1>{words.inventory.title}</h1>
      <Clusters clusters={clusters.data?.clusters ?? []} />
      <Asking key={`${asked.text} ${asked.at}`} asked={asked} change={change} />
      {found.isPending && <Skeleton lines={8} />}
      {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && <Kinds view={found.data} asked={asked} change={change} />}
      {found.isSuccess && (
        <div className={asked.card === null ? 'map-sheet' : 'map-sheet with-card'}>
          <Listed view={found.data} asked={asked} change={change} />
          {asked.card !== null && <WorkloadCard asked={asked} chosen={asked.card} change={change} />}
        </div>
      )}
    </>
  );
}

export type Change = (parts: Partial<InventoryAsked>) => void;

interface PartProps {
  readonly view: InventoryView;
  readonly asked: InventoryAsked;
  readonly change: Change;
}

/** Clusters that are followed, and why one is not. */
function Clusters({ clusters }: { readonly clusters: readonly ClusterView[] }) {
  const { words, number } = useSpeech();
  if (clusters.length === 0) return null;
  const meanings = { starting: 'note', watching: 'fine', trouble: 'act' } as const;
  return (
    <ul className="list clusters" aria-label={words.inventory.clusters}>
      {clusters.map(({ name, state, problem, objectCount }) => (
        <li key={name} className="row">
          <span className={`badge ${meanings[state]}`}>
            <Shape meaning={meanings[state]} />
            {words.inventory.clusterStates[state]}
          </span>
          <span className="machine">{name}</span>
          <span className="quiet small number">{fill(words.inventory.objects, { count: number(objectCount) })}</span>
          {problem !== null && <span className="small">{problem}</span>}
        </li>
      ))}
    </ul>
  );
}

function Asking({ asked, change }: { readonly asked: InventoryAsked; readonly change: Change }) {
  const { words } = useSpeech();
  const [text, setText] = useState(asked.text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change({ text: text.trim() });
  };
  return (
    <>
      <form className="row" onSubmit={submit}>
        <input
          type="search"
          className="search-box"
          value={text}
          placeholder={words.inventory.search}
          aria-label={words.inventory.search}
          onChange={(event) => setText(event.target.value)}
        />
        <label className="until">
          <span>{words.inventory.at}</span>
          <input
            type="datetime-local"
            step={1}
            value={asked.at}
            onChange={(event) => change({ at: event.target.value })}
          />
        </label>
        {asked.at !== '' && (
          <button type="button" className="button" onClick={() => change({ at: '' })}>
            {words.inventory.now}
          </button>
        )}
      </form>
      {Object.keys(asked.filters).length > 0 && (
        <div className="filters" role="group" aria-label={words.inventory.filters}>
          {FILTERS.flatMap((name) => {
            const value = asked.filters[name];
            if (value === undefined) return [];
            const { [name]: _removed, ...filters } = asked.filters;
            return [
              <button key={name} type="button" title={words.inventory.removeFilter} onClick={() => change({ filters })}>
                {words.inventory[name]} = {value} ×
              </button>,
            ];
          })}
        </div>
      )}
    </>
  );
}

/** How much of each kind there was; one pressed lists it alone. */
function Kinds({ view: { counts }, asked, change }: PartProps) {
  const { words, number } = useSpeech();
  const choose = (kind: WorkloadKind | '') => change({ kind, card: null });
  return (
    <div className="filters" role="group" aria-label={words.inventory.kind}>
      <button type="button" aria-pressed={asked.kind === ''} onClick={() => choose('')}>
        {words.inventory.all}
      </button>
      {counts.map(({ kind, count }) => (
        <button key={kind} type="button" aria-pressed={asked.kind === kind} onClick={() => choose(kind)}>
          {words.inventory.kinds[kind]} <span className="number">{number(count)}</span>
        </button>
      ))}
    </div>
  );
}

function Listed({ view, asked, change }: PartProps) {
  const { words, number } = useSpeech();
  if (view.workloads.length === 0)
    return (
      <section className="panel empty">
        <p>{words.inventory.empty}</p>
        <p className="quiet small">{words.inventory.emptyMore}</p>
      </section>
    );
  return (
    <div className="stacked">
      <p className="quiet small" role="status">
        {fill(words.inventory.counted, { count: number(view.workloads.length) })}
        {view.cut && ` · ${words.inventory.cut}`}
      </p>
      <WorkloadTable view={view} asked={asked} change={change} />
    </div>
  );
}
