/** Filters and pages of lists, as RFC 7644, section 3.4.2 has them. */
import { holds, readFilter } from './filter.ts';
import { scimFailure } from './resource.ts';

const DEFAULT_COUNT = 100;
export const MAXIMUM_COUNT = 200;
const EQUAL = /^\s*(userName|externalId)\s+eq\s+"((?:[^"\\]|\\["\\/])*)"\s*$/i;

/** The one question that every provider asks for every user, which the database answers; null: another question. */
export function equalTo(
  filter: string | undefined,
): { readonly column: 'user_name' | 'external_id'; readonly value: string } | null {
  const [, name = '', quoted = ''] = EQUAL.exec(filter ?? '') ?? [];
  if (name === '') return null;
  const value = quoted.replaceAll(/\\(.)/g, '$1');
  return name.toLowerCase() === 'username'
    ? { column: 'user_name', value: value.toLowerCase() }
    : { column: 'external_id', value };
}

/** Those for which the filter holds. @throws Failure 400 `invalidFilter`. */
export function matching<T>(resources: readonly T[], filter: string | undefined): readonly T[] {
  if (filter === undefined || filter.trim() === '' || equalTo(filter)?.column === 'user_name') return resources;
  const read = readFilter(filter);
  return resources.filter((one) => holds(read, one));
}

/** What is out of range is brought into it, as the RFC says. */
export function readPage(query: { readonly startIndex?: string; readonly count?: string }): {
  readonly startIndex: number;
  readonly count: number;
} {
  const number = (text: string | undefined, otherwise: number) => {
    const value = Number(text ?? otherwise);
    if (!Number.isInteger(value)) throw scimFailure(400, 'invalidValue', 'startIndex and count are whole numbers');
    return value;
  };
  return {
    startIndex: Math.max(1, number(query.startIndex, 1)),
    count: Math.min(MAXIMUM_COUNT, Math.max(0, number(query.count, DEFAULT_COUNT))),
  };
}
