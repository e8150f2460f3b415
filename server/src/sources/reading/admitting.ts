/**
 * JSON values → readings: wrappers are opened, a source is found for each record and asked whether it is one. What is none
 * becomes a malformed reading with its place, a reason and its text.
 */
import { jsonText } from '../json-value.ts';
import type { Origin, Reading, Source } from '../source.ts';
import type { Cut } from './record-splitter.ts';
import { DEEPEST_WRAPPING, openWrapper, strangerReason } from './wrapper.ts';

/** How much of a malformed text is kept. A record that is read at all is smaller in all but name. */
export const KEPT_RAW_CHARACTERS = 4 * 1024 * 1024;
/** The place of what concerns the file as a whole. */
export const WHOLE_FILE = -1;

export class Admitting {
  readonly #file: string;
  readonly #sources: readonly Source[];
  /** When given, every record is of this source, whatever it looks like. */
  readonly #given: Source | null;
  #index = 0;
  #readings: Reading[] = [];

  constructor(file: string, sources: readonly Source[], given: Source | null) {
    this.#file = file;
    this.#sources = given === null ? sources : [given];
    this.#given = given;
  }

  /** How many readings wait to be taken. */
  get waiting(): number {
    return this.#readings.length;
  }

  take(): readonly Reading[] {
    const readings = this.#readings;
    this.#readings = [];
    return readings;
  }

  addCut(cut: Cut): void {
    if (cut.type === 'value') this.add(cut.value);
    else if (cut.raw === '') this.#addMalformed(cut.reason, '', { file: this.#file, index: WHOLE_FILE });
    else this.#addMalformed(cut.reason, cut.raw, this.#nextOrigin());
  }

  add(value: unknown, depth = 0): void {
    const source = this.#sourceOf(value);
    if (source !== null) {
      this.#admit(source, value);
      return;
    }
    const layer = depth < DEEPEST_WRAPPING ? openWrapper(value) : null;
    if (layer === null) this.#admitStranger(value);
    else if (layer.type === 'damaged') this.#addMalformed(layer.reason, layer.raw, this.#nextOrigin());
    else if (layer.type === 'list') for (const inner of layer.values) this.add(inner, depth + 1);
    else if (this.#isOfUse(layer.value)) this.add(layer.value, depth + 1);
    else this.#admitStranger(value);
  }

  /** An envelope of something else is complained about whole: it says better what it is than what it carries. */
  #isOfUse(value: unknown): boolean {
    return this.#sourceOf(value) !== null || openWrapper(value) !== null;
  }

  #sourceOf(value: unknown): Source | null {
    for (const source of this.#sources) if (source.claims(value)) return source;
    return null;
  }

  #admit(source: Source, value: unknown): void {
    const origin = this.#nextOrigin();
    const admission = source.admit(value);
    if (admission.type === 'record') {
      const { record, id, timeMs } = admission;
      this.#readings.push({ type: 'record', source, record, id, timeMs, origin });
    } else {
      this.#addMalformed(admission.reason, jsonText(value), origin);
    }
  }

  /** The source that was named knows best what is missing. */
  #admitStranger(value: unknown): void {
    if (this.#given !== null) this.#admit(this.#given, value);
    else this.#addMalformed(strangerReason(value), jsonText(value), this.#nextOrigin());
  }

  #addMalformed(reason: string, raw: string, origin: Origin): void {
    this.#readings.push({ type: 'malformed', reason, raw: raw.slice(0, KEPT_RAW_CHARACTERS), origin });
  }

  #nextOrigin(): Origin {
    const origin = { file: this.#file, index: this.#index };
    this.#index += 1;
    return origin;
  }
}
