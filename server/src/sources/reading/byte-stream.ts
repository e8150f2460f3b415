/**
 * The bytes of a file, unpacked by what they are (gzip, zstd, plain; UTF-16 becomes UTF-8), not by what the file is called.
 *
 * The surprise: archives are fed in small pieces and every piece's output is handed on before the next, because that bounds
 * what a bomb can make us hold, and because a damaged archive then still gives everything before its damage.
 */
import { TextDecoder } from 'node:util';
import { constants, createGunzip } from 'node:zlib';
import { messageOf } from '../../ground/failure.ts';
import { ZSTD_MAGIC, ZstdFrames } from './zstd-frames.ts';

export const CHUNK_BYTES = 256 * 1024;
/** Packed bytes unpacked in one go: at most a thousand times as many come out. */
const PIECE_BYTES = 16 * 1024;
const LONGEST_MAGIC_BYTES = 4;
const UTF_16_LITTLE = 0xfffe;
const UTF_16_BIG = 0xfeff;

/** `damage` is the last thing that comes, when the archive ended early or is broken. Errors of the input itself are thrown. */
export type Bytes =
  | { readonly type: 'bytes'; readonly bytes: Buffer }
  | { readonly type: 'damage'; readonly reason: string };

export type Packing = 'gzip' | 'zstd' | 'plain';

export function packingOf(head: Buffer): Packing {
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head.length >= LONGEST_MAGIC_BYTES) {
    const magic = head.readUInt32LE(0);
    // A skippable frame may come before the first real one.
    if (magic === ZSTD_MAGIC || (magic & 0xfffffff0) >>> 0 === 0x184d2a50) return 'zstd';
  }
  return 'plain';
}

/** Whether a mark says that the text is UTF-16. */
export function isUtf16(head: Buffer): boolean {
  return utf16Label(head) !== null;
}

function utf16Label(head: Buffer): 'utf-16le' | 'utf-16be' | null {
  if (head.length < 2) return null;
  const mark = head.readUInt16BE(0);
  return mark === UTF_16_LITTLE ? 'utf-16le' : mark === UTF_16_BIG ? 'utf-16be' : null;
}

export async function* unpack(chunks: AsyncIterable<Buffer>): AsyncGenerator<Bytes> {
  const { head, all } = await peek(chunks, LONGEST_MAGIC_BYTES);
  const packing = packingOf(head);
  yield* toUtf8(packing === 'gzip' ? gunzip(all) : packing === 'zstd' ? unzstd(all) : plain(all));
}

/** The first bytes, and everything including them. */
async function peek(
  chunks: AsyncIterable<Buffer>,
  size: number,
): Promise<{ readonly head: Buffer; readonly all: AsyncIterable<Buffer> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < size) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return { head, all: prepend(head, iterator) };
}

async function* prepend(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    if (first.length > 0) yield first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

async function* plain(chunks: AsyncIterable<Buffer>): AsyncGenerator<Bytes> {
  for await (const bytes of chunks) yield { type: 'bytes', bytes };
}

async function* gunzip(chunks: AsyncIterable<Buffer>): AsyncGenerator<Bytes> {
  const unpacker = createGunzip({ chunkSize: CHUNK_BYTES, finishFlush: constants.Z_FINISH });
  const out: Buffer[] = [];
  let fault: Error | null = null;
  unpacker.on('data', (bytes: Buffer) => out.push(bytes));
  unpacker.on('error', (error) => {
    fault = error;
  });
  const ended = new Promise<void>((resolve) => {
    unpacker.once('close', resolve);
    unpacker.once('end', resolve);
  });
  try {
    for await (const chunk of chunks) {
      for (let from = 0; from < chunk.length && fault === null; from += PIECE_BYTES) {
        await written(unpacker, chunk.subarray(from, from + PIECE_BYTES));
        for (const bytes of out.splice(0)) yield { type: 'bytes', bytes };
      }
      if (fault !== null) break;
    }
    if (fault === null) {
      unpacker.end();
      await ended;
    }
    for (const bytes of out.splice(0)) yield { type: 'bytes', bytes };
    if (fault !== null) yield { type: 'damage', reason: `the gzip data is damaged: ${messageOf(fault)}` };
  } finally {
    unpacker.destroy();
  }
}

/** Settles when the piece was taken in full, or when the stream broke; the error comes by its own event. */
function written(stream: NodeJS.WritableStream, piece: Buffer): Promise<void> {
  return new Promise((resolve) => {
    stream.write(piece, () => resolve());
  });
}

async function* unzstd(chunks: AsyncIterable<Buffer>): AsyncGenerator<Bytes> {
  const frames = new ZstdFrames();
  for await (const chunk of chunks) {
    try {
      for (const bytes of frames.push(chunk)) yield { type: 'bytes', bytes };
    } catch (error) {
      yield { type: 'damage', reason: `the zstd data is damaged: ${messageOf(error)}` };
      return;
    }
  }
  if (!frames.isComplete) yield { type: 'damage', reason: 'the zstd data ends too early' };
}

/** Some shells write UTF-16 when output is sent to a file. */
async function* toUtf8(parts: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  let decoder: InstanceType<typeof TextDecoder> | null = null;
  let isFirst = true;
  for await (const part of parts) {
    if (part.type === 'bytes' && isFirst && part.bytes.length >= 2) {
      isFirst = false;
      const label = utf16Label(part.bytes);
      if (label !== null) decoder = new TextDecoder(label);
    }
    if (decoder === null || part.type !== 'bytes') yield part;
    else yield { type: 'bytes', bytes: Buffer.from(decoder.decode(part.bytes, { stream: true }), 'utf8') };
  }
}
