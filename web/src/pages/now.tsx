/** Now: what needs a person, whether intake is alive, and for a newcomer three doors. */
import type { NowView } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '../data/api.ts';
import { type Held, useHeld } from '../data/held.ts';
import { useNow } from '../data/live.ts';
import { CaseLine, Fresh } from '../parts/case-line.tsx';
import { useListKeys } from '../parts/commands/list-keys.ts';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { Hosts, WatchDoor } from '../parts/hosts.tsx';
import { Shape } from '../parts/state-badge.tsx';
import { Time } from '../parts/time.tsx';
import { Accounts, Heartbeats } from '../parts/watched.tsx';
import { fill, useSpeech } from '../words/speech.tsx';

const REFRESH_MS = 5_000;

export function NowPage() {
  const { words } = useSpeech();
  const nowMs = useNow();
  const now = useQuery({ queryKey: ['now'], queryFn: api.now, refetchInterval: REFRESH_MS });
  return (
    <>
      <h1>{words.now.title}</h1>
      {now.isPending && <Skeleton lines={6} />}
      {now.isError && <Fault error={now.error} retry={() => void now.refetch()} />}
      {now.data !== undefined &&
        (now.data.firstRun ? <FirstRun view={now.data} nowMs={nowMs} /> : <Waiting view={now.data} nowMs={nowMs} />)}
    </>
  );
}

function Waiting({ view, nowMs }: { readonly view: NowView; readonly nowMs: number }) {
  const { words } = useSpeech();
  const paged = useHeld(view.paged, { takesNew: true });
  const waiting = useHeld(view.waiting);
  const quiet = paged.rows.length === 0 && waiting.rows.length === 0;
  const current = useListKeys([paged, waiting].flatMap(({ rows, gone }) => rows.filter(({ id }) => !gone.has(id))));
  return (
    <div className="columns">
      <div className="stack">
        {quiet && (
          <section className="panel empty">
            <p className="row">
              <span className="badge fine">
                <Shape meaning="fine" />
                {words.now.quiet}
              </span>
            </p>
            <p className="quiet small">{words.now.quietMore}</p>
          </section>
        )}
        <Group title={words.now.paged} held={paged} current={current} nowMs={nowMs} />
        <Group title={words.now.waiting} held={waiting} current={current} nowMs={nowMs} />
      </div>
      <div className="stack">
        <Intake view={view} nowMs={nowMs} />
        <Hosts view={view} nowMs={nowMs} />
        <Accounts accounts={view.accounts} nowMs={nowMs} />
        <Heartbeats heartbeats={view.heartbeats} nowMs={nowMs} />
        <Strip counts={view.findingsPerMinute} />
      </div>
    </div>
  );
}

function Group({
  title,
  held,
  current,
  nowMs,
}: {
  readonly title: string;
  readonly held: Held;
  readonly current: string | null;
  readonly nowMs: number;
}) {
  if (held.rows.length === 0) return null;
  return (
    <section className="panel lively">
      <Fresh held={held} />
      <h2>
        {title} <span className="quiet number">{held.rows.length - held.gone.size + held.waiting}</span>
      </h2>
      <ul className="list">
        {held.rows.map((summary) => (
          <li key={summary.id}>
            <CaseLine
              summary={summary}
              nowMs={nowMs}
              current={summary.id === current}
              gone={held.gone.has(summary.id)}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Intake({ view, nowMs }: { readonly view: NowView; readonly nowMs: number }) {
  const { words, number } = useSpeech();
  return (
    <section className="panel">
      <h2>{words.now.intake}</h2>
      <ul className="list">
        {view.intake.map((source) => (
          <li key={source.source} className="intake">
            <div className="row between">
              <code>{source.source}</code>
              <span className="small number">{fill(words.now.events, { count: number(source.eventCount) })}</span>
            </div>
            <div className="row small quiet">
              {source.lastHeardAt !== null && (
                <span>
                  {words.now.lastHeard.split('{time}')[0]}
                  <Time iso={source.lastHeardAt} nowMs={nowMs} />
                </span>
              )}
              {source.backlog > 0 && <span>{fill(words.now.backlog, { count: number(source.backlog) })}</span>}
              {source.malformedCount > 0 && (
                <span>{fill(words.now.malformed, { count: number(source.malformedCount) })}</span>
              )}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Strip({ counts }: { readonly counts: readonly number[] }) {
  const { words, number } = useSpeech();
  const most = Math.max(1, ...counts);
  const sum = counts.reduce((total, count) => total + count, 0);
  return (
    <section className="panel">
      <div className="row between">
        <h2>{words.now.findings}</h2>
        <span className="number">{number(sum)}</span>
      </div>
      <svg
        className="strip"
        viewBox={`0 0 ${counts.length * 4} 40`}
        preserveAspectRatio="none"
        width="100%"
        role="img"
        aria-label={`${words.now.findings}: ${sum}`}
      >
        {counts.map((count, index) => {
          const height = count === 0 ? 1 : Math.max(3, (count / most) * 40);
          return (
            <rect
              key={index}
              x={index * 4}
              y={40 - height}
              width={3}
              height={height}
              fill={count === 0 ? 'var(--line-strong)' : 'var(--accent)'}
            />
          );
        })}
      </svg>
    </section>
  );
}

const WATCH_EXAMPLE = `sources:
  - path: /var/lib/cloudtrail`;
const REPLAY_EXAMPLE = 'npx countersign replay --show cases my-trail/';

function FirstRun({ view, nowMs }: { readonly view: NowView; readonly nowMs: number }) {
  const { words } = useSpeech();
  const client = useQueryClient();
  const samples = useQuery({ queryKey: ['samples'], queryFn: api.samples });
  const replay = useMutation({
    mutationFn: api.replaySample,
    onSuccess: () => client.invalidateQueries({ queryKey: ['now'] }),
  });
  const sample = samples.data?.[0];
  return (
    <section className="stack">
      <div>
        <p>{words.now.firstTitle}</p>
        <p className="quiet">{words.now.firstText}</p>
      </div>
      {replay.isError && <Fault error={replay.error} />}
      <div className="doors">
        <div className="panel">
          <h2>{words.now.sampleTitle}</h2>
          <p className="quiet small">{words.now.sampleText}</p>
          <button
            type="button"
            className="button main"
            disabled={sample === undefined || replay.isPending || replay.isSuccess}
            onClick={() => sample !== undefined && replay.mutate(sample.id)}
          >
            {replay.isSuccess ? words.now.sampleRunning : words.now.sampleButton}
          </button>
        </div>
        <WatchDoor view={view} nowMs={nowMs} />
        <div className="panel">
          <h2>{words.now.watchTitle}</h2>
          <p className="quiet small">{words.now.watchText}</p>
          <pre className="shell" tabIndex={0}>
            {WATCH_EXAMPLE}
          </pre>
        </div>
        <div className="panel">
          <h2>{words.now.filesTitle}</h2>
          <p className="quiet small">{words.now.filesText}</p>
          <pre className="shell" tabIndex={0}>
            {REPLAY_EXAMPLE}
          </pre>
        </div>
      </div>
    </section>
  );
}
