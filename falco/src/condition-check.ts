/**
 * Whether a condition makes sense for a source: fields exist and have the arguments they need, operators fit their types,
 * values can be read. Everything wrong is reported at once, so the executions may assume that all is well.
 */
import type { ComparisonNode, Condition, ExistsNode, FieldNode, Operand, Span } from './ast.ts';
import { type FieldCatalogue, type FieldType, findField } from './fields.ts';
import { nearestName } from './nearest-name.ts';
import { operatorProblem, prepareList, prepareScalar } from './operators.ts';
import { TRANSFORMER_TABLE } from './transforms.ts';

export interface CheckProblem {
  /** The comparison that is wrong: the key to where it was written. */
  readonly node: ComparisonNode | ExistsNode;
  readonly span: Span;
  readonly message: string;
  readonly hint: string | null;
  readonly unknownField: boolean;
}

export function checkCondition(condition: Condition, catalogue: FieldCatalogue<never>): readonly CheckProblem[] {
  const problems: CheckProblem[] = [];
  const seen = new Set<object>();
  const visit = (node: Condition): void => {
    switch (node.type) {
      case 'and':
      case 'or':
        node.children.forEach(visit);
        return;
      case 'not':
        visit(node.child);
        return;
      case 'macro':
        return;
      case 'exists':
      case 'comparison':
        if (seen.has(node)) return;
        seen.add(node);
        new NodeCheck(node, catalogue, problems).run();
    }
  };
  visit(condition);
  return problems;
}

class NodeCheck {
  readonly #node: ComparisonNode | ExistsNode;
  readonly #catalogue: FieldCatalogue<never>;
  readonly #problems: CheckProblem[];

  constructor(node: ComparisonNode | ExistsNode, catalogue: FieldCatalogue<never>, problems: CheckProblem[]) {
    this.#node = node;
    this.#catalogue = catalogue;
    this.#problems = problems;
  }

  run(): void {
    const node = this.#node;
    const type = this.#operand(node.left);
    if (type === null || node.type === 'exists') return;
    const unfit = operatorProblem(node.operator, type);
    if (unfit !== null) this.#report(node.span, unfit, null);
    const { right } = node;
    if (right.type === 'field' || right.type === 'transform') this.#operand(right);
    else if (unfit === null) this.#literals(node, type);
  }

  #literals(node: ComparisonNode, type: FieldType): void {
    const { right, operator } = node;
    if (right.type !== 'literal' && right.type !== 'list') return;
    const items = right.type === 'literal' ? [right] : right.items;
    const isList = operator === 'in' || operator === 'intersects' || operator === 'pmatch';
    if (!isList && node.modifier === null && items.length !== 1) {
      this.#report(right.span, `'${operator}' takes one value, not ${items.length}`, 'use in, or anyof (…)');
      return;
    }
    const values = this.#valuesOf(node.left);
    for (const { text, span } of items) {
      const prepared = isList ? prepareList(operator, type, [text]) : prepareScalar(operator, type, text);
      if ('problem' in prepared) this.#report(span, prepared.problem, null);
      else if (values !== undefined && (operator === '=' || operator === 'in') && !values.has(text)) {
        const near = nearestName(text, values);
        this.#report(span, `unknown event type ${text}`, near === null ? null : `did you mean ${near}?`);
      }
    }
  }

  #valuesOf(operand: Operand): ReadonlySet<string> | undefined {
    return operand.type === 'field'
      ? findField(this.#catalogue, operand.name, operand.argument)?.definition.values
      : undefined;
  }

  /** The type of an operand, or null after reporting what is wrong with it. */
  #operand(operand: Operand): FieldType | null {
    if (operand.type === 'literal') return 'string';
    if (operand.type === 'field') return this.#field(operand);
    const transformer = TRANSFORMER_TABLE.get(operand.name);
    if (transformer === undefined) {
      this.#report(
        operand.span,
        `unknown transformer ${operand.name}`,
        `use one of: ${[...TRANSFORMER_TABLE.keys()].join(' ')}`,
      );
      return null;
    }
    const { least, most } = transformer.operands;
    if (operand.operands.length < least || operand.operands.length > most) {
      const wanted = least === most ? String(least) : `${least} to ${most}`;
      this.#report(operand.span, `${operand.name} takes ${wanted} operands, not ${operand.operands.length}`, null);
      return null;
    }
    const types = operand.operands.map((inner) => this.#operand(inner));
    return types.includes(null) ? null : transformer.result;
  }

  #field(field: FieldNode): FieldType | null {
    const found = findField(this.#catalogue, field.name, field.argument);
    if (found === null) {
      const near = nearestName(field.name, this.#catalogue.fields.keys());
      const hint = near === null ? null : `did you mean ${near}?`;
      this.#report(field.span, `filter_check called with nonexistent field ${field.name}`, hint, true);
      return null;
    }
    const { definition, argument } = found;
    if (definition.argument === null && argument !== null) {
      this.#report(field.span, `field ${field.name} takes no argument`, `write ${field.name}`);
      return null;
    }
    if (definition.argument?.required === true && argument === null) {
      this.#report(field.span, `field ${field.name} requires an argument`, `write ${field.name}[…]`);
      return null;
    }
    if (definition.argument?.kind === 'index' && argument !== null && !/^\d{1,9}$/.test(argument)) {
      this.#report(
        field.span,
        `the argument of ${field.name} is an index, not '${argument}'`,
        `write ${field.name}[0]`,
      );
      return null;
    }
    return definition.type;
  }

  #report(span: Span, message: string, hint: string | null, unknownField = false): void {
    this.#problems.push({ node: this.#node, span, message, hint, unknownField });
  }
}

/** More event types than this are "too many" to Falco. */
const MANY_EVENT_TYPES = 100;

/** Whether a syscall condition can hold for (nearly) every event type. */
export function eventTypesAreOpen(condition: Condition): boolean {
  const types = eventTypes(condition);
  return types === null || types.size > MANY_EVENT_TYPES;
}

/** The event types under which the condition can hold; null for all of them, or all but a few. */
function eventTypes(node: Condition): ReadonlySet<string> | null {
  switch (node.type) {
    case 'and': {
      const pinned = node.children.flatMap((child) => eventTypes(child) ?? []);
      const [first, ...rest] = pinned;
      return first === undefined ? null : new Set([...first].filter((type) => rest.every((types) => types.has(type))));
    }
    case 'or': {
      const all = node.children.map(eventTypes);
      if (all.includes(null)) return null;
      return new Set(all.flatMap((types) => [...(types ?? [])]));
    }
    case 'comparison': {
      if (node.left.type !== 'field' || node.left.name !== 'evt.type') return null;
      if (node.operator !== '=' && node.operator !== 'in') return null;
      if (node.right.type === 'literal') return new Set([node.right.text]);
      return node.right.type === 'list' ? new Set(node.right.items.map(({ text }) => text)) : null;
    }
    case 'not':
      return negatedEventTypes(node.child);
    case 'exists':
    case 'macro':
      return null;
  }
}

function negatedEventTypes(node: Condition): ReadonlySet<string> | null {
  return node.type === 'not' ? eventTypes(node.child) : null;
}
