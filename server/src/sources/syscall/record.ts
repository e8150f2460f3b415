/**
 * A system call as a record: fields by their names, as they were when it happened.
 *
 * A stream of system calls is judged while its state lives in memory; what some rule matched becomes such a record, with what the
 * rules said, and goes the way of every other event from there. Tests of rules are written as the fields alone.
 */
import { type FieldCatalogue, type FieldDefinition, type FieldValue, syscallFieldCatalogue } from '@countersign/falco';
import { EVENT_TABLE, SYSCALL_FIELDS } from '@countersign/scap';
import type { SourceRecord } from '../source.ts';

/** What a rule said of the call when it happened. */
export interface RecordedMatch {
  readonly rule: string;
  readonly priority: string;
  readonly tags: readonly string[];
  readonly output: string;
  readonly outputFields: Readonly<Record<string, unknown>>;
}

export interface SyscallRecord {
  /** Where it happened, as the configuration calls it. */
  readonly host: string;
  /** Known by it, however often it is delivered. */
  readonly id: string;
  readonly timeMs: number;
  /** `proc.name` → `sh`; one with an argument as `evt.arg[flags]`. */
  readonly fields: Readonly<Record<string, FieldValue>>;
  /** Empty in tests of rules, which have not been judged yet. */
  readonly matches: readonly RecordedMatch[];
  /** How many more of the kind were not told one by one since the last. */
  readonly repeats: number;
}

/** Only what this room wrote comes back as one. */
export function syscallRecordOf(record: SourceRecord): SyscallRecord {
  return record as unknown as SyscallRecord;
}

const DESCRIBED = syscallFieldCatalogue();

/** Rules read records by it. Ancestors that were given as one list are known one by one as well. */
export const recordCatalogue: FieldCatalogue<SourceRecord> = {
  source: DESCRIBED.source,
  indexFields: DESCRIBED.indexFields,
  fields: new Map(
    [...DESCRIBED.fields].map(([name, described]): [string, FieldDefinition<SourceRecord>] => {
      const { type, isList, argument, dottedArgument, values, description } = described;
      const oneMatches = SYSCALL_FIELDS.get(name)?.oneMatches;
      return [
        name,
        {
          name,
          type,
          isList,
          argument,
          description,
          ...(dottedArgument === undefined ? {} : { dottedArgument }),
          ...(values === undefined ? {} : { values }),
          ...(oneMatches === undefined ? {} : { oneMatches }),
          extract: (record, at) => valueIn(syscallRecordOf(record).fields, name, at),
        },
      ];
    }),
  ),
};

function valueIn(fields: SyscallRecord['fields'], name: string, argument: string | null): FieldValue {
  if (argument === null) return fields[name] ?? null;
  const own = fields[`${name}[${argument}]`];
  if (own !== undefined) return own;
  const all = fields[name];
  if (!Array.isArray(all) || !/^\d+$/.test(argument)) return null;
  // The first of the list is the parent, who is number 1.
  return (all as readonly (string | number)[])[Number(argument) - 1] ?? null;
}

/** The fields of a test of rules, checked; or what is wrong with them. */
export function fieldsOfTest(given: SourceRecord): SyscallRecord['fields'] | string {
  const fields: Record<string, FieldValue> = {};
  const type = given['evt.type'];
  if (typeof type !== 'string') return "'evt.type' is missing: say which call it is";
  for (const [key, value] of Object.entries(given)) {
    const found = keyOf(key);
    if (found === null) return `the source has no field '${key}'`;
    const fault = faultOf(found, value, type);
    if (fault !== null) return `'${key}' ${fault}`;
    fields[found.key] = value as FieldValue;
  }
  return { ...impliedBy(fields), ...fields };
}

/** What a command line, ancestors and the name of a file say by themselves, so that a test need not repeat it. */
function impliedBy(fields: SyscallRecord['fields']): SyscallRecord['fields'] {
  const implied: Record<string, FieldValue> = {};
  const command = fields['proc.cmdline'];
  if (typeof command === 'string') {
    const [name = '', ...args] = command.split(' ');
    Object.assign(implied, { 'proc.name': name, 'proc.exe': name, 'proc.exepath': `/usr/bin/${name}` });
    Object.assign(implied, { 'proc.args': args.join(' '), 'proc.cmdnargs': args.length });
  }
  const ancestors = fields['proc.aname'];
  if (Array.isArray(ancestors)) implied['proc.pname'] = (ancestors as readonly string[])[0] ?? null;
  const file = fields['fd.name'];
  if (typeof file === 'string' && file.startsWith('/')) {
    const slash = file.lastIndexOf('/');
    implied['fd.filename'] = file.slice(slash + 1);
    implied['fd.directory'] = file.slice(0, slash) || '/';
    implied['fd.nameraw'] = file;
  }
  return implied;
}

interface Key {
  readonly definition: FieldDefinition<SourceRecord>;
  readonly argument: string | null;
  readonly key: string;
}

/** `evt.arg.flags` and `evt.arg[flags]` are one. */
function keyOf(written: string): Key | null {
  const [, bare = written, inBrackets] = /^([^[]+)\[(.*)\]$/.exec(written) ?? [];
  const definition = recordCatalogue.fields.get(bare);
  if (definition !== undefined) {
    const argument = inBrackets ?? null;
    if (argument !== null && definition.argument === null) return null;
    return { definition, argument, key: written };
  }
  const dot = written.lastIndexOf('.');
  const parent = recordCatalogue.fields.get(written.slice(0, dot));
  if (parent?.dottedArgument !== true) return null;
  const argument = written.slice(dot + 1);
  return { definition: parent, argument, key: `${parent.name}[${argument}]` };
}

const TYPES: Readonly<Partial<Record<FieldDefinition<never>['type'], string>>> = {
  string: 'string',
  ip: 'string',
  net: 'string',
  bytes: 'string',
  boolean: 'boolean',
  number: 'number',
  port: 'number',
};

/** A field that no event of this type can have, or that cannot hold such a value, would make a test that proves nothing. */
function faultOf({ definition, argument }: Key, value: unknown, type: string): string | null {
  const wanted = TYPES[definition.type];
  const values = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  const isMany = definition.isList || (definition.oneMatches !== undefined && argument === null);
  if (Array.isArray(value) && !isMany) return 'is one value, not a list';
  if (wanted !== undefined && values.some((one) => typeof one !== wanted)) return `must be a ${wanted}`;
  if (definition.values !== undefined && !definition.values.has(String(value))) return `is never '${String(value)}'`;
  if (definition.name !== 'evt.arg' || argument === null || /^\d+$/.test(argument)) return null;
  const named = EVENT_TABLE.filter((row) => row !== undefined && row.name === type && row.isExit);
  return named.some((row) => row.parameters.some(({ name }) => name === argument)) ? null : `is no argument of ${type}`;
}
