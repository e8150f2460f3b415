/** The inbox: nothing accepted is lost, nothing is processed by two at once, and its counters tell the truth. */
import { afterEach, expect, test } from 'vitest';
import { describeStates } from '../../../test/state.ts';
import type { State } from '../ground/state.ts';
import { batchesOf } from './inbox-batches.ts';
import { forgetIntake, intakeHealth, isFileTaken, malformedRecords } from './inbox-health.ts';
import {
  acceptBatch,
  finishBatch,
  type IntakeBatch,
  keepBatch,
  MOST_BATCH_BYTES,
  MOST_RECORDS,
  type NewRecord,
  returnBatch,
  takeBatches,
} from './inbox.ts';
import type { Reading, Source } from './source.ts';

const NOW = 1_790_000_000_000;
const LEASE_MS = 60_000;
const record = (id: string, more: object = {}): NewRecord => ({
  id,
  timeMs: NOW - 1_000,
  json: JSON.stringify({ id, ...more }),
});
const batch = (origin: string, records: readonly NewRecord[], more: Partial<IntakeBatch> = {}): IntakeBatch => ({
  source: 'aws_cloudtrail',
  origin,
  records,
  ...more,
});
const take = (state: State, worker: string, options: { limit?: number; nowMs?: number } = {}) =>
  takeBatches(state, { limit: 10, leaseMs: LEASE_MS, nowMs: NOW, worker, ...options });
const finish = (state: State, taken: Parameters<typeof finishBatch>[1]) =>
  state.transaction((trx) => finishBatch(trx, taken, NOW));

describeStates('the inbox', (open) => {
  const opened: State[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((state) => state.close()));
  });
  const start = async () => {
    const state = await open();
    opened.push(state);
    return state;
  };

  test('records come out as they went in, oldest batch first, hostile text included', async () => {
    const state = await start();
    await acceptBatch(state, batch('one', [record('a', { text: 'NUL \0 half \ud800 line \u2028' }), record('b')]), NOW);
    await acceptBatch(state, batch('two\0', [record('c')]), NOW + 1);
    const [one, two] = await take(state, 'w');
    expect(one).toMatchObject({ source: 'aws_cloudtrail', origin: 'one', attempt: 1, receivedMs: NOW });
    expect(one?.records).toEqual([
      { id: 'a', timeMs: NOW - 1_000, record: { id: 'a', text: 'NUL \0 half \ud800 line \u2028' } },
      { id: 'b', timeMs: NOW - 1_000, record: { id: 'b' } },
    ]);
    expect(two).toMatchObject({ origin: 'two\uFFFD', records: [{ id: 'c' }] });
  });

  test('the same batch again is accepted once, also after it was processed', async () => {
    const state = await start();
    expect(await acceptBatch(state, batch('f', [record('a')]), NOW)).toEqual({ accepted: true });
    expect(await acceptBatch(state, batch('f', [record('a')]), NOW)).toEqual({ accepted: false });
    expect(await acceptBatch(state, batch('g', [record('a')]), NOW)).toEqual({ accepted: true });
    for (const taken of await take(state, 'w')) expect(await finish(state, taken)).toBe(true);
    expect(await acceptBatch(state, batch('f', [record('a')]), NOW)).toEqual({ accepted: false });
    expect(await take(state, 'w')).toEqual([]);
  });

  test('a batch that is held is taken by nobody else until its lease runs out, and then its former holder cannot finish it', async () => {
    const state = await start();
    await acceptBatch(state, batch('f', [record('a')]), NOW);
    const [held] = await take(state, 'dead');
    expect(await take(state, 'other')).toEqual([]);
    const [again] = await take(state, 'other', { nowMs: NOW + LEASE_MS });
    expect(again).toMatchObject({ id: held?.id, attempt: 2 });
    expect(await finish(state, held!)).toBe(false);
    expect(await keepBatch(state, held!, NOW * 2)).toBe(false);
    expect(await keepBatch(state, again!, NOW + 3 * LEASE_MS)).toBe(true);
    expect(await take(state, 'third', { nowMs: NOW + 2 * LEASE_MS + 1 })).toEqual([]);
    expect(await finish(state, again!)).toBe(true);
    expect(await finish(state, again!)).toBe(false);
  });

  test('a batch whose processing was rolled back is still there', async () => {
    const state = await start();
    await acceptBatch(state, batch('f', [record('a')]), NOW);
    const [held] = await take(state, 'w');
    const failing = state.transaction(async (trx) => {
      await finishBatch(trx, held!, NOW);
      throw new Error('crash');
    });
    await expect(failing).rejects.toThrow('crash');
    expect(await take(state, 'w', { nowMs: NOW + LEASE_MS })).toHaveLength(1);
  });

  test('a batch that failed pauses and is never given up, and health shows it', async () => {
    const state = await start();
    await acceptBatch(state, batch('f', [record('a')]), NOW);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const nowMs = NOW + attempt * 1_000;
      const [taken] = await take(state, 'w', { nowMs });
      expect(taken?.attempt).toBe(attempt);
      expect(await returnBatch(state, taken!, { freeAtMs: nowMs + 1_000, failure: 'store is away' })).toBe(true);
      expect(await take(state, 'w', { nowMs: nowMs + 999 })).toEqual([]);
    }
    expect((await intakeHealth(state)).worst).toMatchObject({ attempts: 3, failure: 'store is away' });
  });

  test('counters per source: accepted, processed, backlog, malformed, newest event, last heard', async () => {
    const state = await start();
    await acceptBatch(state, batch('f', [record('a'), { ...record('b'), timeMs: NOW + 5 }]), NOW);
    await acceptBatch(state, batch('g', [record('c')], { source: 'k8s_audit' }), NOW + 10);
    const [first] = await take(state, 'w', { limit: 1 });
    await finish(state, first!);
    const bad = { origin: { file: 'h', index: 7 }, reason: 'no eventID', raw: '{"a":"\0"}' };
    await acceptBatch(state, { source: null, origin: 'h', records: [], malformed: [bad] }, NOW + 20);
    await acceptBatch(state, { source: null, origin: 'h', records: [], malformed: [bad] }, NOW + 30);
    const health = await intakeHealth(state);
    expect(health.sources).toEqual([
      expect.objectContaining({ source: 'aws_cloudtrail', acceptedRecords: 2, processedRecords: 2, backlogRecords: 0 }),
      expect.objectContaining({ source: 'k8s_audit', acceptedRecords: 1, processedRecords: 0, backlogRecords: 1 }),
      expect.objectContaining({ source: 'unknown', malformedRecords: 1, newestEventMs: null, lastHeardMs: NOW + 30 }),
    ]);
    expect(health.sources[0]).toMatchObject({ newestEventMs: NOW + 5, lastHeardMs: NOW });
    expect(health.oldestWaitingMs).toBe(NOW + 10);
    const [aside] = await malformedRecords(state, 10);
    expect(aside).toMatchObject({ file: 'h', index: 7, reason: 'no eventID', receivedMs: NOW + 20 });
    expect(aside?.raw.toString()).toBe('{"a":"\0"}');
  });

  test('a batch beyond the bounds is refused and nothing of it is kept', async () => {
    const state = await start();
    const many = Array.from({ length: MOST_RECORDS + 1 }, (_, index) => record(String(index)));
    const wide = [record('a', { text: 'x'.repeat(MOST_BATCH_BYTES) }), record('b')];
    for (const records of [many, wide]) {
      await expect(acceptBatch(state, batch('f', records), NOW)).rejects.toMatchObject({ code: 'batch-too-large' });
    }
    expect((await intakeHealth(state)).sources).toEqual([]);
  });

  test('a file counts as taken with its last batch, until it changes', async () => {
    const state = await start();
    const file = { path: '/logs/a.json', sizeBytes: 10, modifiedMs: 5.5 };
    expect(await isFileTaken(state, file)).toBe(false);
    await acceptBatch(state, batch('/logs/a.json', [record('a')], { checkpoint: file }), NOW);
    expect(await isFileTaken(state, file)).toBe(true);
    expect(await isFileTaken(state, { ...file, sizeBytes: 11 })).toBe(false);
    expect(await isFileTaken(state, { ...file, modifiedMs: 7 })).toBe(false);
  });

  test('finished batches are forgotten when they are old, waiting ones never', async () => {
    const state = await start();
    await acceptBatch(state, batch('f', [record('a')]), NOW);
    await acceptBatch(state, batch('g', [record('b')]), NOW);
    const [first] = await take(state, 'w', { limit: 1 });
    await finish(state, first!);
    expect(await forgetIntake(state, NOW, 100)).toBe(0);
    expect(await forgetIntake(state, NOW + 1, 100)).toBe(1);
    expect(await take(state, 'w')).toHaveLength(1);
  });

  test('many workers at once process every batch exactly once', async () => {
    const state = await start();
    const names = Array.from({ length: 120 }, (_, index) => `batch-${index}`);
    await Promise.all(names.map((name) => acceptBatch(state, batch(name, [record(name)]), NOW)));
    const processed: string[] = [];
    const work = async (worker: string) => {
      for (;;) {
        const taken = await take(state, worker, { limit: 3 });
        if (taken.length === 0) return;
        for (const one of taken) {
          expect(await finish(state, one)).toBe(true);
          processed.push(one.origin);
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, index) => work(`worker-${index}`)));
    expect(processed.toSorted()).toEqual(names.toSorted());
    const [health] = (await intakeHealth(state)).sources;
    expect(health).toMatchObject({ acceptedRecords: 120, processedRecords: 120 });
  });
});

