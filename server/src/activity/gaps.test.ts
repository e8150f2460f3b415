/** Gaps of the activity: whose, of which time, of which kinds; and hosts that nobody watches any more. */
import { expect, test } from 'vitest';
import { openTestPglite } from '../../../test/state.ts';
import { saveGap, saveHealth, saveHostState } from '../sources/sensor/store.ts';
import { gapsOf } from './gaps.ts';
import type { ActivityFilter } from './search.ts';

const NOON = Date.parse('2026-01-05T12:00:00Z');
const HOUR = 3_600_000;
const health = {
  events: 1,
  eventsPerSecond: 1,
  lost: 0,
  repeats: 0,
  lookBackMs: 0,
  lookBackBytes: 0,
  containers: 0,
  threads: 0,
};

test('gaps are those of the asked hosts and kinds, cut to the asked time; a host that is watched no longer is one up to its end', async () => {
  const state = await openTestPglite();
  const gap = (fromMs: number, toMs: number) => ({ class: 'file', lost: 7, fromMs, toMs });
  for (const [host, watch, lastEventMs] of [
    ['web-1', 'watching', NOON],
    ['web-2', 'waiting', NOON - HOUR / 2],
    ['never', 'starting', null],
  ] as const) {
    await saveHostState(state, host, { state: watch, problem: null }, NOON);
    if (lastEventMs !== null) await saveHealth(state, host, { ...health, lastEventMs }, NOON);
  }
  await saveGap(state, 'web-1', gap(NOON - 2 * HOUR, NOON - HOUR + 1_000));
  await saveGap(state, 'web-1', gap(NOON - 3 * HOUR, NOON - 2 * HOUR));
  await saveGap(state, 'db-1', gap(NOON - 5_000, NOON + 5_000));

  const found = async (...filters: ActivityFilter[]) => {
    const { gaps, cut } = await gapsOf(state, { fromMs: NOON - HOUR, toMs: NOON, filters, text: 'x' });
    expect(cut).toBe(false);
    return gaps.map(({ host, class: what, lost, fromMs, toMs }) => [host, what, lost, fromMs - NOON, toMs - NOON]);
  };
  const [web1, web2, db1] = [
    ['web-1', 'file', 7, -HOUR, -HOUR + 1_000],
    ['web-2', 'unwatched', 0, -HOUR / 2, 0],
    ['db-1', 'file', 7, -5_000, 0],
  ];
  const only = (field: ActivityFilter['field'], value: string, include = true) => ({ field, value, include });
  expect(await found()).toEqual([web1, web2, db1]);
  expect(await found(only('host', 'WEB-*'))).toEqual([web1, web2]);
  expect(await found(only('host', 'web-1'), only('host', 'db-1'))).toEqual([web1, db1]);
  expect(await found(only('host', 'web-*', false), only('user', 'root'))).toEqual([db1]);
  expect(await found(only('host', 'w.b-1'))).toEqual([]);
  // Of calls of clouds no sensor tells.
  expect(await found(only('kind', 'cloud-call'))).toEqual([]);
});
