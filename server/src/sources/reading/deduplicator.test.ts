/** Equal ids count once, in bounded memory. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDeduplicator } from './deduplicator.ts';

test('agrees with a set of everything while no more than the capacity came', () => {
  const id = fc.oneof(
    fc.uuid(),
    fc.string({ maxLength: 3 }),
    fc.constantFrom('00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-00000000000A', 'a/b', ''),
  );
  fc.assert(
    fc.property(fc.array(id, { maxLength: 200 }), (ids) => {
      const deduplicator = createDeduplicator(200);
      const all = new Set<string>();
      for (const one of ids) {
        expect(deduplicator.isNew(one)).toBe(!all.has(one));
        all.add(one);
      }
    }),
  );
});

test('the last ids up to the capacity are always known, older ones may be forgotten', () => {
  const capacity = 1_000;
  const deduplicator = createDeduplicator(capacity);
  const ids = Array.from({ length: 20 * capacity }, () => randomUUID());
  for (const id of ids) expect(deduplicator.isNew(id)).toBe(true);
  for (const id of ids.slice(-capacity)) expect(deduplicator.isNew(id)).toBe(false);
  expect(deduplicator.isNew(ids[0] ?? '')).toBe(true);
});

test('ids that differ in one digit, in case or in a stage are different', () => {
  const deduplicator = createDeduplicator(10_000);
  const id = '28773860-a4fd-47c7-a215-6f0e6e6e532f';
  const others = [...id].flatMap((digit, index) =>
    digit === '-' ? [] : [`${id.slice(0, index)}${digit === '1' ? '0' : '1'}${id.slice(index + 1)}`],
  );
  for (const one of [id, id.toUpperCase(), `${id}/ResponseComplete`, `${id}/RequestReceived`, ...others]) {
    expect(deduplicator.isNew(one), one).toBe(true);
    expect(deduplicator.isNew(one), one).toBe(false);
  }
});

test('a million ids take no more than their share of memory', () => {
  const deduplicator = createDeduplicator(1_000_000);
  const before = process.memoryUsage().arrayBuffers;
  for (let index = 0; index < 1_000_000; index += 1) {
    const digits = (Math.imul(index, 2_654_435_761) >>> 0).toString(16).padStart(8, '0');
    deduplicator.isNew(`${digits}-0000-4000-8000-${digits}${digits.slice(0, 4)}`);
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(256_000_000);
});
