/** Addresses as small numbers, and how they are written. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressBook } from './addresses.ts';

describe('addresses as numbers', () => {
  it.each([
    [[192, 0, 2, 7], '192.0.2.7'],
    [[0, 0, 0, 0], '0.0.0.0'],
    [[255, 255, 255, 255], '255.255.255.255'],
    [[0x20, 0x01, 0x0d, 0xb8, ...zeros(11), 7], '2001:db8::7'],
    [[...zeros(16)], '::'],
    [[...zeros(15), 1], '::1'],
    [[0xfe, 0x80, ...zeros(14)], 'fe80::'],
    [[0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 5], '1:0:2::3:4:5'],
    [[0, 1, 0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7], '1:0:2:3:4:5:6:7'],
    [[...zeros(10), 0xff, 0xff, 192, 0, 2, 7], '192.0.2.7'],
  ])('%j is %s', (bytes, text) => {
    const book = new AddressBook();
    expect(book.textOf(book.takeBytes(Uint8Array.from(bytes), 0, bytes.length === 4 ? 4 : 16))).toBe(text);
  });

  it('an address keeps its number while anybody holds it, and leaves no trace after', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.boolean()), { maxLength: 3_000 }), (steps) => {
        const book = new AddressBook();
        const held = new Map<number, { readonly number: number; holders: number }>();
        for (const [address, take] of steps) {
          const known = held.get(address);
          if (take) {
            const number = book.takeIpv4(address * 65_537);
            if (known !== undefined) expect(number).toBe(known.number);
            held.set(address, { number, holders: (known?.holders ?? 0) + 1 });
          } else if (known !== undefined) {
            book.release(known.number);
            known.holders -= 1;
            if (known.holders === 0) held.delete(address);
          }
        }
        expect(book.size).toBe(held.size);
        for (const [address, { number }] of held) expect(book.takeIpv4(address * 65_537)).toBe(number);
        expect(new Set([...held.values()].map(({ number }) => number)).size).toBe(held.size);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    '192.0.2.7',
    '::',
    '::1',
    '2001:db8::7',
    'fe80::1:2',
    '1:2:3:4:5:6:7:8',
    '1::8',
  ])('%s is read back', (text) => {
    const book = new AddressBook();
    const number = book.takeText(text);
    expect(number === null ? null : book.textOf(number)).toBe(text);
  });

  it('the forms of one address are one, and what is none is none', () => {
    const book = new AddressBook();
    expect(book.takeText('::ffff:192.0.2.7')).toBe(book.takeText('192.0.2.7'));
    expect(book.takeText('2001:DB8:0:0::7')).toBe(book.takeText('2001:db8::7'));
    expect(book.takeText('example.com')).toBeNull();
  });

  it('giving back more than was taken is an error of ours, and is said', () => {
    const book = new AddressBook();
    const number = book.takeIpv4(1);
    book.release(number);
    expect(() => book.release(number)).toThrow(/more often/);
  });
});

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}
