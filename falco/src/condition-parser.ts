/**
 * Condition text → tree, by recursive descent. It never throws on what a person wrote: it returns problems with spans.
 *
 * ```
 *  or        ::= and ( 'or' and )*
 *  and       ::= not ( 'and' not )*
 *  not       ::= 'not' not | check
 *  check     ::= '(' or ')' | operand operator right | operand 'exists' | macro
 *  operand   ::= field [ '[' argument ']' ] | transformer '(' operand ( ',' operand )* ')'
 *  right     ::= value | '(' value ( ',' value )* ')' | 'val' '(' operand ')' | transformer '(' … ')'
 * ```
 */
import type {
  BinaryOperator,
  Condition,
  FieldNode,
  LiteralNode,
  Operand,
  OperatorModifier,
  RightSide,
  TransformNode,
} from './ast.ts';
import { type ConditionProblem, Cursor, SyntaxFault } from './condition-lexer.ts';

export type { ConditionProblem } from './condition-lexer.ts';

/** Longer conditions are refused: no person writes them, and every later step is linear in it. */
export const MAXIMUM_CONDITION_LENGTH = 1_000_000;
/** Nesting of parentheses, `not` and transformers. */
export const MAXIMUM_DEPTH = 200;

/** Transformers by Falco's names; `val` only marks a field on the right side. */
export const TRANSFORMERS = ['toupper', 'tolower', 'b64', 'basename', 'len', 'join', 'concat', 'getopt'] as const;
const RIGHT_MARK = 'val';

