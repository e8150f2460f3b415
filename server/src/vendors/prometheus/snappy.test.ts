/** What is packed comes out again as it went in, whatever it is, and what repeats gets smaller. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unsnappy } from '../../../../test/fakes/remote-write.ts';
import { snappy } from './snappy.ts';

const packed = (bytes: Buffer) => unsnappy(snappy(bytes)).equals(bytes);

test('anything comes out as it went in', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => packed(Buffer.from(bytes))));
  const few = fc.array(fc.constantFrom('a', 'bc', 'host="node-1"', '\0\0\0\0\0'), { maxLength: 400 });
  fc.assert(fc.property(few, (words) => packed(Buffer.from(words.join('')))));
});

test.each([
  0, 1, 59, 60, 61, 255, 256, 257, 65_535, 65_536, 65_537, 200_000,
])('%i bytes that repeat, and that do not', (length) => {
  expect(packed(Buffer.alloc(length, 'x'))).toBe(true);
  expect(packed(Buffer.from(Array.from({ length }, (_, at) => (Math.imul(at, 2_654_435_761) >>> 13) & 0xff)))).toBe(
    true,
  );
});

test('names that repeat cost little', () => {
  const text = Buffer.from('application=shop/deployment/web,host=node-17,kind=container;'.repeat(1_000));
  expect(snappy(text).length).toBeLessThan(text.length / 10);
});
