/**
 * What is asked of the activity, as it stands in the address: `with=user:root&without=name:cron&q=…`, and its time. Pure.
 */
import type { ActivityField, ActivityRowView, FindingView } from '@countersign/contract';
import { rangeOf, readTime, type ShownTime, writeRange, writeTime } from './time-range.ts';

export interface ActivityFilter {
  readonly field: ActivityField;
  readonly value: string;
  readonly include: boolean;
}

export interface ActivityAsked {
  readonly filters: readonly ActivityFilter[];
  readonly text: string;
  readonly time: ShownTime;
}

/** The processes of a host at a moment, opened for one of them. */
export interface TreeAsked {
  readonly host: string;
  readonly pid: number;
  readonly at: string;
}

/** What is looked at around a finding. */
const BEFORE_MS = 30_000;
const AFTER_MS = 60_000;
const ABOUT_MS = 30 * 60_000;

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

export function writeAsked({ filters, text, time }: ActivityAsked): URLSearchParams {
  const search = filterQuery({ filters, text });
  writeTime(search, time);
  return search;
}

/** As the server reads it, its range written out. */
export function serverQuery(asked: ActivityAsked, nowMs: number): URLSearchParams {
  const query = filterQuery(asked);
  writeRange(query, rangeOf(asked.time, nowMs));
  return query;
}

function filterQuery({ filters, text }: Pick<ActivityAsked, 'filters' | 'text'>): URLSearchParams {
  const query = new URLSearchParams();
  for (const { field, value, include } of filters) query.append(include ? 'with' : 'without', `${field}:${value}`);
  if (text !== '') query.set('q', text);
  return query;
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

/** What was done half an hour before a finding, and after it, that holds a text: on its host, or by anybody of its account. */
export function activityAbout({ time, account }: FindingView, text: string): string {
  const atMs = Date.parse(time);
  const search = writeAsked({
    filters: account === null ? [] : [{ field: 'host', value: account.id, include: true }],
    text,
    time: { fromMs: atMs - ABOUT_MS, toMs: atMs + ABOUT_MS },
  });
  return `/activity?${search}`;
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
