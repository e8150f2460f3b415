/**
 * The fast execution: rules → JavaScript. Predicates and extractions that rules share are numbered and computed at most once
 * an event; an index leaves most rules untried.
 *
 * No text of a rule ever becomes part of generated code: the code consists of numbers that point into tables of closures
 * (`t[12](x(3, e))`), so that a rule cannot say anything the compiler did not mean.
 */
import type { Condition, Operand } from './ast.ts';
import { printOperand } from './condition-printer.ts';
import { cheapestFirst } from './evaluation-order.ts';
import { type FieldCatalogue, type FieldValue, findField } from './fields.ts';
import { type KnownFields, narrowCondition } from './known-fields.ts';
import { type Extraction, extractionOf } from './operands.ts';
import { possibility } from './outlook.ts';
import { mergeLiterals, type Predicate, predicateOf } from './predicates.ts';
import { compileBlock, type RuleBlock } from './rule-block.ts';
import { buildIndex, type IndexNode, type Pins, pinsOf } from './rule-index.ts';
import type { Rule } from './ruleset.ts';

export interface CompileOptions {
  /** `first`: only the first matching rule in load order, as Falco does by default; `all`: every one. */
  readonly match: 'first' | 'all';
}

export interface CompiledRules<Event> {
  /** Enabled rules that hold for the event, in load order. Not reentrant; the array is the caller's. */
  match(event: Event): readonly Rule[];
  /**
   * False only if no rule can hold for an event whose field has this value (null: absent). Lets a source skip parsing.
   * Costs a map lookup.
   */
  mayMatch(field: string, value: string | null): boolean;
  /**
   * The same rules for events of which some fields are known beforehand, as they are for all events of one type: conditions are
   * decided as far as that goes, and what is left becomes one function. Only for events that have these values.
   */
  narrow(known: KnownFields): NarrowedRules<Event>;
  /** How many rules are tried for the event: what the index leaves. For benchmarks. */
  candidateCount(event: Event): number;
}

export interface NarrowedRules<Event> extends OpenRules<Event> {
  /**
   * What the lasting fields of this event leave: nothing else can hold for any event in which they are the same. Worth keeping
   * beside whatever they are the fields of.
   */
  outlook(event: Event): OpenRules<Event>;
}

export interface OpenRules<Event> {
  /** No rule can hold for such an event. */
  readonly isEmpty: boolean;
  match(event: Event): readonly Rule[];
}

const NOTHING: readonly Rule[] = [];
const NONE_OPEN: OpenRules<unknown> = { isEmpty: true, match: () => NOTHING };
/** Each costs a compilation; beyond them, all rules are tried. */
const MOST_OUTLOOKS = 8;
export function compileRules<Event>(
  rules: readonly Rule[],
  catalogue: FieldCatalogue<Event>,
  options: CompileOptions,
): CompiledRules<Event> {
  const enabled = rules.filter((rule) => rule.enabled && rule.source === catalogue.source);
  const tables = new Tables(catalogue);
  const pins = enabled.map((rule) => pinsOf(rule.condition, catalogue));
  const index = buildIndex(
    pins.map((pin, number) => ({ number, pins: pin })),
    catalogue.indexFields,
  );
  const programs: (Program<Event> | null)[] = enabled.map(() => null);
  const candidates = new CandidateFinder(index, catalogue);
  const program = (number: number): Program<Event> => {
    const rule = enabled[number];
    if (rule === undefined) throw new Error(`no rule has the number ${number}`);
    return (programs[number] ??= tables.program(rule.condition));
  };
  return {
    match(event) {
      const numbers = candidates.find(event);
      if (numbers.length === 0) return NOTHING;
      tables.nextEvent();
      let found: Rule[] | null = null;
      for (const number of numbers) {
        const rule = enabled[number];
        if (rule === undefined || !program(number)(event)) continue;
        if (options.match === 'first') return [rule];
        if (found === null) found = [rule];
        else found.push(rule);
      }
      return found ?? NOTHING;
    },
    mayMatch: prefilter(pins),
    narrow: (known) => narrowRules(enabled, { known, catalogue, match: options.match }),
    candidateCount: (event) => candidates.find(event).length,
  };
}

interface Narrowing<Event> {
  readonly known: KnownFields;
  readonly catalogue: FieldCatalogue<Event>;
  readonly match: CompileOptions['match'];
}

