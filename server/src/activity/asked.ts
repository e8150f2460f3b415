/**
 * What is asked of the activity as it stands in an address, `with=user:root&without=name:cron&q=…&from=…&to=…`: read, and refused in words.
 */
import { Type } from 'typebox';
import { httpFailures } from '../ground/http-error.ts';
import { ACTIVITY_FIELDS, type ActivityField as Field } from './activity.ts';
import type { ActivityFilter, ActivitySearch } from './search.ts';

const MOST_FILTERS = 30;
/** A field, a colon, and the longest value that a row may have. */
const LONGEST_FILTER = 4_100;
const Filter = Type.Union([
  Type.String({ maxLength: LONGEST_FILTER }),
  Type.Array(Type.String({ maxLength: LONGEST_FILTER }), { maxItems: MOST_FILTERS }),
]);
export const Asked = {
  from: Type.Optional(Type.String({ maxLength: 40 })),
  to: Type.Optional(Type.String({ maxLength: 40 })),
  with: Type.Optional(Filter),
  without: Type.Optional(Filter),
  q: Type.Optional(Type.String({ maxLength: 500 })),
};
const DEFAULT_MS = 3_600_000;
const LONGEST_MS = 400 * 86_400_000;

export type AskedFor = {
  readonly from?: string;
  readonly to?: string;
  readonly with?: string | string[];
  readonly without?: string | string[];
  readonly q?: string;
};

export function searchOf(query: AskedFor, nowMs: number): ActivitySearch {
  const toMs = query.to === undefined ? nowMs : timeOf(query.to, 'to');
  const fromMs = query.from === undefined ? toMs - DEFAULT_MS : timeOf(query.from, 'from');
  if (toMs <= fromMs || toMs - fromMs > LONGEST_MS)
    throw httpFailures.invalidInput('to', 'after from, by 400 days at most');
  const filters = [...filtersOf(query.with, true), ...filtersOf(query.without, false)];
  return { fromMs, toMs, filters, text: query.q?.trim() ?? '' };
}

/** The same search as it stands in an address, with its times. */
export function queryOf({ fromMs, toMs, filters, text }: ActivitySearch): string {
  const parts = new URLSearchParams({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() });
  for (const { field, value, include } of filters) parts.append(include ? 'with' : 'without', `${field}:${value}`);
  if (text !== '') parts.set('q', text);
  return parts.toString();
}

export function filtersOf(given: string | string[] | undefined, include: boolean): ActivityFilter[] {
  const list = given === undefined ? [] : Array.isArray(given) ? given : [given];
  return list.map((text) => {
    const colon = text.indexOf(':');
    const field = text.slice(0, Math.max(colon, 0));
    if (!isField(field))
      throw httpFailures.invalidInput(
        include ? 'with' : 'without',
        `write field:value; the fields are ${ACTIVITY_FIELDS.join(', ')}`,
      );
    return { field, value: text.slice(colon + 1), include };
  });
}

function isField(name: string): name is Field {
  return (ACTIVITY_FIELDS as readonly string[]).includes(name);
}

export function timeOf(text: string, where: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw httpFailures.invalidInput(where, 'no time: write ISO 8601');
  return ms;
}
