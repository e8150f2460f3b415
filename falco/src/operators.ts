/**
 * What each operator means: a literal is prepared once (parsed, compiled, hashed) into a test of one extracted value.
 *
 * Both executions use these tests; they differ in when and how often they call them. A value of another type than the
 * field promises never matches: sources are trusted to extract what they declare, not believed.
 */
import { RE2JS } from 're2js';
import { type AddressRange, parseAddress, parseRange } from './addresses.ts';
import type { BinaryOperator } from './ast.ts';
import type { FieldType, Scalar } from './fields.ts';
import { globTest, globToPattern } from './globs.ts';

/** A test of one value of a field. */
export type ScalarTest = (value: Scalar) => boolean;

/** Why a literal does not fit, or its test. */
export type PreparedTest = { readonly test: ScalarTest } | { readonly problem: string };

const NUMBER_TYPES: ReadonlySet<FieldType> = new Set(['number', 'port', 'reltime', 'abstime', 'distance']);
const ORDERED: ReadonlySet<BinaryOperator> = new Set(['<', '<=', '>', '>=']);
const TEXT_ONLY: ReadonlySet<BinaryOperator> = new Set([
  ...(['contains', 'icontains', 'bcontains', 'startswith', 'bstartswith', 'endswith'] as const),
  ...(['glob', 'iglob', 'regex', 'pmatch'] as const),
]);
/** Longer patterns are refused: a linear-time engine is still linear in the pattern. */
export const MAXIMUM_PATTERN_LENGTH = 10_000;

export function isNumeric(type: FieldType): boolean {
  return NUMBER_TYPES.has(type);
}

/** Whether the operator makes sense on the type; a sentence when not. */
export function operatorProblem(operator: BinaryOperator, type: FieldType): string | null {
  if (type === 'distance' && operator !== '=')
    return `'${operator}' operator not supported for type 'distance', only '='`;
  if (type === 'any' || type === 'string' || type === 'bytes') {
    return ORDERED.has(operator) && type !== 'any' ? `'${operator}' operator not supported for text` : null;
  }
  if (TEXT_ONLY.has(operator)) return `'${operator}' operator not supported for type '${type}'`;
  if (ORDERED.has(operator) && !isNumeric(type)) return `'${operator}' operator not supported for type '${type}'`;
  return null;
}

/** The test of one literal; list operators are prepared with `prepareList`. */
export function prepareScalar(operator: BinaryOperator, type: FieldType, literal: string): PreparedTest {
  switch (operator) {
    case '=':
      return prepareEquals(type, literal);
    case '!=': {
      const equals = prepareEquals(type, literal);
      return 'problem' in equals ? equals : { test: (value) => !equals.test(value) };
    }
    case '<':
    case '<=':
    case '>':
    case '>=':
      return prepareOrder(operator, literal);
    case 'in':
    case 'intersects':
      return prepareEquals(type, literal);
    case 'pmatch':
      return { test: pathTest([literal]) };
    default:
      return prepareText(operator, literal);
  }
}

/** The test of a list of literals for `in` and `intersects` (equal to one of them) and `pmatch` (below one of them). */
export function prepareList(operator: BinaryOperator, type: FieldType, literals: readonly string[]): PreparedTest {
  if (operator === 'pmatch') return { test: pathTest(literals) };
  if (type === 'ip' || type === 'net') {
    const ranges: AddressRange[] = [];
    for (const literal of literals) {
      const range = parseRange(literal);
      if (range === null) return { problem: `unrecognized address '${literal}'` };
      ranges.push(range);
    }
    return { test: remembered((address) => ranges.some(({ first, last }) => address >= first && address <= last)) };
  }
  if (isNumeric(type)) {
    const numbers = new Set<number | bigint>();
    for (const literal of literals) {
      const number = parseNumber(literal);
      if (number === null) return { problem: `'${literal}' is not a number` };
      numbers.add(number);
    }
    return { test: (value) => (typeof value === 'number' || typeof value === 'bigint') && numbers.has(narrow(value)) };
  }
  if (type === 'boolean') return anyOf(literals.map((literal) => prepareEquals(type, literal)));
  const texts = new Set(literals);
  return { test: (value) => texts.has(typeof value === 'string' ? value : String(value)) };
}

function anyOf(prepared: readonly PreparedTest[]): PreparedTest {
  const tests: ScalarTest[] = [];
  for (const one of prepared) {
    if ('problem' in one) return one;
    tests.push(one.test);
  }
  return { test: (value) => tests.some((test) => test(value)) };
}

function prepareEquals(type: FieldType, literal: string): PreparedTest {
  if (type === 'distance') return prepareOrder('<=', literal);
  if (isNumeric(type)) {
    const number = parseNumber(literal);
    if (number === null) return { problem: `'${literal}' is not a number` };
    return { test: (value) => (typeof value === 'number' || typeof value === 'bigint') && narrow(value) === number };
  }
  if (type === 'boolean') {
    const wanted = parseBoolean(literal);
    if (wanted === null) return { problem: `'${literal}' is not true or false` };
    return { test: (value) => value === wanted };
  }
  if (type === 'ip' || type === 'net') {
    const range = parseRange(literal);
    if (range === null) return { problem: `unrecognized address '${literal}'` };
    return { test: remembered((address) => address >= range.first && address <= range.last) };
  }
  return { test: (value) => (typeof value === 'string' ? value : String(value)) === literal };
}

/** Addresses come again and again, and reading one costs far more than looking its answer up. */
const MOST_REMEMBERED = 1_024;

function remembered(test: (address: bigint) => boolean): ScalarTest {
  const answers = new Map<string, boolean>();
  return (value) => {
    if (typeof value !== 'string') return false;
    const known = answers.get(value);
    if (known !== undefined) return known;
    const address = parseAddress(value);
    const answer = address !== null && test(address);
    if (answers.size >= MOST_REMEMBERED) answers.clear();
    answers.set(value, answer);
    return answer;
  };
}

