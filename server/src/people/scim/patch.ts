/**
 * PATCH as RFC 7644, section 3.5.2 has it, and as Okta and Entra send it: names and operators in any case, several attributes in one
 * value, names in dots, filters in paths.
 *
 * The surprise: an operation on an attribute that means nothing here is left out, and not refused. Providers send such in one request with
 * `active`: refusing it would leave somebody in service who has left.
 */
import { type Filter, holds, readFilter, termsOf } from './filter.ts';
import {
  attributeNamed,
  IDENTITY_SCHEMA,
  isMany,
  isObject,
  type ResourceKind,
  scimFailure,
  subAttributeNamed,
  truth,
} from './resource.ts';
import { KeyedValues, keyOf, part } from './values.ts';

const MOST_OPERATIONS = 1_000;
const LONGEST_PATH = 600;
/** So many values may one request look at, each time that it does, beside those that are found by their key. */
const MOST_COMPARED = 100_000;
const CORE_PREFIX = /^urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group):/i;
const NAME = /^[\w$-]+/;
const REST_OF_PATH = /^(?:\[(.*)\])?(?:\.([\w$-]+))?$/s;

interface Operation {
  readonly op: 'add' | 'remove' | 'replace';
  readonly path: string | undefined;
  readonly value: unknown;
  /** Where it stands in the request, for errors. */
  readonly where: string;
}
interface Target {
  readonly attribute: string;
  readonly filter: Filter | null;
  readonly sub: string | null;
}
type Json = Record<string, unknown>;
interface Draft {
  readonly document: Json;
  /** Ahead of those in the document, while operations go over them that say which by key. */
  members: KeyedValues | null;
  compared: number;
}

/** @returns the resource as it would be; what was given stays. @throws Failure 400. */
export function patched(kind: ResourceKind, resource: object, body: unknown): unknown {
  const draft: Draft = { document: structuredClone(resource) as Json, members: null, compared: 0 };
  for (const operation of operationsOf(body)) apply(kind, draft, operation);
  settleMembers(draft);
  return draft.document;
}

function operationsOf(body: unknown): readonly Operation[] {
  const list = isObject(body) ? part(body, 'operations') : null;
  if (!Array.isArray(list) || list.length === 0 || list.length > MOST_OPERATIONS)
    throw scimFailure(400, 'invalidSyntax', `Operations: 1 to ${MOST_OPERATIONS} operations`);
  return list.map((one: unknown, index) => readOperation(one, `Operations.${index}`));
}

function readOperation(one: unknown, where: string): Operation {
  const given = isObject(one) ? one : {};
  const [op, path, value] = [part(given, 'op'), part(given, 'path') ?? undefined, part(given, 'value')];
  const name = typeof op === 'string' ? op.toLowerCase() : '';
  if (name !== 'add' && name !== 'remove' && name !== 'replace')
    throw scimFailure(400, 'invalidSyntax', `${where}.op: add, remove or replace`);
  if (path !== undefined && (typeof path !== 'string' || path.length > LONGEST_PATH))
    throw scimFailure(400, 'invalidPath', `${where}.path: a text of at most ${LONGEST_PATH} characters`);
  if (name !== 'remove' && value === undefined) throw scimFailure(400, 'invalidValue', `${where}: needs a value`);
  if (path === undefined && (name === 'remove' || !isObject(value)))
    throw scimFailure(400, 'noTarget', `${where}: needs a path`);
  return { op: name, path, value, where };
}

