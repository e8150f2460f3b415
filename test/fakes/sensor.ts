/**
 * A sensor that tells what was recorded: connects to the socket like the real one and writes a capture's bytes in pieces that end
 * anywhere, with the event that begins a stream after the lists.
 */
import { connect, type Socket } from 'node:net';

const PIECE_BYTES = 30_011;

/** Resolves when everything is written and the other side may still be reading. */
export async function tellRecording(socketPath: string, capture: Buffer): Promise<Socket> {
  const socket = connect(socketPath);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  const start = endOfLists(capture);
  const told = [capture.subarray(0, start), startEvent(capture, start), capture.subarray(start)];
  const stream = Buffer.concat(told);
  for (let at = 0; at < stream.length; at += PIECE_BYTES) {
    if (!socket.write(stream.subarray(at, at + PIECE_BYTES))) {
      await new Promise((resolve) => socket.once('drain', resolve));
    }
  }
  return socket;
}

const EVENT_BLOCKS = new Set([0x204, 0x208, 0x216, 0x217, 0x221, 0x222]);

function endOfLists(capture: Buffer): number {
  let at = 0;
  while (at + 8 <= capture.length && !EVENT_BLOCKS.has(capture.readUInt32LE(at))) at += capture.readUInt32LE(at + 4);
  return at;
}

/** `asyncevent` of plugin 0: name and JSON, as the real sensor writes them. Its lengths have 32 bits. */
export function asyncEvent(timeNs: bigint, name: string, json: string): Buffer {
  const texts = [Buffer.alloc(4), Buffer.from(`${name}\0`), Buffer.from(`${json}\0`)];
  const header = Buffer.alloc(26 + 4 * texts.length);
  const length = header.length + texts.reduce((sum, one) => sum + one.length, 0);
  header.writeBigUInt64LE(timeNs, 0);
  header.writeBigInt64LE(0n, 8);
  header.writeUInt32LE(length, 16);
  header.writeUInt16LE(402, 20);
  header.writeUInt32LE(texts.length, 22);
  for (const [index, text] of texts.entries()) header.writeUInt32LE(text.length, 26 + 4 * index);
  const body = Buffer.concat([Buffer.alloc(2), header, ...texts]);
  const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
  const block = Buffer.alloc(padded.length + 12);
  block.writeUInt32LE(0x221, 0);
  block.writeUInt32LE(block.length, 4);
  padded.copy(block, 8);
  block.writeUInt32LE(block.length, block.length - 4);
  return block;
}

function startEvent(capture: Buffer, at: number): Buffer {
  const timeNs = capture.readBigUInt64LE(at + 8 + (capture.readUInt32LE(at) === 0x217 ? 6 : 2));
  return asyncEvent(timeNs, 'sensor', JSON.stringify({ version: 1, events: ['execve', 'openat'] }));
}
