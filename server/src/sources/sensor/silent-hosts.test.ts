/** When a host that says nothing is trouble, and when not yet. */
import { expect, test } from 'vitest';
import { troubleOf } from './silent-hosts.ts';
import type { HostRow } from './store.ts';

const NOW = Date.UTC(2025, 0, 1, 12);
const MINUTE = 60_000;
const look = { nowMs: NOW, startedMs: NOW - 60 * MINUTE, known: new Set<string>() };

function host(row: Partial<HostRow>): HostRow {
  return {
    host: 'web-1',
    state: 'watching',
    problem: null,
    since_ms: NOW - 30 * MINUTE,
    last_heard_ms: NOW,
    last_event_ms: NOW,
    events: 1,
    events_per_second: 1,
    lost: 0,
    repeats: 0,
    look_back_ms: 0,
    look_back_bytes: 0,
    containers: 0,
    wanted: false,
    ...row,
  };
}

const sinceOf = (row: Partial<HostRow>, at = look) => troubleOf([host(row)], at).map(({ summary }) => summary);

test('a host that is heard is no trouble, nor one whose sensor is just being started again', () => {
  expect(sinceOf({})).toEqual([]);
  expect(sinceOf({ last_heard_ms: NOW - 50_000 })).toEqual([]);
  expect(sinceOf({ state: 'failed', since_ms: NOW - 50_000 })).toEqual([]);
});

test('a sensor that ended, or from which nothing is heard, is', () => {
  expect(sinceOf({ state: 'failed', problem: 'the sensor has gone' })).toEqual([
    'web-1 is not watched since 2025-01-01T11:30:00.000Z: the sensor has gone',
  ]);
  expect(sinceOf({ last_heard_ms: NOW - 10 * MINUTE })).toEqual([
    'web-1 is not watched since 2025-01-01T11:50:00.000Z',
  ]);
});

test('a host that was never heard is being set up', () => {
  expect(sinceOf({ state: 'not-allowed', last_event_ms: null })).toEqual([]);
});

test('while the server itself was away nobody could be heard', () => {
  const justStarted = { ...look, startedMs: NOW - 30_000 };
  expect(sinceOf({ last_heard_ms: NOW - 60 * MINUTE }, justStarted)).toEqual([]);
  expect(sinceOf({ state: 'waiting', since_ms: NOW - 60 * MINUTE }, justStarted)).toEqual([]);
});