function apply(kind: ResourceKind, draft: Draft, operation: Operation): void {
  const { path, value, where } = operation;
  if (path === undefined) {
    // Each attribute of the value on its own; a name may have dots, as Entra writes them.
    for (const [name, one] of Object.entries(isObject(value) ? value : {}))
      apply(kind, draft, { ...operation, path: name, value: one });
    return;
  }
  const target = targetOf(kind, path, where);
  if (target === null || applyToMembers(draft, operation, target)) return;
  const { document } = draft;
  const { attribute, filter, sub } = target;
  const before = document[attribute];
  draft.compared += Array.isArray(before) ? before.length * (filter === null ? 1 : termsOf(filter)) : 0;
  if (draft.compared > MOST_COMPARED)
    throw scimFailure(400, 'tooMany', `${where}: too many values to look at in one request; send fewer operations`);
  if (filter !== null) applyWhere(document, operation, { attribute, filter, sub });
  else if (sub !== null) applySub(document, operation, { attribute, sub });
  else applyWhole(document, operation, attribute);
  if (attribute === 'emails') document['emails'] = onePrimary(before, document['emails']);
}

/** @returns false for another attribute, or where all members must be looked at, which stand in the document then. */
function applyToMembers(draft: Draft, { op, value }: Operation, { attribute, filter, sub }: Target): boolean {
  if (attribute !== 'members') return false;
  const isGiven = filter === null && sub === null && value !== undefined && value !== null;
  const removed = op !== 'remove' || sub !== null ? null : isGiven ? listOf(value).map(keyOf) : keysIn(filter);
  if (removed === null && !(op === 'add' && isGiven)) {
    settleMembers(draft);
    return false;
  }
  const before = draft.document['members'];
  draft.members ??= new KeyedValues(Array.isArray(before) ? before : []);
  if (removed === null) draft.members.add(listOf(value));
  else draft.members.remove(removed);
  return true;
}

/** What `value eq "…"` chooses; null for a filter that may choose any. */
function keysIn(filter: Filter | null): readonly string[] | null {
  if (filter?.op !== 'eq' || filter.attrPath.toLowerCase() !== 'value') return null;
  return typeof filter.compValue === 'string' ? [filter.compValue] : null;
}

function settleMembers(draft: Draft): void {
  if (draft.members === null) return;
  const members = draft.members.list();
  draft.members = null;
  if (members.length > 0) draft.document['members'] = members;
  else delete draft.document['members'];
}

/** null: nothing that means anything here. */
function targetOf(kind: ResourceKind, path: string, where: string): Target | null {
  const rest = path.trim().replace(CORE_PREFIX, '');
  const own = rest.slice(0, IDENTITY_SCHEMA.length).toLowerCase() === IDENTITY_SCHEMA.toLowerCase();
  if (own && kind === 'User') {
    const name = rest.slice(IDENTITY_SCHEMA.length + 1);
    if (name === '') return { attribute: IDENTITY_SCHEMA, filter: null, sub: null };
    const sub = subAttributeNamed(IDENTITY_SCHEMA, name);
    return sub === null ? null : { attribute: IDENTITY_SCHEMA, filter: null, sub };
  }
  if (/^urn:/i.test(rest)) return null;
  const [name = ''] = NAME.exec(rest) ?? [];
  const attribute = attributeNamed(kind, name);
  const parts = REST_OF_PATH.exec(rest.slice(name.length));
  if (name === '' || (attribute !== null && parts === null))
    throw scimFailure(400, 'invalidPath', `${where}.path: no path that can be read`);
  if (attribute === null) return null;
  const [, filter, subName] = parts ?? [];
  const sub = subName === undefined ? null : subAttributeNamed(attribute, subName);
  if (subName !== undefined && sub === null) return null;
  return { attribute, filter: filter === undefined ? null : readFilter(filter), sub };
}

function applyWhole(document: Json, { op, value, where }: Operation, attribute: string): void {
  const before = document[attribute];
  if (attribute === 'active' && (op === 'remove' || value === null))
    throw scimFailure(400, 'invalidValue', `${where}: active is true or false`);
  const parts = isObject(value) ? canonicalParts(attribute, value) : value;
  if (op === 'remove') {
    const kept = Array.isArray(before) && value !== undefined && value !== null ? without(before, value) : [];
    if (kept.length > 0) document[attribute] = kept;
    else delete document[attribute];
  } else if (op === 'add' && Array.isArray(before)) document[attribute] = joined(before, listOf(value));
  else if (isObject(before) && isObject(parts)) document[attribute] = { ...before, ...parts };
  else document[attribute] = isMany(attribute) ? listOf(value) : parts;
}

