/** Activity: what was done, on hosts and in containers, in clouds and clusters, as one stream. The address holds what is asked. */
import '../parts/activity/activity.css';
import type { SavedSearch } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearchParams } from 'react-router';
import {
  type ActivityAsked,
  readAsked,
  readTree,
  type TreeAsked,
  withFilter,
  withTree,
  writeAsked,
} from '../data/activity-query.ts';
import { useActivityStream } from '../data/activity-stream.ts';
import { api } from '../data/api.ts';
import { ActivityTable } from '../parts/activity/activity-table.tsx';
import { Holds } from '../parts/activity/holds.tsx';
import { Asking } from '../parts/activity/asking.tsx';
import { ProcessTree } from '../parts/activity/process-tree.tsx';
import { SavedSearches } from '../parts/activity/saved-searches.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { MomentRecordings } from '../parts/recordings.tsx';
import { TimeBar } from '../parts/time-bar/time-bar.tsx';
import { useSpeech } from '../words/speech.tsx';

export function ActivityPage() {
  const [search] = useSearchParams();
  return <Stream search={search} saved={null} />;
}

/** What somebody saved, as it is saved now. Whatever is changed in it is another search, at an address of its own. */
export function SavedActivityPage() {
  const { id = '' } = useParams();
  const found = useQuery({ queryKey: ['saved-search', id], queryFn: () => api.savedSearch(id) });
  if (found.isPending) return <Skeleton lines={8} />;
  if (found.data === undefined) return <Fault error={found.error} retry={() => void found.refetch()} />;
  return <Stream search={new URLSearchParams(found.data.query)} saved={found.data} />;
}

interface StreamProps {
  readonly search: URLSearchParams;
  readonly saved: SavedSearch | null;
}

function Stream({ search, saved }: StreamProps) {
  const { words, number } = useSpeech();
  const navigate = useNavigate();
  const asked = readAsked(search);
  const tree = readTree(search);
  const stream = useActivityStream(asked);
  const { rows, found, histogram, gaps, query } = stream;
  const go = (next: URLSearchParams) => void navigate(`/activity?${next}`);
  const change = (next: ActivityAsked) => {
    stream.show();
    go(writeAsked(next));
  };
  const showTree = (next: TreeAsked | null) => go(withTree(search, next));
  return (
    <>
      <div className="row between">
        <h1>{saved?.name ?? words.activity.title}</h1>
        <div className="row">
          <a className="button" href={`/api/activity.csv?${query}`}>
            CSV
          </a>
          <a className="button" href={`/api/activity.json?${query}`}>
            JSON
          </a>
        </div>
      </div>
      <Asking key={asked.text} asked={asked} change={change} />
      <SavedSearches query={writeAsked(asked).toString()} saved={saved} />
      <Holds query={query} />
      <TimeBar
        time={asked.time}
        choose={(time) => change({ ...asked, time })}
        histogram={histogram.data}
        gaps={gaps.data}
        waiting={stream.waiting === 0 ? null : `${number(stream.waiting)}${stream.isMore ? '+' : ''}`}
        show={stream.show}
      />
      {[histogram, gaps].map(
        ({ isError, error, refetch }, index) =>
          isError && <Fault key={index} error={error} retry={() => void refetch()} />,
      )}
      {tree !== null && (
        <>
          <ProcessTree key={`${tree.host} ${tree.at}`} {...tree} close={() => showTree(null)} />
          <MomentRecordings host={tree.host} at={tree.at} />
        </>
      )}
      <Rows stream={stream} add={(filter) => change(withFilter(asked, filter))} showTree={showTree} />
      {rows.hasNextPage && found.length > 0 && (
        <button type="button" className="button" disabled={rows.isFetching} onClick={() => void rows.fetchNextPage()}>
          {words.common.more}
        </button>
      )}
    </>
  );
}

interface RowsProps {
  readonly stream: ReturnType<typeof useActivityStream>;
  readonly add: Parameters<typeof ActivityTable>[0]['add'];
  readonly showTree: (tree: TreeAsked) => void;
}

function Rows({ stream: { rows, found }, add, showTree }: RowsProps) {
  const { words } = useSpeech();
  return (
    <>
      {rows.isError && <Fault error={rows.error} retry={() => void rows.refetch()} />}
      {rows.isPending && <Skeleton lines={8} />}
      {rows.data !== undefined && found.length === 0 && (
        <section className="panel empty">
          <p>{words.activity.empty}</p>
          <p className="quiet small">{words.activity.emptyMore}</p>
        </section>
      )}
      {found.length > 0 && (
        <ActivityTable
          rows={found}
          isOld={rows.isPlaceholderData}
          add={add}
          showTree={({ host, at, pid }) => showTree({ host, at, pid })}
        />
      )}
    </>
  );
}
