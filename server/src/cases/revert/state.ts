/**
 * The state of a resource, and the three-way comparison that decides whether it may be put back. Pure.
 *
 * The surprise: states are compared field by field, and only the fields that the event changed matter. What somebody else changed
 * meanwhile in other fields is theirs and stays.
 */
import { createHash } from 'node:crypto';
import { meaningOf } from './policy-document.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * What is kept of a resource: named fields. Null: the resource is not there. A field in parentheses is a **note**: kept because calls
 * need it (an id, a revision), and never compared.
 */
export type Fields = { readonly [field: string]: Json };
export type ResourceState = Fields | null;

export type Comparison =
  /** The event is still in force: these fields go back. */
  | { readonly type: 'restore'; readonly fields: readonly string[] }
  /** Somebody put it back already. */
  | { readonly type: 'already-done' }
  /** A newer, different change: nothing is touched. */
  | { readonly type: 'conflict'; readonly fields: readonly string[] };

/** @param baseline trusted, before the event. @param event what the event made of it. @param current as read now. */
export function compareThreeWay(baseline: ResourceState, event: ResourceState, current: ResourceState): Comparison {
  const changed = changedFields(baseline, event);
  const done = changed.filter((field) => sameField(current, baseline, field));
  if (done.length === changed.length) return { type: 'already-done' };
  const strange = changed.filter((field) => !sameField(current, baseline, field) && !sameField(current, event, field));
  if (strange.length > 0) return { type: 'conflict', fields: strange };
  return { type: 'restore', fields: changed.filter((field) => !done.includes(field)) };
}

/**
 * The current state with the given fields, and the notes, as the baseline has them; null when the baseline is that there is nothing.
 */
export function restored(baseline: ResourceState, current: ResourceState, fields: readonly string[]): ResourceState {
  if (baseline === null) return null;
  if (current === null) return baseline;
  const next: Record<string, Json> = { ...current };
  for (const field of [...fields, ...Object.keys(baseline).filter(isNote)]) {
    const value = baseline[field];
    if (value === undefined) delete next[field];
    else next[field] = value;
  }
  return next;
}

/** Being there is a field too: `EXISTS` stands for it, alone. */
export const EXISTS = '(exists)';

export function changedFields(from: ResourceState, to: ResourceState): readonly string[] {
  if (from === null || to === null) return from === to ? [] : [EXISTS];
  const fields = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...fields].filter((field) => !isNote(field) && !sameField(from, to, field)).sort();
}

/** The note that names the bytes that were kept with a trusted state. */
export const ARCHIVED = '(archived)';

export function isNote(field: string): boolean {
  return field.startsWith('(');
}

function sameField(one: ResourceState, other: ResourceState, field: string): boolean {
  if (one === null || other === null) return one === other;
  if (field === EXISTS) return changedFields(one, other).length === 0;
  return canonical(meaningOf(one[field] ?? null)) === canonical(meaningOf(other[field] ?? null));
}

/** JSON with sorted keys and without absent members: equal states are equal texts. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((one: Json) => canonical(one)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value as { readonly [key: string]: Json }).filter(([, one]) => one !== undefined);
  const sorted = entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${sorted.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`;
}

/** SHA-256 (hex) of the canonical text: names a state, and a plan. */
export function digestOfJson(value: Json): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}

/** What an SDK or an event gave, as plain JSON: dates as ISO 8601, bytes as base64, absent members left out. */
export function toJson(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object') return null;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined && typeof one !== 'function');
  return Object.fromEntries(entries.map(([key, one]) => [key, toJson(one)]));
}

/** Lists whose order means nothing, in one order. */
export function sortedList(value: unknown): Json {
  const list = Array.isArray(value) ? value.map(toJson) : [];
  return list.sort((one, other) => (canonical(one) < canonical(other) ? -1 : 1));
}

/**
 * A policy document: parsed, from plain text or as IAM writes it, percent-encoded; null when there is none. A text that is no document
 * stands for itself: it equals nothing that AWS would keep.
 */
export function policyDocument(text: unknown): Json {
  if (typeof text !== 'string' || text === '') return typeof text === 'object' ? toJson(text) : null;
  try {
    return toJson(JSON.parse(text.startsWith('%7B') ? decodeURIComponent(text) : text));
  } catch {
    return text;
  }
}

/** A policy document as calls want it: the text of what `policyDocument` made of one. */
export function documentText(document: Json): string {
  return typeof document === 'string' ? document : JSON.stringify(document);
}

/** CloudTrail writes `readWriteType` where the SDK writes `ReadWriteType`. */
export function capitalised(value: unknown): Json {
  if (Array.isArray(value)) return value.map(capitalised);
  if (typeof value !== 'object' || value === null) return toJson(value);
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key.charAt(0).toUpperCase() + key.slice(1), capitalised(one)]),
  );
}
