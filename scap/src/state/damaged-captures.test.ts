/**
 * Real captures, damaged: whatever the bytes say, a reader complains at worst. It never ends in another error, takes no time or memory beyond what
 * the bytes are worth, and its state can still be asked and written.
 *
 * `COUNTERSIGN_FUZZ_SECONDS` damages for longer than the few seconds of a test run; `COUNTERSIGN_FUZZ_SEED` repeats one round.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../../test/data.ts';
import { SYSCALL_FIELDS } from '../fields/fields.ts';
import { CaptureDamage } from '../format/blocks.ts';
import { CaptureReader } from '../format/capture-reader.ts';
import { Machine } from './machine.ts';
import { writeState } from './written-state.ts';

const SECONDS = Number(process.env['COUNTERSIGN_FUZZ_SECONDS'] ?? 8);
const ONE_SEED = process.env['COUNTERSIGN_FUZZ_SEED'];
const MOST_BYTES = 60_000;
const MOST_CHANGES = 12;
/** A clean one takes some 30 ms; a machine may be busy. */
const SLOWEST_MS = 5_000;
const MOST_HEAP_BYTES = 400 * 1024 * 1024;
const FIELDS_EVERY = 97;
const ARGUMENTS = [null, '0', '1', 'PATH', '/proc/*'];
/** What lengths and counts look like when somebody means harm. */
const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff];

type Chance = () => number;

/** Mulberry32: the same seed, the same damage. */
function chanceOf(seed: number): Chance {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const below = (chance: Chance, end: number): number => Math.floor(chance() * end);
const oneOf = <T>(chance: Chance, list: readonly T[]): T => list[below(chance, list.length)] as T;

/** Where blocks begin, in the order of the file. */
function blocksOf(bytes: Buffer): readonly number[] {
  const places: number[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    places.push(at);
    const length = bytes.readUInt32LE(at + 4);
    if (length < 12) break;
    at += length;
  }
  return places;
}

const CHANGES: readonly ((chance: Chance, bytes: Buffer, other: Buffer) => Buffer)[] = [
  /** A byte. */
  (chance, bytes) => {
    bytes[below(chance, bytes.length)] = below(chance, 256);
    return bytes;
  },
  /** A number near the beginning of a block, where lengths, types and counts stand. */
  (chance, bytes) => {
    const at = oneOf(chance, blocksOf(bytes)) + below(chance, 48);
    const value = oneOf(chance, EXTREMES);
    if (chance() < 0.5 && at + 4 <= bytes.length) bytes.writeUInt32LE(value, at);
    else if (at + 2 <= bytes.length) bytes.writeUInt16LE(value & 0xffff, at);
    return bytes;
  },
  /** The type of an event becomes another: its parameters are not what they should be. */
  (chance, bytes) => {
    const at = oneOf(chance, blocksOf(bytes)) + 30;
    if (at + 2 <= bytes.length) bytes.writeUInt16LE(below(chance, 460), at);
    return bytes;
  },
  /** The end is missing. */
  (chance, bytes) => bytes.subarray(0, below(chance, bytes.length)),
  /** Something is missing within. */
  (chance, bytes) => {
    const at = below(chance, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + below(chance, 64))]);
  },
  /** A block comes twice, at another place. */
  (chance, bytes) => {
    const places = blocksOf(bytes);
    const from = oneOf(chance, places);
    const length = Math.max(12, bytes.readUInt32LE(from + 4));
    const to = oneOf(chance, places);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from, from + length), bytes.subarray(to)]);
  },
  /** Another capture goes on where this one is cut. */
  (chance, bytes, other) => {
    const mine = oneOf(chance, blocksOf(bytes));
    return Buffer.concat([bytes.subarray(0, mine), other.subarray(oneOf(chance, blocksOf(other)))]);
  },
];

