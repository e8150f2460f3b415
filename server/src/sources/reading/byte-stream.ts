/**
 * The bytes of a file, unpacked by what they are (gzip, zstd, plain), not by what the file is called. Truncated archives give
 * everything before the damage, and then say so.
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Decompress as ZstdDecompress } from 'fzstd';

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const CHUNK_BYTES = 256 * 1024;

export type Bytes =
  | { readonly type: 'bytes'; readonly bytes: Buffer }
  | { readonly type: 'damage'; readonly reason: string };

export async function* readBytes(file: string, standardInput: Readable | null): AsyncGenerator<Bytes> {
  const input = standardInput ?? createReadStream(file, { highWaterMark: CHUNK_BYTES });
  const chunks = toBuffers(input)[Symbol.asyncIterator]();
  const first = await firstBytes(chunks);
  if ('reason' in first) {
    yield { type: 'damage', reason: first.reason };
    return;
  }
  const all = prepend(first.bytes, chunks);
  if (first.bytes.subarray(0, 2).equals(GZIP)) yield* gunzip(all);
  else if (first.bytes.subarray(0, 4).equals(ZSTD)) yield* unzstd(all);
  else yield* plain(all);
}

async function* toBuffers(input: Readable): AsyncGenerator<Buffer> {
  for await (const chunk of input) yield typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
}

async function firstBytes(chunks: AsyncIterator<Buffer>): Promise<{ bytes: Buffer } | { reason: string }> {
  let bytes = Buffer.alloc(0);
  try {
    while (bytes.length < ZSTD.length) {
      const next = await chunks.next();
      if (next.done === true) break;
      bytes = Buffer.concat([bytes, next.value]);
    }
    return { bytes };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

async function* prepend(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function* plain(chunks: AsyncIterable<Buffer>): AsyncGenerator<Bytes> {
  try {
    for await (const bytes of chunks) yield { type: 'bytes', bytes };
  } catch (error) {
    yield { type: 'damage', reason: reasonOf(error) };
  }
}

async function* gunzip(chunks: AsyncIterable<Buffer>): AsyncGenerator<Bytes> {
  const unpacker = createGunzip({ chunkSize: CHUNK_BYTES });
  const feeding = feed(chunks, unpacker);
  try {
    for await (const bytes of unpacker) yield { type: 'bytes', bytes: bytes as Buffer };
    await feeding;
  } catch (error) {
    yield { type: 'damage', reason: `the gzip data is damaged: ${reasonOf(error)}` };
  } finally {
    unpacker.destroy();
  }
}

/** Writes with regard for backpressure; errors arrive at the reading side. */
async function feed(
  chunks: AsyncIterable<Buffer>,
  unpacker: NodeJS.WritableStream & { destroy(error?: Error): unknown; destroyed?: boolean },
): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (unpacker.destroyed === true) return;
      if (!unpacker.write(chunk))
        await new Promise<void>((resolve) => onceEither(unpacker, ['drain', 'close', 'error'], resolve));
    }
    unpacker.end();
  } catch (error) {
    unpacker.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

function onceEither(emitter: NodeJS.EventEmitter, names: readonly string[], then: () => void): void {
  const finish = () => {
    for (const name of names) emitter.off(name, finish);
    then();
  };
  for (const name of names) emitter.on(name, finish);
}

async function* unzstd(chunks: AsyncIterable<Buffer>): AsyncGenerator<Bytes> {
  const out: Buffer[] = [];
  let finished = false;
  const unpacker = new ZstdDecompress((bytes, isLast) => {
    if (bytes.length > 0) out.push(Buffer.from(bytes));
    if (isLast === true) finished = true;
  });
  try {
    for await (const chunk of chunks) {
      unpacker.push(chunk);
      for (const bytes of out.splice(0)) yield { type: 'bytes', bytes };
    }
    unpacker.push(new Uint8Array(0), true);
    for (const bytes of out.splice(0)) yield { type: 'bytes', bytes };
    if (!finished) yield { type: 'damage', reason: 'the zstd data ends too early' };
  } catch (error) {
    for (const bytes of out.splice(0)) yield { type: 'bytes', bytes };
    yield { type: 'damage', reason: `the zstd data is damaged: ${reasonOf(error)}` };
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