test('a file is cut into bounded batches of one source each, the last of which closes the file', async () => {
  const source = (name: Source['name']) => ({ name }) as Source;
  const reading = (name: Source['name'], index: number, text: string): Reading => ({
    type: 'record',
    source: source(name),
    record: { text },
    id: String(index),
    timeMs: NOW,
    origin: { file: 'f', index },
  });
  const readings: Reading[] = [
    ...Array.from({ length: MOST_RECORDS + 1 }, (_, index) => reading('aws_cloudtrail', index, 'x')),
    { type: 'malformed', reason: 'r', raw: '?', origin: { file: 'f', index: 1 } },
    reading('k8s_audit', 1, 'y'.repeat(MOST_BATCH_BYTES * 2)),
    reading('k8s_audit', 2, 'y'),
  ];
  const checkpoint = { path: 'f', sizeBytes: 1, modifiedMs: 1 };
  const cut = async () => {
    const batches: IntakeBatch[] = [];
    for await (const one of batchesOf(readings, { origin: 'f', source: null, checkpoint: () => checkpoint })) {
      batches.push(one);
    }
    return batches;
  };
  const batches = await cut();
  expect(
    batches.map((one) => [one.source, one.records.length, one.malformed?.length, one.checkpoint === checkpoint]),
  ).toEqual([
    ['aws_cloudtrail', 1_000, 0, false],
    ['aws_cloudtrail', 1, 1, false],
    ['k8s_audit', 1, 0, false],
    ['k8s_audit', 1, 0, true],
  ]);
  expect(await cut()).toEqual(batches);
});
