/** Signs of an attack in stored connections: each is found where it is, and ordinary work is not taken for one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectionLine } from '../../server/src/inventory/connections/line.ts';
import { type ConnectionStore, openConnectionStore } from '../../server/src/inventory/connections/store.ts';
import { type FlowStore, flowStore } from '../../server/src/inventory/flows/store.ts';
import { systemClock } from '../../server/src/ground/clock.ts';
import { type EventEngine, openEventEngine } from '../../server/src/ground/event-engine.ts';
import { silentLog } from '../../server/src/ground/log.ts';
import { systemRandom } from '../../server/src/ground/random.ts';
import { compileProgram } from '../compiled.ts';
import { sampleLine } from '../sample-line.ts';

const NOW = Date.now();
const MINUTE_MS = 60_000;
const GIB = 1024 ** 3;

let folder = '';
let program = '';
let engine: EventEngine;
let store: ConnectionStore;
let flows: FlowStore;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-flows-'));
  program = await compileProgram('server/src/ground/chdb-process.ts');
  const common = { clock: systemClock, random: systemRandom, log: silentLog };
  engine = await openEventEngine({ ...common, dataDirectory: folder, program });
  store = await openConnectionStore(engine);
  flows = flowStore(engine);
}, 240_000);
afterAll(async () => {
  await engine?.close();
  for (const path of [folder, program]) rmSync(path, { recursive: true, force: true });
});

const line = (minutesAgo: number, changes: Partial<ConnectionLine>) =>
  sampleLine(NOW - minutesAgo * MINUTE_MS, { windowMs: NOW - minutesAgo * MINUTE_MS, ...changes });
const seen = async () => (await flows.signs(NOW)).map(({ kind, application }) => `${kind} ${application}`).sort();

test('nothing is seen in nothing', async () => {
  expect(await seen()).toEqual([]);
});

test('who tries many doors, most of them in vain, scans; who is called by many, or talks with many, does not', async () => {
  const doors = (application: string, failed: number, direction: 'in' | 'out' = 'out') =>
    Array.from({ length: 60 }, (_, door) =>
      line(5, { application, direction, remoteIp: `10.1.0.${door + 1}`, port: 22, failed }),
    );
  // Connections that are held open begin nothing.
  const kept = doors('a/pool', 0).map((one) => ({ ...one, opened: 0, live: 1 }));
  await store.insertLines(
    [...doors('a/scanner', 1), ...doors('a/scraper', 0), ...doors('a/popular', 1, 'in'), ...kept],
    'doors',
  );
  await store.insertLines([line(5, { application: 'a/unlucky', failed: 1 })], 'unlucky');
  expect(await seen()).toEqual(['scan a/scanner']);
  expect(await flows.signs(NOW)).toMatchObject([{ host: 'node-1', process: 'nginx', counts: [60, 1] }]);
});

test('who calls somebody new outside like a clock calls home; known, inside or as it comes is ordinary', async () => {
  const calls = (application: string, remoteIp: string, minutes: readonly number[]) =>
    minutes.map((minute) => line(minute, { application, remoteIp, port: 443, opened: 1 }));
  const clock = Array.from({ length: 15 }, (_, call) => 2 + call * 5);
  const people = clock.map((minute, call) => minute + ((call * 7) % 4));
  await store.insertLines(
    [
      ...calls('b/implant', '203.0.113.7', clock),
      ...calls('b/probe', '10.2.0.1', clock),
      ...calls('b/people', '203.0.113.8', people),
      ...calls('b/updater', '203.0.113.9', [3 * 24 * 60, ...clock]),
    ],
    'calls',
  );
  expect(await seen()).toEqual(['beacon b/implant', 'scan a/scanner']);
  const beacon = (await flows.signs(NOW)).find(({ kind }) => kind === 'beacon');
  expect(beacon).toMatchObject({ remoteIp: '203.0.113.7', port: 443, counts: [300, 15] });
});

test('who sends out more than ever is told; who always does is not', async () => {
  const sent = (minutesAgo: number, application: string, sentBytes: number, remoteIp = '203.0.113.20') =>
    line(minutesAgo, { application, remoteIp, sentBytes, port: 443 });
  await store.insertLines(
    [
      sent(10, 'c/thief', 5 * GIB),
      sent(24 * 60, 'c/thief', GIB / 100),
      sent(10, 'c/backup', 5 * GIB),
      sent(24 * 60, 'c/backup', 4 * GIB),
      sent(10, 'c/replica', 9 * GIB, '10.0.0.9'),
      sent(10, 'c/little', GIB / 2),
    ],
    'sent',
  );
  expect(await seen()).toEqual(['beacon b/implant', 'exfiltration c/thief', 'scan a/scanner']);
  const theft = (await flows.signs(NOW)).find(({ kind }) => kind === 'exfiltration');
  expect(theft).toMatchObject({ remoteIp: '203.0.113.20', counts: [5 * GIB, Math.round(GIB / 100)] });
});
