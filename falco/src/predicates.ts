/**
 * The questions of a condition as functions of extracted values: one for each comparison, and one for many comparisons of the
 * same operand where they can be asked at once. Equal keys ask the same.
 */
import type { ComparisonNode, Condition, ExistsNode, Operand } from './ast.ts';
import { compareValues, fastTest, liftTest, literalsOf, type ValueTest } from './comparison.ts';
import { printOperand } from './condition-printer.ts';
import type { FieldCatalogue, FieldValue } from './fields.ts';
import { isPresent, oneMatchesOf, typeOf } from './operands.ts';

type Catalogue = FieldCatalogue<never> | FieldCatalogue<unknown>;

export interface Predicate {
  readonly type: 'predicate';
  readonly key: string;
  /** The operand, and the one it is compared with when that is no literal. */
  readonly operands: readonly Operand[];
  /** Made when it is needed: sets and patterns cost something. */
  readonly make: () => (one: FieldValue, other: FieldValue) => boolean;
}

/** An `or` of at least this many literal tests of one operand is merged into one test. */
const FEWEST_MERGED = 3;
const MERGED_OPERATORS = new Set(['=', 'contains', 'startswith', 'endswith']);

export function predicateOf(node: ComparisonNode | ExistsNode, catalogue: Catalogue): Predicate {
  const { left } = node;
  if (node.type === 'exists') {
    return { type: 'predicate', key: `exists ${printOperand(left)}`, operands: [left], make: () => isPresent };
  }
  const { operator, modifier, right } = node;
  const type = typeOf(left, catalogue);
  if (right.type === 'field' || right.type === 'transform') {
    return {
      type: 'predicate',
      key: `${operator} ${JSON.stringify([printOperand(left), printOperand(right)])}`,
      operands: [left, right],
      make: () => (one, other) => compareValues(operator, type, one, other),
    };
  }
  const literals = literalsOf(node).map(({ text }) => text);
  return {
    type: 'predicate',
    key: JSON.stringify([printOperand(left), operator, modifier ?? '', ...literals]),
    operands: [left],
    make: () => fastTest(node, type, oneMatchesOf(left, catalogue)),
  };
}

/** `a contains x or a contains y or a contains z` → one test that looks through `a` once. */
export function mergeLiterals(children: readonly Condition[], catalogue: Catalogue): (Condition | Predicate)[] {
  const groups = new Map<string, ComparisonNode[]>();
  for (const child of children) {
    const key = child.type === 'comparison' ? mergeKey(child, catalogue) : null;
    if (key === null || child.type !== 'comparison') continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [child]);
    else group.push(child);
  }
  const merged = new Set<Condition>();
  const parts: (Condition | Predicate)[] = [];
  for (const child of children) {
    if (merged.has(child)) continue;
    const key = child.type === 'comparison' ? mergeKey(child, catalogue) : null;
    const group = key === null ? undefined : groups.get(key);
    const [first] = group ?? [];
    if (key === null || group === undefined || first === undefined || group.length < FEWEST_MERGED) {
      parts.push(child);
      continue;
    }
    for (const node of group) merged.add(node);
    const literals = [...new Set(group.flatMap((node) => literalsOf(node).map(({ text }) => text)))];
    const make = () => mergedTest(first, literals);
    parts.push({ type: 'predicate', key: `merged ${key} ${JSON.stringify(literals)}`, operands: [first.left], make });
  }
  return parts;
}

/** Comparisons with equal keys may be merged; null when this one may not. */
function mergeKey(node: ComparisonNode, catalogue: Catalogue): string | null {
  const { left, operator, modifier, right } = node;
  if (modifier !== null || right.type !== 'literal' || !MERGED_OPERATORS.has(operator)) return null;
  const type = typeOf(left, catalogue);
  if (type !== 'string' && type !== 'any' && type !== 'bytes') return null;
  return `${operator} ${printOperand(left)}`;
}

/** One test for many literals; native expressions are safe here, since an alternation of plain texts cannot backtrack. */
function mergedTest(node: ComparisonNode, literals: readonly string[]): ValueTest {
  if (node.operator === '=') {
    const texts = new Set(literals);
    return liftTest('=', (value) => texts.has(typeof value === 'string' ? value : String(value)));
  }
  const alternatives = literals.map((literal) => literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|');
  const anchored =
    node.operator === 'startswith'
      ? `^(?:${alternatives})`
      : node.operator === 'endswith'
        ? `(?:${alternatives})$`
        : alternatives;
  const expression = new RegExp(anchored);
  return liftTest(node.operator, (value) => expression.test(typeof value === 'string' ? value : String(value)));
}
