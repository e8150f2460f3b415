/** Activity: what was done, on hosts and in containers, in clouds and clusters, as one stream. The address holds what is asked. */
import '../parts/activity/activity.css';
import type { ActivityRowView } from '@countersign/contract';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useSearchParams } from 'react-router';
import {
  type ActivityAsked,
  readAsked,
  serverQuery,
  SPANS,
  withFilter,
  withoutFilter,
  writeAsked,
} from '../data/activity-query.ts';
import { api } from '../data/api.ts';
import { ActivityTable } from '../parts/activity/activity-table.tsx';
import { Histogram } from '../parts/activity/histogram.tsx';
import { ProcessTree } from '../parts/activity/process-tree.tsx';
import { Choice } from '../parts/choice.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { useSpeech } from '../words/speech.tsx';

const MINUTE_MS = 60_000;

export function ActivityPage() {
  const { words } = useSpeech();
  const [search, setSearch] = useSearchParams();
  const asked = readAsked(search);
  const change = (next: ActivityAsked) => setSearch(writeAsked(next));
  const [nowMs, setNowMs] = useState(() => Date.now());
  const [tree, setTree] = useState<ActivityRowView | null>(null);
  const query = serverQuery(asked, nowMs).toString();
  const histogram = useQuery({ queryKey: ['activity-histogram', query], queryFn: () => api.activityHistogram(query) });
  const rows = useInfiniteQuery({
    queryKey: ['activity', query],
    queryFn: ({ pageParam }) => api.activity(query, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
  });
  const found = rows.data?.pages.flatMap((page) => page.rows) ?? [];
  return (
    <>
      <div className="row between">
        <h1>{words.activity.title}</h1>
        <div className="row">
          <button type="button" className="button" onClick={() => setNowMs(Date.now())}>
            {words.activity.refresh}
          </button>
          <a className="button" href={`/api/activity.csv?${query}`}>
            CSV
          </a>
          <a className="button" href={`/api/activity.json?${query}`}>
            JSON
          </a>
        </div>
      </div>
      <Asking key={asked.text} asked={asked} change={change} />
      {histogram.isSuccess && (
        <Histogram view={histogram.data} choose={(fromMs, toMs) => change(around(asked, fromMs, toMs))} />
      )}
      {rows.isPending && <Skeleton lines={8} />}
      {rows.isError && <Fault error={rows.error} retry={() => void rows.refetch()} />}
      {tree !== null && <ProcessTree host={tree.host} at={tree.at} pid={tree.pid} close={() => setTree(null)} />}
      {rows.isSuccess && found.length === 0 && (
        <section className="panel empty">
          <p>{words.activity.empty}</p>
          <p className="quiet small">{words.activity.emptyMore}</p>
        </section>
      )}
      {found.length > 0 && (
        <ActivityTable rows={found} add={(filter) => change(withFilter(asked, filter))} showTree={setTree} />
      )}
      {rows.hasNextPage && (
        <button type="button" className="button" disabled={rows.isFetching} onClick={() => void rows.fetchNextPage()}>
          {words.common.more}
        </button>
      )}
    </>
  );
}

/** The smallest span that holds a bar, ending where it ends. */
function around(asked: ActivityAsked, fromMs: number, toMs: number): ActivityAsked {
  const minutes = SPANS.find((span) => span * MINUTE_MS >= toMs - fromMs && span < asked.minutes) ?? SPANS[0];
  const end = new Date(toMs + MINUTE_MS);
  const local = new Date(end.getTime() - end.getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 16);
  return { ...asked, minutes, until: local };
}

function Asking({ asked, change }: { readonly asked: ActivityAsked; readonly change: (next: ActivityAsked) => void }) {
  const { words } = useSpeech();
  const [text, setText] = useState(asked.text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change({ ...asked, text: text.trim() });
  };
  return (
    <>
      <form className="row" onSubmit={submit}>
        <input
          type="search"
          className="search-box"
          value={text}
          placeholder={words.activity.search}
          aria-label={words.activity.search}
          onChange={(event) => setText(event.target.value)}
        />
        <Choice
          label={words.map.span}
          options={SPANS.map((span) => [span, words.map.spans[String(span) as keyof typeof words.map.spans]])}
          chosen={asked.minutes}
          choose={(span) => change({ ...asked, minutes: span })}
        />
        <label className="until">
          <span>{words.map.until}</span>
          <input
            type="datetime-local"
            value={asked.until}
            onChange={(event) => change({ ...asked, until: event.target.value })}
          />
        </label>
      </form>
      {asked.filters.length > 0 && (
        <div className="filters" role="group" aria-label={words.activity.filters}>
          {asked.filters.map((filter) => (
            <button
              key={`${filter.field} ${filter.value}`}
              type="button"
              title={words.activity.removeFilter}
              onClick={() => change(withoutFilter(asked, filter))}
            >
              {words.activity.fields[filter.field] ?? filter.field} {filter.include ? '=' : '≠'} {filter.value} ×
            </button>
          ))}
        </div>
      )}
    </>
  );
}
