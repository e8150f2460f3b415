/**
 * Which rules can match at all: an index by the values that conditions pin fields to.
 *
 * A condition pins a field when it can only be true for a known set of its values (`ct.name in (A, B) and …`). A rule is filed
 * under those values; large drawers are divided once more by another pinned field. What pins nothing is always tried.
 */
import type { Condition } from './ast.ts';
import { type FieldCatalogue, findField } from './fields.ts';

/** The values under which a condition can be true, per field; a field that is not in the map is not pinned. */
export type Pins = ReadonlyMap<string, ReadonlySet<string>>;

/** A drawer with fewer rules is not divided further. */
const SMALLEST_DIVIDED_DRAWER = 8;
const DEEPEST_DIVISION = 3;
/** A rule that pins a field to more values than this is not filed under them. */
const MOST_VALUES = 2_000;

export interface IndexNode {
  /** Rules (by their number) that must always be tried here, ascending. */
  readonly always: readonly number[];
  readonly divisions: readonly Division[];
}

interface Division {
  readonly field: string;
  readonly byValue: ReadonlyMap<string, IndexNode>;
}

export function pinsOf(condition: Condition, catalogue: FieldCatalogue<never>): Pins {
  switch (condition.type) {
    case 'and':
      return condition.children.map((child) => pinsOf(child, catalogue)).reduce(both, new Map());
    case 'or': {
      const [first, ...rest] = condition.children.map((child) => pinsOf(child, catalogue));
      return first === undefined ? new Map() : rest.reduce(either, first);
    }
    case 'not':
      return condition.child.type === 'not' ? pinsOf(condition.child.child, catalogue) : new Map();
    case 'comparison': {
      const { left, operator, modifier, right } = condition;
      if (left.type !== 'field' || modifier !== null || (operator !== '=' && operator !== 'in')) return new Map();
      const definition = findField(catalogue, left.name, left.argument)?.definition;
      const isText = definition?.type === 'string' || definition?.type === 'any';
      if (definition === undefined || definition.isList || !isText) return new Map();
      const key = left.argument === null ? left.name : `${left.name}[${left.argument}]`;
      if (right.type === 'literal') return new Map([[key, new Set([right.text])]]);
      if (right.type !== 'list' || right.items.length > MOST_VALUES) return new Map();
      return new Map([[key, new Set(right.items.map(({ text }) => text))]]);
    }
    case 'exists':
    case 'macro':
      return new Map();
  }
}

function both(one: Pins, other: Pins): Pins {
  const pins = new Map(one);
  for (const [field, values] of other) {
    const before = pins.get(field);
    pins.set(field, before === undefined ? values : new Set([...before].filter((value) => values.has(value))));
  }
  return pins;
}

function either(one: Pins, other: Pins): Pins {
  const pins = new Map<string, ReadonlySet<string>>();
  for (const [field, values] of one) {
    const more = other.get(field);
    if (more !== undefined && values.size + more.size <= MOST_VALUES) pins.set(field, new Set([...values, ...more]));
  }
  return pins;
}

/** `preferred` fields divide first; others only where a drawer is large. */
export function buildIndex(
  rules: readonly { readonly number: number; readonly pins: Pins }[],
  preferred: readonly string[],
): IndexNode {
  return divide(rules, preferred, new Set(), 0);
}

type Filed = { readonly number: number; readonly pins: Pins };

function divide(
  rules: readonly Filed[],
  preferred: readonly string[],
  used: ReadonlySet<string>,
  depth: number,
): IndexNode {
  const divisions: Division[] = [];
  let rest = rules;
  const taken = new Set(used);
  while (depth < DEEPEST_DIVISION) {
    const field = bestField(rest, preferred, taken, depth);
    if (field === null) break;
    taken.add(field);
    const drawers = new Map<string, Filed[]>();
    for (const rule of rest) {
      for (const value of rule.pins.get(field) ?? []) {
        const drawer = drawers.get(value);
        if (drawer === undefined) drawers.set(value, [rule]);
        else drawer.push(rule);
      }
    }
    rest = rest.filter((rule) => !rule.pins.has(field));
    const byValue = new Map(
      [...drawers].map(([value, drawer]) => [value, divide(drawer, [], taken, depth + 1)] as const),
    );
    divisions.push({ field, byValue });
  }
  return { always: rest.map(({ number }) => number).sort((one, other) => one - other), divisions };
}

function bestField(
  rules: readonly Filed[],
  preferred: readonly string[],
  taken: ReadonlySet<string>,
  depth: number,
): string | null {
  const first = preferred.find((field) => !taken.has(field) && rules.some(({ pins }) => pins.has(field)));
  if (first !== undefined) return first;
  if (rules.length < SMALLEST_DIVIDED_DRAWER || (depth === 0 && taken.size > preferred.length + DEEPEST_DIVISION))
    return null;
  const counts = new Map<string, number>();
  for (const { pins } of rules) for (const field of pins.keys()) counts.set(field, (counts.get(field) ?? 0) + 1);
  let best: string | null = null;
  let most = SMALLEST_DIVIDED_DRAWER - 1;
  for (const [field, count] of counts) {
    if (count > most && !taken.has(field)) {
      best = field;
      most = count;
    }
  }
  return best;
}