function damaged(seed: number, captures: readonly Buffer[]): Buffer {
  const chance = chanceOf(seed);
  let bytes: Buffer = Buffer.from(oneOf(chance, captures));
  const changes = 1 + below(chance, MOST_CHANGES);
  for (let change = 0; change < changes && bytes.length > 12; change += 1) {
    bytes = oneOf(chance, CHANGES)(chance, bytes, oneOf(chance, captures));
  }
  return bytes;
}

/** How many events were told, and whether the reader complained. */
function readDamaged(bytes: Buffer, chunkBytes: number): { readonly events: number; readonly complained: boolean } {
  const machine = new Machine({
    onEvent: (at) => {
      if (at.current.number % FIELDS_EVERY !== 0) return;
      const argument = ARGUMENTS[at.current.number % ARGUMENTS.length] ?? null;
      for (const { read, print } of SYSCALL_FIELDS.values()) (print ?? read)(at, argument);
    },
  });
  const reader = new CaptureReader(machine);
  let complained = false;
  try {
    for (let at = 0; at < bytes.length; at += chunkBytes) reader.write(bytes.subarray(at, at + chunkBytes));
    reader.end();
  } catch (error) {
    if (!(error instanceof CaptureDamage)) throw error;
    complained = true;
  }
  // What was understood can be written, and what was written can be read.
  const written = writeState(machine);
  const again = new CaptureReader(new Machine({ onEvent: () => undefined }));
  again.write(written);
  again.end();
  return { events: reader.counts.events, complained };
}

function capturesOf(): readonly Buffer[] {
  const old = readdirSync(dataPath('captures', 'old'))
    .filter((file) => file.endsWith('.scap'))
    .map((file) => readFileSync(dataPath('captures', 'old', file)))
    .map((bytes) => (bytes.readUInt16BE(0) === 0x1f8b ? gunzipSync(bytes) : bytes));
  const today = gunzipSync(readFileSync(dataPath('captures', 'attack2.scap.gz')));
  return [...old, today].map((bytes) => {
    const most = firstEventAt(bytes) + MOST_BYTES;
    return bytes.subarray(0, blocksOf(bytes).findLast((at) => at <= most) ?? 0);
  });
}

/** The lists before it may be longer than all that is read of others. */
function firstEventAt(bytes: Buffer): number {
  const event = new Set([0x204, 0x208, 0x216, 0x217, 0x221, 0x222, 0x8010_abcd]);
  return blocksOf(bytes).find((at) => event.has(bytes.readUInt32LE(at))) ?? 0;
}

describeWithData('damaged captures', () => {
  test('are complained about at worst, in time and memory', { timeout: SECONDS * 1_000 + 60_000 }, () => {
    const captures = capturesOf();
    const first = ONE_SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(ONE_SEED);
    const until = performance.now() + SECONDS * 1_000;
    const before = process.memoryUsage();
    let [rounds, complaints, events, slowest] = [0, 0, 0, 0];
    for (; rounds === 0 || (ONE_SEED === undefined && performance.now() < until); rounds += 1) {
      const seed = first + rounds;
      const bytes = damaged(seed, captures);
      const began = performance.now();
      try {
        const told = readDamaged(bytes, 1 + (seed % 7_000));
        events += told.events;
        complaints += told.complained ? 1 : 0;
      } catch (error) {
        throw new Error(`COUNTERSIGN_FUZZ_SEED=${seed} shows it again`, { cause: error });
      }
      slowest = Math.max(slowest, performance.now() - began);
      expect(slowest, `COUNTERSIGN_FUZZ_SEED=${seed}`).toBeLessThan(SLOWEST_MS);
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      const grown = heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers;
      expect(grown, `COUNTERSIGN_FUZZ_SEED=${seed}`).toBeLessThan(MOST_HEAP_BYTES);
    }
    // The damage was real, and most of each capture was still read.
    if (ONE_SEED === undefined) {
      expect(complaints).toBeGreaterThan(rounds / 10);
      expect(complaints).toBeLessThan(rounds);
    }
    expect(events).toBeGreaterThan(0);
    console.log(`${rounds} damaged captures from seed ${first}: ${complaints} complaints, ${events} events`);
  });
});
