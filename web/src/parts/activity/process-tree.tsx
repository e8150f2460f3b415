/** The processes of a host at a moment: who started whom, what they were before, who had ended already. */
import { useQuery } from '@tanstack/react-query';
import { api } from '../../data/api.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { Fault, Skeleton } from '../loading.tsx';
import { shorten } from '../machine-value.tsx';

const DEEPEST = 14;

export interface ProcessTreeProps {
  readonly host: string;
  readonly at: string;
  /** The process that the tree was opened for. */
  readonly pid: number;
  readonly close: () => void;
}

export function ProcessTree({ host, at, pid, close }: ProcessTreeProps) {
  const { words, absolute } = useSpeech();
  const found = useQuery({ queryKey: ['tree', host, at], queryFn: () => api.processTree(host, at) });
  return (
    <aside className="panel" aria-label={words.activity.tree}>
      <div className="row between">
        <h2>{fill(words.activity.treeAt, { host, at: absolute(at) })}</h2>
        <button type="button" className="plain" onClick={close}>
          {words.common.close}
        </button>
      </div>
      {found.isPending && <Skeleton lines={6} />}
      {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && found.data.rows.length === 0 && <p className="quiet">{words.activity.treeEmpty}</p>}
      {found.isSuccess && (
        <ol className="tree">
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
