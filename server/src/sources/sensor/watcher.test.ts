/** The process that watches, played by a small program that says what it is told to: what of it is taken, and in which order. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestPglite } from '../../../../test/state.ts';
import { systemClock } from '../../ground/clock.ts';
import { silentLog } from '../../ground/log.ts';
import type { State } from '../../ground/state.ts';
import { buildSensor } from './configuration.ts';
import type { WatchReport } from './reports.ts';
import { listHosts } from './store.ts';
import { watchHost, type WatcherOptions } from './watcher.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-watcher-'));
let state: State;
beforeAll(async () => {
  state = await openTestPglite();
});
afterAll(async () => {
  await state.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Says these reports, then waits for its end; what it is answered stands in a file beside it. */
function program(reports: readonly WatchReport[]): string {
  const path = join(folder, 'process.mjs');
  const lines = reports.map((report) => `${JSON.stringify(report)}\n`).join('');
  writeFileSync(
    path,
    `process.stdout.write(${JSON.stringify(lines)}); process.stdin.resume(); process.stdin.once('end', () => process.exit());`,
  );
  return path;
}

function optionsOf(reports: readonly WatchReport[], more: Partial<WatcherOptions>): WatcherOptions {
  const { sensor } = buildSensor({ sensor: {} }, []);
  const order = {
    host: 'web-1',
    loginDomain: null,
    sensor: { type: 'program' as const, program: '/nowhere', socket: null },
    groups: [],
    rules: [],
    allReads: false,
    captures: folder,
    recording: sensor.recording,
    lookBack: sensor.lookBack,
    recordFromRisk: 40,
    runtimes: [],
  };
  return { order, state, clock: systemClock, log: silentLog, program: program(reports), ...more };
}

test('a store of events that is away holds up nothing else that a host tells', async () => {
  const stopping = new AbortController();
  let asked = 0;
  const reports: readonly WatchReport[] = [
    { type: 'roll-up', rollUp: 'first' },
    { type: 'roll-up', rollUp: 'second' },
    { type: 'state', state: 'watching', problem: null },
  ];
  const onRollUp = () => {
    asked += 1;
    return Promise.reject(new Error('the store is away'));
  };
  const watching = watchHost(optionsOf(reports, { onRollUp }), stopping.signal);
  await expect.poll(async () => (await listHosts(state))[0]?.state, { timeout: 20_000 }).toBe('watching');
  // In their order: the second waits for the first.
  expect(asked).toBe(1);
  stopping.abort();
  await watching;
});

test('roll-ups are stored in their order, and again until it is done', async () => {
  const stopping = new AbortController();
  const stored: unknown[] = [];
  let failures = 1;
  const onRollUp = (rollUp: unknown) => {
    failures -= 1;
    if (failures >= 0) return Promise.reject(new Error('not now'));
    stored.push(rollUp);
    return Promise.resolve();
  };
  const reports = ['first', 'second', 'third'].map((rollUp) => ({ type: 'roll-up', rollUp }) as const);
  const watching = watchHost(optionsOf(reports, { onRollUp }), stopping.signal);
  await expect.poll(() => stored, { timeout: 20_000 }).toEqual(['first', 'second', 'third']);
  stopping.abort();
  await watching;
});
