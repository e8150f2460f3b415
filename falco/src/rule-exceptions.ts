/**
 * `exceptions:` in every form Falco allows, read and checked.
 *
 * ```
 *  fields: proc.name            comps: in (default)      values: [a, b]            one field, many values
 *  fields: [proc.name, fd.name] comps: [=, in]           values: [[a, [b, c]], …]  tuples; a value may be a list
 * ```
 */
import type { Diagnostic } from './diagnostic.ts';
import type { ExceptionValue, RuleException } from './rule-items.ts';
import type { YamlEntry, YamlValue } from './rule-documents.ts';
import { diagnosticAt, type Place, type RuleFile } from './rule-text.ts';

/** Operators that an exception may use. */
export const EXCEPTION_COMPARISONS: ReadonlySet<string> = new Set([
  ...['=', '==', '!=', '<', '<=', '>', '>=', 'contains', 'icontains', 'bcontains', 'startswith', 'bstartswith'],
  ...['endswith', 'glob', 'iglob', 'regex', 'in', 'intersects', 'pmatch'],
]);

export interface ExceptionContext {
  readonly file: RuleFile;
  readonly isField: (name: string) => boolean;
  readonly diagnostics: Diagnostic[];
}

/**
 * Reads `exceptions:` of a rule, or of an append to it: `existing` are those the rule already has. Faulty ones are left
 * out and reported.
 */
export function readExceptions(
  value: YamlValue,
  existing: readonly RuleException[],
  context: ExceptionContext,
): readonly RuleException[] {
  const result = [...existing];
  for (const element of value.type === 'list' ? value.items : []) {
    if (element.type !== 'map') continue;
    const name = textIn(element.entries, 'name') ?? '';
    const place: Place = { file: context.file, offset: element.offset };
    const complain = (code: string, message: string, hint: string) =>
      context.diagnostics.push(
        diagnosticAt(place, { code, severity: 'error', message, hint, item: { kind: 'exception', name } }),
      );
    if (name === '') {
      complain('LOAD_ERR_YAML_VALIDATE', "Item has no mapping for key 'name'", 'give the exception a name');
      continue;
    }
    const index = result.findIndex((known) => known.name === name);
    const known = result[index];
    const built =
      known === undefined
        ? define(name, place, element.entries, context, complain)
        : extend(known, element.entries, context, complain);
    if (built === null) continue;
    if (known === undefined) result.push(built);
    else result[index] = built;
  }
  return result;
}

type Complain = (code: string, message: string, hint: string) => void;

function define(
  name: string,
  place: Place,
  entries: ReadonlyMap<string, YamlEntry>,
  context: ExceptionContext,
  complain: Complain,
): RuleException | null {
  const fields = entries.get('fields')?.value;
  if (fields === undefined) {
    complain(
      'LOAD_ERR_YAML_VALIDATE',
      "Item has no mapping for key 'fields'",
      'name the fields: `fields: [proc.name]`',
    );
    return null;
  }
  const single = fields.type === 'text';
  const names = single ? [fields.piece.value] : textsOf(fields);
  const given = entries.get('comps')?.value;
  const comparisons =
    given === undefined
      ? names.map(() => (single ? 'in' : '='))
      : given.type === 'text'
        ? [given.piece.value]
        : textsOf(given);
  if (comparisons.length !== names.length) {
    complain(
      'LOAD_ERR_VALIDATE',
      'Fields and comps lists must have equal length',
      `${names.length} fields, ${comparisons.length} comps`,
    );
    return null;
  }
  const wrong = comparisons.find((comparison) => !EXCEPTION_COMPARISONS.has(comparison));
  if (wrong !== undefined) {
    complain(
      'LOAD_ERR_VALIDATE',
      `'${wrong}' is not a supported comparison operator`,
      `use one of: ${[...EXCEPTION_COMPARISONS].join(' ')}`,
    );
    return null;
  }
  const unknown = names.find((field) => !context.isField(field.replace(/\[.*$/, '')));
  if (unknown !== undefined) {
    complain('LOAD_ERR_VALIDATE', `'${unknown}' is not a supported filter field`, 'use a field of the rule’s source');
    return null;
  }
  const exception: RuleException = { name, place, single, fields: names, comparisons, values: [] };
  return addValues(exception, entries, context, complain);
}

function extend(
  known: RuleException,
  entries: ReadonlyMap<string, YamlEntry>,
  context: ExceptionContext,
  complain: Complain,
): RuleException | null {
  for (const key of ['fields', 'comps']) {
    if (entries.has(key)) {
      complain(
        'LOAD_ERR_VALIDATE',
        `Can not append exception ${key} to existing exception, only values`,
        `remove ${key}`,
      );
      return null;
    }
  }
  if (!entries.has('values')) {
    complain('LOAD_ERR_VALIDATE', 'Rule exception must have values property', 'add `values:`');
    return null;
  }
  return addValues(known, entries, context, complain);
}

function addValues(
  exception: RuleException,
  entries: ReadonlyMap<string, YamlEntry>,
  context: ExceptionContext,
  complain: Complain,
): RuleException | null {
  const given = entries.get('values')?.value;
  if (given === undefined) return exception;
  const values =
    given.type === 'list' ? given.items.map((item) => valueOf(item, context.file)) : [valueOf(given, context.file)];
  const short = exception.single
    ? undefined
    : values.find((value) => value.type !== 'list' || value.items.length !== exception.fields.length);
  if (short !== undefined) {
    const hint = `each of the values needs ${exception.fields.length} elements: ${exception.fields.join(', ')}`;
    complain('LOAD_ERR_VALIDATE', 'Fields and values lists must have equal length', hint);
    return null;
  }
  return { ...exception, values: [...exception.values, ...values] };
}

function valueOf(value: YamlValue, file: RuleFile): ExceptionValue {
  if (value.type === 'text') {
    const { piece } = value;
    const quoted = /^["']/.test(piece.file.text[piece.start] ?? '');
    return { type: 'text', text: piece.value, quoted, place: { file: piece.file, offset: piece.start } };
  }
  const items = value.type === 'list' ? value.items.map((item) => valueOf(item, file)) : [];
  return { type: 'list', items, place: { file, offset: value.offset } };
}

function textsOf(value: YamlValue): string[] {
  return value.type === 'list' ? value.items.flatMap((item) => (item.type === 'text' ? [item.piece.value] : [])) : [];
}

function textIn(entries: ReadonlyMap<string, YamlEntry>, key: string): string | null {
  const value = entries.get(key)?.value;
  return value?.type === 'text' ? value.piece.value : null;
}
