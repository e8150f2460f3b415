/**
 * Chance as an argument: identifiers, secrets and jitter come from a `Random`, so that a simulation can repeat itself.
 *
 * Identifiers sort by the time they were made (UUID version 7, RFC 9562), which keeps indexes compact.
 */
import { randomBytes } from 'node:crypto';

export interface Random {
  /** A new identifier; later ones sort after earlier ones, by the millisecond. */
  id(nowMs: number): string;
  /** Bytes fit for secrets (the seeded implementation is for tests alone). */
  bytes(length: number): Buffer;
  /** At least 0, below 1. For jitter, never for secrets. */
  fraction(): number;
}

export const systemRandom: Random = {
  id: (nowMs) => uuidOf(nowMs, randomBytes(10)),
  bytes: (length) => randomBytes(length),
  fraction: () => Math.random(),
};

/** Repeats itself for equal seeds (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => Math.floor(next() * 256)));
  return { id: (nowMs) => uuidOf(nowMs, bytes(10)), bytes, fraction: next };
}

/**
 * ```
 *  48 bits          4   12 bits   2   62 bits
 * | unix time, ms | 7 | chance  | 2 | chance |
 * ```
 */
function uuidOf(nowMs: number, chance: Buffer): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(Math.max(0, Math.floor(nowMs)), 0, 6);
  chance.copy(bytes, 6, 0, 10);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
