/** Memory stays flat however large a file is, packed or not. */
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SOURCES } from '../catalogue.ts';
import { readPaths } from './read-paths.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-memory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MIB = 1024 * 1024;
const MOST_GROWTH_BYTES = 120 * MIB;
const MEMBERS = 300;

const record = (index: number) => ({
  eventVersion: '1.08',
  eventTime: '2026-01-05T14:00:00Z',
  eventSource: 's3.amazonaws.com',
  eventName: 'GetObject',
  requestParameters: { bucketName: 'b', key: 'k'.repeat(1_000), tags: [{ a: index }] },
  eventID: `id-${index}`,
});

/** A gzip file of many members, so that three hundred megabytes are written in a moment. */
function archive(name: string, parts: { before: string; repeated: string; after: string }): string {
  const path = join(folder, name);
  const member = gzipSync(parts.repeated, { level: 1 });
  const handle = openSync(path, 'w');
  writeSync(handle, gzipSync(parts.before));
  for (let turn = 0; turn < MEMBERS; turn += 1) writeSync(handle, member);
  writeSync(handle, gzipSync(parts.after));
  closeSync(handle);
  return path;
}

async function readThrough(path: string): Promise<{ records: number; malformed: number; growthBytes: number }> {
  const before = process.memoryUsage.rss();
  let highest = before;
  let records = 0;
  let malformed = 0;
  for await (const batch of readPaths([path], { sources: SOURCES })) {
    for (const reading of batch) {
      if (reading.type === 'record') records += 1;
      else malformed += 1;
    }
    highest = Math.max(highest, process.memoryUsage.rss());
  }
  return { records, malformed, growthBytes: Math.max(highest, process.memoryUsage.rss()) - before };
}

const PER_MEMBER = Math.ceil(MIB / (JSON.stringify(record(0)).length + 1));
const records = Array.from({ length: PER_MEMBER }, (_, index) => JSON.stringify(record(index)));

beforeAll(async () => {
  // What the process needs once, whatever it reads, is no growth.
  const warm = archive('warm.gz', { before: `{"Records":[${records[0]}`, repeated: `,${records[1]}`, after: ']}' });
  await readThrough(warm);
});

test('a list of 300 MB on one line', async () => {
  const path = archive('list.gz', {
    before: `{"note":"x","Records":[${records[0]}`,
    repeated: `,${records.join(',')}`,
    after: ']}',
  });
  const read = await readThrough(path);
  expect(read).toMatchObject({ records: 1 + MEMBERS * PER_MEMBER, malformed: 0 });
  expect(read.growthBytes).toBeLessThan(MOST_GROWTH_BYTES);
}, 60_000);

test('300 MB of lines', async () => {
  const read = await readThrough(archive('lines.gz', { before: '', repeated: `${records.join('\n')}\n`, after: '' }));
  expect(read).toMatchObject({ records: MEMBERS * PER_MEMBER, malformed: 0 });
  expect(read.growthBytes).toBeLessThan(MOST_GROWTH_BYTES);
}, 60_000);

test('a bomb: one text of 300 MB in a file a thousandth as large', async () => {
  const path = archive('bomb.gz', { before: '{"a":"', repeated: 'x'.repeat(MIB), after: `"}\n${records[0]}` });
  expect(statSync(path).size).toBeLessThan(3 * MIB);
  const read = await readThrough(path);
  expect(read).toMatchObject({ records: 1, malformed: 1 });
  expect(read.growthBytes).toBeLessThan(MOST_GROWTH_BYTES);
}, 60_000);
