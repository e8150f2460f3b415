/** The promises, held over many nights; and planted faults, to prove that they are looked at. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../../server/src/ground/log.ts';
import { openState, type State } from '../../server/src/ground/state.ts';
import { describeWith } from '../data.ts';
import { freshDatabase, POSTGRES_PRESENT } from '../postgres.ts';
import { openTestPglite } from '../state.ts';
import { sqlNights } from './simulation/night-store.ts';
import { simulateReverts } from './simulation/revert-nights.ts';
import { simulate } from './simulation/simulate.ts';

const SEEDS = 150;

test('over many nights in which everything goes wrong no promise is broken', async () => {
  const report = await simulate({ seeds: SEEDS, from: 1 });
  expect(report.violations).toEqual([]);
  expect(report.crashes).toBeGreaterThan(SEEDS);
  // Nothing is claimed that did not happen.
  expect(Object.keys(report.faults)).toEqual([
    'answers lost',
    'clock jumps',
    'inputs that come late',
    'inputs that come twice',
    'inputs that never come',
    'outages',
    'questions that could not be put',
    'slow answers',
    'vendor down',
    'webhooks played again',
    'webhooks sent twice',
  ]);
});

test('a night that dies at each of its steps once keeps them, too', async () => {
  const report = await simulate({ seeds: 1, from: 4, everyStep: true });
  expect(report.violations).toEqual([]);
  expect(report.nights).toBeGreaterThan(100);
  expect(report.crashes).toBe(report.nights - 1);
});

test('a pager that swallows pages is found out', async () => {
  const { violations } = await simulate({ seeds: 30, from: 1, lyingVendor: true });
  expect(violations.some(({ promise }) => promise === 'a page climbs the whole ladder')).toBe(true);
});

describe('nights of reverts', () => {
  let state: State;
  beforeAll(async () => {
    state = await openTestPglite();
  });
  afterAll(() => state.close());

  test('whoever dies, throttles, loses answers or changes it again: nothing newer is overwritten, and what is put back is proven', async () => {
    const report = await simulateReverts({ seeds: 15, from: 1, state });
    expect(report.violations).toEqual([]);
    expect(report.crashes).toBeGreaterThan(5);
    expect(report.ended['reverted'] ?? 0).toBeGreaterThan(0);
  });

  test('a vendor that says "done" and does nothing is found out', async () => {
    const report = await simulateReverts({ seeds: 6, from: 1_001, state, night: 'lying', lyingVendor: true });
    expect(report.ended['reverted'] ?? 0).toBe(0);
  });
});

describeWith({ name: 'PostgreSQL', present: POSTGRES_PRESENT })('two servers that race on PostgreSQL', () => {
  test('break no promise either, with a crash at every await', { timeout: 120_000 }, async () => {
    const url = await freshDatabase();
    const states = [await openState({ url, log: silentLog }), await openState({ url, log: silentLog })];
    const report = await simulate({ seeds: 3, from: 1, open: sqlNights(states) });
    await Promise.all(states.map((state) => state.close()));
    expect(report.violations).toEqual([]);
    expect(report.crashes).toBeGreaterThan(0);
  });
});
