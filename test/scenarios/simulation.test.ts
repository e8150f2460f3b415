/** The promises, held over many nights; and a planted fault, to prove that they are looked at. */
import { expect, test } from 'vitest';
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
