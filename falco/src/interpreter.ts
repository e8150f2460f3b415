/**
 * The obvious execution: walks the tree for every event, prepares every literal anew, shares nothing. It is the oracle that
 * the compiler is held against, and what an editor uses to show which part of a condition held.
 */
import type { Condition } from './ast.ts';
import { compareValues, plainTest } from './comparison.ts';
import type { FieldCatalogue } from './fields.ts';
import { extractionOf, isPresent, oneMatchesOf, typeOf } from './operands.ts';

/** The condition must have come out of `loadRules` for this catalogue (macros resolved, fields checked). */
export function interpret<Event>(condition: Condition, catalogue: FieldCatalogue<Event>, event: Event): boolean {
  switch (condition.type) {
    case 'and':
      return condition.children.every((child) => interpret(child, catalogue, event));
    case 'or':
      return condition.children.some((child) => interpret(child, catalogue, event));
    case 'not':
      return !interpret(condition.child, catalogue, event);
    case 'exists':
      return isPresent(extractionOf(condition.left, catalogue)(event));
    case 'comparison': {
      const type = typeOf(condition.left, catalogue);
      const left = extractionOf(condition.left, catalogue)(event);
      const { right, operator } = condition;
      if (right.type === 'literal' || right.type === 'list') {
        return plainTest(condition, type, oneMatchesOf(condition.left, catalogue))(left);
      }
      return compareValues(operator, type, left, extractionOf(right, catalogue)(event));
    }
    case 'macro':
      throw new Error(`the macro ${condition.name} was not resolved`);
  }
}
