/** With small programs in place of the sensor, which end as it does. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../ground/clock.ts';
import type { WatchOrder } from '../reports.ts';
import type { SensorBytes, SensorEnd } from './sensor-bytes.ts';
import { SensorSupply } from './sensor-supply.ts';

let folder = '';
let clock: ManualClock;
let stopping: AbortController;
let states: string[] = [];
let supply: SensorSupply;
const sockets: Socket[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-supply-'));
  clock = new ManualClock(0);
  stopping = new AbortController();
  states = [];
});

afterEach(() => {
  stopping.abort();
  supply.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  rmSync(folder, { recursive: true, force: true });
});

function program(body: string): string {
  const path = join(folder, 'sensor.sh');
  writeFileSync(path, `#!/bin/sh\nif [ "$1" = --list-events ]; then echo execve; exit 0; fi\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

function supplyOf(sensor: WatchOrder['sensor']): SensorSupply {
  supply = new SensorSupply({
    sensor,
    clock,
    argumentsFor: (known) => [(known ?? ['unknown']).join()],
    wishes: 'events execve\n',
    onState: (state, problem) => states.push(problem === null ? state : `${state}: ${problem}`),
  });
  return supply;
}

async function readAll(bytes: SensorBytes | null): Promise<{ readonly text: string; readonly end: SensorEnd }> {
  if (bytes === null) throw new Error('there is no stream');
  let text = '';
  for await (const chunk of bytes.chunks) text += chunk.toString();
  return { text, end: await bytes.ended };
}

async function connectTo(path: string): Promise<Socket> {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5));
  const socket = connect(path);
  sockets.push(socket);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

test('a program is started with what it can tell, and again after pauses that grow', async () => {
  const made = supplyOf({ type: 'program', program: program('printf "$1"; exit 1'), socket: null });
  const first = await readAll(await made.next(stopping.signal));
  expect(first).toEqual({ text: 'execve', end: { state: 'failed', problem: 'the sensor ended (exit code 1)' } });
  made.ended(first.end, 10);
  for (const pauseMs of [1_000, 2_000, 4_000]) {
    let isThere = false;
    const next = made.next(stopping.signal).then((bytes) => {
      isThere = true;
      return bytes;
    });
    clock.advance(pauseMs - 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isThere).toBe(false);
    clock.advance(1);
    made.ended((await readAll(await next)).end, 10);
  }
  expect(states.slice(0, 3)).toEqual(['starting', 'failed: the sensor ended (exit code 1)', 'starting']);
});

test('where it is not allowed, one that is can connect', async () => {
  const socket = join(folder, 'sensor.sock');
  const made = supplyOf({ type: 'program', program: program('echo "needs CAP_BPF" >&2; exit 3'), socket });
  const { end } = await readAll(await made.next(stopping.signal));
  made.ended(end, 10);
  expect(states).toEqual(['starting', 'not-allowed: needs CAP_BPF']);
  const next = made.next(stopping.signal);
  (await connectTo(socket)).end('events');
  expect(await readAll(await next)).toMatchObject({ text: 'events', end: { state: 'ended' } });
  expect(states).toHaveLength(2);
});

test('and the program is tried again now and then', async () => {
  const socket = join(folder, 'sensor.sock');
  const made = supplyOf({ type: 'program', program: program('exit 3'), socket });
  made.ended((await readAll(await made.next(stopping.signal))).end, 10);
  const next = made.next(stopping.signal);
  let isTried = false;
  void next.then(() => {
    isTried = true;
  });
  const settled = () => new Promise((resolve) => setTimeout(resolve, 20));
  while (!existsSync(socket)) await settled();
  await settled();
  clock.advance(5 * 60_000 - 1);
  await settled();
  expect(isTried).toBe(false);
  clock.advance(1);
  expect((await readAll(await next)).end.state).toBe('not-allowed');
});

test('a program that is not there is said to be absent', async () => {
  const made = supplyOf({ type: 'program', program: join(folder, 'nothing'), socket: null });
  const { end } = await readAll(await made.next(stopping.signal));
  expect(end).toEqual({ state: 'absent', problem: `there is no sensor at ${join(folder, 'nothing')}` });
});

test('at the socket there is one sensor at a time; who comes a moment early is not turned away', async () => {
  const path = join(folder, 'sensor.sock');
  const made = supplyOf({ type: 'socket', path });
  const next = made.next(stopping.signal);
  const first = await connectTo(path);
  // What it is to tell it finds there before it connects.
  expect(readFileSync(join(folder, 'sensor.sock.tell'), 'utf8')).toBe('events execve\n');
  const bytes = await next;
  const second = await connectTo(path);
  await new Promise<void>((resolve) => second.once('close', () => resolve()));
  first.end('first');
  expect((await readAll(bytes)).text).toBe('first');
  (await connectTo(path)).end('third');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await readAll(await made.next(stopping.signal))).text).toBe('third');
});

test('a stop ends the waiting', async () => {
  const made = supplyOf({ type: 'socket', path: join(folder, 'sensor.sock') });
  const next = made.next(stopping.signal);
  stopping.abort();
  expect(await next).toBeNull();
});