function narrowRules<Event>(
  enabled: readonly Rule[],
  { known, catalogue, match }: Narrowing<Event>,
): NarrowedRules<Event> {
  const rules: Rule[] = [];
  const conditions: (Condition | true)[] = [];
  for (const rule of enabled) {
    const left = narrowCondition(rule.condition, known, catalogue);
    if (left === false) continue;
    rules.push(rule);
    conditions.push(left);
  }
  const whole = openRules(rules, conditions, { catalogue, match });
  const possible = conditions.map((condition) => (condition === true ? () => true : possibility(condition, catalogue)));
  const outlooks = new Map<string, OpenRules<Event>>();
  return {
    ...whole,
    outlook(event) {
      const open = rules.flatMap((_, number) => (possible[number]?.(event) === false ? [] : [number]));
      if (open.length === 0) return NONE_OPEN;
      // Hardly fewer are not worth a function of their own.
      if (open.length * 2 > rules.length) return whole;
      const key = open.join(' ');
      let found = outlooks.get(key);
      if (found === undefined) {
        if (outlooks.size >= MOST_OUTLOOKS) return whole;
        const chosen = <Item>(items: readonly Item[]) => items.filter((__, number) => open.includes(number));
        found = openRules(chosen(rules), chosen(conditions), { catalogue, match });
        outlooks.set(key, found);
      }
      return found;
    },
  };
}

function openRules<Event>(
  rules: readonly Rule[],
  conditions: readonly (Condition | true)[],
  { catalogue, match }: Omit<Narrowing<Event>, 'known'>,
): OpenRules<Event> {
  if (rules.length === 0) return NONE_OPEN;
  let block: RuleBlock<Event> | null = null;
  const alone = rules.map((rule) => [rule] as const);
  return {
    isEmpty: false,
    match(event) {
      block ??= compileBlock(conditions, catalogue);
      const first = block(event, 0);
      if (first === -1) return NOTHING;
      if (match === 'first') return alone[first] ?? NOTHING;
      const found: Rule[] = [];
      for (let number = first; number !== -1; number = block(event, number + 1)) found.push(...(alone[number] ?? []));
      return found;
    },
  };
}

type Program<Event> = (event: Event) => boolean;

function prefilter(pins: readonly Pins[]): (field: string, value: string | null) => boolean {
  const tables = new Map<string, { readonly values: ReadonlySet<string>; readonly open: boolean }>();
  return (field, value) => {
    let table = tables.get(field);
    if (table === undefined) {
      const open = pins.some((pin) => !pin.has(field));
      table = { values: new Set(pins.flatMap((pin) => [...(pin.get(field) ?? [])])), open };
      tables.set(field, table);
    }
    return table.open || (value !== null && table.values.has(value));
  };
}

/** Walks the index for an event. The common event finds the same frozen list or nothing, without allocating. */
class CandidateFinder<Event> {
  readonly #root: IndexNode;
  readonly #extractions = new Map<string, Extraction<Event>>();

  constructor(root: IndexNode, catalogue: FieldCatalogue<Event>) {
    this.#root = root;
    this.#learn(root, catalogue);
  }

  find(event: Event): readonly number[] {
    return this.#collect(this.#root, event);
  }

  #collect(node: IndexNode, event: Event): readonly number[] {
    let result = node.always;
    for (const { field, byValue } of node.divisions) {
      const value = this.#extractions.get(field)?.(event) ?? null;
      if (value === null || typeof value === 'object') continue;
      const drawer = byValue.get(typeof value === 'string' ? value : String(value));
      if (drawer === undefined) continue;
      const inner = this.#collect(drawer, event);
      if (inner.length === 0) continue;
      result = result.length === 0 ? inner : mergeSorted(result, inner);
    }
    return result;
  }

  #learn(node: IndexNode, catalogue: FieldCatalogue<Event>): void {
    for (const { field, byValue } of node.divisions) {
      if (!this.#extractions.has(field)) this.#extractions.set(field, extractionOfKey(field, catalogue));
      for (const drawer of byValue.values()) this.#learn(drawer, catalogue);
    }
  }
}

function extractionOfKey<Event>(key: string, catalogue: FieldCatalogue<Event>): Extraction<Event> {
  const bracket = key.indexOf('[');
  const name = bracket === -1 ? key : key.slice(0, bracket);
  const argument = bracket === -1 ? null : key.slice(bracket + 1, -1);
  const found = findField(catalogue, name, argument);
  if (found === null) throw new Error(`the index names a field that the source does not have: ${key}`);
  return (event) => found.definition.extract(event, found.argument);
}

