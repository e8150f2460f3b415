/**
 * What is asked of the activity, as it stands in the address: `with=user:root&without=name:cron&q=…`, and its time, either `minutes=60` up to
 * now, which goes on as time does, or `from=…&to=…`, which stays. Pure.
 */
import type { ActivityField, ActivityRowView, FindingView } from '@countersign/contract';

export interface ActivityFilter {
  readonly field: ActivityField;
  readonly value: string;
  readonly include: boolean;
}

export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Up to now, or between two moments. */
export type ActivityTime = { readonly minutes: number } | Range;

export interface ActivityAsked {
  readonly filters: readonly ActivityFilter[];
  readonly text: string;
  readonly time: ActivityTime;
}

/** The processes of a host at a moment, opened for one of them. */
export interface TreeAsked {
  readonly host: string;
  readonly pid: number;
  readonly at: string;
}

export const SPANS = [15, 60, 24 * 60, 7 * 24 * 60] as const;
const DEFAULT_MINUTES = 60;
const MINUTE_MS = 60_000;
const LEAST_MS = 1_000;
/** What is looked at around a finding. */
const BEFORE_MS = 30_000;
const AFTER_MS = 60_000;

export function readAsked(search: URLSearchParams): ActivityAsked {
  const read = (name: 'with' | 'without') =>
    search.getAll(name).flatMap((text) => {
      const colon = text.indexOf(':');
      // The server says which fields there are, and refuses others in words.
      return colon < 1
        ? []
        : [{ field: text.slice(0, colon) as ActivityField, value: text.slice(colon + 1), include: name === 'with' }];
    });
  return {
    filters: [...read('with'), ...read('without')],
    text: search.get('q') ?? '',
    time: readTime(search),
  };
}

function readTime(search: URLSearchParams): ActivityTime {
  const fromMs = Date.parse(search.get('from') ?? '');
  const toMs = Date.parse(search.get('to') ?? '');
  if (fromMs < toMs) return { fromMs, toMs };
  return { minutes: SPANS.find((span) => String(span) === search.get('minutes')) ?? DEFAULT_MINUTES };
}

export function writeAsked({ filters, text, time }: ActivityAsked): URLSearchParams {
  const search = filterQuery({ filters, text });
  if (!('minutes' in time)) writeRange(search, time);
  else if (time.minutes !== DEFAULT_MINUTES) search.set('minutes', String(time.minutes));
  return search;
}

/** As the server reads it, its range written out. */
export function serverQuery(asked: ActivityAsked, nowMs: number): URLSearchParams {
  const query = filterQuery(asked);
  writeRange(query, rangeOf(asked.time, nowMs));
  return query;
}

function writeRange(query: URLSearchParams, { fromMs, toMs }: Range): void {
  query.set('from', new Date(fromMs).toISOString());
  query.set('to', new Date(toMs).toISOString());
}

function filterQuery({ filters, text }: Pick<ActivityAsked, 'filters' | 'text'>): URLSearchParams {
  const query = new URLSearchParams();
  for (const { field, value, include } of filters) query.append(include ? 'with' : 'without', `${field}:${value}`);
  if (text !== '') query.set('q', text);
  return query;
}

export function rangeOf(time: ActivityTime, nowMs: number): Range {
  return 'minutes' in time ? { fromMs: nowMs - time.minutes * MINUTE_MS, toMs: nowMs } : time;
}

/** In the order of time, and long enough to hold anything. */
export function rangeBetween(oneMs: number, otherMs: number): Range {
  const fromMs = Math.floor(Math.min(oneMs, otherMs));
  return { fromMs, toMs: Math.max(Math.ceil(Math.max(oneMs, otherMs)), fromMs + LEAST_MS) };
}

/** Twice as long, with the same middle; nothing is known of the future. */
export function widened({ fromMs, toMs }: Range, nowMs: number): Range {
  const half = Math.ceil((toMs - fromMs) / 2);
  return { fromMs: fromMs - half, toMs: Math.max(toMs, Math.min(nowMs, toMs + half)) };
}

/** The span that comes nearest: what is shown when it goes on as time does. */
export function nearestSpan({ fromMs, toMs }: Range): number {
  const minutes = (toMs - fromMs) / MINUTE_MS;
  return SPANS.find((span) => span >= minutes) ?? SPANS[SPANS.length - 1] ?? DEFAULT_MINUTES;
}

/** The same value twice is one filter, and the last word counts. */
export function withFilter(asked: ActivityAsked, filter: ActivityFilter): ActivityAsked {
  const others = asked.filters.filter(({ field, value }) => field !== filter.field || value !== filter.value);
  return { ...asked, filters: [...others, filter] };
}

export function withoutFilter(asked: ActivityAsked, filter: ActivityFilter): ActivityAsked {
  return { ...asked, filters: asked.filters.filter((one) => one !== filter) };
}

/** Rows have no ids: what they say tells them apart. */
export function rowKey({ timeNs, kind, host, pid, name, detail }: ActivityRowView): string {
  return JSON.stringify([timeNs, kind, host, pid, name, detail]);
}

/** `2026-01-05T10:00:00.000Z/4242/web-1`; the host is last, for it may hold anything. */
export function readTree(search: URLSearchParams): TreeAsked | null {
  const [, at = '', pid = '', host = ''] = /^([^/]+)\/(\d+)\/(.+)$/.exec(search.get('tree') ?? '') ?? [];
  return host === '' || Number.isNaN(Date.parse(at)) ? null : { at, pid: Number(pid), host };
}

export function withTree(search: URLSearchParams, tree: TreeAsked | null): URLSearchParams {
  const next = new URLSearchParams(search);
  if (tree === null) next.delete('tree');
  else next.set('tree', `${tree.at}/${tree.pid}/${tree.host}`);
  return next;
}

/** Where the activity around a finding is, with the processes of its host when its process is known. */
export function aroundFinding({ time, account }: FindingView, pid: number | null = null): string {
  const atMs = Date.parse(time);
  const search = writeAsked({
    filters: account === null ? [] : [{ field: 'host', value: account.id, include: true }],
    text: '',
    time: { fromMs: atMs - BEFORE_MS, toMs: atMs + AFTER_MS },
  });
  const tree = account === null || pid === null ? null : { host: account.id, pid, at: time };
  return `/activity?${withTree(search, tree)}`;
}