const SYMBOL_OPERATORS: readonly BinaryOperator[] = ['!=', '<=', '>=', '<', '>', '='];
const WORD_OPERATORS: readonly BinaryOperator[] = [
  'icontains',
  'contains',
  'bcontains',
  'bstartswith',
  'startswith',
  'endswith',
  'iglob',
  'glob',
  'regex',
  'intersects',
  'pmatch',
  'in',
];
export const LIST_OPERATORS: ReadonlySet<BinaryOperator> = new Set(['in', 'intersects', 'pmatch']);
const NUMBER_OPERATORS: ReadonlySet<BinaryOperator> = new Set(['<', '<=', '>', '>=']);
const MODIFIERS: readonly OperatorModifier[] = ['oneof', 'anyof', 'allof'];
const NAME = /[a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z0-9_]+)*/y;
const BARE_ARGUMENT = /[^ \b\t\n\r[\]"']+/y;
const CALL = /([a-z0-9]+)[ \t\r\n]*\(/y;

export interface ParsedCondition {
  /** Null when there is a problem. */
  readonly condition: Condition | null;
  readonly problems: readonly ConditionProblem[];
}

export function parseCondition(text: string): ParsedCondition {
  if (text.length > MAXIMUM_CONDITION_LENGTH) {
    const message = `the condition has ${text.length} characters, ${MAXIMUM_CONDITION_LENGTH} at most`;
    return { condition: null, problems: [{ message, span: { start: 0, end: 0 }, hint: 'split the rule' }] };
  }
  try {
    return { condition: new Parser(new Cursor(text)).parse(), problems: [] };
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    return { condition: null, problems: [{ message: error.message, span: error.span, hint: error.hint }] };
  }
}

class Parser {
  readonly #cursor: Cursor;
  #depth = 0;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  parse(): Condition {
    const condition = this.#or();
    this.#cursor.skipBlanks();
    if (!this.#cursor.atEnd) {
      this.#fail(`unexpected token after '${this.#cursor.previousWord()}', expecting 'or', 'and'`);
    }
    return condition;
  }

  #or(): Condition {
    return this.#chain('or', () => this.#chain('and', () => this.#not()));
  }

  #chain(type: 'and' | 'or', next: () => Condition): Condition {
    this.#cursor.skipBlanks();
    const start = this.#cursor.offset;
    const first = next();
    const children = [first];
    for (;;) {
      const before = this.#cursor.offset;
      this.#cursor.skipBlanks();
      if (!this.#cursor.takeWord(type)) {
        this.#cursor.offset = before;
        break;
      }
      children.push(next());
    }
    return children.length === 1 ? first : { type, children, span: this.#cursor.spanFrom(start) };
  }

  #not(): Condition {
    this.#cursor.skipBlanks();
    const start = this.#cursor.offset;
    if (!this.#cursor.takeWord('not')) return this.#check();
    return this.#deeper(() => {
      const child = this.#not();
      return { type: 'not', child, span: this.#cursor.spanFrom(start) };
    });
  }

  #check(): Condition {
    const cursor = this.#cursor;
    cursor.skipBlanks();
    const start = cursor.offset;
    if (cursor.take('(')) {
      const inner = this.#deeper(() => this.#or());
      cursor.skipBlanks();
      if (!cursor.take(')')) this.#fail("expected a ')' token", "close the '(' that was opened before");
      return inner;
    }
    const operand = this.#transform() ?? this.#nameOrField();
    if (operand === null) this.#fail(this.#expectation());
    cursor.skipBlanks();
    if (operand.type === 'field' && !operand.name.includes('.') && operand.argument === null) {
      const modifierless = this.#operatorAhead();
      if (!modifierless) return { type: 'macro', name: operand.name, span: operand.span };
    }
    return this.#comparison(operand, start);
  }

  #comparison(left: FieldNode | TransformNode, start: number): Condition {
    const cursor = this.#cursor;
    if (cursor.takeWord('exists')) return { type: 'exists', left, span: cursor.spanFrom(start) };
    const operator = this.#operator();
    if (operator === null) {
      this.#fail(
        `expected an operator after '${cursor.previousWord()}'`,
        `use one of: exists ${SYMBOL_OPERATORS.join(' ')} ${WORD_OPERATORS.join(' ')}`,
      );
    }
    cursor.skipBlanks();
    const modifier = MODIFIERS.find((word) => cursor.takeWord(word)) ?? null;
    cursor.skipBlanks();
    const right = this.#right(operator, modifier);
    return { type: 'comparison', left, operator, modifier, right, span: cursor.spanFrom(start) };
  }

  #operatorAhead(): boolean {
    const before = this.#cursor.offset;
    const found = this.#cursor.takeWord('exists') || this.#operator() !== null;
    this.#cursor.offset = before;
    return found;
  }

  #operator(): BinaryOperator | null {
    for (const symbol of SYMBOL_OPERATORS) {
      if (this.#cursor.take(symbol)) {
        if (symbol === '=') this.#cursor.take('=');
        return symbol;
      }
    }
    return WORD_OPERATORS.find((word) => this.#cursor.takeWord(word)) ?? null;
  }

  #right(operator: BinaryOperator, modifier: OperatorModifier | null): RightSide {
    const cursor = this.#cursor;
    const start = cursor.offset;
    const marked = this.#markedField();
    if (marked !== null) return marked;
    const transform = this.#transform();
    if (transform !== null) return transform;
    if ((LIST_OPERATORS.has(operator) || modifier !== null) && cursor.take('(')) {
      const items = this.#items();
      return { type: 'list', items, span: cursor.spanFrom(start) };
    }
    const literal = (NUMBER_OPERATORS.has(operator) ? cursor.number() : null) ?? cursor.literal();
    if (literal === null) {
      if (LIST_OPERATORS.has(operator)) this.#fail("expected a '(' token", 'write the values in parentheses: (a, b)');
      this.#fail('expected a value', 'quote a value that contains blanks, parentheses, commas or =');
    }
    if (NUMBER_OPERATORS.has(operator) && !isNumber(literal)) {
      throw new SyntaxFault(`expected a number, found '${literal.text}'`, literal.span, null);
    }
    if (!LIST_OPERATORS.has(operator)) return literal;
    return { type: 'list', items: [literal], span: literal.span };
  }

  #items(): LiteralNode[] {
    const cursor = this.#cursor;
    const items: LiteralNode[] = [];
    cursor.skipBlanks();
    if (cursor.take(')')) return items;
    for (;;) {
      cursor.skipBlanks();
      const item = cursor.literal();
      if (item === null) this.#fail('expected a value', 'separate the values of a list with commas');
      items.push(item);
      cursor.skipBlanks();
      if (cursor.take(')')) return items;
      if (!cursor.take(',')) this.#fail("expected a ')' token", 'separate the values of a list with commas');
    }
  }

  /** `val(field)`: a field on the right side. */
  #markedField(): Operand | null {
    const cursor = this.#cursor;
    const start = cursor.offset;
    const call = cursor.match(CALL);
    if (call === null || call.replace(/[\s(]/g, '') !== RIGHT_MARK) {
      cursor.offset = start;
      return null;
    }
    const operand = this.#deeper(() => this.#operandInside());
    this.#closeCall();
    return operand;
  }

  #transform(): TransformNode | null {
    const cursor = this.#cursor;
    const start = cursor.offset;
    const call = cursor.match(CALL);
    const name = call?.replace(/[\s(]/g, '');
    if (name === undefined || !TRANSFORMERS.some((known) => known === name)) {
      cursor.offset = start;
      return null;
    }
    const operands = this.#deeper(() => this.#operands());
    this.#closeCall();
    return { type: 'transform', name, operands, span: cursor.spanFrom(start) };
  }

  #operands(): Operand[] {
    const operands = [this.#operandInside()];
    this.#cursor.skipBlanks();
    while (this.#cursor.take(',')) {
      operands.push(this.#operandInside());
      this.#cursor.skipBlanks();
    }
    return operands;
  }

  #operandInside(): Operand {
    this.#cursor.skipBlanks();
    const quoted = /["']/.test(this.#cursor.peek()) ? this.#cursor.literal() : null;
    const operand = quoted ?? this.#transform() ?? this.#nameOrField();
    if (operand !== null) return operand;
    const literal = this.#cursor.literal();
    if (literal === null) this.#fail('expected a field, a transformer or a value');
    return literal;
  }

  #closeCall(): void {
    this.#cursor.skipBlanks();
    if (!this.#cursor.take(')')) this.#fail("expected a ')' token closing the transformer");
  }

  #nameOrField(): FieldNode | null {
    const cursor = this.#cursor;
    const start = cursor.offset;
    const name = cursor.match(NAME);
    if (name === null) return null;
    if (!cursor.take('[')) return { type: 'field', name, argument: null, span: cursor.spanFrom(start) };
    const quote = cursor.peek();
    const argument = quote === '"' || quote === "'" ? (cursor.literal()?.text ?? null) : cursor.match(BARE_ARGUMENT);
    if (argument === null) this.#fail(`expected an argument in '${name}[…]'`, `write ${name}[0] or ${name}["a b"]`);
    if (!cursor.take(']')) this.#fail(`expected a ']' token after the argument of '${name}'`);
    return { type: 'field', name, argument, span: cursor.spanFrom(start) };
  }

  #deeper<T>(body: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAXIMUM_DEPTH) this.#fail(`nested deeper than ${MAXIMUM_DEPTH} levels`, 'move parts into macros');
    const result = body();
    this.#depth -= 1;
    return result;
  }

  #expectation(): string {
    const before = this.#cursor.previousWord();
    if (before === '') return 'expected a field check, a macro or a parenthesis';
    return `unexpected token after '${before}', expecting a field check, a macro, 'not' or '('`;
  }

  #fail(message: string, hint: string | null = null): never {
    throw new SyntaxFault(message, this.#cursor.here(), hint);
  }
}

function isNumber(literal: LiteralNode): boolean {
  return literal.quoted || /^(0[xX][0-9a-fA-F]+|[+-]?\d+(\.\d+)?([eE][+-]?\d+)?)$/.test(literal.text);
}
