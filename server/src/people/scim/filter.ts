/**
 * Filters as RFC 7644, section 3.4.2.2 has them: what a list asks for, and which values of an attribute a PATCH means.
 *
 * The surprise: texts compare in any case, as the RFC has it for all but ids, and Microsoft Entra writes booleans as texts here too.
 */
import { type Filter, parse } from 'scim2-parse-filter';
import { isObject, scimFailure } from './resource.ts';

const LONGEST_FILTER = 500;
const LONGEST_REASON = 200;
/** Compared as they are: ids, and what only a program wrote. */
const EXACT = new Set(['id', 'externalid', 'value', 'members']);
const DATES = new Set(['created', 'lastmodified']);
export type { Filter };
type Compared = Extract<Filter, { readonly compValue: unknown }>;

/** @throws Failure 400 `invalidFilter`. */
export function readFilter(text: string): Filter {
  if (text.length > LONGEST_FILTER)
    throw scimFailure(400, 'invalidFilter', `a filter has at most ${LONGEST_FILTER} characters`);
  try {
    return parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, LONGEST_REASON) : 'no filter';
    throw scimFailure(400, 'invalidFilter', reason);
  }
}

/** Whether the filter holds for the resource, or for one value of an attribute. */
export function holds(filter: Filter, resource: unknown): boolean {
  switch (filter.op) {
    case 'or':
      return filter.filters.some((one) => holds(one, resource));
    case 'and':
      return filter.filters.every((one) => holds(one, resource));
    case 'not':
      return !holds(filter.filter, resource);
    case '[]':
      return partsAt(resource, filter.attrPath).some((one) => holds(filter.valFilter, one));
    case 'pr':
      return valuesAt(resource, filter.attrPath).some((value) => value !== null && value !== '');
    case 'ne':
      return !valuesAt(resource, filter.attrPath).some((value) => compares({ ...filter, op: 'eq' }, value));
    default:
      return valuesAt(resource, filter.attrPath).some((value) => compares(filter, value));
  }
}

/** How many comparisons it is, for one value. */
export function termsOf(filter: Filter): number {
  switch (filter.op) {
    case 'or':
    case 'and':
      return filter.filters.reduce((sum, one) => sum + termsOf(one), 0);
    case 'not':
      return termsOf(filter.filter);
    case '[]':
      return termsOf(filter.valFilter);
    default:
      return 1;
  }
}

/** Every value at the path; of one that has parts, its `value`. */
function valuesAt(resource: unknown, path: string): readonly unknown[] {
  return partsAt(resource, path).map((one) => (isObject(one) && 'value' in one ? one['value'] : one));
}

function partsAt(resource: unknown, path: string): readonly unknown[] {
  let found: readonly unknown[] = [resource];
  for (const name of namesOf(path)) {
    found = found
      .flatMap((one) => {
        if (!isObject(one)) return [];
        const key = Object.keys(one).find((known) => known.toLowerCase() === name);
        return key === undefined ? [] : [one[key]];
      })
      .flat();
  }
  return found;
}

function namesOf(path: string): readonly string[] {
  const lower = path.toLowerCase();
  const end = lower.startsWith('urn:') ? lower.lastIndexOf(':') : -1;
  const schema = end < 0 || lower.includes(':core:2.0:') ? [] : [lower.slice(0, end)];
  return [...schema, ...lower.slice(end + 1).split('.')];
}

function compares({ op, attrPath, compValue }: Compared, value: unknown): boolean {
  const last = namesOf(attrPath).at(-1) ?? '';
  const one = comparable(value, last);
  const other = comparable(compValue, last);
  if (op === 'eq') return one === other;
  if (typeof one === 'string' && typeof other === 'string') {
    if (op === 'co') return one.includes(other);
    if (op === 'sw') return one.startsWith(other);
    if (op === 'ew') return one.endsWith(other);
  } else if (typeof one !== 'number' || typeof other !== 'number') return false;
  if (op === 'gt') return one > other;
  if (op === 'ge') return one >= other;
  if (op === 'lt') return one < other;
  return op === 'le' && one <= other;
}

function comparable(value: unknown, name: string): unknown {
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return value;
  if (DATES.has(name)) return Date.parse(value);
  return EXACT.has(name) ? value : value.toLowerCase();
}
