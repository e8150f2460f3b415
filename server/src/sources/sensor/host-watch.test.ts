/** Between two streams of a host nobody looks: when that is told as a gap, and from when to when. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaptureWriter, CODE, EVENT_TABLE, type ListedThread } from '@countersign/scap';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startDocker } from '../../../../test/fakes/container-runtimes.ts';
import { ManualClock } from '../../ground/clock.ts';
import { buildSensor } from './configuration.ts';
import { HostWatch } from './host-watch.ts';
import type { WatchReport } from './reports.ts';
import type { Gap } from './stream.ts';
import { toldBlock } from './recording/told-block.ts';

const SECTION = Buffer.from('0a0d0d0a1c0000004d3c2b1a01000200ffffffffffffffff1c000000', 'hex');
const NS_PER_MS = 1_000_000n;
const JUDGE = { eventNames: ['execve'], repeats: 0, isInteresting: () => false, follow: () => undefined };

let folder = '';
let clock: ManualClock;
let reports: WatchReport[] = [];
let stopping: AbortController;
let running: Promise<void> = Promise.resolve();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-watch-'));
  clock = new ManualClock(100_000);
  reports = [];
  stopping = new AbortController();
});
afterEach(async () => {
  stopping.abort();
  await running;
  rmSync(folder, { recursive: true, force: true });
});

function watch(lastHeardMs: number | null, runtimes: readonly string[] = []): void {
  const { sensor } = buildSensor({ sensor: {} }, []);
  const watching = new HostWatch({
    order: {
      host: 'web-1',
      loginDomain: null,
      sensor: { type: 'socket', path: join(folder, 'sensor.sock') },
      groups: [],
      rules: [],
      allReads: false,
      lastHeardMs,
      captures: join(folder, 'captures'),
      recording: sensor.recording,
      lookBack: sensor.lookBack,
      recordFromRisk: sensor.recordFromRisk,
      runtimes,
    },
    clock,
    newId: () => 'one',
    judge: () => JUDGE,
    stateOf: () => null,
    report: (report) => reports.push(report),
  });
  running = watching.run(stopping.signal);
}

const states = (): readonly string[] => reports.flatMap((one) => (one.type === 'state' ? [one.state] : []));
const gaps = (): readonly Gap[] => reports.flatMap((one) => (one.type === 'gap' ? [one.gap] : []));

/** Until the watch has said so a number of times. */
async function said(state: string, times: number): Promise<void> {
  while (states().filter((one) => one === state).length < times) await new Promise((go) => setTimeout(go, 5));
}

const FULL_ID = 'cafe'.repeat(16);
const IN_CONTAINER: ListedThread = {
  ...{ tid: 7, pid: 7, ptid: 1, sid: 7, vpgid: 7, pgid: 7, vtid: 7, vpid: 7 },
  ...{ comm: 'sh', exe: '/bin/sh', exepath: '/bin/sh', args: [], env: [], cwd: '/', root: '/' },
  ...{ fdLimit: 0, flags: 0, uid: 0, gid: 0, vmSizeKb: 0, vmRssKb: 0, vmSwapKb: 0, faultsMajor: 0, faultsMinor: 0 },
  cgroups: [`memory=/docker/${FULL_ID}`],
  ...{ pidNamespaceStartNs: 0n, tty: 0, loginUid: 0 },
  ...{ exeWritable: false, exeUpperLayer: false, exeLowerLayer: false, exeFromMemfd: false },
  ...{ capInheritable: 0n, capPermitted: 0n, capEffective: 0n, exeInode: 0n, exeChangedNs: 0n, exeModifiedNs: 0n },
};

/** Threads come before the events. */
function threads(): Buffer {
  const pieces: Buffer[] = [];
  const writer = new CaptureWriter((bytes) => pieces.push(Buffer.from(bytes)));
  writer.thread(IN_CONTAINER);
  writer.end();
  return Buffer.concat(pieces);
}

/** A sensor connects and begins. */
async function begin(streams: number): Promise<Socket> {
  await said('waiting', streams * 2 - 1);
  const socket = connect(join(folder, 'sensor.sock'));
  socket.on('error', () => undefined);
  const started = JSON.stringify({ version: 1, events: ['execve'] });
  socket.write(Buffer.concat([SECTION, threads(), toldBlock(BigInt(clock.nowMs()) * NS_PER_MS, 'sensor', started)]));
  await said('watching', streams);
  return socket;
}

test('of a host that nobody ever heard nothing is missing', async () => {
  watch(null);
  await begin(1);
  expect(gaps()).toEqual([]);
});

test('a sensor that comes again leaves a gap since the last of it that was heard', async () => {
  watch(null);
  const first = await begin(1);
  clock.advance(7_000);
  first.write(toldBlock(BigInt(clock.nowMs()) * NS_PER_MS, 'note', '{}'));
  await new Promise((go) => setTimeout(go, 20));
  first.end();
  await said('waiting', 2);
  clock.advance(3_000);
  await begin(2);
  expect(gaps()).toEqual([{ class: 'all', lost: 0, fromMs: 107_000, toMs: 110_000 }]);
});

test('a watch that goes on for one that was killed tells the gap since what that one heard, and may not have told', async () => {
  watch(40_000);
  await begin(1);
  expect(gaps()).toEqual([{ class: 'all', lost: 0, fromMs: 35_000, toMs: 100_000 }]);
});

/** What a sensor sends of one that starts something in a container. */
function executed(): Buffer {
  const pieces: Buffer[] = [];
  const writer = new CaptureWriter((bytes) => pieces.push(Buffer.from(bytes)));
  // One that fails changes nothing of who it is.
  const result = Buffer.alloc(8, 0xff);
  const others = (EVENT_TABLE[CODE.execve]?.parameters ?? []).slice(1).map(() => Buffer.alloc(0));
  const at = { timeNs: BigInt(clock.nowMs()) * NS_PER_MS, tid: 7n, flags: 0 };
  writer.tell({ code: CODE.execve, ...at, parameters: [result, ...others] });
  writer.end();
  return Buffer.concat(pieces);
}

test('a container that is known to one stream is named in the next one too', async () => {
  const path = join(folder, 'docker.sock');
  const docker = await startDocker(path, { [FULL_ID]: { Id: FULL_ID, Name: '/shop', Config: { Image: 'shop' } } });
  const known = () => {
    clock.advance(5_000);
    return reports.findLast((one) => one.type === 'health')?.health.containers;
  };
  try {
    watch(null, [path]);
    const first = await begin(1);
    first.write(executed());
    await expect.poll(known).toBe(1);
    first.end();
    await said('waiting', 2);
    const second = await begin(2);
    await expect.poll(known).toBe(0);
    second.write(executed());
    await expect.poll(known).toBe(1);
    second.end();
    expect(docker.asked).toHaveLength(2);
  } finally {
    await docker.close();
  }
});
