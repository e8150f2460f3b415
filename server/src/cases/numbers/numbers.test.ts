/** The formulas by hand, and what must hold whatever the cases are. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  distributionOf,
  type NumberedCase,
  numbersOf,
  quantile,
  survivalQuantile,
  weekOf,
  weekWindow,
} from './numbers.ts';

const T = Date.UTC(2026, 2, 2, 10);
const MINUTE = 60_000;
const one = (parts: Partial<NumberedCase> = {}): NumberedCase => ({
  eventMs: T,
  receivedMs: T + 30_000,
  askedMs: null,
  answeredMs: null,
  pagedMs: null,
  acknowledgedMs: null,
  containedMs: null,
  resolvedMs: null,
  state: 'paged',
  cause: null,
  answer: null,
  team: null,
  account: null,
  rule: 'r',
  ...parts,
});
const window = { fromMs: T, toMs: T + 600 * MINUTE };

test('each number is the difference of two times, in seconds', () => {
  const numbers = numbersOf(
    [
      one({
        askedMs: T + MINUTE,
        answeredMs: T + 3 * MINUTE,
        pagedMs: T + 4 * MINUTE,
        acknowledgedMs: T + 6 * MINUTE,
        containedMs: T + 8 * MINUTE,
        resolvedMs: T + 10 * MINUTE,
      }),
    ],
    window,
  );
  expect(numbers.detect.median).toBe(30);
  expect(numbers.verify.median).toBe(120);
  expect(numbers.acknowledge.median).toBe(120);
  expect(numbers.contain.median).toBe(480);
  expect(numbers.resolve.median).toBe(600);
  // Ten hours but six minutes, one page.
  expect(numbers.betweenFailures).toBe(600 * 60 - 360);
});

describe('acknowledgement', () => {
  const page = (minutes: number | null) =>
    one({ pagedMs: T, acknowledgedMs: minutes === null ? null : T + minutes * MINUTE });

  test('a page that nobody acknowledged counts as longer than it has waited', () => {
    const { acknowledge } = numbersOf([page(1), page(2), page(3), page(null)], window);
    expect(acknowledge).toMatchObject({ pages: 4, n: 3, never: 1, median: 120, p90: null });
  });

  test('leaving such pages out would have said otherwise', () => {
    const honest = numbersOf([page(1), page(null), page(null)], window).acknowledge.median;
    expect(honest).toBeNull();
    expect(distributionOf([60]).median).toBe(60);
  });

  test('without any that wait it is the ordinary quantile', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(waits, fc.constantFrom(0.5, 0.9), (values, share) => {
        const sorted = values.toSorted((a, b) => a - b);
        const waited = values.map((seconds) => ({ seconds, acknowledged: true }));
        expect(survivalQuantile(waited, share)).toBe(quantile(sorted, share));
      }),
    );
  });

  test('more that wait never make it faster', () => {
    const waits = fc.array(fc.record({ seconds: fc.integer({ min: 0, max: 100 }), acknowledged: fc.boolean() }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(waits, (given) => {
        const before = survivalQuantile(given, 0.5);
        const after = survivalQuantile([...given, { seconds: 1_000, acknowledged: false }], 0.5);
        if (after !== null) expect(after).toBeGreaterThanOrEqual(before ?? 0);
      }),
    );
  });
});

test('pages that overlap are one time without a failure less', () => {
  const page = (from: number, to: number) => one({ pagedMs: T + from * MINUTE, resolvedMs: T + to * MINUTE });
  const { betweenFailures } = numbersOf([page(0, 60), page(30, 90)], window);
  expect(betweenFailures).toBe(((600 - 90) * 60) / 2);
});

test('a clock that is ahead of ours is counted and never makes time run backwards', () => {
  const numbers = numbersOf([one({ receivedMs: T - MINUTE })], window);
  expect(numbers).toMatchObject({ skewed: 1, detect: { median: 0 } });
});

test('weeks are those of ISO 8601, over the turn of the year', () => {
  expect(weekOf(Date.UTC(2026, 0, 1))).toBe('2026-W01');
  expect(weekOf(Date.UTC(2027, 0, 3))).toBe('2026-W53');
  expect(weekOf(Date.UTC(2027, 0, 4))).toBe('2027-W01');
  expect(weekOf(Date.UTC(2024, 11, 30))).toBe('2025-W01');
  const week = { fromMs: Date.UTC(2026, 11, 28), toMs: Date.UTC(2027, 0, 4) };
  expect(weekWindow(Date.UTC(2027, 0, 3, 23, 59))).toEqual(week);
  expect(weekWindow(week.fromMs)).toEqual(week);
});

test('how questions ended stays true whatever became of the page', () => {
  const asked = { askedMs: T, pagedMs: T + MINUTE };
  const { answers } = numbersOf(
    [
      one({ ...asked, cause: 'denied', answer: 'no' }),
      one({ ...asked, cause: 'revert-failed', answer: 'no' }),
      one({ ...asked, cause: 'expired' }),
      one({ ...asked, cause: 'revert-failed' }),
      one({ ...asked, state: 'confirmed', pagedMs: null, answer: 'yes' }),
      one({ pagedMs: T, cause: 'revert-failed' }),
    ],
    window,
  );
  expect(answers).toEqual({ confirmed: 1, denied: 2, expired: 2, pagedAtOnce: 1 });
});

test('nothing gives nothing, and not zero', () => {
  expect(numbersOf([], window)).toMatchObject({ cases: 0, detect: { n: 0, median: null }, betweenFailures: null });
});
