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
