/** An event of our own as a block of the stream: `asyncevent` with a name and JSON, like those that the sensor writes. */
import { CaptureWriter, CODE } from '@countersign/scap';

const OF_NO_PLUGIN = Buffer.alloc(4);

export function toldBlock(timeNs: bigint, name: string, json: string): Buffer {
  const pieces: Buffer[] = [];
  const writer = new CaptureWriter((bytes) => pieces.push(bytes));
  const parameters = [OF_NO_PLUGIN, Buffer.from(`${name}\0`), Buffer.from(`${json}\0`)];
  writer.tell({ code: CODE.async, timeNs, tid: 0n, flags: 0, parameters });
  writer.end();
  return Buffer.concat(pieces);
}
