/**
 * Snappy's block format, written: what remote write asks for, and no library of which is both small and kept up.
 *
 * ```
 *  length of the whole, a varint
 *  literal   00 | length − 1 (below 60, else 60 + bytes of it that follow)   bytes
 *  copy      10 | length − 1 (at most 64)   offset, two bytes, little end first
 * ```
 *
 * The surprise: only the copy with an offset of two bytes is used. The shorter form saves a byte now and then, and needs a second case everywhere.
 */

const BLOCK_BYTES = 65_536;
const HASH_BITS = 14;
const SHORTEST_COPY = 4;
const LONGEST_COPY = 64;
const MULTIPLIER = 0x1e35_a7bd;

/** At most a sixth longer than what goes in, and some bytes. */
export function snappy(input: Uint8Array): Buffer {
  const source = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const output = Buffer.allocUnsafe(32 + input.length + Math.ceil(input.length / 6));
  let end = writeLength(output, input.length);
  for (let start = 0; start < source.length; start += BLOCK_BYTES) {
    end = writeBlock(source.subarray(start, start + BLOCK_BYTES), output, end);
  }
  return output.subarray(0, end);
}

function writeLength(output: Buffer, length: number): number {
  let at = 0;
  let left = length;
  for (; left >= 0x80; left = Math.floor(left / 128)) output[at++] = (left % 128) | 0x80;
  output[at++] = left;
  return at;
}

/** Offsets reach back to the beginning of the block and no further. */
function writeBlock(block: Buffer, output: Buffer, from: number): number {
  const places = new Uint16Array(1 << HASH_BITS);
  let end = from;
  let literal = 0;
  let at = 1;
  while (at + SHORTEST_COPY <= block.length) {
    const word = block.readUInt32LE(at);
    const slot = Math.imul(word, MULTIPLIER) >>> (32 - HASH_BITS);
    const candidate = places[slot] ?? 0;
    places[slot] = at;
    if (candidate >= at || block.readUInt32LE(candidate) !== word) {
      at += 1;
      continue;
    }
    end = writeLiteral(block.subarray(literal, at), output, end);
    let length = SHORTEST_COPY;
    while (at + length < block.length && block[candidate + length] === block[at + length]) length += 1;
    end = writeCopies(at - candidate, length, output, end);
    at += length;
    literal = at;
  }
  return writeLiteral(block.subarray(literal), output, end);
}

function writeLiteral(bytes: Buffer, output: Buffer, from: number): number {
  if (bytes.length === 0) return from;
  const length = bytes.length - 1;
  let end = from;
  if (length < 60) output[end++] = length << 2;
  else {
    output[end++] = (length < 256 ? 60 : 61) << 2;
    output[end++] = length & 0xff;
    if (length >= 256) output[end++] = length >> 8;
  }
  output.set(bytes, end);
  return end + bytes.length;
}

function writeCopies(offset: number, length: number, output: Buffer, from: number): number {
  let end = from;
  for (let left = length; left > 0; left -= LONGEST_COPY) {
    output[end++] = ((Math.min(left, LONGEST_COPY) - 1) << 2) | 2;
    output[end++] = offset & 0xff;
    output[end++] = offset >> 8;
  }
  return end;
}