function applySub(document: Json, operation: Operation, { attribute, sub }: { attribute: string; sub: string }): void {
  const before = document[attribute];
  if (Array.isArray(before)) {
    for (const one of before) if (isObject(one)) applyWhole(one, operation, sub);
    return;
  }
  if (isMany(attribute)) {
    if (operation.op !== 'remove') document[attribute] = [{ [sub]: operation.value }];
    return;
  }
  const holder: Json = isObject(before) ? { ...before } : {};
  applyWhole(holder, operation, sub);
  if (Object.keys(holder).length > 0) document[attribute] = holder;
  else delete document[attribute];
}

function applyWhere(document: Json, operation: Operation, target: Target & { readonly filter: Filter }): void {
  const { op, value, where } = operation;
  const { attribute, filter, sub } = target;
  const before: unknown = document[attribute] ?? [];
  if (!Array.isArray(before) || !isMany(attribute))
    throw scimFailure(400, 'invalidPath', `${where}.path: ${attribute} has one value, and nothing to choose from`);
  const chosen = (one: unknown) => holds(filter, one);
  const change = (one: unknown): unknown => {
    if (!isObject(one) || !chosen(one)) return one;
    if (sub === null) return isObject(value) ? { ...one, ...canonicalParts(attribute, value) } : { ...one, value };
    const changed: Json = { ...one };
    applyWhole(changed, operation, sub);
    return changed;
  };
  if (op === 'remove') {
    const kept = sub === null ? before.filter((one) => !chosen(one)) : before.map(change);
    if (kept.length > 0) document[attribute] = kept;
    else delete document[attribute];
  } else if (before.some(chosen)) document[attribute] = before.map(change);
  else {
    // Entra sets an address of a kind that is not there yet in this way.
    const name = filter.op === 'eq' ? subAttributeNamed(attribute, filter.attrPath) : null;
    if (filter.op !== 'eq' || name === null) throw scimFailure(400, 'noTarget', `${where}.path: no value fits`);
    const made = sub === null ? (isObject(value) ? canonicalParts(attribute, value) : { value }) : { [sub]: value };
    document[attribute] = [...before, { [name]: filter.compValue, ...made }];
  }
}

/** There is one primary value: whichever became it last (RFC 7644, section 3.5.2). */
function onePrimary(before: unknown, after: unknown): unknown {
  if (!Array.isArray(after)) return after;
  const isPrimary = (one: unknown) => isObject(one) && truth(part(one, 'primary')) === true;
  const known = new Set(Array.isArray(before) ? before.filter(isPrimary).map(keyOf) : []);
  const chosen: unknown = after.findLast((one) => isPrimary(one) && !known.has(keyOf(one))) ?? after.find(isPrimary);
  return after.map((one: unknown) => (isPrimary(one) && one !== chosen ? { ...(one as Json), primary: false } : one));
}

function canonicalParts(attribute: string, value: Readonly<Json>): Json {
  const parts = Object.entries(value).flatMap(([key, one]) => {
    const name = subAttributeNamed(attribute, key);
    return name === null ? [] : [[name, one] as const];
  });
  return Object.fromEntries(parts);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === null ? [] : [value];
}

function joined(before: readonly unknown[], added: readonly unknown[]): readonly unknown[] {
  const fresh = new Set(added.map(keyOf));
  return [...before.filter((one) => !fresh.has(keyOf(one))), ...added];
}

function without(before: readonly unknown[], removed: unknown): readonly unknown[] {
  const gone = new Set(listOf(removed).map(keyOf));
  return before.filter((one) => !gone.has(keyOf(one)));
}
