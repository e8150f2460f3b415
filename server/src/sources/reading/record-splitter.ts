/**
 * Bytes in any pieces → one JSON value at a time, so that memory stays flat however large a file is. Handles values one
 * after another (lines or pretty-printed), a top-level list, and lists under a wrapper's member (`Records`, `items` …).
 *
 * Most bytes are never looked at one by one: whole lines, and whole runs of records between two places that look like the
 * beginning of one, are given to the engine's own parser, and only where that fails the grammar is followed byte by byte.
 *
 * The surprise: it checks just enough of JSON's grammar to notice damage close to where it is. It then looks for a place
 * where a record can begin again (a line that starts with a brace, or the bytes that the other records begin with), so
 * that one broken record costs one record and not the rest of the file.
 */
import { isAscii } from 'node:buffer';
import { WRAPPER_LISTS } from './wrapper.ts';

/** One value, or what could not be one. `raw` is all of its bytes up to `LARGEST_RECORD_BYTES`. */
export type Cut =
  | { readonly type: 'value'; readonly value: unknown }
  | { readonly type: 'damaged'; readonly reason: string; readonly raw: string };

/** A larger record is passed over and its beginning kept. CloudTrail's limit is 256 KiB, the API server's 3 MiB an object. */
export const LARGEST_RECORD_BYTES = 4 * 1024 * 1024;
export const KEPT_OF_OVERSIZED_BYTES = 64 * 1024;
/** Where the grammar is followed byte by byte, a record that nests deeper is refused. */
export const DEEPEST_NESTING = 1_000;
const LONGEST_OPENER_BYTES = 160;
const LONGEST_KEY_BYTES = 32;
/** Shorter runs of records are not worth a separate look. */
const SHORTEST_RUN_BYTES = 8 * 1024;
/** Longer texts are moved about by the engine's memory management, which costs as much as a fifth of parsing them. */
const LONGEST_RUN_BYTES = 56 * 1024;

const QUOTE = 0x22;
const COMMA = 0x2c;
const DIGIT = 0x30;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const NEWLINE = 0x0a;
const RECORD_SEPARATOR = 0x1e;
const LINE_OBJECT = Buffer.from('\n{');
const EMPTY = Buffer.alloc(0);
const NONE = -1;

type Mode =
  | 'structure' // following the grammar
  | 'line' // a top-level text that is no object and no list: it ends with its line
  | 'seek'; // after damage, looking for where a record can begin

export class RecordSplitter {
  #buffer: Buffer = EMPTY;
  #position = 0;
  /** Where the value at hand begins in the buffer; NONE between values. */
  #start = NONE;
  #mode: Mode = 'structure';
  #inString = false;
  #isEscaped = false;
  /** The last significant byte; QUOTE after a string, DIGIT after any other scalar. 0 at the beginning. */
  #last = 0;
  #depth = 0;
  /** The depth at which values stand: 0 one after another, 1 in a top-level list, 2 in the list of a wrapper. */
  #base = 0;
  /** The top-level object is a wrapper: its own members are no record. */
  #isWrapper = false;
  /** What is open, outermost first: braces and brackets, as far down as is allowed. */
  readonly #kinds = new Uint8Array(DEEPEST_NESTING);
  #isTooDeep = false;
  /** Where a member name at depth 1 began, while it may name a wrapper's list. */
  #keyStart = NONE;
  #key = '';
  /** What records of this list begin with, up to the end of the first member name. */
  #opener: Buffer | null = null;
  #damage = '';
  /** The beginning of a value that became too large to hold, and its size so far. */
  #oversized: { readonly beginning: Buffer; sizeBytes: number } | null = null;
  #linesHold = true;
  /** False after a run that did not parse, until more bytes come. */
  #runsHold = true;
  #isFirst = true;
  #cuts: Cut[] = [];

