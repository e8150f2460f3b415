/**
 * An event of our own as a block of the stream: `asyncevent` with a name and JSON, like those that the sensor writes.
 *
 * ```
 *  type 0x221 · length · cpu 2 · time 8 · tid 8 · length 4 · code 2 · parameters 4 · three lengths of 4 · plugin · name · data · length
 * ```
 */

const BLOCK_LARGE = 0x221;
const CODE_ASYNC = 402;
const CPU_BYTES = 2;
const HEADER_BYTES = 26;
const LENGTH_BYTES = 4;
const BLOCK_BYTES = 12;

export function toldBlock(timeNs: bigint, name: string, json: string): Buffer {
  const values = [Buffer.alloc(4), Buffer.from(`${name}\0`), Buffer.from(`${json}\0`)];
  const length = HEADER_BYTES + values.reduce((sum, value) => sum + LENGTH_BYTES + value.length, 0);
  const padded = Math.ceil((CPU_BYTES + length) / 4) * 4;
  const block = Buffer.alloc(BLOCK_BYTES + padded);
  block.writeUInt32LE(BLOCK_LARGE, 0);
  block.writeUInt32LE(block.length, 4);
  const at = 8 + CPU_BYTES;
  block.writeBigUInt64LE(timeNs, at);
  block.writeUInt32LE(length, at + 16);
  block.writeUInt16LE(CODE_ASYNC, at + 20);
  block.writeUInt32LE(values.length, at + 22);
  let place = at + HEADER_BYTES + LENGTH_BYTES * values.length;
  for (const [index, value] of values.entries()) {
    block.writeUInt32LE(value.length, at + HEADER_BYTES + LENGTH_BYTES * index);
    place += value.copy(block, place);
  }
  block.writeUInt32LE(block.length, block.length - 4);
  return block;
}
