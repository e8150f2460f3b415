/**
 * What a process carries along as many texts: arguments, environment, control groups. Kept as bytes until somebody reads it, and
 * shared: most children have their parent's.
 */
import { type Parameters, splitTexts } from '../format/parameters.ts';

export class TextList {
  static readonly NONE = new TextList(Buffer.alloc(0));
  readonly bytes: Buffer;
  #texts: readonly string[] | null = null;

  private constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Of a parameter; `likely` itself when it says the same. */
  static from(event: Parameters, index: number, likely: TextList): TextList {
    const length = event.length(index);
    if (length === 0) return TextList.NONE;
    const at = event.offset(index);
    if (likely.bytes.length === length && event.bytes.compare(likely.bytes, 0, length, at, at + length) === 0) {
      return likely;
    }
    return new TextList(Buffer.from(event.bytes.subarray(at, at + length)));
  }

  static of(texts: readonly string[]): TextList {
    if (texts.length === 0) return TextList.NONE;
    return new TextList(Buffer.from(`${texts.join('\0')}\0`));
  }

  get texts(): readonly string[] {
    this.#texts ??= splitTexts(this.bytes, 0, this.bytes.length);
    return this.#texts;
  }
}