  push(chunk: Buffer): readonly Cut[] {
    this.#cuts = [];
    this.#runsHold = true;
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    if (this.#isFirst && !this.#skipByteOrderMark()) return this.#cuts;
    while (this.#position < this.#buffer.length) {
      if (this.#mode === 'structure') this.#follow();
      else if (this.#mode === 'line') this.#followLine();
      else if (!this.#seek()) break;
    }
    this.#shrink();
    return this.#cuts;
  }

  /** What is left when the bytes end. `reason` says why they ended early, when they did. */
  end(reason: string | null = null): readonly Cut[] {
    this.#cuts = [];
    const ending = reason ?? 'the input ends within the record';
    const isOpen = this.#start !== NONE || this.#oversized !== null;
    if (this.#mode === 'line') this.#finish(this.#buffer.length);
    else if (this.#mode === 'seek') this.#finishDamaged(this.#buffer.length, reason ?? this.#damage);
    else if (isOpen) this.#finishDamaged(this.#buffer.length, ending);
    else if (this.#depth > 0)
      this.#cuts.push({ type: 'damaged', reason: reason ?? 'the input ends within the list of records', raw: '' });
    else if (reason !== null) this.#cuts.push({ type: 'damaged', reason, raw: '' });
    this.#buffer = EMPTY;
    this.#position = 0;
    return this.#cuts;
  }

  #skipByteOrderMark(): boolean {
    const mark = [0xef, 0xbb, 0xbf];
    const seen = [...this.#buffer.subarray(0, 3)];
    const matches = seen.every((byte, index) => byte === mark[index]);
    if (matches && seen.length < mark.length) return false;
    this.#isFirst = false;
    if (matches) this.#position = mark.length;
    return true;
  }

  /** The hot loop: strings are skipped in a tight loop, everything else goes through `#step`. */
  #follow(): void {
    const buffer = this.#buffer;
    const length = buffer.length;
    while (this.#position < length && this.#mode === 'structure') {
      if (this.#inString && !this.#followString()) continue;
      if (this.#position >= length) return;
      const byte = buffer[this.#position] ?? 0;
      if (byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09 || byte === RECORD_SEPARATOR) {
        this.#position += 1;
      } else if (this.#depth === 0 && this.#start === NONE && !this.#beginTopLevel(byte)) {
        continue;
      } else {
        this.#step(byte);
      }
    }
  }

  /** Moves to behind the end of the string. False when the bytes ended first or the string is damaged. */
  #followString(): boolean {
    const buffer = this.#buffer;
    const length = buffer.length;
    let index = this.#position;
    if (this.#isEscaped && index < length) {
      this.#isEscaped = false;
      index += 1;
    }
    while (index < length) {
      const byte = buffer[index] as number;
      if (byte === QUOTE) {
        this.#position = index + 1;
        this.#inString = false;
        this.#last = QUOTE;
        this.#stringEnded(index);
        return true;
      }
      if (byte === BACKSLASH) {
        index += 2;
      } else if (byte < 0x20) {
        this.#position = index;
        this.#break('a text is not closed, or holds a control character');
        return false;
      } else {
        index += 1;
      }
    }
    this.#isEscaped = index > length;
    this.#position = length;
    return false;
  }

  #stringEnded(quote: number): void {
    if (this.#keyStart !== NONE) {
      const isShort = quote - this.#keyStart <= LONGEST_KEY_BYTES;
      this.#key = isShort ? this.#buffer.toString('latin1', this.#keyStart, quote) : '';
      this.#keyStart = NONE;
    }
    if (this.#opener === null && this.#oversized === null && this.#start !== NONE && this.#depth === this.#base + 1) {
      const size = quote + 1 - this.#start;
      if (this.#buffer[this.#start] === OPEN_OBJECT && size <= LONGEST_OPENER_BYTES) {
        this.#opener = Buffer.from(this.#buffer.subarray(this.#start, quote + 1));
      }
    }
  }

  /** At the top level between values. True when `#step` should take the byte. */
  #beginTopLevel(byte: number): boolean {
    if (byte === COMMA) {
      this.#position += 1;
      return false;
    }
    if (byte === OPEN_OBJECT && this.#linesHold && this.#takeLine()) return false;
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      this.#last = 0;
      return true;
    }
    this.#mode = 'line';
    this.#start = this.#position;
    return false;
  }

  /** Records written one a line need no following: the line is parsed as it is. */
  #takeLine(): boolean {
    const from = this.#position;
    const newline = this.#buffer.indexOf(NEWLINE, from);
    if (newline === -1 || newline - from > LARGEST_RECORD_BYTES) return false;
    let to = newline;
    while (to > from && ((this.#buffer[to - 1] ?? 0) <= 0x20 || this.#buffer[to - 1] === COMMA)) to -= 1;
    if (this.#buffer[to - 1] !== CLOSE_OBJECT) {
      // Pretty-printed, or cut off: not worth trying at every line.
      this.#linesHold = false;
      return false;
    }
    const parsed = parse(this.#buffer, from, to);
    if (parsed.type === 'damaged') return false;
    this.#cuts.push(parsed);
    this.#position = newline + 1;
    return true;
  }

  /**
   * Records of one list begin alike. All that lies between this one and a later such beginning is parsed as a list of its own;
   * if it parses, the beginning was really one, as nothing else leaves the brackets balanced.
   */
  #takeRun(): boolean {
    const opener = this.#opener;
    const from = this.#position;
    if (opener === null || this.#buffer.length - from < SHORTEST_RUN_BYTES) return false;
    let comma = this.#buffer.lastIndexOf(opener, from + LONGEST_RUN_BYTES) - 1;
    while (comma > from && (this.#buffer[comma] ?? 0) <= 0x20) comma -= 1;
    if (comma - from < SHORTEST_RUN_BYTES || this.#buffer[comma] !== COMMA) return false;
    const values = parseRun(this.#buffer, from, comma);
    if (values === null) {
      this.#runsHold = false;
      return false;
    }
    for (const value of values) this.#cuts.push({ type: 'value', value });
    this.#position = comma + 1;
    return true;
  }

  /** One significant byte outside strings, at depth 1 or more, or one that opens a top-level value. */
  #step(byte: number): void {
    if (this.#start === NONE && this.#depth === this.#base && this.#standsAlone(byte)) return;
    const last = this.#last;
    switch (byte) {
      case QUOTE:
        if (isValueEnd(last)) return this.#break('a comma or colon is missing');
        this.#inString = true;
        if (this.#depth === 1 && this.#base === 0 && this.#kinds[0] === OPEN_OBJECT && last !== COLON) {
          this.#keyStart = this.#position + 1;
        }
        break;
      case OPEN_OBJECT:
      case OPEN_LIST:
        return this.#open(byte);
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        return this.#close(byte);
      case COMMA:
        if (!isValueEnd(last)) return this.#break('a value is missing before a comma');
        if (this.#start !== NONE && this.#depth === this.#base) this.#finish(this.#position);
        break;
      case COLON:
        if (last !== QUOTE || !this.#isIn(OPEN_OBJECT)) return this.#break('a colon stands where none can');
        break;
      default:
        if (isValueEnd(last) && last !== DIGIT) return this.#break('a comma or colon is missing');
        this.#last = DIGIT;
        this.#position += 1;
        return;
    }
    this.#last = byte;
    this.#position += 1;
  }

  /** Between the values of a list. True when the byte was only punctuation and is done with. */
  #standsAlone(byte: number): boolean {
    if (this.#base > 0 && byte === COMMA) {
      this.#position += 1;
      return true;
    }
    if (this.#base > 0 && byte === CLOSE_LIST) return false;
    if (this.#base > 0 && this.#runsHold && this.#takeRun()) return true;
    if (!(this.#isWrapper && this.#base === 0)) {
      this.#start = this.#position;
      this.#last = 0;
    }
    return false;
  }

  #open(byte: number): void {
    const last = this.#last;
    const fits = last === 0 || last === COLON || last === OPEN_LIST || (last === COMMA && this.#isIn(OPEN_LIST));
    if (!fits) return this.#break('a comma or colon is missing');
    if (this.#depth < DEEPEST_NESTING) this.#kinds[this.#depth] = byte;
    else this.#isTooDeep = true;
    this.#depth += 1;
    this.#last = byte;
    this.#position += 1;
    if (byte === OPEN_LIST && this.#base === 0 && this.#opensRecords()) {
      this.#base = this.#depth;
      this.#start = NONE;
      this.#oversized = null;
      this.#opener = null;
    }
    this.#key = '';
  }

  #opensRecords(): boolean {
    if (this.#depth === 1) return true;
    if (this.#depth !== 2 || this.#kinds[0] !== OPEN_OBJECT || !WRAPPER_LISTS.has(this.#key)) return false;
    this.#isWrapper = true;
    return true;
  }

  #close(byte: number): void {
    const opened = byte === CLOSE_OBJECT ? OPEN_OBJECT : OPEN_LIST;
    if (!this.#isIn(opened)) return this.#break('a bracket closes what was not opened');
    if (this.#last === COLON || (this.#last === COMMA && this.#depth !== this.#base)) {
      return this.#break('a value is missing before a bracket');
    }
    if (this.#start !== NONE && this.#depth === this.#base) this.#finish(this.#position);
    this.#depth -= 1;
    this.#last = byte;
    this.#position += 1;
    if (this.#depth < this.#base) {
      this.#base = 0;
      this.#opener = null;
    } else if (this.#depth === this.#base) {
      if (this.#start !== NONE || this.#oversized !== null) this.#finish(this.#position);
    }
    if (this.#depth === 0) this.#isWrapper = false;
  }

  #isIn(kind: number): boolean {
    if (this.#depth > DEEPEST_NESTING) return true;
    return this.#depth > 0 && this.#kinds[this.#depth - 1] === kind;
  }

  #followLine(): void {
    const newline = this.#buffer.indexOf(NEWLINE, this.#position);
    if (newline === -1) {
      this.#position = this.#buffer.length;
      return;
    }
    this.#finish(newline);
    this.#position = newline + 1;
    this.#mode = 'structure';
  }

  #break(reason: string): void {
    this.#damage = `not JSON: ${reason}`;
    this.#mode = 'seek';
    if (this.#start === NONE && this.#oversized === null) this.#start = this.#position;
  }

  /** Looks for where a record can begin; false when these bytes do not say. */
  #seek(): boolean {
    const opener = this.#opener;
    const reach = opener?.length ?? 0;
    const earliest = Math.max(this.#start + 1, this.#position - reach, 0);
    const byLine = this.#buffer.indexOf(LINE_OBJECT, Math.max(this.#start, this.#position - 1));
    const byOpener = opener === null ? NONE : this.#buffer.indexOf(opener, earliest);
    const found = [byLine === NONE ? NONE : byLine + 1, byOpener].filter((place) => place !== NONE);
    if (found.length === 0) {
      // A beginning may straddle these bytes and the next.
      this.#position = Math.max(this.#position, this.#buffer.length - Math.max(reach, LINE_OBJECT.length) + 1);
      return false;
    }
    const place = Math.min(...found);
    this.#finishDamaged(place, this.#damage);
    this.#position = place;
    this.#depth = this.#base;
    this.#last = this.#base > 0 ? COMMA : 0;
    if (this.#base === 0) this.#isWrapper = false;
    return true;
  }

  /** The value ends before `to`. */
  #finish(to: number): void {
    if (this.#oversized !== null || to - this.#start > LARGEST_RECORD_BYTES) return this.#finishDamaged(to, '');
    if (this.#isTooDeep) return this.#finishDamaged(to, `it nests deeper than ${DEEPEST_NESTING} levels`);
    const cut = parse(this.#buffer, this.#start, to);
    this.#cuts.push(cut);
    this.#forget();
  }

  #finishDamaged(to: number, reason: string): void {
    const from = this.#start === NONE ? to : this.#start;
    const size = to - from + (this.#oversized?.sizeBytes ?? 0);
    if (this.#oversized !== null || size > LARGEST_RECORD_BYTES) {
      const beginning = this.#oversized?.beginning ?? this.#buffer.subarray(from, from + KEPT_OF_OVERSIZED_BYTES);
      const why = `the record has ${size} bytes, more than ${LARGEST_RECORD_BYTES}; its beginning is kept`;
      this.#cuts.push({ type: 'damaged', reason: reason === '' ? why : `${reason}; ${why}`, raw: textOf(beginning) });
    } else {
      this.#cuts.push({ type: 'damaged', reason, raw: textOf(this.#buffer, from, to).trimEnd() });
    }
    this.#forget();
  }

  #forget(): void {
    this.#start = NONE;
    this.#oversized = null;
    this.#mode = 'structure';
    this.#inString = false;
    this.#isEscaped = false;
    this.#isTooDeep = false;
    this.#keyStart = NONE;
    this.#key = '';
  }

  /** Lets go of bytes that are done with, and of a value that became too large. */
  #shrink(): void {
    if (this.#start !== NONE && this.#buffer.length - this.#start > LARGEST_RECORD_BYTES) {
      const beginning = Buffer.from(this.#buffer.subarray(this.#start, this.#start + KEPT_OF_OVERSIZED_BYTES));
      this.#oversized = { beginning, sizeBytes: 0 };
    }
    if (this.#position - this.#keyStart > LONGEST_KEY_BYTES) this.#keyStart = NONE;
    let keep = this.#position;
    if (this.#oversized !== null) {
      if (this.#keyStart !== NONE) keep = Math.min(keep, this.#keyStart);
      this.#oversized.sizeBytes += keep - Math.max(this.#start, 0);
      this.#start = 0;
    } else if (this.#start !== NONE) {
      keep = this.#start;
      this.#start = 0;
    } else if (this.#keyStart !== NONE) {
      keep = Math.min(keep, this.#keyStart);
    }
    if (this.#keyStart !== NONE) this.#keyStart -= keep;
    this.#buffer = keep >= this.#buffer.length ? EMPTY : this.#buffer.subarray(keep);
    this.#position -= keep;
  }
}

function isValueEnd(byte: number): boolean {
  return byte === QUOTE || byte === DIGIT || byte === CLOSE_OBJECT || byte === CLOSE_LIST;
}

function parse(buffer: Buffer, from: number, to: number): Cut {
  const text = textOf(buffer, from, to);
  try {
    return { type: 'value', value: JSON.parse(text) };
  } catch (error) {
    return { type: 'damaged', reason: `not JSON: ${error instanceof Error ? error.message : ''}`, raw: text.trimEnd() };
  }
}

/** The values between `from` and the comma, or null. The bytes around them become brackets meanwhile, which saves a copy. */
function parseRun(buffer: Buffer, from: number, comma: number): readonly unknown[] | null {
  const before = buffer[from - 1];
  if (before === undefined) return null;
  buffer[from - 1] = OPEN_LIST;
  buffer[comma] = CLOSE_LIST;
  try {
    return JSON.parse(textOf(buffer, from - 1, comma + 1)) as readonly unknown[];
  } catch {
    return null;
  } finally {
    buffer[from - 1] = before;
    buffer[comma] = COMMA;
  }
}

/** UTF-8; the common file is plain ASCII, which is read in half the time. */
export function textOf(buffer: Buffer, from = 0, to = buffer.length): string {
  return isAscii(buffer.subarray(from, to)) ? buffer.toString('latin1', from, to) : buffer.toString('utf8', from, to);
}
