/** The processes of a host at a moment: who started whom, what they were before, who had ended already. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import type { TreeAsked } from '../../data/activity-query.ts';
import { api } from '../../data/api.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { Fault, Skeleton } from '../loading.tsx';
import { shorten } from '../machine-value.tsx';

const DEEPEST = 14;

export interface ProcessTreeProps extends TreeAsked {
  readonly close: () => void;
}

export function ProcessTree({ host, at, pid, close }: ProcessTreeProps) {
  const { words, absolute } = useSpeech();
  const found = useQuery({ queryKey: ['tree', host, at], queryFn: () => api.processTree(host, at) });
  const list = useRef<HTMLOListElement>(null);
  const isThere = found.data !== undefined;
  // Wherever on the page it was asked for, and among thousands: the one that it was opened for is in sight.
  useEffect(() => {
    const [processes, current] = [list.current, list.current?.querySelector<HTMLElement>('[aria-current]')];
    if (!isThere || processes === null) return;
    processes.parentElement?.scrollIntoView({ block: 'nearest' });
    processes.scrollTop = (current?.offsetTop ?? 0) - processes.clientHeight / 2;
  }, [isThere]);
  return (
    <aside className="panel" aria-label={words.activity.tree}>
      <div className="row between">
        <h2>{fill(words.activity.treeAt, { host, at: absolute(at) })}</h2>
        <button type="button" className="plain" onClick={close}>
          {words.common.close}
        </button>
      </div>
      {pid !== null && pid !== undefined && <SessionLine host={host} pid={pid} at={at} />}
      {found.isPending && <Skeleton lines={6} />}
      {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
      {found.data?.rows.length === 0 && <p className="quiet">{words.activity.treeEmpty}</p>}
      {found.data?.cut === true && <p className="quiet small">{words.activity.treeCut}</p>}
      {found.data !== undefined && (
        <ol className="tree" ref={list} tabIndex={0}>
          {found.data.rows.map((row) => (
            <li
              key={`${row.pid} ${row.startedAt}`}
              data-depth={Math.min(row.depth, DEEPEST)}
              aria-current={row.pid === pid ? 'true' : undefined}
              className={row.alive ? undefined : 'quiet'}
              title={row.before.length === 0 ? row.commandLine : [...row.before, row.commandLine].join('\n→ ')}
            >
              <span className="machine">
                {shorten(row.commandLine === '' ? row.name : row.commandLine)} <span className="quiet">{row.pid}</span>
              </span>
              {!row.alive && <span className="small"> {words.activity.ended}</span>}
              {row.user !== '' && <span className="quiet small"> {row.user}</span>}
            </li>
          ))}
        </ol>
      )}
    </aside>
  );
}

/** Whose session the process is of; nothing where nobody is known. */
function SessionLine({ host, pid, at }: { readonly host: string; readonly pid: number; readonly at: string }) {
  const { words, absolute } = useSpeech();
  const { data } = useQuery({ queryKey: ['session', host, pid, at], queryFn: () => api.sessionBehind(host, pid, at) });
  const session = data?.session ?? null;
  if (session === null) return null;
  const { how, who, detail, from } = session;
  const sentence = how === 'cluster' ? words.activity.sessionCluster : words.activity.sessionSignIn;
  return (
    <p className="session">
      {fill(detail === '' ? words.activity.sessionOf : sentence, { who, detail, from, at: absolute(session.at) })}
    </p>
  );
}
