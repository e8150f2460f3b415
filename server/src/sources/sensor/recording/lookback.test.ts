/** What a look back holds and forgets, with blocks of its own making. */
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { LookBack, type LookBackLimits, type Piece } from './lookback.ts';

const MB = 1_000_000;

/** A stream whose pieces say which second they are of, and whose states say when they were taken. */
function lookBack(limits: Partial<LookBackLimits> = {}) {
  const pieces: Piece[] = [];
  let nowMs = 0;
  const kept = new LookBack({
    keepMs: 60_000,
    budgetBytes: 10 * MB,
    ...limits,
    state: () => Buffer.from(`[state ${nowMs / 1_000}]`),
    onPiece: (piece) => pieces.push(piece),
  });
  return {
    kept,
    pieces,
    add(text: string | Buffer, incomplete = 0): void {
      nowMs += 1_000;
      kept.add(Buffer.from(text), incomplete, { eventMs: nowMs, steadyMs: () => nowMs });
    },
    async read(fromMs: number): Promise<string> {
      const cut = kept.cut(fromMs);
      if (cut === null) return 'nothing';
      return gunzipSync(Buffer.concat(await Promise.all(cut.pieces.map(({ bytes }) => bytes)))).toString('latin1');
    },
  };
}

describe('the last minutes of a stream', () => {
  test('a cut is the last state before it and everything since', async () => {
    const stream = lookBack();
    for (let second = 1; second <= 24; second += 1) stream.add(`(${second})`);
    expect(await stream.read(15_000)).toMatch(/^\[state 12\]\(13\)\(14\).*\(24\)$/);
    expect(stream.kept.cut(15_000)?.fromMs).toBe(12_000);
  });

  test('before the first state the stream itself is the beginning', async () => {
    const stream = lookBack();
    for (let second = 1; second <= 4; second += 1) stream.add(`(${second})`);
    expect(await stream.read(0)).toBe('(1)(2)(3)(4)');
    expect(await lookBack().read(0)).toBe('nothing');
  });

  test('a block that is not complete waits for its rest, and what is put in comes between blocks', async () => {
    const stream = lookBack();
    stream.add('(1)');
    stream.add('(2)(be', 3);
    stream.kept.insert(Buffer.from('{shop}'));
    stream.add('gun)');
    stream.add('(3)');
    stream.add('(4)');
    expect(await stream.read(0)).toBe('(1)(2)(begun){shop}(3)(4)');
  });

  test('a stream that ends gives what is whole', async () => {
    const stream = lookBack();
    stream.add('(1)');
    stream.kept.add(Buffer.from('(2)(cut'), 4, { eventMs: 1_100, steadyMs: () => 0 });
    stream.kept.end();
    expect(await stream.read(0)).toBe('(1)(2)');
  });

  test('what is older than its time is forgotten, a generation at once', async () => {
    const stream = lookBack({ keepMs: 20_000 });
    for (let second = 1; second <= 100; second += 1) stream.add(`(${second})`);
    const { fromMs } = stream.kept;
    expect(fromMs).toBeGreaterThanOrEqual(65_000);
    expect(fromMs).toBeLessThanOrEqual(80_000);
    expect(await stream.read(0)).toMatch(new RegExp(`^\\[state ${(fromMs ?? 0) / 1_000}\\]`));
  });

  test('however much comes, what is kept stays within its bound', async () => {
    const stream = lookBack({ budgetBytes: 4 * MB });
    // Bytes that do not compress.
    let seed = 1;
    const noise = Buffer.alloc(1_100_000).map(() => {
      seed = (seed * 48_271) % 0x7fff_ffff;
      return seed & 0xff;
    });
    for (let second = 1; second <= 12; second += 1) stream.add(Buffer.from(noise));
    await Promise.all(stream.pieces.map(({ bytes }) => bytes));
    expect(stream.kept.heldBytes).toBeLessThanOrEqual(4 * MB);
    expect(stream.kept.fromMs).toBeGreaterThan(5_000);
  });

  test('a state that takes long is taken seldom', () => {
    let steadyMs = 0;
    let states = 0;
    const kept = new LookBack({
      keepMs: 60_000,
      budgetBytes: MB,
      state: () => {
        states += 1;
        steadyMs += 2_000;
        return Buffer.from('state');
      },
      onPiece: () => undefined,
    });
    for (let second = 1; second <= 200; second += 1) {
      kept.add(Buffer.from('event'), 0, { eventMs: second * 1_000, steadyMs: () => steadyMs });
    }
    expect(states).toBe(2);
  });

  test('another stream begins without the one before it', async () => {
    const stream = lookBack();
    stream.add('(1)');
    stream.kept.insert(Buffer.from('{shop}'));
    stream.kept.clear();
    stream.add('(2)');
    stream.add('(3)');
    expect(await stream.read(0)).toBe('(2)(3)');
  });
});
