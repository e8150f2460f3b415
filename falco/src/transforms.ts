/** Falco's transformers: functions over extracted values. An absent operand makes an absent result. */
import type { FieldValue, Scalar } from './fields.ts';
import type { FieldType } from './fields.ts';

export interface Transformer {
  readonly operands: { readonly least: number; readonly most: number };
  /** The type of the result, given the type of the first operand. */
  readonly result: FieldType;
  /** A list result from a list operand, value by value; otherwise the list is taken whole. */
  readonly mapsLists: boolean;
  apply(operands: readonly FieldValue[]): FieldValue;
}

const MOST_OPERANDS = 32;

export const TRANSFORMER_TABLE: ReadonlyMap<string, Transformer> = new Map<string, Transformer>([
  ['toupper', eachText((text) => text.toUpperCase())],
  ['tolower', eachText((text) => text.toLowerCase())],
  ['b64', eachText(decodeBase64)],
  ['basename', eachText((path) => path.slice(path.lastIndexOf('/') + 1))],
  [
    'len',
    {
      operands: { least: 1, most: 1 },
      result: 'number',
      mapsLists: false,
      apply: ([value]) => lengthOf(value ?? null),
    },
  ],
  [
    'join',
    {
      operands: { least: 2, most: MOST_OPERANDS },
      result: 'string',
      mapsLists: false,
      apply: ([separator, ...rest]) => {
        const values = flatten(rest);
        return values === null || separator === null || separator === undefined ? null : values.join(String(separator));
      },
    },
  ],
  [
    'concat',
    {
      operands: { least: 2, most: MOST_OPERANDS },
      result: 'string',
      mapsLists: false,
      apply: (values) => flatten(values)?.join('') ?? null,
    },
  ],
  [
    'getopt',
    {
      operands: { least: 2, most: 3 },
      result: 'string',
      mapsLists: false,
      apply: ([args, option]) => optionValues(args ?? null, option ?? null),
    },
  ],
]);

function eachText(change: (text: string) => string | null): Transformer {
  return {
    operands: { least: 1, most: 1 },
    result: 'string',
    mapsLists: true,
    apply: ([value]) => {
      if (value === null || value === undefined) return null;
      if (!Array.isArray(value)) return change(String(value));
      return value.flatMap((item: Scalar) => change(String(item)) ?? []);
    },
  };
}

function decodeBase64(text: string): string | null {
  const clean = text.replace(/[\r\n]/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(clean) || clean.replace(/=+$/, '').length % 4 === 1) return null;
  const binary = atob(clean.replace(/=+$/, ''));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

function lengthOf(value: FieldValue): FieldValue {
  if (value === null) return 0;
  return Array.isArray(value) ? value.length : String(value).length;
}

function flatten(values: readonly FieldValue[]): string[] | null {
  if (values.some((value) => value === null)) return null;
  return values.flatMap((value) => (Array.isArray(value) ? value.map(String) : [String(value)]));
}

/** The values of a short option in an argument list: `-p 22`, `-p22`; of a long one: `--port 22`, `--port=22`. */
function optionValues(args: FieldValue, option: FieldValue): FieldValue {
  if (args === null || option === null) return null;
  const words = Array.isArray(args) ? args.map(String) : String(args).split(/\s+/);
  const name = String(option).replace(/^-+/, '').replace(/:$/, '');
  const flag = name.length === 1 ? `-${name}` : `--${name}`;
  const found: string[] = [];
  for (const [index, word] of words.entries()) {
    if (word === '--') break;
    if (word === flag) found.push(words[index + 1] ?? '');
    else if (name.length === 1 && word.startsWith(flag) && !word.startsWith('--')) found.push(word.slice(2));
    else if (name.length > 1 && word.startsWith(`${flag}=`)) found.push(word.slice(flag.length + 1));
  }
  return found.length === 0 ? null : found;
}
