/** Files with recorded system calls, packed or not: told by content, read as a stream. */
import { createReadStream } from 'node:fs';
import { CaptureDamage, type CaptureHandler, CaptureReader } from '@countersign/scap';
import { messageOf } from '../../ground/failure.ts';
import { CHUNK_BYTES, unpack } from '../reading/byte-stream.ts';

const SECTION_HEADER = 0x0a0d0d0a;
const HEAD_BYTES = 4;

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
    for await (const part of unpack(chunksOf(file))) {
      if (part.type === 'damage') {
        damage = part.reason;
        break;
      }
      reader.write(part.bytes);
      await afterChunk();
    }
    if (damage === null) reader.end();
  } catch (error) {
    if (!(error instanceof CaptureDamage) && (error as { code?: unknown }).code === undefined) throw error;
    damage = messageOf(error);
  }
  await afterChunk();
  return { damage, events: reader.counts.events };
}

async function* chunksOf(file: string): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES })) yield chunk as Buffer;
}
