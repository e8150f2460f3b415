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
  const times = { enrolledMs: 0, lastHeardMs: null, readyMs: null };
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

test('how a capture ended stands in the journal as its agent says it, once, however often it says so', async () => {
  await tell('node-1', 'zero');
  await tell('node-1', 'zero');
  const found = await sql<{ parameters: string }>`
    select parameters::text from journal where kind = 'capture-kept' and parameters::text like '%"zero"%'
  `.execute(state.db);
  const sha256 = createHash('sha256').update(BYTES).digest('hex');
  expect(found.rows.map(({ parameters }) => JSON.parse(parameters))).toEqual([
    { host: 'node-1', id: 'zero', rule: 'A rule', fromMs: 1, toMs: 2, sizeBytes: BYTES.length, sha256 },
  ]);
});

test('a host may be called by as long a name as DNS has', async () => {
  const host = 'n'.repeat(253);
  await tell(host, 'long');
  expect(await intake().take(agentOf(host), { id: 'long', fromBytes: 0, bytes: BYTES })).toMatchObject({
    isWhole: true,
  });
});

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

describe('what captures may fill', () => {
  const parts = (): readonly string[] => readdirSync(directory).filter((name) => name.endsWith('.part'));

  test('an agent that begins one after the other and ends none has one of them here', async () => {
    const agent = agentOf('node-1');
    for (const id of ['six', 'seven', 'eight']) {
      await tell('node-1', id);
      await intake().take(agent, { id, fromBytes: 0, bytes: FIRST });
    }
    expect(parts()).toEqual(['eight.part']);
    await tell('node-2', 'nine');
    await intake().take(agentOf('node-2'), { id: 'nine', fromBytes: 0, bytes: FIRST });
    expect(parts()).toEqual(['eight.part', 'nine.part']);
  });

  test('two at once of one host are one after the other', async () => {
    const agent = agentOf('node-1');
    await tell('node-1', 'ten');
    await tell('node-1', 'eleven');
    const here = intake();
    const [one, other] = await Promise.allSettled([
      here.take(agent, { id: 'ten', fromBytes: 0, bytes: FIRST }),
      here.take(agent, { id: 'eleven', fromBytes: 0, bytes: FIRST }),
    ]);
    expect([one.status, other.status, parts()]).toEqual(['fulfilled', 'rejected', ['ten.part']]);
  });

  test('what is coming counts as all that it will be: what is whole makes room before, and what has none waits', async () => {
    const total = Math.trunc(2.5 * BYTES.length);
    const send = async (host: string, id: string, bytes: Buffer) => {
      await tell(host, id);
      return intake(total).take(agentOf(host), { id, fromBytes: 0, bytes });
    };
    await send('node-1', 'twelve', BYTES);
    await send('node-2', 'thirteen', FIRST);
    expect(readdirSync(directory).toSorted()).toEqual(['thirteen.part', 'twelve.scap.gz']);
    await send('node-3', 'fourteen', FIRST);
    expect(readdirSync(directory).toSorted()).toEqual(['fourteen.part', 'thirteen.part']);
    expect((await captureById(state, 'twelve'))?.state).toBe('removed');
    await expect(send('node-4', 'fifteen', FIRST)).rejects.toMatchObject({ code: 'capture-no-room', retryable: true });
    expect(parts()).toEqual(['fourteen.part', 'thirteen.part']);
  });

  test('what nobody goes on with for a week, or wants any longer, gives its room', async () => {
    const total = Math.trunc(1.5 * BYTES.length);
    await tell('node-1', 'sixteen');
    await intake(total).take(agentOf('node-1'), { id: 'sixteen', fromBytes: 0, bytes: FIRST });
    await tell('node-2', 'seventeen');
    clock.advance(8 * 86_400_000);
    await intake(total).take(agentOf('node-2'), { id: 'seventeen', fromBytes: 0, bytes: FIRST });
    expect(parts()).toEqual(['seventeen.part']);
  });
});
