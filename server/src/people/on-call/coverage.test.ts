/** When a ladder reaches nobody, by a table of weeks. */
import { expect, test } from 'vitest';
import { uncoveredOf, unreachableOf } from './coverage.ts';
import type { Escalation, Target } from './escalation.ts';
import type { Layer, Schedule } from './schedule.ts';

const HOUR = 3_600_000;
const MONDAY = Date.UTC(2026, 2, 2);
const day = { fromMs: MONDAY, toMs: MONDAY + 24 * HOUR };
const layer = (person: string, fromHour: number, toHour: number): Layer => ({
  name: person,
  people: [`${person}@example.com`],
  start: '2026-01-05T00:00',
  every: 1,
  unit: 'weeks',
  restrictions: [{ days: [1, 2, 3, 4, 5, 6, 7], fromMinute: fromHour * 60, toMinute: (toHour % 24) * 60 }],
});
const schedules = new Map<string, Schedule>([
  ['days', { name: 'days', timeZone: 'UTC', layers: [layer('ann', 8, 20)] }],
  ['nights', { name: 'nights', timeZone: 'UTC', layers: [layer('ben', 20, 8)] }],
]);
const ladder = (...targets: Target[]): Escalation => ({
  name: 'default',
  repeat: 1,
  acknowledgementMs: null,
  steps: targets.map((target) => ({ targets: [target], waitMs: 60_000, roundRobin: false })),
});
const days: Target = { type: 'schedule', name: 'days' };
const nights: Target = { type: 'schedule', name: 'nights' };
const cara: Target = { type: 'person', email: 'cara@example.com' };
const override = { id: 'o', schedule: 'days', email: 'cara@example.com', fromMs: MONDAY, toMs: MONDAY + 6 * HOUR };

test.each<
  [string, Escalation, readonly (typeof override)[], readonly string[], readonly (readonly [number, number])[]]
>([
  [
    'one schedule leaves the night',
    ladder(days),
    [],
    [],
    [
      [0, 8],
      [20, 24],
    ],
  ],
  ['two steps that take turns leave nothing', ladder(days, nights), [], [], []],
  [
    'somebody whom nothing reaches covers nothing',
    ladder(days, nights),
    [],
    ['ben@example.com'],
    [
      [0, 8],
      [20, 24],
    ],
  ],
  ['a person in any step covers everything', ladder(days, cara), [], [], []],
  [
    'unless nothing reaches them',
    ladder(days, cara),
    [],
    ['cara@example.com'],
    [
      [0, 8],
      [20, 24],
    ],
  ],
  ['a channel covers everything', ladder(days, { type: 'channel', name: 'pd' }), [], [], []],
  [
    'a stand-in covers while they stand in',
    ladder(days),
    [override],
    [],
    [
      [6, 8],
      [20, 24],
    ],
  ],
])('%s', (_what, escalation, overrides, unreachable, gaps) => {
  const onCall = { schedules, escalations: new Map([['default', escalation]]), catchAll: [] };
  const found = uncoveredOf({ onCall, overrides, isReachable: (email) => !unreachable.includes(email) }, day);
  expect(found.map(({ fromMs, toMs }) => [(fromMs - MONDAY) / HOUR, (toMs - MONDAY) / HOUR])).toEqual(gaps);
});

test('people whom a ladder names and nothing reaches are told', () => {
  expect(unreachableOf(ladder(days, cara, cara), () => false)).toEqual(['cara@example.com']);
});
