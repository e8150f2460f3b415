/** Files with recorded system calls, packed or not: told by content, read as a stream. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CaptureDamage, type CaptureHandler, CaptureReader } from '@countersign/scap';
import { messageOf } from '../../ground/failure.ts';
import { CHUNK_BYTES, unpack } from '../reading/byte-stream.ts';

const SECTION_HEADER = 0x0a0d0d0a;
const HEAD_BYTES = 4;
/** Stays in the cache of the processor, and few enough calls. */
const PIECE_BYTES = 512 * 1024;

/** False also when the file cannot be read: whoever reads it next says why. */
export async function isCaptureFile(file: string): Promise<boolean> {
  try {
    for await (const part of unpack(chunksOf(file))) {
      return part.type !== 'damage' && part.bytes.length >= HEAD_BYTES && part.bytes.readUInt32BE(0) === SECTION_HEADER;
    }
  } catch {
    return false;
  }
  return false;
}

/** Feeds the capture to the handler; `afterChunk` may wait. What made reading stop early, or null. */
export async function readCaptureFile(
  file: string,
  handler: CaptureHandler,
  afterChunk: () => Promise<void>,
): Promise<{ readonly damage: string | null; readonly events: number }> {
  const reader = new CaptureReader(handler);
  let damage: string | null = null;
  try {
    const write = (bytes: Buffer): Promise<void> => {
      reader.write(bytes);
      return afterChunk();
    };
    damage = (await isUnpacked(file)) ? await readInPlace(file, write) : await readUnpacking(file, write);
    if (damage === null) reader.end();
  } catch (error) {
    if (!(error instanceof CaptureDamage) && (error as { code?: unknown }).code === undefined) throw error;
    damage = messageOf(error);
  }
  await afterChunk();
  return { damage, events: reader.counts.events };
}

type Write = (bytes: Buffer) => Promise<void>;

async function isUnpacked(file: string): Promise<boolean> {
  return withFile(file, async (handle) => {
    const head = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, 0);
    return bytesRead === HEAD_BYTES && head.readUInt32BE(0) === SECTION_HEADER;
  });
}

/** All of it through one buffer: most of the price of reading a large capture is memory that nobody used before. */
async function readInPlace(file: string, write: Write): Promise<null> {
  return withFile(file, async (handle) => {
    const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, PIECE_BYTES);
      if (bytesRead === 0) return null;
      await write(buffer.subarray(0, bytesRead));
    }
  });
}

/** What is wrong with the archive, or null. */
async function readUnpacking(file: string, write: Write): Promise<string | null> {
  for await (const part of unpack(chunksOf(file))) {
    if (part.type === 'damage') return part.reason;
    await write(part.bytes);
  }
  return null;
}

async function withFile<Result>(file: string, use: (handle: FileHandle) => Promise<Result>): Promise<Result> {
  const handle = await open(file);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

async function* chunksOf(file: string): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES })) yield chunk as Buffer;
}
