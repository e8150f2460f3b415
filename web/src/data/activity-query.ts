/** What is asked of the activity, as it stands in the address: `with=user:root&without=name:cron&q=…`. Pure. */
import type { ActivityField } from '@countersign/contract';

export interface ActivityFilter {
  readonly field: ActivityField;
  readonly value: string;
  readonly include: boolean;
}

export interface ActivityAsked {
  readonly filters: readonly ActivityFilter[];
  readonly text: string;
  /** Minutes before `until`, or before now. */
  readonly minutes: number;
  /** Local date and time; empty: now. */
  readonly until: string;
}

export const SPANS = [15, 60, 24 * 60, 7 * 24 * 60] as const;
const DEFAULT_MINUTES = 60;
const MINUTE_MS = 60_000;

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
    minutes: SPANS.find((span) => String(span) === search.get('minutes')) ?? DEFAULT_MINUTES,
    until: search.get('until') ?? '',
  };
}

export function writeAsked({ filters, text, minutes, until }: ActivityAsked): URLSearchParams {
  const search = filterQuery({ filters, text });
  if (minutes !== DEFAULT_MINUTES) search.set('minutes', String(minutes));
  if (until !== '') search.set('until', until);
  return search;
}

/** As the server reads it, its range written out. */
export function serverQuery(asked: ActivityAsked, nowMs: number): URLSearchParams {
  const query = filterQuery(asked);
  const chosen = Date.parse(asked.until);
  const toMs = Number.isNaN(chosen) ? nowMs : chosen;
  query.set('from', new Date(toMs - asked.minutes * MINUTE_MS).toISOString());
  query.set('to', new Date(toMs).toISOString());
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