function mergeSorted(one: readonly number[], other: readonly number[]): readonly number[] {
  const merged: number[] = [];
  let left = 0;
  let right = 0;
  while (left < one.length || right < other.length) {
    const a = one[left] ?? Number.POSITIVE_INFINITY;
    const b = other[right] ?? Number.POSITIVE_INFINITY;
    if (a <= b) left += 1;
    if (b <= a) right += 1;
    merged.push(Math.min(a, b));
  }
  return merged;
}

/** The tables that generated code points into, and the memory of what was computed for the event at hand. */
class Tables<Event> {
  readonly #catalogue: FieldCatalogue<Event>;
  readonly #extractions: Extraction<Event>[] = [];
  readonly #extractionNumbers = new Map<string, number>();
  readonly #extracted: FieldValue[] = [];
  readonly #extractedAt: number[] = [];
  readonly #predicates: Program<Event>[] = [];
  readonly #predicateNumbers = new Map<string, number>();
  readonly #answers: boolean[] = [];
  readonly #answeredAt: number[] = [];
  #generation = 0;

  constructor(catalogue: FieldCatalogue<Event>) {
    this.#catalogue = catalogue;
  }

  /** Forgets what was computed for the event before. */
  nextEvent(): void {
    this.#generation += 1;
  }

  program(condition: Condition): Program<Event> {
    const code = this.#code(condition);
    // The code holds nothing but parentheses, `!`, `&&`, `||` and calls of `p` with a number.
    // oxlint-disable-next-line typescript/no-implied-eval -- the whole point; see the opening comment for why it is safe
    const make = new Function('p', `return (e) => ${code};`) as (
      p: (number: number, event: Event) => boolean,
    ) => Program<Event>;
    return make((number, event) => this.#answer(number, event));
  }

  #answer(number: number, event: Event): boolean {
    if (this.#answeredAt[number] === this.#generation) return this.#answers[number] === true;
    const answer = this.#predicates[number]?.(event) === true;
    this.#answeredAt[number] = this.#generation;
    this.#answers[number] = answer;
    return answer;
  }

  #extract(number: number, event: Event): FieldValue {
    if (this.#extractedAt[number] === this.#generation) return this.#extracted[number] ?? null;
    const value = this.#extractions[number]?.(event) ?? null;
    this.#extractedAt[number] = this.#generation;
    this.#extracted[number] = value;
    return value;
  }

  #code(node: Condition): string {
    switch (node.type) {
      case 'and':
        return node.children.length === 0
          ? 'true'
          : `(${cheapestFirst(node.children, this.#catalogue)
              .map((child) => this.#code(child))
              .join(' && ')})`;
      case 'or': {
        const parts = mergeLiterals(cheapestFirst(node.children, this.#catalogue), this.#catalogue).map((part) =>
          part.type === 'predicate' ? this.#predicate(part) : this.#code(part),
        );
        return parts.length === 0 ? 'false' : `(${parts.join(' || ')})`;
      }
      case 'not':
        return `!${this.#code(node.child)}`;
      case 'exists':
      case 'comparison':
        return this.#predicate(predicateOf(node, this.#catalogue));
      case 'macro':
        throw new Error(`the macro ${node.name} was not resolved`);
    }
  }

  #predicate({ key, operands, make }: Predicate): string {
    let number = this.#predicateNumbers.get(key);
    if (number === undefined) {
      const test = make();
      const [one = -1, other = -1] = operands.map((operand) => this.#extraction(operand));
      number =
        this.#predicates.push((event) =>
          test(this.#extract(one, event), other === -1 ? null : this.#extract(other, event)),
        ) - 1;
      this.#predicateNumbers.set(key, number);
      this.#answers.push(false);
      this.#answeredAt.push(-1);
    }
    return `p(${number}, e)`;
  }

  #extraction(operand: Operand): number {
    const key = printOperand(operand);
    const known = this.#extractionNumbers.get(key);
    if (known !== undefined) return known;
    const number = this.#extractions.push(extractionOf(operand, this.#catalogue)) - 1;
    this.#extractionNumbers.set(key, number);
    this.#extracted.push(null);
    this.#extractedAt.push(-1);
    return number;
  }
}
