/** Output as Falco prints it, and the alert JSON that its users' tools read. */
import { type FieldCatalogue, type FieldValue, findField, type Scalar } from './fields.ts';
import type { OutputTemplate, Rule, TemplatePart } from './ruleset.ts';
import { TRANSFORMER_TABLE } from './transforms.ts';

export type FieldJson = string | number | boolean | null | readonly (string | number | boolean)[];

export interface Formatted {
  /** Absent values print as `<NA>`, lists as `(a,b)`. */
  readonly text: string;
  /** By placeholder, absent values null. */
  readonly fields: Readonly<Record<string, FieldJson>>;
}

/** Falco's alert, member by member in its order. */
export interface Alert {
  readonly hostname: string;
  readonly output: string;
  readonly output_fields: Readonly<Record<string, FieldJson>>;
  readonly priority: string;
  readonly rule: string;
  readonly source: string;
  readonly tags: readonly string[];
  /** ISO 8601, UTC, nanoseconds. */
  readonly time: string;
}

export const ABSENT = '<NA>';

export function formatOutput<Event>(
  template: OutputTemplate,
  catalogue: FieldCatalogue<Event>,
  event: Event,
): Formatted {
  const fields: Record<string, FieldJson> = {};
  let text = '';
  for (const part of template.parts) {
    if (part.type === 'text') {
      text += part.text;
      continue;
    }
    const value = placeholderReader(part, catalogue)(event);
    fields[part.key] = jsonOf(value);
    text += textOf(value);
  }
  return { text, fields };
}

/** The alert of a rule that matched. Times are UTC: Falco prints the machine's zone, ours must not depend on it. */
export function toAlert<Event>(
  rule: Rule,
  catalogue: FieldCatalogue<Event>,
  event: Event,
  context: { readonly timeNs: bigint; readonly hostname: string },
): Alert {
  const { text, fields } = formatOutput(rule.output, catalogue, event);
  const time = isoTime(context.timeNs);
  return {
    hostname: context.hostname,
    output: `${time.slice(11, 29)}: ${rule.priority} ${text}`,
    output_fields: fields,
    priority: rule.priority,
    rule: rule.name,
    source: rule.source,
    tags: rule.tags,
    time,
  };
}

const MS_PER_S = 1_000;
const NS_PER_S = 1_000_000_000n;

/** Events come in order: nearly all are of the second of the one before. */
let lastSecond = -1n;
let lastText = '';

/** Nanoseconds since 1970 → `2018-03-09T01:02:03.123456789Z`. */
export function isoTime(timeNs: bigint): string {
  const second = timeNs / NS_PER_S;
  if (second !== lastSecond) {
    lastText = new Date(Number(second) * MS_PER_S).toISOString().slice(0, 19);
    lastSecond = second;
  }
  return `${lastText}.${(timeNs % NS_PER_S).toString().padStart(9, '0')}Z`;
}

/** What output prints for one placeholder, found once and read for many events. */
export function placeholderReader<Event>(
  part: Extract<TemplatePart, { type: 'field' }>,
  catalogue: FieldCatalogue<Event>,
): (event: Event) => FieldValue {
  const found = findField(catalogue, part.field, part.argument);
  if (found === null) return () => null;
  const { definition, argument } = found;
  const read = (event: Event): FieldValue =>
    (definition.print === undefined ? definition.extract(event, argument) : definition.print(event, argument)) ?? null;
  if (part.transforms.length === 0) return read;
  const transforms = part.transforms.toReversed().map((name) => TRANSFORMER_TABLE.get(name));
  return (event) => transforms.reduce<FieldValue>((value, transform) => transform?.apply([value]) ?? null, read(event));
}

function jsonOf(value: FieldValue): FieldJson {
  if (value === null) return null;
  if (Array.isArray(value)) return (value as readonly Scalar[]).map(scalarJson);
  return scalarJson(value as Scalar);
}

function scalarJson(value: Scalar): string | number | boolean {
  return typeof value === 'bigint' ? Number(value) : value;
}

function textOf(value: FieldValue): string {
  if (value === null) return ABSENT;
  if (!Array.isArray(value)) return String(value);
  return `(${(value as readonly Scalar[]).map(String).join(',')})`;
}
