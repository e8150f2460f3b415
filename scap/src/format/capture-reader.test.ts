/** Captures put together byte by byte, in both byte orders, whole and damaged. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CaptureDamage, CaptureReader, Machine } from '../index.ts';

const HEADER = 28;
const SECONDS_FOR_DAMAGE = 4;
const MOST_RUNS = 100_000;

/** A block: type, length, body, length. */
function block(type: number, body: Buffer, isLittle: boolean): Buffer {
  const bytes = Buffer.alloc(body.length + 12);
  const write = (value: number, at: number) =>
    isLittle ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at);
  write(type, 0);
  write(bytes.length, 4);
  body.copy(bytes, 8);
  write(bytes.length, bytes.length - 4);
  return bytes;
}

function u(isLittle: boolean, ...fields: readonly (readonly [bits: 16 | 32 | 64, value: bigint])[]): Buffer {
  return Buffer.concat(
    fields.map(([bits, value]) => {
      const bytes = Buffer.alloc(bits / 8);
      for (let index = 0; index < bytes.length; index += 1) {
        const byte = Number((value >> BigInt(8 * index)) & 0xffn);
        bytes[isLittle ? index : bytes.length - 1 - index] = byte;
      }
      return bytes;
    }),
  );
}

/** A section with one `chdir` to /tmp, of the thread 7. */
function capture(isLittle: boolean): Buffer {
  const path = Buffer.from('/tmp\0');
  const event = Buffer.concat([
    u(isLittle, [16, 3n], [64, 1_700_000_000_000_000_001n], [64, 7n], [32, 26n + 4n + 13n], [16, 95n], [32, 2n]),
    u(isLittle, [16, 8n], [16, 5n], [64, 0n]),
    path,
  ]);
  const section = u(isLittle, [32, 0x1a2b3c4dn], [16, 1n], [16, 2n], [64, 0xffff_ffff_ffff_ffffn]);
  return Buffer.concat([
    block(0x0a0d0d0a, section, isLittle),
    block(0x7777, Buffer.from('what nobody knows'), isLittle),
    block(0x216, event, isLittle),
  ]);
}

function read(bytes: Buffer, chunk = bytes.length): { seen: string[]; reader: CaptureReader } {
  const seen: string[] = [];
  const machine = new Machine({
    onEvent: ({ current, currentThread }) => {
      seen.push(
        `${current.timeNs} ${current.tid} ${current.cpu} ${current.info.name} ${current.text(1)} ${currentThread?.tid}`,
      );
    },
  });
  const reader = new CaptureReader(machine);
  for (let at = 0; at < bytes.length; at += chunk) reader.write(bytes.subarray(at, at + chunk));
  reader.end();
  return { seen, reader };
}

describe('a capture', () => {
  test.each([true, false])('is read in its byte order (little endian: %s), wherever it is cut', (isLittle) => {
    for (const chunk of [1, 7, 64, 1_000]) {
      const { seen, reader } = read(capture(isLittle), chunk);
      expect(seen).toEqual(['1700000000000000001 7 3 chdir /tmp 7']);
      expect(reader.counts).toMatchObject({ events: 1, unknownBlocks: 1, damagedEvents: 0 });
    }
  });

  test('that comes from a live stream is handed on as it comes, and only a block that is cut is held', () => {
    const seen: number[] = [];
    const reader = new CaptureReader(new Machine({ onEvent: ({ current }) => seen.push(current.number) }));
    const bytes = new Uint8Array(Buffer.concat([capture(true), capture(true)]));
    const longest = capture(true).length - HEADER;
    for (let at = 0; at < bytes.length; at += 10) {
      reader.write(bytes.slice(at, at + 10));
      expect(reader.heldBytes).toBeLessThan(longest);
      if (at + 10 > capture(true).length) expect(seen).toContain(1);
    }
    expect(seen).toEqual([1, 2]);
    expect(reader.heldBytes).toBe(0);
  });

  test('that breaks off tells so, after what was whole', () => {
    const bytes = capture(true);
    expect(() => read(bytes.subarray(0, bytes.length - 1))).toThrow(CaptureDamage);
    expect(() => read(Buffer.from('{"not": "a capture"}'))).toThrow(CaptureDamage);
  });

  test('of a length beyond reason is damage, not a reason to allocate', () => {
    const bytes = capture(true);
    bytes.writeUInt32LE(0xffff_fff0, HEADER + 4);
    expect(() => read(bytes)).toThrow(CaptureDamage);
  });

  test('with any bytes damaged never does worse than to complain', () => {
    const until = performance.now() + SECONDS_FOR_DAMAGE * 1_000;
    const whole = [capture(true), capture(false)];
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.nat(1), damage, fc.integer({ min: 1, max: 200 }), (which, changes, chunk) => {
        if (performance.now() > until) return;
        const bytes = Buffer.from(whole[which] ?? Buffer.alloc(0));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          read(bytes, chunk);
        } catch (error) {
          if (!(error instanceof CaptureDamage)) throw error;
        }
      }),
      { numRuns: MOST_RUNS, interruptAfterTimeLimit: SECONDS_FOR_DAMAGE * 1_000, markInterruptAsFailure: false },
    );
  });
});
