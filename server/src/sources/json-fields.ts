/**
 * Fields that every source of JSON records has: `json.*` and `jevt.*` by pointer, and Falco's generic `evt.*`.
 *
 * The surprise: `evt.num` is always 1. The order of records is nothing that a stored event knows, and rules only ask whether it
 * is above 0.
 */
import { type FieldDefinition, type FieldType, type FieldValue, isoTime } from '@countersign/falco';
import { asText, atPointer, jsonText } from './json-value.ts';
import type { SourceRecord } from './source.ts';

export interface JsonFieldOptions {
  readonly source: string;
  /** What `evt.pluginname` shows: the name of Falco's plugin for the source. */
  readonly plugin: string;
  readonly timeMs: (record: SourceRecord) => number | null;
  /** What `evt.plugininfo` shows. */
  readonly info: (record: SourceRecord) => string | null;
}

const NS_PER_MS = 1_000_000n;

/** A field of one value without an argument. */
export function field(
  name: string,
  type: FieldType,
  extract: (record: SourceRecord) => FieldValue,
): FieldDefinition<SourceRecord> {
  return { name, type, isList: false, argument: null, description: '', extract };
}

/** A text that is put together from much of the record: conditions ask it last. */
export function costlyField(
  name: string,
  extract: (record: SourceRecord) => FieldValue,
): FieldDefinition<SourceRecord> {
  return { ...field(name, 'string', extract), isCostly: true };
}

export function jsonFields(options: JsonFieldOptions): readonly FieldDefinition<SourceRecord>[] {
  return [...pointerFields(options), ...eventFields(options)];
}

function pointerFields({ timeMs }: JsonFieldOptions): readonly FieldDefinition<SourceRecord>[] {
  const pointer = (name: string): FieldDefinition<SourceRecord> => ({
    name,
    type: 'any',
    isList: false,
    argument: { required: true, kind: 'key' },
    description: 'the value at a JSON pointer; objects and lists as JSON text',
    extract: (record, argument) => {
      const value = atPointer(record, argument ?? '');
      // A null that is there is shown, as Falco does, so that rules can tell it from a member that is missing.
      return value === null ? 'null' : asText(value);
    },
  });
  const whole = (record: SourceRecord) => jsonText(record, 2);
  const time = timeFields(timeMs);
  return [
    pointer('json.value'),
    pointer('jevt.value'),
    costlyField('json.obj', whole),
    costlyField('jevt.obj', whole),
    field('json.rawtime', 'abstime', time.ns),
    field('jevt.rawtime', 'abstime', time.ns),
    field('jevt.time', 'string', time.clock),
    field('jevt.time.iso8601', 'string', time.iso),
  ];
}

function eventFields({ source, plugin, timeMs, info }: JsonFieldOptions): readonly FieldDefinition<SourceRecord>[] {
  const time = timeFields(timeMs);
  const part = (name: string, pick: (ns: bigint) => bigint) =>
    field(name, 'abstime', (record) => {
      const ns = time.ns(record);
      return typeof ns === 'bigint' ? pick(ns) : null;
    });
  const second = 1_000_000_000n;
  return [
    field('evt.num', 'number', () => 1),
    field('evt.type', 'string', () => 'pluginevent'),
    field('evt.source', 'string', () => source),
    field('evt.pluginname', 'string', () => plugin),
    field('evt.plugininfo', 'string', info),
    field('evt.is_async', 'boolean', () => false),
    field('evt.asynctype', 'string', () => null),
    field('evt.hostname', 'string', () => null),
    field('evt.time', 'string', time.clock),
    field('evt.time.s', 'string', (record) => cut(time.clock(record), 8)),
    field('evt.time.iso8601', 'string', time.iso),
    field('evt.datetime', 'string', (record) => time.iso(record)?.replace('T', ' ').replace('Z', '') ?? null),
    field('evt.datetime.s', 'string', (record) => cut(time.iso(record)?.replace('T', ' ') ?? null, 19)),
    field('evt.rawtime', 'abstime', time.ns),
    part('evt.rawtime.s', (ns) => ns / second),
    part('evt.rawtime.ns', (ns) => ns % second),
    field('evt.reltime', 'reltime', () => 0),
    field('evt.reltime.s', 'reltime', () => 0),
    field('evt.reltime.ns', 'reltime', () => 0),
  ];
}

function timeFields(timeMs: JsonFieldOptions['timeMs']) {
  const ns = (record: SourceRecord): bigint | null => {
    const ms = timeMs(record);
    return ms === null ? null : BigInt(Math.trunc(ms)) * NS_PER_MS;
  };
  const iso = (record: SourceRecord): string | null => {
    const value = ns(record);
    return value === null ? null : isoTime(value);
  };
  return { ns, iso, clock: (record: SourceRecord) => iso(record)?.slice(11, 29) ?? null };
}

function cut(text: string | null, length: number): string | null {
  return text === null ? null : text.slice(0, length);
}