function prepareOrder(operator: '<' | '<=' | '>' | '>=', literal: string): PreparedTest {
  const bound = parseNumber(literal);
  if (bound === null) return { problem: `'${literal}' is not a number` };
  const ordered = orderTest(operator);
  return {
    test: (value) => {
      const number = typeof value === 'string' ? parseNumber(value) : value;
      return (typeof number === 'number' || typeof number === 'bigint') && ordered(number, bound);
    },
  };
}

export function orderTest(
  operator: '<' | '<=' | '>' | '>=',
): (one: number | bigint, other: number | bigint) => boolean {
  switch (operator) {
    case '<':
      return (one, other) => one < other;
    case '<=':
      return (one, other) => one <= other;
    case '>':
      return (one, other) => one > other;
    case '>=':
      return (one, other) => one >= other;
  }
}

type TextOperator = Exclude<BinaryOperator, '=' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'intersects' | 'pmatch'>;

function prepareText(operator: TextOperator, literal: string): PreparedTest {
  if (literal.length > MAXIMUM_PATTERN_LENGTH) {
    return { problem: `a pattern of ${literal.length} characters, ${MAXIMUM_PATTERN_LENGTH} at most` };
  }
  switch (operator) {
    case 'contains':
      return onText((text) => text.includes(literal));
    case 'icontains': {
      const lower = literal.toLowerCase();
      return onText((text) => text.toLowerCase().includes(lower));
    }
    case 'startswith':
      return onText((text) => text.startsWith(literal));
    case 'endswith':
      return onText((text) => text.endsWith(literal));
    case 'bcontains':
    case 'bstartswith': {
      const bytes = parseHex(literal);
      if (bytes === null) return { problem: `'${literal}' is not hexadecimal` };
      return onText(operator === 'bcontains' ? (text) => text.includes(bytes) : (text) => text.startsWith(bytes));
    }
    case 'glob':
    case 'iglob':
      return operator === 'iglob' ? patternTest(globToPattern(literal), true) : patternOf(() => globTest(literal));
    case 'regex':
      return patternTest(literal, false);
  }
}

function onText(test: (text: string) => boolean): PreparedTest {
  return { test: (value) => test(typeof value === 'string' ? value : String(value)) };
}

/** RE2 semantics, the whole text must match; linear in the text whatever the pattern. */
function patternTest(pattern: string, ignoreCase: boolean): PreparedTest {
  return patternOf(() => {
    const compiled = RE2JS.compile(pattern, (ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | RE2JS.DOTALL);
    return (text) => compiled.matches(text);
  });
}

function patternOf(compile: () => (text: string) => boolean): PreparedTest {
  try {
    return onText(compile());
  } catch (error) {
    return { problem: `invalid pattern: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** `/etc` matches `/etc` and everything below it, not `/etcetera`. A literal with a `*` is compared part by part. */
export function pathTest(literals: readonly string[]): ScalarTest {
  const root = new PathNode();
  for (const literal of literals) root.add(partsOf(literal));
  return (value) => typeof value === 'string' && root.covers(partsOf(value), 0);
}

/** Of one event many rules ask about the same path. */
let lastPath = '';
let lastParts: readonly string[] = [];

function partsOf(path: string): readonly string[] {
  if (path !== lastPath) {
    lastParts = path.split('/').filter((part) => part !== '');
    lastPath = path;
  }
  return lastParts;
}

class PathNode {
  readonly #children = new Map<string, PathNode>();
  readonly #patterns: { readonly matches: (part: string) => boolean; readonly child: PathNode }[] = [];
  #isEnd = false;

  add(parts: readonly string[]): void {
    const [part, ...rest] = parts;
    if (part === undefined) {
      this.#isEnd = true;
      return;
    }
    let child = this.#children.get(part);
    if (child === undefined) {
      child = new PathNode();
      this.#children.set(part, child);
      if (/[*?[]/.test(part)) this.#patterns.push({ matches: globTest(part), child });
    }
    child.add(rest);
  }

  covers(parts: readonly string[], index: number): boolean {
    if (this.#isEnd) return true;
    const part = parts[index];
    if (part === undefined) return false;
    const exact = this.#children.get(part);
    if (exact?.covers(parts, index + 1)) return true;
    return this.#patterns.some(({ matches, child }) => matches(part) && child.covers(parts, index + 1));
  }
}

/** Decimal, hexadecimal, signed, with a fraction or exponent; a bigint only where a double is not exact. */
export function parseNumber(text: string): number | bigint | null {
  const trimmed = text.trim();
  if (/^0[xX][0-9a-fA-F]{1,16}$/.test(trimmed) || /^[+-]?\d{1,20}$/.test(trimmed)) {
    return narrow(trimmed.startsWith('-') ? -BigInt(trimmed.slice(1)) : BigInt(trimmed.replace(/^\+/, '')));
  }
  if (!/^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(trimmed)) return null;
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : null;
}

/** One representation for equal numbers, so that sets and `===` work. */
export function narrow(value: number | bigint): number | bigint {
  return typeof value === 'bigint' && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    ? Number(value)
    : value;
}

function parseBoolean(text: string): boolean | null {
  const lower = text.toLowerCase();
  if (lower === 'true' || lower === '1') return true;
  return lower === 'false' || lower === '0' ? false : null;
}

/** Bytes as hexadecimal → the text whose UTF-16 units are those bytes decoded as UTF-8, or as Latin-1 when they are not. */
function parseHex(text: string): string | null {
  if (text.length === 0 || text.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(text)) return null;
  const bytes = Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return String.fromCharCode(...bytes);
  }
}
