/**
 * How one comparison judges what was extracted: absent values, lists, modifiers, fields on the right side.
 *
 * - Absent: false, whatever the operator.
 * - A list: `in` wants every element among the values, and at least one; `!=` wants every element to differ; all other
 *   operators are content with one element.
 * - `anyof` (and `oneof`) is content with one literal, `allof` wants all.
 */
import type { BinaryOperator, ComparisonNode, LiteralNode } from './ast.ts';
import type { FieldType, FieldValue, OneMatches, Scalar } from './fields.ts';
import { orderTest, parseNumber, prepareList, prepareScalar, type ScalarTest } from './operators.ts';

/** A test of everything a field gave for one event. */
export type ValueTest = (value: FieldValue) => boolean;

/** Lifts a test of one value to a test of what was extracted. */
export function liftTest(operator: BinaryOperator, test: ScalarTest, oneMatches?: OneMatches): ValueTest {
  const all = (operator === 'in' && oneMatches === undefined) || (operator === '!=' && oneMatches !== 'always');
  return (value) => {
    if (typeof value === 'string') return test(value);
    if (value === null) return false;
    if (!Array.isArray(value)) return test(value as Scalar);
    return all ? value.length > 0 && value.every(test) : value.some(test);
  };
}

/** The test of a comparison with literals, literal by literal: obvious, and slow. */
export function plainTest(node: ComparisonNode, type: FieldType, oneMatches?: OneMatches): ValueTest {
  const { operator, modifier } = node;
  const literals = literalsOf(node).map(({ text }) => prepareOrFail(operator, type, text));
  const test: ScalarTest =
    modifier === 'allof'
      ? (value) => literals.every((one) => one(value))
      : (value) => literals.some((one) => one(value));
  return liftTest(operator, test, oneMatches);
}

/** The same test with literal sets hashed and paths in a tree. */
export function fastTest(node: ComparisonNode, type: FieldType, oneMatches?: OneMatches): ValueTest {
  const { operator, modifier } = node;
  const literals = literalsOf(node);
  const isList = operator === 'in' || operator === 'intersects' || operator === 'pmatch';
  if (!isList || modifier === 'allof') return plainTest(node, type, oneMatches);
  const prepared = prepareList(
    operator,
    type,
    literals.map(({ text }) => text),
  );
  if ('problem' in prepared) throw new Error(`an unchecked condition was compiled: ${prepared.problem}`);
  return liftTest(operator, prepared.test, oneMatches);
}

/** A comparison of two extracted values: `proc.name = val(proc.pname)`. */
export function compareValues(operator: BinaryOperator, type: FieldType, left: FieldValue, right: FieldValue): boolean {
  if (left === null || right === null) return false;
  const rights = Array.isArray(right) ? (right as readonly Scalar[]) : [right as Scalar];
  if (rights.length === 0) return false;
  const test: ScalarTest = (value) =>
    operator === '!='
      ? rights.every((one) => compareOne(operator, type, value, one))
      : rights.some((one) => compareOne(operator, type, value, one));
  return liftTest(operator, test)(left);
}

function compareOne(operator: BinaryOperator, type: FieldType, left: Scalar, right: Scalar): boolean {
  if (operator === '<' || operator === '<=' || operator === '>' || operator === '>=') {
    const [one, other] = [numberOf(left), numberOf(right)];
    return one !== null && other !== null && orderTest(operator)(one, other);
  }
  const prepared = prepareScalar(operator, type, String(right));
  return 'test' in prepared && prepared.test(left);
}

function numberOf(value: Scalar): number | bigint | null {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  return typeof value === 'string' ? parseNumber(value) : null;
}

export function literalsOf(node: ComparisonNode): readonly LiteralNode[] {
  if (node.right.type === 'literal') return [node.right];
  return node.right.type === 'list' ? node.right.items : [];
}

function prepareOrFail(operator: BinaryOperator, type: FieldType, literal: string): ScalarTest {
  const prepared = prepareScalar(operator, type, literal);
  if ('problem' in prepared) throw new Error(`an unchecked condition was run: ${prepared.problem}`);
  return prepared.test;
}
