/** What is told, and what is only counted. */
import { expect, test } from 'vitest';
import { Repeats } from './repeats.ts';

const MINUTE = 60_000;

test('the first of a kind is told, repeats are counted, and the next one that is told says how many there were', () => {
  const repeats = new Repeats();
  expect(repeats.tell('Shell', 'a', 0)).toBe(0);
  expect(repeats.tell('Shell', 'a', MINUTE)).toBeNull();
  expect(repeats.tell('Shell', 'a', 4 * MINUTE)).toBeNull();
  expect(repeats.tell('Shell', 'a', 5 * MINUTE)).toBe(2);
  expect(repeats.tell('Shell', 'a', 11 * MINUTE)).toBe(0);
  expect(repeats.count).toBe(2);
});

test('another kind, or another rule, is something else', () => {
  const repeats = new Repeats();
  expect(repeats.tell('Shell', 'a', 0)).toBe(0);
  expect(repeats.tell('Shell', 'b', 0)).toBe(0);
  expect(repeats.tell('Tool', 'a', 0)).toBe(0);
});

test('a rule says no more than so much in a minute, whatever it is about', () => {
  const repeats = new Repeats();
  const told = Array.from({ length: 1_000 }, (_, at) => repeats.tell('Renamed', `file ${at}`, at)).filter(
    (one) => one !== null,
  );
  expect(told).toHaveLength(30);
  expect(repeats.tell('Shell', 'a', 1_000)).toBe(0);
  expect(repeats.tell('Renamed', 'file 2000', MINUTE + 1)).toBe(0);
});

test('a clock that is set back silences nothing', () => {
  const repeats = new Repeats();
  expect(repeats.tell('Shell', 'a', 60 * MINUTE)).toBe(0);
  expect(repeats.tell('Shell', 'a', 30 * MINUTE)).toBe(0);
});
