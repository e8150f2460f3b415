/** Cutting bytes into values: the same as parsing the whole, wherever chunks end; and close to the damage when there is some. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Cut, DEEPEST_NESTING, LARGEST_RECORD_BYTES, RecordSplitter } from './record-splitter.ts';

function cut(bytes: Buffer | string, sizes: readonly number[] = [1 << 20], reason: string | null = null): Cut[] {
  const splitter = new RecordSplitter();
  const whole = Buffer.from(bytes as string);
  const cuts: Cut[] = [];
  let start = 0;
  for (let turn = 0; start < whole.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    cuts.push(...splitter.push(Buffer.from(whole.subarray(start, start + size))));
    start += size;
  }
  return [...cuts, ...splitter.end(reason)];
}
const valuesOf = (cuts: readonly Cut[]) => cuts.map((one) => (one.type === 'value' ? one.value : one.reason));
const shown = (cuts: readonly Cut[]) => cuts.map((one) => (one.type === 'value' ? one.value : { raw: one.raw }));
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });
const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue()));

describe('without damage, every way of writing gives the same values', () => {
  test('under a wrapper’s list, whatever stands beside it', () => {
    const others = fc.dictionary(fc.constantFrom('a', 'b\\"', 'kind', 'Recordsx'), fc.jsonValue());
    const name = fc.constantFrom('Records', 'items', 'Events', 'logEvents');
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue()),
        name,
        others,
        sizes,
        fc.boolean(),
        (records, list, before, chunks, pretty) => {
          const value = { ...before, [list]: records, after: [1, { Records: [2] }] };
          expect(valuesOf(cut(JSON.stringify(value, null, pretty ? 2 : 0), chunks))).toEqual(plain(records));
        },
      ),
    );
  });

  test('in a top-level list', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), sizes, fc.boolean(), (values, chunks, pretty) => {
        expect(valuesOf(cut(JSON.stringify(values, null, pretty ? 2 : 0), chunks))).toEqual(plain(values));
      }),
    );
  });

  test('one a line, one after another, with commas, pretty-printed', () => {
    const between = fc.constantFrom('\n', '', ',\n', '\r\n', ' \u001e');
    fc.assert(
      fc.property(objects, between, sizes, fc.boolean(), (values, separator, chunks, pretty) => {
        const text = values.map((value) => JSON.stringify(value, null, pretty ? 2 : 0)).join(separator);
        const expected = values.map(plain);
        expect(valuesOf(cut(text, chunks))).toEqual(expected);
        expect(valuesOf(cut(`\uFEFF${text}\n`))).toEqual(expected);
      }),
    );
  });

  test('many records in large pieces, where runs of them are parsed at once', () => {
    const record = fc.record({ eventVersion: fc.constant('1'), a: fc.jsonValue({ maxDepth: 3 }), b: fc.string() });
    const lengths = fc.array(fc.integer({ min: 5_000, max: 40_000 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 30 }), lengths, fc.boolean(), (some, chunks, pretty) => {
        const records = Array.from({ length: 800 }, (_, index) => ({ ...some[index % some.length], index }));
        const nested = { eventVersion: '2', list: [{ eventVersion: '3' }, { eventVersion: '4' }] };
        const all = [...records, nested, ...records];
        const text = JSON.stringify({ Records: all, more: [{ eventVersion: '5' }] }, null, pretty ? 1 : 0);
        expect(valuesOf(cut(text, chunks))).toEqual(plain(all));
      }),
      { numRuns: 15 },
    );
  });

  test('the bytes that were handed in are left as they were', () => {
    const bytes = Buffer.from(
      JSON.stringify({ Records: Array.from({ length: 2_000 }, (_, id) => ({ eventVersion: '1', id })) }),
    );
    const before = Buffer.from(bytes);
    expect(new RecordSplitter().push(bytes)).toHaveLength(2_000);
    expect(bytes.equals(before)).toBe(true);
  });

  test('several wrappers one after another', () => {
    const text = ['{"Records":[{"a":1}]}', '{"x":1,"items":[{"a":2},{"a":3}],"Events":[{"a":4}]}', '{"a":5}'].join(
      '\n',
    );
    for (const size of [1, 7, 1000]) expect(valuesOf(cut(text, [size]))).toHaveLength(size === 1000 ? 3 : 5);
  });
});

describe('damage costs the damaged record alone', () => {
  const good = (id: number) => `{"eventVersion":"1.08","id":${id},"list":[{"x":"}{"}]}`;
  test.each([
    ['a missing quote', '{"eventVersion":"1.08,"id":1}'],
    ['a text that runs into the next record', '{"eventVersion":"1.08","id":"1}'],
    ['a missing brace', '{"eventVersion":"1.08","id":1'],
    ['the wrong bracket', '{"eventVersion":"1.08","list":[1}'],
    ['a missing comma', '{"eventVersion":"1.08" "id":1}'],
    ['a comma too many', '{"eventVersion":"1.08","id":1,}'],
    ['a word that is no value', '{"eventVersion":"1.08","id":nil}'],
    ['a control character', '{"eventVersion":"1.\u0001","id":1}'],
    ['a record that breaks off at once', '{'],
  ])('%s', (_name, bad) => {
    const lines = [good(1), bad, good(2), good(3)];
    const expected = [1, 2, 3].map((id) => JSON.parse(good(id)));
    for (const text of [lines.join('\n'), `{"Records":[${lines.join(',')}]}`, `[\n${lines.join(',\n')}\n]`]) {
      for (const chunks of [[1], [13], [5000]]) {
        const cuts = cut(text, chunks);
        expect(valuesOf(cuts.filter(({ type }) => type === 'value'))).toEqual(expected);
        const damaged = cuts.filter((one) => one.type === 'damaged');
        expect(damaged.length, JSON.stringify(damaged)).toBe(1);
        expect(damaged[0]?.raw.startsWith(bad.slice(0, -1))).toBe(true);
      }
    }
  });

  test('garbage between records is one complaint a line', () => {
    expect(shown(cut('hello {"a":1}\n{"a":2}\n]\n"text\n{"a":3}'))).toEqual([
      { raw: 'hello {"a":1}' },
      { a: 2 },
      { raw: ']' },
      { raw: '"text' },
      { a: 3 },
    ]);
  });

  test('what ends early gives everything before, and one complaint', () => {
    const whole = `{"Records":[${[1, 2, 3].map(good).join(',')}]}`;
    for (let size = 1; size < whole.length; size += 1) {
      const cuts = cut(whole.slice(0, size), [17]);
      expect(cuts.filter(({ type }) => type === 'damaged')).toHaveLength(1);
      expect(cuts.at(-1)?.type).toBe('damaged');
    }
    expect(valuesOf(cut(whole, [17], 'the archive is cut'))).toEqual([
      ...[1, 2, 3].map((id) => JSON.parse(good(id))),
      'the archive is cut',
    ]);
  });
});

describe('limits', () => {
  const huge = `{"a":"${'x'.repeat(LARGEST_RECORD_BYTES)}"}`;
  test('a record that is too large is passed over and its beginning kept', () => {
    for (const text of [`{"a":1}\n${huge}\n{"a":2}`, `{"Records":[{"a":1},${huge},{"a":2}]}`]) {
      const cuts = cut(text, [64 * 1024]);
      expect(cuts.map(({ type }) => type)).toEqual(['value', 'damaged', 'value']);
      expect(cuts[1]).toMatchObject({
        reason: expect.stringContaining(`${huge.length} bytes`),
        raw: huge.slice(0, 65_536),
      });
    }
  });

  test('a wrapper may say as much as it likes before its list', () => {
    expect(valuesOf(cut(`{"x":${huge},"Records":[{"a":1}]}`, [64 * 1024]))).toEqual([{ a: 1 }]);
  });

  test('a record that nests too deep is refused where every byte is looked at, its neighbours are not', () => {
    const deep = `{"b":${'['.repeat(DEEPEST_NESTING)}${']'.repeat(DEEPEST_NESTING)}}`;
    for (const text of [`{"Records":[{"a":1},${deep},{"a":2}]}`, `[{"a":1},${deep},{"a":2}]`]) {
      const cuts = cut(text, [1000]);
      expect(shown(cuts)).toEqual([{ a: 1 }, { raw: deep }, { a: 2 }]);
    }
  });

  test('endless nesting, endless texts and endless openers take linear time', () => {
    const size = 2_000_000;
    for (const text of ['['.repeat(size), `"${'x'.repeat(size)}`, '{"a":'.repeat(size / 5), '\n{'.repeat(size / 2)]) {
      expect(cut(text, [64 * 1024]).length).toBeGreaterThan(0);
    }
  }, 10_000);
});

test('no bytes make it fail, and what is valid after them on a line of its own is found', () => {
  const seed = '{"Records":[{"eventName":"a","x":{"y":[1,2,"\\u00e9"]}},{"eventName":"b"}]}\n';
  const mutation = fc.tuple(fc.nat(seed.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(mutation, { maxLength: 6 }), sizes, (mutations, chunks) => {
      const bytes = Buffer.from(seed);
      for (const [place, byte] of mutations) bytes[place] = byte;
      const all = cut(Buffer.concat([bytes, Buffer.from('{"last":1}')]), chunks);
      expect(all.length).toBeGreaterThan(0);
      const end = all.at(-1);
      // Inside a list that was never closed, the line is the list's next element: found all the same.
      const found = all.some((one) => one.type === 'value' && JSON.stringify(one.value) === '{"last":1}');
      expect(found || end?.type === 'damaged').toBe(true);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), sizes, (bytes, chunks) => {
      expect(Array.isArray(cut(Buffer.from(bytes), chunks))).toBe(true);
    }),
  );
});
