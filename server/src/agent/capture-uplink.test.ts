/** Captures on their way to a server that is played here: where they go on, what is marked, and what is left for later. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../ground/clock.ts';
import { silentLog } from '../ground/log.ts';
import type { CaptureOutcome } from '../vendors/countersign/agent-calls.ts';
import { runCaptureUplink } from './capture-uplink.ts';

const LOOK_MS = 5_000;
const PATIENT = { timeout: 20_000 } as const;
const PIECE_BYTES = 2 * 1024 * 1024;
let folder = '';
let clock: ManualClock;
let stopping: AbortController;
let running: Promise<void>;
const sizes = new Map<string, number>();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-captures-'));
  clock = new ManualClock(0);
  stopping = new AbortController();
});
afterEach(async () => {
  stopping.abort();
  await running;
  rmSync(folder, { recursive: true, force: true });
});

interface Server {
  /** What it has, by capture; undefined: it was not told of it. */
  readonly has: Map<string, number>;
  readonly pieces: string[];
  isAway: boolean;
}

function start(server: Server, captures: Readonly<Record<string, number>>): void {
  for (const [id, size] of Object.entries(captures)) {
    sizes.set(id, size);
    writeFileSync(join(folder, `${id}.scap.gz`), Buffer.alloc(size, id));
  }
  const answer = (id: string): CaptureOutcome => {
    if (server.isAway) return { type: 'later', reason: 'away' };
    const receivedBytes = server.has.get(id);
    if (receivedBytes === undefined) return { type: 'unknown' };
    return { type: 'has', receivedBytes, isWhole: receivedBytes === sizes.get(id) };
  };
  const calls = {
    captureProgress: (id: string) => Promise.resolve(answer(id)),
    sendPiece: (id: string, fromBytes: number, piece: Uint8Array) => {
      server.pieces.push(`${id} ${fromBytes}+${piece.length}`);
      if (!server.isAway) server.has.set(id, fromBytes + piece.length);
      return Promise.resolve(answer(id));
    },
  };
  running = runCaptureUplink({ directory: folder, calls, clock, log: silentLog }, stopping.signal);
}

async function look(ms = LOOK_MS): Promise<void> {
  clock.advance(ms);
  await new Promise((resolve) => setTimeout(resolve, 50));
}

const marks = (): readonly string[] => readdirSync(folder).filter((name) => name.endsWith('.sent'));

test('a capture goes on where it was cut off, is marked when it is whole, and not sent again', async () => {
  const server: Server = { has: new Map([['one', PIECE_BYTES]]), pieces: [], isAway: false };
  start(server, { one: 2 * PIECE_BYTES + 10 });
  await look();
  await expect.poll(marks, PATIENT).toEqual(['one.sent']);
  await look();
  expect(server.pieces).toEqual([`one ${PIECE_BYTES}+${PIECE_BYTES}`, `one ${2 * PIECE_BYTES}+10`]);
});

test('a server that is away is asked again after pauses that grow', async () => {
  const server: Server = { has: new Map([['one', 0]]), pieces: [], isAway: true };
  start(server, { one: 10 });
  await look();
  server.isAway = false;
  await look();
  expect(server.pieces).toEqual([]);
  await look();
  await expect.poll(() => server.pieces, PATIENT).toEqual(['one 0+10']);
});

test('one that the server was not told of yet waits, and holds up no other', async () => {
  const server: Server = { has: new Map([['two', 0]]), pieces: [], isAway: false };
  start(server, { one: 5, two: 6 });
  await look();
  await expect.poll(marks, PATIENT).toEqual(['two.sent']);
  server.has.set('one', 0);
  await look(2 * LOOK_MS);
  await expect.poll(marks, PATIENT).toEqual(['one.sent', 'two.sent']);
});

test('one that the server never was told of, or that cannot be read, slows no other', async () => {
  const server: Server = { has: new Map(), pieces: [], isAway: false };
  start(server, { one: 5 });
  // Listed, and gone when it is opened.
  symlinkSync(join(folder, 'absent'), join(folder, 'gone.scap.gz'));
  mkdirSync(join(folder, 'odd.scap.gz'));
  for (let times = 0; times < 10; times += 1) await look();
  for (const id of ['three', 'two']) {
    writeFileSync(join(folder, `${id}.scap.gz`), Buffer.alloc(7));
    server.has.set(id, 7);
    sizes.set(id, 7);
    await look();
    await expect.poll(marks, PATIENT).toContain(`${id}.sent`);
  }
  server.has.set('one', 0);
  await look(60_000);
  await expect.poll(() => server.pieces, PATIENT).toEqual(['one 0+5']);
});

test('the mark of a capture that was removed for room goes too', async () => {
  const server: Server = { has: new Map([['one', 5]]), pieces: [], isAway: false };
  start(server, { one: 5 });
  await look();
  await expect.poll(marks, PATIENT).toEqual(['one.sent']);
  rmSync(join(folder, 'one.scap.gz'));
  await look();
  await expect.poll(marks, PATIENT).toEqual([]);
});
