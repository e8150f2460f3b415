/**
 * The activity as it comes: rows that stay where they are while new ones wait, a histogram and its gaps that go on.
 *
 * The surprise: deeds arrive late, clouds tell minutes after. New is what was not shown yet, whatever its time, not what happened since.
 */
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type ActivityAsked, rowKey, serverQuery, writeAsked } from './activity-query.ts';
import { api } from './api.ts';

const REFRESH_MS = 5_000;
const REDRAW_MS = 10_000;

export function useActivityStream(asked: ActivityAsked) {
  const isLive = 'minutes' in asked.time;
  // Where rows end; it goes on when somebody asks for what is new.
  const [edgeMs, setEdge] = useState(() => Date.now());
  const key = writeAsked(asked).toString();
  const query = serverQuery(asked, edgeMs).toString();
  const now = () => serverQuery(asked, Date.now()).toString();
  const rows = useInfiniteQuery({
    queryKey: ['activity', query],
    queryFn: ({ pageParam }) => api.activity(query, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
  });
  const fresh = useQuery({
    queryKey: ['activity-fresh', key],
    queryFn: () => api.activity(now(), null),
    enabled: isLive,
    refetchInterval: REFRESH_MS,
  });
  const drawn = { refetchInterval: isLive ? REDRAW_MS : false, placeholderData: keepPreviousData } as const;
  const histogram = useQuery({
    ...drawn,
    queryKey: ['activity-histogram', key],
    queryFn: () => api.activityHistogram(now()),
  });
  const gaps = useQuery({ ...drawn, queryKey: ['activity-gaps', key], queryFn: () => api.activityGaps(now()) });
  const found = rows.data?.pages.flatMap((page) => page.rows) ?? [];
  const shown = new Set(found.map(rowKey));
  const last = found.at(-1);
  const isBelow = (timeNs: string) => rows.hasNextPage && last !== undefined && BigInt(timeNs) <= BigInt(last.timeNs);
  const unseen =
    !isLive || rows.data === undefined || rows.isPlaceholderData
      ? []
      : (fresh.data?.rows ?? []).filter((row) => !shown.has(rowKey(row)) && !isBelow(row.timeNs));
  return {
    rows,
    found,
    histogram,
    gaps,
    /** What the shown rows were asked with: the same as a file. */
    query,
    waiting: unseen.length,
    /** Every row of what came last is new: there may be more. */
    isMore: unseen.length > 0 && unseen.length === fresh.data?.rows.length && fresh.data.next !== null,
    /** Goes on to now. */
    show: () => setEdge(Date.now()),
  };
}
