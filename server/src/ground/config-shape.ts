/**
 * Says in words how a value differs from a TypeBox schema. The library's own messages stop after a few and speak of
 * `anyOf`; a person who mistyped a key wants the key, and the one they probably meant.
 *
 * It knows the parts of JSON Schema that our configuration uses: object, record, array, string, boolean, integer,
 * number, literal, union. Values are never repeated in a message.
 */
import type { TSchema } from 'typebox';

export type ConfigPath = readonly (string | number)[];

export interface Mismatch {
  readonly path: ConfigPath;
  readonly message: string;
  readonly hint: string | null;
}

/** A file with more mistakes than this is told of the first ones. */
export const MAXIMUM_MISMATCHES = 100;

interface Shape {
  readonly type?: string;
  readonly const?: unknown;
  readonly anyOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly items?: Shape;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

/** Empty when nothing that this knows of is wrong. */
export function describeMismatches(schema: TSchema, value: unknown): readonly Mismatch[] {
  return compare(schema, value, []).slice(0, MAXIMUM_MISMATCHES);
}

function compare(shape: Shape, value: unknown, path: ConfigPath): Mismatch[] {
  if (shape.anyOf !== undefined) {
    return compareUnion(shape.anyOf, value, path);
  }
  if ('const' in shape) {
    return value === shape.const ? [] : [{ path, message: `this must be ${wordsOf(shape)}`, hint: null }];
  }
  if (shape.type === undefined) {
    return []; // Type.Unknown: anything goes
  }
  const isOfType = typeOf(value) === shape.type || (shape.type === 'number' && typeOf(value) === 'integer');
  if (!isOfType) {
    const quote = shape.type === 'string' && (typeOf(value) === 'integer' || typeOf(value) === 'boolean');
    return [{ path, message: `this must be ${wordsOf(shape)}`, hint: quote ? 'put it in quotes' : null }];
  }
  switch (shape.type) {
    case 'object':
      return compareObject(shape, value as Readonly<Record<string, unknown>>, path);
    case 'array':
      return compareArray(shape, value as readonly unknown[], path);
    case 'string':
      return compareString(shape, value as string, path);
    default:
      return [];
  }
}

function compareObject(shape: Shape, value: Readonly<Record<string, unknown>>, path: ConfigPath): Mismatch[] {
  const { properties = {}, patternProperties, required = [] } = shape;
  const [everyOther] = Object.values(patternProperties ?? {});
  const mismatches: Mismatch[] = required
    .filter((key) => !(key in value))
    .map((key) => ({ path, message: `'${key}' is missing`, hint: null }));
  for (const [key, member] of Object.entries(value)) {
    const expected = Object.hasOwn(properties, key) ? properties[key] : everyOther;
    if (expected !== undefined) {
      mismatches.push(...compare(expected, member, [...path, key]));
    } else if (shape.additionalProperties === false) {
      mismatches.push({ path: [...path, key], message: `'${key}' is not known here`, hint: nearest(key, properties) });
    }
  }
  return mismatches;
}

function compareArray(shape: Shape, value: readonly unknown[], path: ConfigPath): Mismatch[] {
  const { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = shape;
  if (value.length < minItems || value.length > maxItems) {
    const range = value.length < minItems ? `at least ${minItems}` : `at most ${maxItems}`;
    return [{ path, message: `this list must have ${range} entries`, hint: null }];
  }
  return items === undefined ? [] : value.flatMap((item, index) => compare(items, item, [...path, index]));
}

function compareString(shape: Shape, value: string, path: ConfigPath): Mismatch[] {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = shape;
  if (value.length < minLength) {
    return [{ path, message: `this must have at least ${minLength} characters`, hint: null }];
  }
  if (value.length > maxLength) {
    return [{ path, message: `this must have at most ${maxLength} characters`, hint: null }];
  }
  if (pattern !== undefined && !new RegExp(pattern).test(value)) {
    return [{ path, message: `this does not look like it must (${pattern})`, hint: null }];
  }
  return [];
}

/** Of several possible shapes, the complaints of the one that was probably meant. */
function compareUnion(shapes: readonly Shape[], value: unknown, path: ConfigPath): Mismatch[] {
  const attempts = shapes.map((shape) => ({ shape, mismatches: compare(shape, value, path) }));
  if (attempts.some(({ mismatches }) => mismatches.length === 0)) {
    return [];
  }
  const sameKind = attempts.filter(({ shape }) => !('const' in shape) && shape.type === typeOf(value));
  const sharing = sameKind.filter(({ shape }) => sharesKey(shape, value));
  const [meant, ...others] = sharing.length > 0 ? sharing : sameKind.length === 1 ? sameKind : [];
  if (meant === undefined || others.length > 0) {
    return [{ path, message: `this must be ${shapes.map(wordsOf).join(' or ')}`, hint: null }];
  }
  return meant.mismatches;
}

function sharesKey(shape: Shape, value: unknown): boolean {
  const keys = Object.keys(shape.properties ?? {});
  return typeof value === 'object' && value !== null && keys.some((key) => key in value);
}

function wordsOf(shape: Shape): string {
  if (shape.anyOf !== undefined) {
    return shape.anyOf.map(wordsOf).join(' or ');
  }
  if ('const' in shape) {
    return String(shape.const);
  }
  switch (shape.type) {
    case 'string':
      return 'text';
    case 'boolean':
      return 'true or false';
    case 'integer':
    case 'number':
      return 'a number';
    case 'array':
      return 'a list';
    default: {
      const keys = shape.required ?? [];
      return keys.length === 0 ? 'a mapping' : `{ ${keys.map((key) => `${key}: …`).join(', ')} }`;
    }
  }
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) {
    return 'array';
  }
  if (value === null) {
    return 'null';
  }
  return Number.isInteger(value) ? 'integer' : typeof value;
}

const FARTHEST = 3;

function nearest(word: string, properties: Readonly<Record<string, Shape>>): string | null {
  const known = Object.keys(properties);
  const [best] = known
    .map((key) => ({ key, distance: editDistance(word.toLowerCase(), key) }))
    .filter(({ distance }) => distance <= FARTHEST)
    .sort((one, other) => one.distance - other.distance);
  return best === undefined ? `known here: ${known.join(', ')}` : `did you mean '${best.key}'?`;
}

/** Levenshtein; keys are short. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of Array.from(one.slice(0, 64)).entries()) {
    const next = [index + 1];
    for (let at = 0; at < other.length; at += 1) {
      const replaced = (row[at] ?? 0) + (letter === other[at] ? 0 : 1);
      next.push(Math.min(replaced, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
