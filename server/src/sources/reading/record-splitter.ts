/**
 * Bytes in any pieces → the bytes of one record at a time, so that memory stays flat however large a file is.
 *
 * Two ways of cutting. *Lines*: each line is a value; a damaged line cannot spoil its neighbours. *Structure*: one large value,
 * whose elements under `Records`, `items`, `Events` or in a top-level list are handed out one by one. Which of them a file needs
 * is told from its first lines.
 */

/** One cut: the bytes of a value, or what had to be passed over because it was too large. */
export type Cut =
  | { readonly type: 'value'; readonly bytes: Buffer }
  | { readonly type: 'oversized'; readonly sizeBytes: number; readonly start: Buffer };

/** A record larger than this is not held in memory: it is passed over and reported. CloudTrail's limit is 256 KiB. */
export const LARGEST_RECORD_BYTES = 4 * 1024 * 1024;
const KEPT_OF_OVERSIZED_BYTES = 64 * 1024;
/** How much of a file is looked at to tell lines from structure. */
export const LOOK_AHEAD_BYTES = 1024 * 1024;
const LOOK_AHEAD_LINES = 3;
const ELEMENT_LISTS = new Set(['Records', 'items', 'Events']);

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const NEWLINE = 0x0a;

export interface Splitter {
  push(chunk: Buffer): Cut[];
  /** What is left when the bytes end: the last line, or a value that was cut off. */
  end(): Cut[];
}

/** Chooses by the first bytes of a file. */
export function splitterFor(head: Buffer): Splitter {
  return looksLikeLines(head) ? new LineSplitter() : new StructureSplitter();
}

function looksLikeLines(head: Buffer): boolean {
  const text = head
    .subarray(0, LOOK_AHEAD_BYTES)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (text.startsWith('[')) return false;
  if (!text.startsWith('{')) return true;
  return text.split('\n', LOOK_AHEAD_LINES).some((line) => line.startsWith('{') && isWholeRecord(line));
}

/** A line that is a complete object, and not one that holds all the records of the file. */
function isWholeRecord(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return (
      typeof value === 'object' &&
      value !== null &&
      ![...ELEMENT_LISTS].some((name) => Array.isArray((value as Record<string, unknown>)[name]))
    );
  } catch {
    return false;
  }
}

/** Gathers the bytes of one value across chunks, up to the limit. */
class Gathering {
  #parts: Buffer[] = [];
  #size = 0;
  #kept = 0;

