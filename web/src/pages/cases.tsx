/**
 * All cases, newest change first. Rows never jump under the pointer: what changed meanwhile waits behind "3 new".
 */
import type { CaseList, CaseSummary } from '@countersign/contract';
import { useMutation, useQuery } from '@tanstack/react-query';
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
  const [search, setSearch] = useSearchParams();
  const state = search.get('state');
  const text = search.get('q') ?? '';
  const fresh = useFreshCases({ state, text });
  const filter = (wanted: string | null) =>
    setSearch({ ...(wanted === null ? {} : { state: wanted }), ...(text === '' ? {} : { q: text }) });
  return (
    <>
      <div className="row between">
        <h1>{words.cases.title}</h1>
        <span className="small quiet">{words.cases.keys}</span>
      </div>
      {text !== '' && (
        <p className="row">
          <span>{fill(words.commands.about, { text })}</span>
          <button type="button" className="plain" onClick={() => setSearch(state === null ? {} : { state })}>
            {words.commands.all}
          </button>
        </p>
      )}
      <Filters state={state} counts={fresh.data?.counts ?? {}} choose={filter} />
      {fresh.isError && <Fault error={fresh.error} retry={() => void fresh.refetch()} />}
      {/* Other cases are another list: it begins anew, with nothing of the one before. */}
      <List key={JSON.stringify([state, text])} state={state} text={text} />
    </>
  );
}

interface Wanted {
  readonly state: string | null;
  readonly text: string;
}

function useFreshCases({ state, text }: Wanted) {
  return useQuery({
    queryKey: ['fresh-cases', state, text],
    queryFn: () => api.cases(statesOf(state), null, text),
    refetchInterval: REFRESH_MS,
  });
}

function statesOf(state: string | null): readonly string[] {
  return state === null ? [] : [state];
}

const NONE: ReadonlySet<string> = new Set();

function List({ state, text }: Wanted) {
  const { words } = useSpeech();
  const nowMs = useNow();
  const fresh = useFreshCases({ state, text });
  const held = useHeld(fresh.data?.cases, { next: fresh.data?.next ?? null });
  const [more, setMore] = useState<Further>({ after: null, pages: [] });
  // Pages that followed rows which are shown no longer do not follow these.
  const pages = more.after === held.next ? more.pages : [];
  const rows = uniqueById([...held.rows, ...pages.flatMap(({ cases }) => cases)]);
  const next = pages.length > 0 ? (pages.at(-1)?.next ?? null) : held.next;
  // Only of a list that is whole is it known what has left it: of others it may have gone to the next page.
  const gone = fresh.data?.next === null ? held.gone : NONE;
  const current = useListKeys(rows.filter(({ id }) => !gone.has(id)));
  const further = useMutation({
    mutationFn: (after: string) => api.cases(statesOf(state), after, text),
    onSuccess: (page) => setMore({ after: held.next, pages: [...pages, page] }),
  });
  return (
    <section className="panel lively">
      <Fresh held={held} />
      {fresh.isPending && <Skeleton lines={6} />}
      {fresh.data !== undefined && rows.length === 0 && (
        <div className="empty">
          <p>{words.cases.empty}</p>
          <p className="quiet small">{words.cases.emptyMore}</p>
        </div>
      )}
      <ul className="list">
        {rows.map((summary) => (
          <li key={summary.id}>
            <CaseLine summary={summary} nowMs={nowMs} current={summary.id === current} gone={gone.has(summary.id)} />
          </li>
        ))}
      </ul>
      {further.isError && <Fault error={further.error} />}
      {next !== null && (
        <button type="button" className="plain" disabled={further.isPending} onClick={() => further.mutate(next)}>
          {words.common.more}
        </button>
      )}
    </section>
  );
}

/** What was asked for after the first page. */
interface Further {
  readonly after: string | null;
  readonly pages: readonly CaseList[];
}

/** A case that changed between two pages is in both. */
function uniqueById(rows: readonly CaseSummary[]): readonly CaseSummary[] {
  return [...new Map(rows.toReversed().map((summary) => [summary.id, summary])).values()].toReversed();
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
