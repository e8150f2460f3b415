/**
 * Texts come again and again: names of programs, paths, control groups. Decoding costs ten times what comparing does, so those
 * seen lately are kept, by a few of their bytes.
 *
 * The surprise: only plain ASCII is kept. There a text and its bytes can be compared character by character, and nothing but the
 * text itself has to be stored.
 */

const PLACES = 8_192;
const LONGEST_KEPT_BYTES = 256;

const kept: (string | undefined)[] = Array.from({ length: PLACES });

/** The text in `length` bytes from `offset` on, up to the first zero byte. */
export function textAt(bytes: Buffer, view: DataView, offset: number, length: number): string {
  if (length <= 0) return '';
  const size = bytes[offset + length - 1] === 0 ? length - 1 : length;
  if (size === 0) return '';
  if (size > LONGEST_KEPT_BYTES) return decode(bytes, offset, size);
  const place = placeOf(view, offset, size);
  const known = kept[place];
  if (known !== undefined && known.length === size && isSame(known, bytes, offset)) return known;
  const text = decode(bytes, offset, size);
  // Shorter: it ended before. As long: maybe not ASCII, which decoding would have made shorter or replaced.
  if (text.length === size && isSame(text, bytes, offset)) kept[place] = text;
  return text;
}

function decode(bytes: Buffer, offset: number, size: number): string {
  const zero = bytes.subarray(offset, offset + size).indexOf(0);
  return bytes.toString('utf8', offset, offset + (zero === -1 ? size : zero));
}

function isSame(text: string, bytes: Buffer, offset: number): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) !== bytes[offset + index]) return false;
  }
  return true;
}

function placeOf(view: DataView, offset: number, size: number): number {
  if (size < 4) return (view.getUint8(offset) * 31 + view.getUint8(offset + size - 1) + size) & (PLACES - 1);
  const first = view.getInt32(offset, true);
  const middle = view.getInt32(offset + ((size - 4) >> 1), true);
  const last = view.getInt32(offset + size - 4, true);
  const mixed = Math.imul(first ^ Math.imul(middle, 0x9e37_79b1) ^ Math.imul(last, 0x85eb_ca6b) ^ size, 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 15)) & (PLACES - 1);
}
