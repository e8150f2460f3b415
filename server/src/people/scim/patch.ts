/**
 * PATCH as RFC 7644, section 3.5.2 has it, and as Okta and Entra send it.
 *
 * The surprise: the library writes wherever a path leads, also to the prototype of every object. Paths and keys are looked at first.
 */
import { ScimError, type ScimPatchOperation, scimPatch } from 'scim-patch';
import { canonicalName, isObject, scimFailure } from './resource.ts';

const MOST_OPERATIONS = 1_000;
const MOST_PATH = 300;
const OPERATIONS: readonly string[] = ['add', 'remove', 'replace'];
const PROTOTYPE = /(?:^|[^\w])(?:__proto__|prototype|constructor)(?:$|[^\w])/i;
const CORE_PREFIX = /^urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group):/i;

/** @returns the resource as it would be; what was given stays. @throws Failure 400. */
export function patched(resource: object, body: unknown): unknown {
  const operations = operationsOf(body);
  const document = structuredClone({ schemas: [], ...resource }) as unknown as Parameters<typeof scimPatch>[0];
  try {
    return scimPatch(document, operations, { treatMissingAsAdd: true });
  } catch (error) {
    if (error instanceof ScimError) throw scimFailure(400, String(error.scimCode), error.message);
    // The library's parser throws plain errors on a path that is none.
    if (error instanceof Error && !(error instanceof TypeError || error instanceof RangeError))
      throw scimFailure(400, 'invalidPath', error.message.slice(0, MOST_PATH));
    throw scimFailure(400, 'invalidValue', 'this operation does not fit the resource');
  }
}

function operationsOf(body: unknown): ScimPatchOperation[] {
  const list = isObject(body) ? Object.entries(body).find(([key]) => key.toLowerCase() === 'operations')?.[1] : null;
  if (!Array.isArray(list) || list.length === 0 || list.length > MOST_OPERATIONS)
    throw scimFailure(400, 'invalidSyntax', `Operations: 1 to ${MOST_OPERATIONS} operations`);
  return list.map((one: unknown, index) => readOperation(one, `Operations.${index}`));
}

function readOperation(one: unknown, where: string): ScimPatchOperation {
  const { op, path, value } = isObject(one) ? one : {};
  const name = typeof op === 'string' ? op.toLowerCase() : '';
  if (!OPERATIONS.includes(name)) throw scimFailure(400, 'invalidSyntax', `${where}.op: add, remove or replace`);
  if (path !== undefined && (typeof path !== 'string' || path.length > MOST_PATH))
    throw scimFailure(400, 'invalidPath', `${where}.path: a text of at most ${MOST_PATH} characters`);
  if (PROTOTYPE.test(path ?? '') || hasPrototypeKey(value))
    throw scimFailure(400, 'invalidPath', `${where}: there is no such attribute`);
  if (path === undefined && !isObject(value)) throw scimFailure(400, 'noTarget', `${where}: needs a path`);
  return {
    op: name,
    ...(path === undefined ? {} : { path: canonicalPath(path) }),
    ...(value === undefined ? {} : { value: path === undefined ? canonicalKeys(value) : value }),
  } as ScimPatchOperation;
}

function canonicalPath(path: string): string {
  const rest = path.replace(CORE_PREFIX, '');
  if (/^urn:/i.test(rest)) return rest;
  const name = /^[^.[\s]*/.exec(rest)?.[0] ?? '';
  return canonicalName(name) + rest.slice(name.length);
}

function canonicalKeys(value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [canonicalPath(key), one]));
}

function hasPrototypeKey(value: unknown): boolean {
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next !== 'object' || next === null) continue;
    for (const [key, part] of Object.entries(next)) {
      if (PROTOTYPE.test(key)) return true;
      rest.push(part);
    }
  }
  return false;
}
