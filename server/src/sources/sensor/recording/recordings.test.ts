/** Captures from their beginning to their removal, in a folder of their own. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Piece } from './lookback.ts';
import { recordingFile } from './recording-file.ts';
import { type Recording, type RecordingLimits, Recordings } from './recordings.ts';

const LIMITS: RecordingLimits = {
  beforeMs: 30_000,
  afterMs: 60_000,
  longestMs: 300_000,
  largestBytes: 1_000,
  totalBytes: 10_000,
  keepMs: 86_400_000,
};
const SECOND = 1_000;

let folder = '';
let told: Recording[] = [];
let failures: unknown[] = [];
let nowMs = 0;
let ids = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-recordings-'));
  told = [];
  failures = [];
  nowMs = Date.now();
  ids = 0;
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function piece(text: string, atMs: number): Piece {
  return { fromMs: atMs - SECOND, toMs: atMs, bytes: Promise.resolve(Buffer.from(text)) };
}

function recordings(limits: Partial<RecordingLimits> = {}, before: readonly Piece[] = [piece('before ', 100_000)]) {
  return new Recordings({
    directory: folder,
    limits: { ...LIMITS, ...limits },
    newId: () => `capture-${(ids += 1)}`,
    cut: (fromMs) => (before.length === 0 ? null : { fromMs: Math.max(fromMs, 90_000), pieces: before }),
    nowMs: () => nowMs,
    onRecording: (recording) => told.push(recording),
    onFailure: (error) => failures.push(error),
  });
}

function contents(): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

describe('a capture', () => {
  test('of which a piece is cut off by a full disk is what its size and its hash say', async () => {
    const kept = recordings();
    kept.want(100_000, 'Shell');
    kept.add(piece('at ', 101_000));
    // Written as far as it goes, like a file on a disk that fills meanwhile.
    async function* halfway() {
      yield Buffer.from('hal');
      throw new Error('ENOSPC');
    }
    kept.add({ fromMs: 101_000, toMs: 102_000, bytes: Promise.resolve(halfway() as unknown as Buffer) });
    kept.add(piece('after ', 161_000));
    await kept.close();
    expect(contents()).toEqual({ 'capture-1.scap.gz': 'before at ' });
    const sha256 = createHash('sha256').update('before at ').digest('hex');
    expect(told.at(-1)).toMatchObject({ state: 'cut', sizeBytes: Buffer.byteLength('before at '), sha256 });
    expect(failures).toHaveLength(1);
  });

  test('holds what was before the match and what came after it, and says what it is', async () => {
    const kept = recordings();
    kept.want(100_000, 'Shell');
    kept.add(piece('at ', 101_000));
    kept.add(piece('after ', 161_000));
    kept.add(piece('too late', 162_000));
    await kept.close();
    expect(contents()).toEqual({ 'capture-1.scap.gz': 'before at after ' });
    const sha256 = createHash('sha256').update('before at after ').digest('hex');
    expect(told).toEqual([
      expect.objectContaining({ id: 'capture-1', rule: 'Shell', state: 'recording', fromMs: 90_000 }),
      {
        id: 'capture-1',
        rule: 'Shell',
        state: 'kept',
        fromMs: 90_000,
        toMs: 161_000,
        sizeBytes: Buffer.byteLength('before at after '),
        sha256,
      },
    ]);
  });

  test('matches that follow each other share one, as long as it may become', async () => {
    const kept = recordings({ longestMs: 100_000 });
    kept.want(100_000, 'Shell');
    kept.want(140_000, 'Tool');
    kept.add(piece('a', 170_000));
    kept.want(180_000, 'Tool');
    kept.add(piece('b', 191_000));
    kept.add(piece('c', 192_000));
    await kept.close();
    expect(contents()).toEqual({ 'capture-1.scap.gz': 'before ab' });
  });

  test('that is large enough ends', async () => {
    const kept = recordings({ largestBytes: 10 });
    kept.want(100_000, 'Shell');
    for (let second = 101; second <= 110; second += 1) {
      kept.add(piece('12345', second * SECOND));
      // Sizes are known when a piece is packed.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await kept.close();
    expect(contents()['capture-1.scap.gz']?.length).toBeLessThanOrEqual(30);
  });

  test('of a stream that ends is cut, and what follows nothing ends in time', async () => {
    const kept = recordings();
    kept.want(100_000, 'Shell');
    kept.end();
    kept.want(200_000, 'Tool');
    nowMs += 61_000;
    kept.look();
    await kept.close();
    expect(told.filter(({ state }) => state !== 'recording').map(({ id, state }) => [id, state])).toEqual([
      ['capture-1', 'cut'],
      ['capture-2', 'kept'],
    ]);
  });

  test('that is wanted before anything came begins with what comes', async () => {
    const before: Piece[] = [];
    const kept = recordings({}, before);
    kept.want(100_000, 'Shell');
    const first = piece('first', 101_000);
    before.push(first);
    kept.add(first);
    await kept.close();
    expect(contents()).toEqual({ 'capture-1.scap.gz': 'first' });
  });
});

describe('the folder of captures', () => {
  const old = (name: string, ageMs: number, bytes = 100) => {
    writeFileSync(join(folder, name), 'x'.repeat(bytes));
    const seconds = (nowMs - ageMs) / SECOND;
    utimesSync(join(folder, name), seconds, seconds);
  };

  test('the oldest go when there are too many bytes, and those that are too old', async () => {
    old('ancient.scap.gz', 2 * 86_400_000);
    old('older.scap.gz', 3_600_000);
    old('newer.scap.gz', 60_000);
    old('not-ours.txt', 2 * 86_400_000);
    const kept = recordings({ totalBytes: 120 });
    kept.want(100_000, 'Shell');
    await kept.close();
    expect(readdirSync(folder).toSorted()).toEqual(['capture-1.scap.gz', 'newer.scap.gz', 'not-ours.txt']);
    expect(told.filter(({ state }) => state === 'removed').map(({ id }) => id)).toEqual(['older', 'ancient']);
  });

  test('what is too old goes also when nothing happens', () => {
    old('ancient.scap.gz', 2 * 86_400_000);
    old('newer.scap.gz', 60_000);
    recordings().look();
    expect(readdirSync(folder)).toEqual(['newer.scap.gz']);
  });

  test('what a life before left unfinished is closed as far as it goes', async () => {
    old('half.scap.gz.part', 60_000);
    const kept = recordings();
    await kept.recover();
    await kept.close();
    expect(readdirSync(folder)).toEqual(['half.scap.gz']);
    expect(told).toEqual([expect.objectContaining({ id: 'half', state: 'cut', sizeBytes: 100 })]);
  });

  test('a disk that cannot be written ends no watch', async () => {
    writeFileSync(join(folder, 'capture-1.scap.gz.part'), 'in the way');
    const kept = recordings();
    kept.want(100_000, 'Shell');
    kept.add(piece('after', 161_000));
    await kept.close();
    expect(failures).toHaveLength(1);
    expect(told.at(-1)).toMatchObject({ state: 'cut' });
  });

  test('no id leads out of it', () => {
    expect(recordingFile('/data', '../secret')).toBeNull();
    expect(recordingFile('/data', 'capture-1')).toBe('/data/capture-1.scap.gz');
  });
});
