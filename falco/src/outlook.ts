/**
 * What is decided for many events at once: the fields that last (who a process is) often settle a rule before anything happens.
 *
 * A condition is judged in three values by its lasting fields alone: it holds, it does not, or the event decides. A rule that does
 * not hold need not be tried for any event as long as those fields stay as they are.
 */
import type { Condition, Operand } from './ast.ts';
import type { FieldCatalogue } from './fields.ts';
import { findField } from './fields.ts';
import { extractionOf } from './operands.ts';
import { predicateOf } from './predicates.ts';

/** Null: the event decides. */
type Judgement<Event> = (event: Event) => boolean | null;

/** Whether the condition can hold for any event with the lasting fields of this one. */
export function possibility<Event>(condition: Condition, catalogue: FieldCatalogue<Event>): (event: Event) => boolean {
  const judgement = judgementOf(condition, catalogue);
  return judgement === null ? () => true : (event) => judgement(event) !== false;
}

/** Null where nothing lasts. */
function judgementOf<Event>(node: Condition, catalogue: FieldCatalogue<Event>): Judgement<Event> | null {
  switch (node.type) {
    case 'and':
      return joined(node.children, catalogue, false);
    case 'or':
      return joined(node.children, catalogue, true);
    case 'not': {
      const child = judgementOf(node.child, catalogue);
      if (child === null) return null;
      return (event) => {
        const answer = child(event);
        return answer === null ? null : !answer;
      };
    }
    case 'exists':
    case 'comparison': {
      const { operands, make } = predicateOf(node, catalogue);
      if (!operands.every((operand) => lasts(operand, catalogue))) return null;
      const [one, other] = operands.map((operand) => extractionOf(operand, catalogue));
      if (one === undefined) return null;
      const test = make();
      return (event) => test(one(event), other === undefined ? null : other(event));
    }
    case 'macro':
      throw new Error(`the macro ${node.name} was not resolved`);
  }
}

/** `decisive`: the answer of one part that settles the whole. */
function joined<Event>(
  nodes: readonly Condition[],
  catalogue: FieldCatalogue<Event>,
  decisive: boolean,
): Judgement<Event> | null {
  const known: Judgement<Event>[] = [];
  for (const node of nodes) {
    const judgement = judgementOf(node, catalogue);
    if (judgement !== null) known.push(judgement);
  }
  if (known.length === 0 && nodes.length > 0) return null;
  const isWhole = known.length === nodes.length;
  return (event) => {
    let isSettled = isWhole;
    for (const judgement of known) {
      const answer = judgement(event);
      if (answer === decisive) return decisive;
      if (answer === null) isSettled = false;
    }
    return isSettled ? !decisive : null;
  };
}

function lasts(operand: Operand, catalogue: FieldCatalogue<never>): boolean {
  switch (operand.type) {
    case 'literal':
      return true;
    case 'field':
      return findField(catalogue, operand.name, operand.argument)?.definition.isLasting === true;
    case 'transform':
      return operand.operands.every((inner) => lasts(inner, catalogue));
  }
}
