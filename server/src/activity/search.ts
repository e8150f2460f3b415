/** What is asked of the activity, as conditions of ClickHouse. Pure; every value travels as a parameter, never in the statement. */
import type { EventParameters } from '../ground/event-engine.ts';
import { type ActivityField, CALL_KINDS, HOST_KINDS } from './activity.ts';

export interface ActivityFilter {
  readonly field: ActivityField;
  readonly value: string;
  /** False: everything but that. */
  readonly include: boolean;
}

export interface ActivitySearch {
  readonly fromMs: number;
  readonly toMs: number;
  /** All of them must hold; several includes of one field: any of these. */
  readonly filters: readonly ActivityFilter[];
  /** Anywhere in name, program, detail or user, whatever the case. */
  readonly text: string;
}

/**
 * Where a page ended: at this moment, of which so many rows were told. A time alone is no place: clouds tell whole seconds, and many calls
 * share one.
 */
export interface Place {
  readonly timeNs: bigint;
  readonly skip: number;
}

/** Where the next page begins; null: there is none. */
export function placeAfter(
  rows: readonly { readonly timeNs: bigint }[],
  { limit, from }: { readonly limit: number; readonly from?: Place },
): Place | null {
  const timeNs = rows.at(-1)?.timeNs;
  if (timeNs === undefined || rows.length < limit) return null;
  const skip = rows.filter((row) => row.timeNs === timeNs).length;
  return { timeNs, skip: skip + (from?.timeNs === timeNs ? from.skip : 0) };
}

export interface Conditions {
  readonly sql: string;
  readonly parameters: EventParameters;
}

const TEXT_FIELDS = ['name', 'exe', 'detail', 'user', 'login_user', 'application'] as const;
/** Values with a star match as a glob. */
const GLOB = /[*]/;

/** The conditions over the columns that both halves of the stream have. */
export function conditionsOf({ fromMs, toMs, filters, text }: ActivitySearch): Conditions {
  const parameters: Record<string, string | number> = { from: Math.trunc(fromMs), to: Math.trunc(toMs) };
  const parts = ['time >= fromUnixTimestamp64Milli({from:Int64})', 'time <= fromUnixTimestamp64Milli({to:Int64})'];
  for (const field of new Set(filters.map((filter) => filter.field))) {
    const alike = filters.filter((filter) => filter.field === field);
    const tests = alike.map((filter) => {
      const name = `p${Object.keys(parameters).length}`;
      parameters[name] = GLOB.test(filter.value) ? likeOf(filter.value) : filter.value;
      const test = `toString(${field}) ${GLOB.test(filter.value) ? 'ILIKE' : '='} {${name}:String}`;
      return { include: filter.include, test };
    });
    const included = tests.filter(({ include }) => include).map(({ test }) => test);
    if (included.length > 0) parts.push(`(${included.join(' OR ')})`);
    for (const { include, test } of tests) if (!include) parts.push(`NOT (${test})`);
  }
  if (text !== '') {
    parameters['text'] = text;
    const anywhere = TEXT_FIELDS.map((field) => `positionCaseInsensitiveUTF8(${field}, {text:String}) > 0`);
    parts.push(`(${anywhere.join(' OR ')})`);
  }
  return { sql: parts.join(' AND '), parameters };
}

function likeOf(glob: string): string {
  return glob.replaceAll(/[\\%_]/g, String.raw`\$&`).replaceAll('*', '%');
}

/** Whether a value of a field passes the filters of that field: what `conditionsOf` says, for what lives elsewhere. */
export function matchesFilters(
  { filters }: Pick<ActivitySearch, 'filters'>,
  field: ActivityField,
  value: string,
): boolean {
  const alike = filters.filter((filter) => filter.field === field);
  const included = alike.filter(({ include }) => include);
  const fits = ({ value: wanted }: ActivityFilter) =>
    GLOB.test(wanted) ? globOf(wanted).test(value) : wanted === value;
  return (included.length === 0 || included.some(fits)) && !alike.some((filter) => !filter.include && fits(filter));
}

function globOf(glob: string): RegExp {
  const escaped = glob.split(/[*]+/).map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`));
  return new RegExp(`^${escaped.join('.*')}$`, 'isu');
}

/** Which halves of the stream a search can find anything in. */
export function halvesOf({ filters }: Pick<ActivitySearch, 'filters'>): {
  readonly hosts: boolean;
  readonly calls: boolean;
} {
  const kinds = filters.filter(({ field, include }) => field === 'kind' && include).map(({ value }) => value);
  if (kinds.length === 0 || kinds.some((kind) => GLOB.test(kind))) return { hosts: true, calls: true };
  return {
    hosts: kinds.some((kind) => (HOST_KINDS as readonly string[]).includes(kind)),
    calls: kinds.some((kind) => (CALL_KINDS as readonly string[]).includes(kind)),
  };
}
