/** Captures of agents on their way into the server's folder: what a crash interrupts is finished, and what it may fill is bounded. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openTestPglite } from '../../../test/state.ts';
import { ManualClock } from '../ground/clock.ts';
import type { State } from '../ground/state.ts';
import { captureById, saveRecording } from '../sources/sensor/store.ts';
import { CaptureIntake } from './captures.ts';
import type { Agent } from './store.ts';

const BYTES = Buffer.from('what happened on this host');
const FIRST = BYTES.subarray(0, 10);
const REST = BYTES.subarray(10);

let state: State;
let directory = '';
let clock: ManualClock;

beforeAll(async () => {
  state = await openTestPglite();
});
afterAll(() => state.close());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-intake-'));
  clock = new ManualClock(Date.now());
});
afterEach(async () => {
  rmSync(directory, { recursive: true, force: true });
  await sql`delete from capture`.execute(state.db);
});

function agentOf(host: string): Agent {
  const times = { enrolledMs: 0, lastHeardMs: null };
  return { id: host, host, version: '1', ...times, lastSequence: { must: 0, may: 0 }, dropped: 0 };
}

async function tell(host: string, id: string, bytes: Buffer = BYTES): Promise<void> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const recording = { id, rule: 'A rule', fromMs: 1, toMs: 2, state: 'kept', sizeBytes: bytes.length, sha256 } as const;
  await state.transaction((trx) => saveRecording(trx, { host, recording, isOfAgent: true }, clock.nowMs()));
}

/** As after a start: nothing is remembered but what lies on the disk and in the database. */
const intake = (totalBytes?: number): CaptureIntake =>
  new CaptureIntake({ state, clock, directory, ...(totalBytes === undefined ? {} : { totalBytes }) });

async function received(id: string): Promise<{ readonly bytes: number | null; readonly journaled: number }> {
  const found = await sql<{ count: number }>`
    select count(*)::int as count from journal where kind = 'capture-received' and parameters::text like ${`%"${id}"%`}
  `.execute(state.db);
  return { bytes: (await captureById(state, id))?.received_bytes ?? null, journaled: found.rows[0]?.count ?? 0 };
}

const file = (id: string): string => join(directory, `${id}.scap.gz`);

describe('a crash', () => {
  test('between the last piece and the check of the whole loses nothing: it is finished when its agent asks', async () => {
    const agent = agentOf('node-1');
    await tell('node-1', 'one');
    await intake().take(agent, { id: 'one', fromBytes: 0, bytes: FIRST });
    writeFileSync(join(directory, 'one.part'), REST, { flag: 'a' });
    expect(await intake().progress(agent, 'one')).toEqual({ receivedBytes: BYTES.length, isWhole: true });
    expect(existsSync(file('one'))).toBe(true);
    expect(await received('one')).toEqual({ bytes: BYTES.length, journaled: 1 });
  });

  test('between the check and the database loses nothing either, and is journaled once', async () => {
    const agent = agentOf('node-1');
    await tell('node-1', 'two');
    writeFileSync(join(directory, 'two.part'), BYTES);
    renameSync(join(directory, 'two.part'), file('two'));
    expect(await intake().progress(agent, 'two')).toEqual({ receivedBytes: BYTES.length, isWhole: true });
    expect(await intake().progress(agent, 'two')).toEqual({ receivedBytes: BYTES.length, isWhole: true });
    expect(await received('two')).toEqual({ bytes: BYTES.length, journaled: 1 });
  });

  test('a whole that is not what was said of it is refused also then', async () => {
    const agent = agentOf('node-1');
    await tell('node-1', 'three');
    writeFileSync(join(directory, 'three.part'), Buffer.alloc(BYTES.length));
    await expect(intake().progress(agent, 'three')).rejects.toMatchObject({ code: 'capture-differs' });
    expect([await received('three'), readdirSync(directory)]).toEqual([{ bytes: 0, journaled: 0 }, []]);
  });
});

test('whoever asks while the whole is being checked is told to ask again, not that nothing has come', async () => {
  const agent = agentOf('node-1');
  await tell('node-1', 'four');
  const here = intake();
  const taken = here.take(agent, { id: 'four', fromBytes: 0, bytes: BYTES });
  await expect(here.progress(agent, 'four')).rejects.toMatchObject({ code: 'capture-busy', httpStatus: 409 });
  expect(await taken).toEqual({ receivedBytes: BYTES.length, isWhole: true });
  expect(await received('four')).toEqual({ bytes: BYTES.length, journaled: 1 });
});

test('a piece that was cut off by a full disk goes on where the bytes end', async () => {
  const agent = agentOf('node-1');
  await tell('node-1', 'five');
  await intake().take(agent, { id: 'five', fromBytes: 0, bytes: FIRST });
  truncateSync(join(directory, 'five.part'), 7);
  const piece = { id: 'five', fromBytes: 10, bytes: REST };
  await expect(intake().take(agent, piece)).rejects.toMatchObject({ code: 'capture-piece-misplaced' });
  const rest = { id: 'five', fromBytes: 7, bytes: BYTES.subarray(7) };
  expect(await intake().take(agent, rest)).toEqual({ receivedBytes: BYTES.length, isWhole: true });
});
