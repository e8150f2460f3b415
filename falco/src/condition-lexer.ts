/**
 * A cursor over condition text. There are no tokens ahead of parsing: the language is only regular in context (`-` and `.`
 * belong to a bare value but end a name), so the parser asks for what it expects and the cursor says whether it is there.
 */
import type { LiteralNode, Span } from './ast.ts';

/** What could not be read, and where; `expecting` lists what would have been right. */
export interface ConditionProblem {
  readonly message: string;
  readonly span: Span;
  readonly hint: string | null;
}

/** Thrown inside the parser only; `parseCondition` turns it into a problem. */
export class SyntaxFault extends Error {
  readonly span: Span;
  readonly hint: string | null;

  constructor(message: string, span: Span, hint: string | null = null) {
    super(message);
    this.span = span;
    this.hint = hint;
  }
}

const BLANKS = /[ \t\r\n\b]*/y;
const BARE_VALUE = /[^() \b\t\n\r,="']+/y;
const NUMBER = /0[xX][0-9a-fA-F]+(?![\w.])|[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.:/-])/y;

export class Cursor {
  readonly text: string;
  offset = 0;

  constructor(text: string) {
    this.text = text;
  }

  get atEnd(): boolean {
    return this.offset >= this.text.length;
  }

  skipBlanks(): void {
    this.match(BLANKS);
  }

  /** The text that a sticky expression matches here, and moves behind it; null when it does not match. */
  match(expression: RegExp): string | null {
    expression.lastIndex = this.offset;
    const found = expression.exec(this.text);
    if (found === null) return null;
    this.offset = expression.lastIndex;
    return found[0];
  }

  /** Moves behind `symbol` if it stands here. */
  take(symbol: string): boolean {
    if (!this.text.startsWith(symbol, this.offset)) return false;
    this.offset += symbol.length;
    return true;
  }

  /** `and`, `or`, `not`, word operators: followed by a blank, a parenthesis, a quote or the end. */
  takeWord(word: string): boolean {
    if (!this.text.startsWith(word, this.offset)) return false;
    const next = this.text[this.offset + word.length];
    if (next !== undefined && !/[\s()"']/.test(next)) return false;
    this.offset += word.length;
    return true;
  }

  peek(): string {
    return this.text[this.offset] ?? '';
  }

  spanFrom(start: number): Span {
    return { start, end: this.offset };
  }

  /** The next few characters, for messages. */
  here(): Span {
    const end = /[^\s]+/y;
    end.lastIndex = this.offset;
    const word = end.exec(this.text)?.[0].length ?? 0;
    return { start: this.offset, end: this.offset + word };
  }

  /** The last word before the cursor, for "unexpected token after …". */
  previousWord(): string {
    return /[^\s=,()!<>]+$/.exec(this.text.slice(0, this.offset).trimEnd())?.[0] ?? '';
  }

  /** A quoted or bare value; null when there is none. */
  literal(): LiteralNode | null {
    const start = this.offset;
    const quote = this.peek();
    if (quote === '"' || quote === "'") {
      return { type: 'literal', text: this.#quoted(quote), quoted: true, span: this.spanFrom(start) };
    }
    const text = this.match(BARE_VALUE);
    return text === null ? null : { type: 'literal', text, quoted: false, span: this.spanFrom(start) };
  }

  /** A number in Falco's notation (decimal, hex, signed, exponent), kept as text. */
  number(): LiteralNode | null {
    const start = this.offset;
    const text = this.match(NUMBER);
    return text === null ? null : { type: 'literal', text, quoted: false, span: this.spanFrom(start) };
  }

  #quoted(quote: string): string {
    const start = this.offset;
    let text = '';
    for (let index = start + 1; index < this.text.length; index += 1) {
      const character = this.text[index] ?? '';
      if (character === quote) {
        this.offset = index + 1;
        return text;
      }
      if (character === '\\') {
        const escaped = this.text[index + 1];
        const meaning = escaped === undefined ? undefined : ESCAPES[escaped];
        if (meaning === undefined) {
          throw new SyntaxFault(
            `unexpected escape sequence '\\${escaped ?? ''}' in a quoted value`,
            { start: index, end: index + 2 },
            'write \\\\ for a backslash',
          );
        }
        text += meaning;
        index += 1;
      } else {
        text += character;
      }
    }
    throw new SyntaxFault('a quoted value is not closed', { start, end: start + 1 }, `add ${quote} at its end`);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  ' ': ' ',
  '\\': '\\',
  '"': '"',
  "'": "'",
  '/': '/',
};
