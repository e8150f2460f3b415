/**
 * Several conditions as one function of JavaScript that is asked in order. Whatever they share, a field, a question or a whole
 * part of a condition, is found out at most once an event, into a variable; and what many rules share is asked first, since it
 * settles many. Not reentrant.
 *
 *     const x0 = x[0]; … const t0 = t[0]; …                   fields and tests, as functions
 *     let v0; … let b7 = 0; …                                 values, and answers: 0 not asked, 1 yes, 2 no
 *     const q7 = (e) => (b7 = … ? 1 : 2) === 1; …             what is shared
 *     return (e, n) => {
 *       if (n === 0) { v0 = undefined; … b7 = 0; … }          a new event
 *       if (n <= 0 && (b7 === 0 ? q7(e) : b7 === 1) && t1(v0 === undefined ? (v0 = x0(e)) : v0)) return 0;
 *       … return -1; };
 *
 * No text of a rule ever becomes part of it: it consists of numbers and of the words above.
 */
import type { Condition, Operand } from './ast.ts';
import { printOperand } from './condition-printer.ts';
import { costOf } from './evaluation-order.ts';
import type { FieldCatalogue, FieldValue } from './fields.ts';
import { type Extraction, extractionOf } from './operands.ts';
import { mergeLiterals, type Predicate, predicateOf } from './predicates.ts';

/** The number of the first condition from `from` on that holds; -1 when none does. */
export type RuleBlock<Event> = (event: Event, from: number) => number;

type Test = (one: FieldValue, other: FieldValue) => boolean;

export function compileBlock<Event>(
  conditions: readonly (Condition | true)[],
  catalogue: FieldCatalogue<Event>,
): RuleBlock<Event> {
  const graph = new QuestionGraph(catalogue);
  const roots = conditions.map((condition) => (condition === true ? null : graph.add(condition)));
  for (const root of roots) if (root !== null) root.uses += 1;
  const writer = new BlockWriter(catalogue);
  const lines = roots.map((root, number) => {
    const code = root === null ? 'true' : writer.code(root);
    return `if (n <= ${number} && ${code}) return ${number};`;
  });
  const body = `${writer.declarations()}return (e, n) => {if (n === 0) {${writer.reset()}}${lines.join('')}return -1;};`;
  // The code holds numbers and fixed words alone; see the opening comment.
  // oxlint-disable-next-line typescript/no-implied-eval -- the whole point
  const make = new Function('x', 't', body) as (
    extractions: readonly Extraction<Event>[],
    tests: readonly Test[],
  ) => RuleBlock<Event>;
  return make(writer.extractions, writer.tests);
}

/** A part of conditions, one object for all that are equal. */
interface Question {
  readonly id: number;
  readonly kind: 'and' | 'or' | 'not' | 'predicate';
  readonly children: readonly Question[];
  readonly predicate: Predicate | null;
  /** What asking it costs, roughly. */
  readonly cost: number;
  /** In how many other questions and rules it stands. */
  uses: number;
}

class QuestionGraph {
  readonly #catalogue: FieldCatalogue<never>;
  readonly #known = new Map<string, Question>();

  constructor(catalogue: FieldCatalogue<never>) {
    this.#catalogue = catalogue;
  }

  add(node: Condition | Predicate): Question {
    switch (node.type) {
      case 'and':
        return this.#all('and', node.children);
      case 'or':
        return this.#all('or', mergeLiterals(node.children, this.#catalogue));
      case 'not':
        return this.#all('not', [node.child]);
      case 'exists':
      case 'comparison':
        return this.#predicate(predicateOf(node, this.#catalogue), costOf(node, this.#catalogue));
      case 'predicate':
        return this.#predicate(node, node.operands.length + 2);
      case 'macro':
        throw new Error(`the macro ${node.name} was not resolved`);
    }
  }

  #all(kind: 'and' | 'or' | 'not', nodes: readonly (Condition | Predicate)[]): Question {
    const children = [...new Set(nodes.map((node) => this.add(node)))];
    const key = `${kind} ${children
      .map(({ id }) => id)
      .sort((one, other) => one - other)
      .join(' ')}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    for (const child of children) child.uses += 1;
    const cost = children.reduce((sum, child) => sum + child.cost, 0);
    return this.#remember(key, { id: this.#known.size, kind, children, predicate: null, cost, uses: 0 });
  }

  #predicate(predicate: Predicate, cost: number): Question {
    const key = `predicate ${predicate.key}`;
    const id = this.#known.size;
    return (
      this.#known.get(key) ?? this.#remember(key, { id, kind: 'predicate', children: [], predicate, cost, uses: 0 })
    );
  }

  #remember(key: string, question: Question): Question {
    this.#known.set(key, question);
    return question;
  }
}

class BlockWriter<Event> {
  readonly extractions: Extraction<Event>[] = [];
  readonly tests: Test[] = [];
  readonly #catalogue: FieldCatalogue<Event>;
  readonly #values = new Map<string, number>();
  readonly #written = new Map<Question, string>();
  readonly #shared: { readonly id: number; readonly asked: string }[] = [];

  constructor(catalogue: FieldCatalogue<Event>) {
    this.#catalogue = catalogue;
  }

  code(question: Question): string {
    const known = this.#written.get(question);
    if (known !== undefined) return known;
    const asked = this.#ask(question);
    if (question.uses <= 1 || question.kind === 'not') {
      this.#written.set(question, asked);
      return asked;
    }
    const { id } = question;
    this.#shared.push({ id, asked });
    const code = `(b${id} === 0 ? q${id}(e) : b${id} === 1)`;
    this.#written.set(question, code);
    return code;
  }

  declarations(): string {
    const names = (letter: string, count: number) =>
      Array.from({ length: count }, (_, number) => `const ${letter}${number} = ${letter}[${number}];`).join('');
    const values = this.extractions.map((_, number) => `let v${number};`).join('');
    const answers = this.#shared.map(({ id }) => `let b${id} = 0;`).join('');
    const questions = this.#shared.map(({ id, asked }) => `const q${id} = (e) => (b${id} = ${asked} ? 1 : 2) === 1;`);
    return names('x', this.extractions.length) + names('t', this.tests.length) + values + answers + questions.join('');
  }

  reset(): string {
    const values = this.extractions.map((_, number) => `v${number} = undefined;`);
    return [...values, ...this.#shared.map(({ id }) => `b${id} = 0;`)].join('');
  }

  #ask({ kind, children, predicate }: Question): string {
    if (predicate !== null) {
      const number = this.tests.push(predicate.make()) - 1;
      return `t${number}(${predicate.operands.map((operand) => this.#value(operand)).join(', ')})`;
    }
    if (children.length === 0) return String(kind === 'and');
    // A part that many have is asked for all of them.
    const sorted = [...children].sort((one, other) => one.cost / one.uses - other.cost / other.uses);
    const codes = sorted.map((child) => this.code(child));
    return kind === 'not' ? `!${codes.join('')}` : `(${codes.join(kind === 'and' ? ' && ' : ' || ')})`;
  }

  #value(operand: Operand): string {
    const key = printOperand(operand);
    let number = this.#values.get(key);
    if (number === undefined) {
      number = this.extractions.push(extractionOf(operand, this.#catalogue)) - 1;
      this.#values.set(key, number);
    }
    return `(v${number} === undefined ? (v${number} = x${number}(e)) : v${number})`;
  }
}
