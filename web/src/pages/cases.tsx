/**
 * All cases, newest change first. Rows never jump under the pointer: what changed meanwhile waits behind "3 new".
 */
import type { CaseList, CaseSummary } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { api } from '../data/api.ts';
import { useHeld } from '../data/held.ts';
import { useNow } from '../data/live.ts';
import { CaseLine, Fresh } from '../parts/case-line.tsx';
import { useListKeys } from '../parts/commands/list-keys.ts';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { fill, useSpeech } from '../words/speech.tsx';

const STATES: readonly CaseSummary['state'][] = ['paged', 'asked', 'acknowledged', 'confirmed', 'resolved'];
const REFRESH_MS = 5_000;

export function CasesPage() {
  const { words } = useSpeech();
  const nowMs = useNow();
  const [search, setSearch] = useSearchParams();
  const state = search.get('state');
  const text = search.get('q') ?? '';
  const states = state === null ? [] : [state];
  const fresh = useQuery({
    queryKey: ['fresh-cases', state, text],
    queryFn: () => api.cases(states, null, text),
    refetchInterval: REFRESH_MS,
  });
  const held = useHeld(fresh.data?.cases, `${state ?? ''} ${text}`);
  const [more, setMore] = useState<CaseList[]>([]);
  const rows = [...held.rows, ...more.flatMap(({ cases }) => cases)];
  const next = more.length > 0 ? (more.at(-1)?.next ?? null) : (fresh.data?.next ?? null);
  const current = useListKeys(rows);
  const filter = (wanted: string | null) => {
    setMore([]);
    setSearch({ ...(wanted === null ? {} : { state: wanted }), ...(text === '' ? {} : { q: text }) });
  };
  const forget = () => {
    setMore([]);
    setSearch(state === null ? {} : { state });
  };
  return (
    <>
      <div className="row between">
        <h1>{words.cases.title}</h1>
        <span className="small quiet">{words.cases.keys}</span>
      </div>
      {text !== '' && (
        <p className="row">
          <span>{fill(words.commands.about, { text })}</span>
          <button type="button" className="plain" onClick={forget}>
            {words.commands.all}
          </button>
        </p>
      )}
      <Filters state={state} counts={fresh.data?.counts ?? {}} choose={filter} />
      {fresh.isError && <Fault error={fresh.error} retry={() => void fresh.refetch()} />}
      <section className="panel lively">
        <Fresh held={held} />
        {fresh.isPending && <Skeleton lines={6} />}
        {fresh.isSuccess && rows.length === 0 && (
          <div className="empty">
            <p>{words.cases.empty}</p>
            <p className="quiet small">{words.cases.emptyMore}</p>
          </div>
        )}
        <ul className="list">
          {rows.map((summary) => (
            <li key={summary.id}>
              <CaseLine summary={summary} nowMs={nowMs} current={summary.id === current} />
            </li>
          ))}
        </ul>
        {next !== null && (
          <button
            type="button"
            className="plain"
            onClick={() => void api.cases(states, next, text).then((page) => setMore([...more, page]))}
          >
            {words.common.more}
          </button>
        )}
      </section>
    </>
  );
}

function Filters({
  state,
  counts,
  choose,
}: {
  readonly state: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly choose: (state: string | null) => void;
}) {
  const { words } = useSpeech();
  return (
    <div className="filters" role="group" aria-label={words.cases.title}>
      <button type="button" aria-pressed={state === null} onClick={() => choose(null)}>
        {words.cases.all}
      </button>
      {STATES.map((name) => (
        <button key={name} type="button" aria-pressed={state === name} onClick={() => choose(name)}>
          {words.states[name]} <span className="number">{counts[name] ?? 0}</span>
        </button>
      ))}
    </div>
  );
}
