/**
 * The order in which the parts of an `and` or `or` are tried: cheap ones first, so that a pattern or a large JSON text is only
 * looked at when a comparison of two words has not settled the matter. Tests have no effects and cannot fail, so the
 * outcome is the same in every order.
 */
import type { Condition, Operand } from './ast.ts';
import { type FieldCatalogue, findField } from './fields.ts';

/** Rough: one is a comparison of short texts. What matters is who is far dearer than whom. */
const OPERATOR_COST: Readonly<Record<string, number>> = {
  contains: 3,
  icontains: 6,
  bcontains: 4,
  glob: 30,
  iglob: 30,
  regex: 60,
  pmatch: 10,
};
const PLAIN_COST = 1;
const TRANSFORM_COST = 3;
/** A field that has to be put together, an argument that has to be followed. */
const ARGUMENT_COST = 1;
const COSTLY_FIELD = 25;

/** Stable: parts of equal cost keep the order that the rule gives them. */
export function cheapestFirst(
  parts: readonly Condition[],
  catalogue: FieldCatalogue<never> | FieldCatalogue<unknown>,
): readonly Condition[] {
  const costs = new Map(parts.map((part) => [part, costOf(part, catalogue)]));
  return [...parts].sort((one, other) => (costs.get(one) ?? 0) - (costs.get(other) ?? 0));
}

/** What trying a condition costs, roughly. */
export function costOf(node: Condition, catalogue: FieldCatalogue<never> | FieldCatalogue<unknown>): number {
  switch (node.type) {
    case 'and':
    case 'or':
      return node.children.reduce((sum, child) => sum + costOf(child, catalogue), 0);
    case 'not':
      return costOf(node.child, catalogue);
    case 'exists':
      return PLAIN_COST + operandCost(node.left, catalogue);
    case 'comparison': {
      const { left, operator, right } = node;
      const other = right.type === 'field' || right.type === 'transform' ? operandCost(right, catalogue) : 0;
      return (OPERATOR_COST[operator] ?? PLAIN_COST) + operandCost(left, catalogue) + other;
    }
    case 'macro':
      return PLAIN_COST;
  }
}

function operandCost(operand: Operand, catalogue: FieldCatalogue<never> | FieldCatalogue<unknown>): number {
  if (operand.type === 'literal') return 0;
  if (operand.type === 'transform') {
    return operand.operands.reduce((sum, inner) => sum + operandCost(inner, catalogue), TRANSFORM_COST);
  }
  const found = findField(catalogue as FieldCatalogue<unknown>, operand.name, operand.argument);
  if (found?.definition.isCostly === true) return COSTLY_FIELD;
  return found === null || found.argument === null ? 0 : ARGUMENT_COST;
}
