/**
 * All cases, newest change first. Rows never jump under the pointer: what changed meanwhile waits behind "3 new".
 */
import type { CaseList, CaseSummary } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { api } from '../data/api.ts';
import { useNow } from '../data/live.ts';
import { CaseLine } from '../parts/case-line.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { fill, useSpeech } from '../words/speech.tsx';

const STATES: readonly CaseSummary['state'][] = ['paged', 'asked', 'acknowledged', 'confirmed', 'resolved'];
const REFRESH_MS = 5_000;

export function CasesPage() {
  const { words } = useSpeech();
  const nowMs = useNow();
  const [search, setSearch] = useSearchParams();
  const state = search.get('state');
  const states = state === null ? [] : [state];
  const fresh = useQuery({
    queryKey: ['fresh-cases', state],
    queryFn: () => api.cases(states, null),
    refetchInterval: REFRESH_MS,
  });
  const [shown, show] = useShown(fresh.data, state);
  const [more, setMore] = useState<CaseList[]>([]);
  const rows = [...(shown?.cases ?? []), ...more.flatMap(({ cases }) => cases)];
  const next = more.length > 0 ? (more.at(-1)?.next ?? null) : (shown?.next ?? null);
  const waiting = countFresh(shown, fresh.data);
  const current = useListKeys(rows);
  const filter = (wanted: string | null) => {
    setMore([]);
    setSearch(wanted === null ? {} : { state: wanted });
  };
  return (
    <>
      <div className="row between">
        <h1>{words.cases.title}</h1>
        <span className="small quiet">{words.cases.keys}</span>
      </div>
      <Filters state={state} counts={shown?.counts ?? {}} choose={filter} />
      {fresh.isError && <Fault error={fresh.error} retry={() => void fresh.refetch()} />}
      <section className="panel">
        {waiting > 0 && (
          <button type="button" className="fresh" onClick={show}>
            {fill(words.cases.fresh, { count: waiting })}
          </button>
        )}
        {fresh.isPending && <Skeleton lines={6} />}
        {shown !== null && rows.length === 0 && (
          <div className="empty">
            <p>{words.cases.empty}</p>
            <p className="quiet small">{words.cases.emptyMore}</p>
          </div>
        )}
        <ul className="list">
          {rows.map((summary, index) => (
            <li key={summary.id}>
              <CaseLine summary={summary} nowMs={nowMs} current={index === current} />
            </li>
          ))}
        </ul>
        {next !== null && (
          <button
            type="button"
            className="plain"
            onClick={() => void api.cases(states, next).then((page) => setMore([...more, page]))}
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
      <button type="button" id="first-filter" aria-pressed={state === null} onClick={() => choose(null)}>
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

/** The list as it was last asked for; changes to rows that are already there are taken in place. */
function useShown(fresh: CaseList | undefined, state: string | null): readonly [CaseList | null, () => void] {
  const [shown, setShown] = useState<{ readonly state: string | null; readonly list: CaseList } | null>(null);
  useEffect(() => {
    if (fresh === undefined) return;
    setShown((before) => {
      if (before === null || before.state !== state || before.list.cases.length === 0) return { state, list: fresh };
      const byId = new Map(fresh.cases.map((summary) => [summary.id, summary]));
      const cases = before.list.cases.map((summary) => byId.get(summary.id) ?? summary);
      return { state, list: { ...before.list, cases, counts: fresh.counts } };
    });
  }, [fresh, state]);
  const show = () => fresh !== undefined && setShown({ state, list: fresh });
  return [shown?.list ?? null, show];
}

function countFresh(shown: CaseList | null, fresh: CaseList | undefined): number {
  if (shown === null || fresh === undefined) return 0;
  const known = new Set(shown.cases.map(({ id }) => id));
  return fresh.cases.filter(({ id }) => !known.has(id)).length;
}

/** j and k move, enter opens, / goes to the filters. */
function useListKeys(rows: readonly CaseSummary[]): number {
  const [current, setCurrent] = useState(-1);
  const navigate = useNavigate();
  const latest = useRef({ rows, current });
  latest.current = { rows, current };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (
        event.target instanceof HTMLInputElement ||
        event.target instanceof HTMLTextAreaElement ||
        event.ctrlKey ||
        event.metaKey
      )
        return;
      const { rows: list, current: at } = latest.current;
      if (event.key === 'j') setCurrent(Math.min(list.length - 1, at + 1));
      else if (event.key === 'k') setCurrent(Math.max(0, at - 1));
      else if (event.key === 'Enter' && event.target === document.body) {
        const chosen = list[at];
        if (chosen !== undefined) void navigate(`/cases/${chosen.id}`);
      } else if (event.key === '/') {
        event.preventDefault();
        document.getElementById('first-filter')?.focus();
      }
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [navigate]);
  return current;
}
