/** The promises, held over many nights; and a planted fault, to prove that they are looked at. */
import { expect, test } from 'vitest';
import { silentLog } from '../../server/src/ground/log.ts';
import { openState } from '../../server/src/ground/state.ts';
import { describeWith } from '../data.ts';
import { freshDatabase, POSTGRES_PRESENT } from '../postgres.ts';
import { sqlNight } from './simulation/night-store.ts';
import { simulate } from './simulation/simulate.ts';

const SEEDS = 200;

test('over hundreds of nights with crashes at every step no promise is broken', async () => {
  const report = await simulate({ seeds: SEEDS, from: 1 });
  expect(report.violations).toEqual([]);
  expect(report.crashes).toBeGreaterThan(SEEDS / 4);
  expect(report.steps).toBeGreaterThan(SEEDS * 20);
});

test('a pager that swallows pages is found out', async () => {
  const { violations } = await simulate({ seeds: 30, from: 1, lyingChannel: true });
  expect(violations.some(({ promise }) => promise === 'a page climbs the whole ladder')).toBe(true);
});

describeWith({ name: 'PostgreSQL', present: POSTGRES_PRESENT })('two servers that race on PostgreSQL', () => {
  test('break no promise either, with a crash at every await', { timeout: 120_000 }, async () => {
    const url = await freshDatabase();
    const states = [await openState({ url, log: silentLog }), await openState({ url, log: silentLog })];
    const report = await simulate({ seeds: 4, from: 1, store: (night, options) => sqlNight(states, night, options) });
    await Promise.all(states.map((state) => state.close()));
    expect(report.violations).toEqual([]);
    expect(report.crashes).toBeGreaterThan(0);
  });
});
