/**
 * A sensor that tells what was recorded: connects to the socket like the real one and writes a capture's bytes in pieces that end
 * anywhere, with the event that begins a stream after the lists.
 */
import { connect, type Socket } from 'node:net';
import { toldBlock } from '../../server/src/sources/sensor/recording/told-block.ts';

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

function startEvent(capture: Buffer, at: number): Buffer {
  const timeNs = capture.readBigUInt64LE(at + 8 + (capture.readUInt32LE(at) === 0x217 ? 6 : 2));
  return toldBlock(timeNs, 'sensor', JSON.stringify({ version: 1, events: ['execve', 'openat'] }));
}
