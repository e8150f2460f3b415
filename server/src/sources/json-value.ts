/** Reading out of parsed JSON that nobody promised anything about: every step may be missing or of another type. */
import { createHash } from 'node:crypto';
import type { FieldValue } from '@countersign/falco';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The member of an object, own members only; undefined otherwise. */
export function member(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Follows member names; undefined where the way ends. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const name of path) {
    current = member(current, name);
    if (current === undefined) return undefined;
  }
  return current;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** A scalar as text, an object or list as JSON text, null and undefined as absent: what a field of text shows. */
export function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : jsonText(value);
}

/** As JSON text; what nests so deep that the stack would end is cut to a note, so that this never throws. */
export function jsonText(value: unknown, indent = 0): string {
  try {
    return JSON.stringify(value, null, indent) ?? 'null';
  } catch {
    return '"(nests too deep to be shown)"';
  }
}

/** For records without an id, as in old formats and some exports: equal records then are one event. */
export function derivedId(record: JsonObject): string {
  return `sha256:${createHash('sha256').update(jsonText(record)).digest('hex').slice(0, 40)}`;
}

/** Whether anything lies more than `most` levels down. The value itself is level 0; a scalar has no level below it. */
export function nestsDeeper(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (most <= 0) return true;
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null && nestsDeeper(inner, most - 1)) return true;
  }
  return false;
}

/** Strings of a list; scalars as text, objects as JSON; null when it is no list. */
export function textList(value: unknown): FieldValue {
  if (!Array.isArray(value)) return null;
  return value.flatMap((item) => asText(item) ?? []);
}

/** RFC 6901; a leading `/` may be missing, as in older rule files. Undefined where the way ends. */
export function atPointer(value: unknown, pointer: string): unknown {
  let current = value;
  for (const name of stepsOf(pointer)) {
    if (typeof current !== 'object' || current === null) return undefined;
    if (Array.isArray(current)) current = INDEX.test(name) ? current[Number(name)] : undefined;
    else if (Object.hasOwn(current, name)) current = (current as JsonObject)[name];
    else return undefined;
  }
  return current;
}

const INDEX = /^(0|[1-9]\d{0,8})$/;
/** Rules name a few hundred pointers, over and over. */
const MOST_POINTERS = 10_000;
const knownSteps = new Map<string, readonly string[]>();

function stepsOf(pointer: string): readonly string[] {
  const known = knownSteps.get(pointer);
  if (known !== undefined) return known;
  const steps =
    pointer === ''
      ? []
      : (pointer.startsWith('/') ? pointer.slice(1) : pointer)
          .split('/')
          .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (knownSteps.size < MOST_POINTERS) knownSteps.set(pointer, steps);
  return steps;
}
