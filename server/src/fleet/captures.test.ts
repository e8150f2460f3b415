/** Which captures of agents go when there are too many. */
import { expect, test } from 'vitest';
import type { CaptureRow } from '../sources/sensor/store.ts';
import { tooMuch } from './captures.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 1_000 * DAY_MS;

function capture(id: string, host: string, { bytes = 10, ageDays = 1 } = {}): CaptureRow {
  const times = { from_ms: 0, to_ms: 0, created_ms: NOW_MS - ageDays * DAY_MS };
  return { id, host, rule: '', state: 'kept', size_bytes: bytes, received_bytes: bytes, sha256: '', ...times };
}

function gone(rows: readonly CaptureRow[], totalBytes: number): readonly string[] {
  return tooMuch(rows, { totalBytes, nowMs: NOW_MS }).map(({ id }) => id);
}

test('what fits and is not old stays', () => {
  expect(gone([capture('one', 'a'), capture('two', 'b')], 20)).toEqual([]);
});

test('the oldest go first, of the host that has most', () => {
  const rows = [
    capture('quiet', 'a', { ageDays: 5 }),
    capture('loud-1', 'b', { ageDays: 4 }),
    capture('loud-2', 'b', { ageDays: 3 }),
    capture('loud-3', 'b', { ageDays: 2 }),
  ];
  expect(gone(rows, 25)).toEqual(['loud-1', 'loud-2']);
});

test('what is older than ninety days goes whatever fits', () => {
  expect(gone([capture('old', 'a', { ageDays: 91 }), capture('new', 'a')], 1_000)).toEqual(['old']);
});
