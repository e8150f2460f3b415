/**
 * What a policy document says, however it is spelled. AWS hands documents back with lists where there was one value, account numbers
 * as ARNs, and statements in another order; the event has them as the caller wrote them.
 *
 * The surprise: this is for comparing only. What is kept and put back is the document as it was.
 */
import { type CatalogueEntry, textOf } from './catalogue.ts';
import type { Json } from './state.ts';

type Members = { readonly [key: string]: Json };

/** Members whose value is one text or a list of them, in any order. */
const LISTED = ['Action', 'NotAction', 'Resource', 'NotResource'];
const NAMED = ['Principal', 'NotPrincipal'];

/** Policy documents in one spelling, wherever they stand in a value; anything else as it is. */
export function meaningOf(value: Json): Json {
  if (Array.isArray(value)) return value.map((one: Json) => meaningOf(one));
  if (!isMembers(value)) return value;
  const statements = value['Statement'];
  if (Array.isArray(statements) ? !statements.every(isMembers) : !isMembers(statements))
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, meaningOf(one)]));
  return { ...value, Statement: inOrder([statements ?? []].flat().filter(isMembers).map(statementOf)) };
}

/**
 * What a document became by a statement that was added to it, as it stands in what is there now; a call that adds one tells its name, not its
 * words. `undefined` where there is none by that name.
 */
function withStatement(document: Json, current: Json, sid: string): Json | undefined {
  const of = (value: Json) => (isMembers(value) ? [value['Statement'] ?? []].flat().filter(isMembers) : []);
  const added = of(current).find((statement) => statement['Sid'] === sid);
  if (added === undefined) return undefined;
  if (isMembers(document))
    return { ...document, Statement: [...of(document).filter((one) => one['Sid'] !== sid), added] };
  return isMembers(current) ? { ...current, Statement: [added] } : undefined;
}

/** What a topic or a queue became by `AddPermission`, whose label is the name of the statement: for `after` of the catalogue. */
export const withPermission: CatalogueEntry['after'] = ({ request }, baseline, _resource, current) => {
  if (baseline === null) return null;
  const label = textOf(request, 'label') ?? '';
  const policy = withStatement(baseline['policy'] ?? null, current?.['policy'] ?? null, label);
  return policy === undefined ? undefined : { policy };
};

/** Ids that AWS puts in place of users and roles that are gone. A document that names one is refused when it is put. */
export function deadPrincipals(document: Json): readonly string[] {
  if (!isMembers(document)) return [];
  const named = [document['Statement'] ?? []]
    .flat()
    .filter(isMembers)
    .map((one) => one['Principal'] ?? null);
  const texts = named.flatMap((principal) => (isMembers(principal) ? textsOf(principal['AWS'] ?? []) : []));
  return texts.filter((text) => /^A(?:ID|RO)A[A-Z0-9]{12,}$/.test(text));
}

function statementOf(statement: Members): Members {
  const entries = Object.entries(statement).flatMap(([key, value]): (readonly [string, Json])[] => {
    if (key === 'Sid' && value === '') return [];
    if (LISTED.includes(key)) return [[key, inOrder(textsOf(value))]];
    if (NAMED.includes(key)) return [[key, principalOf(value)]];
    if (key === 'Condition') return [[key, conditionOf(value)]];
    return [[key, value]];
  });
  return Object.fromEntries(entries);
}

function principalOf(value: Json): Json {
  if (!isMembers(value)) return value;
  const kinds = Object.entries(value).map(([kind, who]): readonly [string, Json] => {
    const texts = textsOf(who).map((one) => one.replace(/^arn:aws[\w-]*:iam::(\d{12}):root$/, '$1'));
    return [kind, inOrder(texts)];
  });
  const [[only, who] = ['', null]] = kinds;
  return kinds.length === 1 && only === 'AWS' && Array.isArray(who) && who.length === 1 && who[0] === '*'
    ? '*'
    : Object.fromEntries(kinds);
}

function conditionOf(value: Json): Json {
  if (!isMembers(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([operator, keys]) => [
      operator,
      isMembers(keys)
        ? Object.fromEntries(Object.entries(keys).map(([key, one]) => [key.toLowerCase(), inOrder(textsOf(one))]))
        : keys,
    ]),
  );
}

function textsOf(value: Json): readonly string[] {
  return [value].flat().map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
}

function inOrder<T extends Json>(list: readonly T[]): readonly T[] {
  const keyed = list.map((one) => [JSON.stringify(one), one] as const);
  return [...new Map(keyed)].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, one]) => one);
}

function isMembers(value: Json | undefined): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
