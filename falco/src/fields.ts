/**
 * What a field is: the border between the rule language and a source of events.
 *
 * A source publishes a `FieldCatalogue`; the language never knows what an event looks like, it only calls `extract`.
 */

/** Falco's field types, reduced to those that change how a comparison behaves. */
export type FieldType =
  | 'string'
  | 'number' // signed and unsigned integers, and doubles; bigint where 53 bits are not enough
  | 'boolean'
  | 'ip' // compares with addresses and, for `in`/`=`, CIDR ranges
  | 'net' // CIDR only
  | 'port'
  | 'reltime' // nanoseconds
  | 'abstime' // nanoseconds since 1970
  | 'distance' // how far away something is: `=` means at most that, and there is no other operator
  | 'bytes'
  | 'any'; // the event decides (evt.arg, json.value …): compared as text

/** One extracted value. Absent is `null`: every operator but `not … exists` is then false, output prints `<NA>`. */
export type Scalar = string | number | bigint | boolean;
export type FieldValue = Scalar | readonly Scalar[] | null;

export interface FieldArgument {
  readonly required: boolean;
  /** `index`: `[0]`; `key`: `[name]` or `["na me"]`; `both`: either. */
  readonly kind: 'index' | 'key' | 'both';
}

export type OneMatches = 'in' | 'always';

/** One field of a source. `Event` is whatever the source decodes to; `extract` must not throw and must not mutate. */
export interface FieldDefinition<Event> {
  readonly name: string;
  readonly type: FieldType;
  readonly isList: boolean;
  readonly argument: FieldArgument | null;
  /** The argument may also follow a dot: `evt.arg.flags` is `evt.arg[flags]`. */
  readonly dottedArgument?: boolean;
  readonly description: string;
  /** The only values the field can have, when they are few and known (`evt.type`): comparing with another is an error. */
  readonly values?: ReadonlySet<string>;
  /** Extracting it is work (a large value written as text): conditions ask it after everything cheaper. */
  readonly isCostly?: boolean;
  /** Its value stays the same from event to event, as long as whoever keeps an `outlook` says so. */
  readonly isLasting?: boolean;
  /** Of a list of values one that matches is enough, also for `in`, or for every operator (`!=` too). */
  readonly oneMatches?: OneMatches;
  /** What output prints, where that differs from what conditions compare. */
  print?(event: Event, argument: string | null): FieldValue;
  extract(event: Event, argument: string | null): FieldValue;
}

/** All fields of one source, by name. `eventNameField` names the field that the compiled index may switch on. */
export interface FieldCatalogue<Event> {
  readonly source: string;
  readonly fields: ReadonlyMap<string, FieldDefinition<Event>>;
  /** The single-valued string field that most rules pin with `=`/`in` (`ct.name`, `ka.verb`, `evt.type`). */
  readonly indexFields: readonly string[];
}

/** A field as a condition names it, found in a catalogue. */
export interface FoundField<Event> {
  readonly definition: FieldDefinition<Event>;
  readonly argument: string | null;
}

/** Null when the source has no such field. Whether the argument fits is the caller's question. */
export function findField<Event>(
  catalogue: FieldCatalogue<Event>,
  name: string,
  argument: string | null,
): FoundField<Event> | null {
  const definition = catalogue.fields.get(name);
  if (definition !== undefined) return { definition, argument };
  const dot = name.lastIndexOf('.');
  const parent = dot === -1 ? undefined : catalogue.fields.get(name.slice(0, dot));
  if (parent?.dottedArgument !== true || argument !== null) return null;
  return { definition: parent, argument: name.slice(dot + 1) };
}
