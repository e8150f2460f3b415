/** What is left of a condition when some fields are known beforehand, as they are for all events of one type. */
import type { Condition, Operand } from './ast.ts';
import { compareValues, plainTest } from './comparison.ts';
import { type FieldCatalogue, type FieldValue, findField } from './fields.ts';
import { isPresent, oneMatchesOf, typeOf } from './operands.ts';
import { TRANSFORMER_TABLE } from './transforms.ts';

/**
 * The value that a field has for all of these events (null: absent); undefined when they may differ. Asked with the name that the
 * catalogue has: `evt.arg.flags` is `evt.arg` with the argument `flags`.
 */
export type KnownFields = (name: string, argument: string | null) => FieldValue | undefined;

/** `true` or `false` when the known fields decide it. */
export function narrowCondition(
  node: Condition,
  known: KnownFields,
  catalogue: FieldCatalogue<never>,
): Condition | boolean {
  switch (node.type) {
    case 'and':
    case 'or':
      return narrowAll(node, known, catalogue);
    case 'not': {
      const child = narrowCondition(node.child, known, catalogue);
      return typeof child === 'boolean' ? !child : { ...node, child };
    }
    case 'exists': {
      const value = valueOf(node.left, known, catalogue);
      return value === undefined ? node : isPresent(value);
    }
    case 'comparison': {
      const left = valueOf(node.left, known, catalogue);
      if (left === undefined) return node;
      const type = typeOf(node.left, catalogue);
      const { right } = node;
      if (right.type === 'literal' || right.type === 'list') {
        return plainTest(node, type, oneMatchesOf(node.left, catalogue))(left);
      }
      const other = valueOf(right, known, catalogue);
      return other === undefined ? node : compareValues(node.operator, type, left, other);
    }
    case 'macro':
      throw new Error(`the macro ${node.name} was not resolved`);
  }
}

function narrowAll(
  node: Extract<Condition, { type: 'and' | 'or' }>,
  known: KnownFields,
  catalogue: FieldCatalogue<never>,
): Condition | boolean {
  /** What decides the whole. */
  const decisive = node.type === 'or';
  const children: Condition[] = [];
  for (const child of node.children) {
    const left = narrowCondition(child, known, catalogue);
    if (left === decisive) return decisive;
    if (typeof left !== 'boolean') children.push(left);
  }
  const [first] = children;
  if (first === undefined) return !decisive;
  return children.length === 1 ? first : { ...node, children };
}

function valueOf(operand: Operand, known: KnownFields, catalogue: FieldCatalogue<never>): FieldValue | undefined {
  switch (operand.type) {
    case 'literal':
      return operand.text;
    case 'field': {
      const found = findField(catalogue, operand.name, operand.argument);
      return found === null ? undefined : known(found.definition.name, found.argument);
    }
    case 'transform': {
      const values: FieldValue[] = [];
      for (const inner of operand.operands) {
        const value = valueOf(inner, known, catalogue);
        if (value === undefined) return undefined;
        values.push(value);
      }
      return TRANSFORMER_TABLE.get(operand.name)?.apply(values) ?? null;
    }
  }
}