  add(part: Buffer): void {
    this.#size += part.length;
    if (this.#size <= LARGEST_RECORD_BYTES) {
      this.#parts.push(part);
      this.#kept += part.length;
    } else if (this.#kept > KEPT_OF_OVERSIZED_BYTES) {
      this.#parts = [Buffer.concat(this.#parts).subarray(0, KEPT_OF_OVERSIZED_BYTES)];
      this.#kept = KEPT_OF_OVERSIZED_BYTES;
    }
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  take(): Cut {
    const [only, ...more] = this.#parts;
    const bytes = only !== undefined && more.length === 0 ? only : Buffer.concat(this.#parts);
    const size = this.#size;
    this.#parts = [];
    this.#size = 0;
    this.#kept = 0;
    if (size <= LARGEST_RECORD_BYTES) return { type: 'value', bytes };
    return { type: 'oversized', sizeBytes: size, start: bytes.subarray(0, KEPT_OF_OVERSIZED_BYTES) };
  }
}

export class LineSplitter implements Splitter {
  readonly #gathering = new Gathering();

  push(chunk: Buffer): Cut[] {
    const cuts: Cut[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      if (end > start) this.#gathering.add(chunk.subarray(start, end));
      this.#take(cuts);
      start = end + 1;
    }
    if (start < chunk.length) this.#gathering.add(chunk.subarray(start));
    return cuts;
  }

  end(): Cut[] {
    const cuts: Cut[] = [];
    this.#take(cuts);
    return cuts;
  }

  #take(cuts: Cut[]): void {
    if (this.#gathering.isEmpty) return;
    const cut = this.#gathering.take();
    if (cut.type === 'oversized' || !isBlank(cut.bytes)) cuts.push(cut);
  }
}

export class StructureSplitter implements Splitter {
  readonly #gathering = new Gathering();
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** The depth at which elements begin: 0 for top-level values, more inside a list of records; -1 while passing over the rest. */
  #level = 0;
  #inElement = false;
  #topIsObject = false;
  #key: string | null = null;
  #keyBytes: Buffer[] | null = null;
  #cuts: Cut[] = [];

  push(chunk: Buffer): Cut[] {
    this.#cuts = [];
    let start = 0;
    let index = 0;
    while (index < chunk.length) {
      if (this.#inString) {
        index = this.#skipString(chunk, index);
        continue;
      }
      const before = this.#inElement;
      const ended = this.#step(chunk[index] ?? 0, index, chunk);
      if (!before && this.#inElement) start = index;
      if (ended !== null) {
        this.#gathering.add(chunk.subarray(start, index + ended));
        this.#take();
      } else if (before && !this.#inElement) {
        start = index + 1;
      }
      index += 1;
    }
    if (this.#inElement && start < chunk.length) this.#gathering.add(chunk.subarray(start));
    return this.#cuts;
  }

  end(): Cut[] {
    this.#cuts = [];
    this.#take();
    return this.#cuts;
  }

  /** Behind the end of the string, or at the end of the chunk. */
  #skipString(chunk: Buffer, from: number): number {
    let index = from;
    while (index < chunk.length) {
      if (this.#escaped) {
        this.#escaped = false;
        index += 1;
        continue;
      }
      const quote = chunk.indexOf(QUOTE, index);
      const backslash = chunk.subarray(index, quote === -1 ? chunk.length : quote).indexOf(BACKSLASH);
      if (backslash !== -1) {
        this.#escaped = true;
        index += backslash + 1;
        continue;
      }
      if (quote === -1) break;
      this.#inString = false;
      this.#keyBytes?.push(chunk.subarray(from, quote));
      this.#finishKey();
      return quote + 1;
    }
    this.#keyBytes?.push(chunk.subarray(from));
    return chunk.length;
  }

  #finishKey(): void {
    if (this.#keyBytes === null) return;
    this.#key = Buffer.concat(this.#keyBytes).subarray(0, 64).toString('latin1');
    this.#keyBytes = null;
  }

  /** Handles one byte outside strings. Returns how many bytes of it belong to an element that ends here, or null. */
  #step(byte: number, _index: number, _chunk: Buffer): number | null {
    switch (byte) {
      case QUOTE:
        this.#inString = true;
        if (this.#depth === 1 && this.#topIsObject && this.#level === 0) this.#keyBytes = [];
        this.#begin();
        return null;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        return this.#open(byte);
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        return this.#close();
      case COMMA:
        this.#key = null;
        return this.#inElement && this.#depth === this.#level ? this.#finish(0) : null;
      case COLON:
        return null;
      case NEWLINE:
      case 0x20:
      case 0x09:
      case 0x0d:
        return this.#inElement && this.#depth === this.#level && this.#level === 0 ? this.#finish(0) : null;
      default:
        this.#begin();
        return null;
    }
  }

  #begin(): void {
    if (!this.#inElement && this.#depth === this.#level) this.#inElement = true;
  }

  #open(byte: number): null {
    if (byte === OPEN_BRACKET && this.#opensElements()) {
      this.#level = this.#depth + 1;
      this.#inElement = false;
      this.#gathering.take();
    } else {
      if (this.#depth === 0) this.#topIsObject = byte === OPEN_BRACE;
      this.#begin();
    }
    this.#depth += 1;
    return null;
  }

  #opensElements(): boolean {
    if (this.#level !== 0) return false;
    if (this.#depth === 0 && !this.#inElement) return true;
    return this.#depth === 1 && this.#topIsObject && this.#key !== null && ELEMENT_LISTS.has(this.#key);
  }

  #close(): number | null {
    if (this.#inElement && this.#depth === this.#level) {
      // A bare value was the last of its list: it ends before the bracket.
      const ended = this.#finish(0);
      this.#leave();
      return ended;
    }
    this.#depth = Math.max(0, this.#depth - 1);
    if (this.#inElement && this.#depth === this.#level) return this.#finish(1);
    if (this.#level > 0 && this.#depth < this.#level) this.#level = this.#depth === 0 ? 0 : -1;
    else if (this.#level === -1 && this.#depth === 0) this.#level = 0;
    return null;
  }

  #leave(): void {
    this.#depth = Math.max(0, this.#depth - 1);
    this.#level = this.#depth === 0 ? 0 : -1;
  }

  #finish(bytes: number): number {
    this.#inElement = false;
    this.#key = null;
    return bytes;
  }

  #take(): void {
    if (this.#gathering.isEmpty) return;
    const cut = this.#gathering.take();
    if (cut.type === 'oversized' || !isBlank(cut.bytes)) this.#cuts.push(cut);
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte <= 0x20);
}
