/** A workload talks to somebody for the first time: whoever answers for its host is asked, once, and a page follows silence. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectionLine } from '../../server/src/inventory/connections/line.ts';
import { lookForNeverSeen } from '../../server/src/inventory/flows/never-seen.ts';
import { lookForSigns } from '../../server/src/inventory/flows/signs.ts';
import { systemClock } from '../../server/src/ground/clock.ts';
import { readConfiguration } from '../../server/src/configuration.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';
import { sampleLine } from '../sample-line.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const LEARN_MS = 3 * DAY_MS;
const YAML = `
accounts: { node-1: { name: shop-node, label: prod, owner: ann@example.com } }
people:
  - { email: ann@example.com, name: Ann Example }
  - { email: ben@example.com, name: Ben Example }
escalations: { default: { steps: [{ to: [ben@example.com], wait: 10m }] } }
watch: { learn_connections: 'off' }
`;

let running: RunningApp;
let ann: EnrolledPerson;

beforeAll(async () => {
  running = await startRunningApp(YAML, {});
  ann = await running.enrol('ann@example.com');
  await running.enrol('ben@example.com');
}, 120_000);
afterAll(() => running?.close());

const nowMs = Date.now();
const then = (changes: Partial<ConnectionLine>, days = 4) => sampleLine(nowMs - days * DAY_MS, changes);
const now = (changes: Partial<ConnectionLine>) => sampleLine(nowMs - 2 * MINUTE_MS, changes);
const look = (told = new Set<string>()) =>
  lookForNeverSeen({ ...running.app, clock: systemClock, learnMs: LEARN_MS }, told, 15 * MINUTE_MS);

const DATABASE = { remoteIp: '10.0.0.2', port: 5432 };
const PROXY = { application: 'shop/deployment/proxy', port: 443 };

test('a line that breaks a habit is a question to the owner, and only that', async () => {
  const { connections } = running.app;
  const many = Array.from({ length: 12 }, (_, peer) => then({ ...PROXY, remoteIp: `198.51.100.${peer + 1}` }));
  await connections.insertLines([then(DATABASE), ...many, then({ application: 'program:curl' })], 'before');
  await connections.insertLines(
    [
      now(DATABASE),
      now({ remoteIp: '203.0.113.9', port: 4444, exe: '/tmp/.x', process: 'x', remoteName: 'evil.example.net' }),
      // Talks with everybody anyway; is new altogether; is nobody's workload; never leaves its host.
      now({ ...PROXY, remoteIp: '198.51.100.99' }),
      now({ application: 'shop/deployment/young', remoteIp: '203.0.113.9', port: 4444 }),
      now({ application: 'program:curl', remoteIp: '203.0.113.9', port: 4444 }),
      // Another process of it, with somebody whom it knows.
      now({ ...DATABASE, process: 'worker' }),
      now({ remoteIp: '127.0.0.1', port: 6379, scope: 'node-1/' }),
    ],
    'now',
  );
  await look();
  const asked = await running.until('asked', ({ state }) => state === 'asked');
  const { body } = await running.call(ann, 'GET', `/api/cases/${asked.id}`);
  const text = JSON.stringify(body);
  expect(text).toContain('talks to evil.example.net (203.0.113.9) on port 4444, which it never did before');
  expect(text).toContain('Connection never seen before');
  expect(text).toContain('/tmp/.x');
  expect(asked.person).toMatchObject({ name: 'Ann Example' });
  expect(await running.cases()).toHaveLength(1);
}, 60_000);

test('it is told once, also by a server that remembers nothing', async () => {
  await look();
  await look();
  const [asked] = await running.cases();
  await running.happens({ call: 'DeleteTrail', user: 'stranger', request: { name: 'trail' } });
  await running.until('what came after', ({ id }) => id !== asked?.id);
  const [first, ...rest] = await running.cases();
  expect(first?.findingIds).toHaveLength(1);
  expect(rest).toHaveLength(1);
}, 60_000);

test('what looks like an attack is a finding of its own, told once', async () => {
  const sent = now({ remoteIp: '203.0.113.9', port: 4444, process: 'x', sentBytes: 3 * 1024 ** 3 });
  await running.app.connections.insertLines([sent], 'sent');
  const told = new Set<string>();
  for (let times = 0; times < 2; times += 1) await lookForSigns({ ...running.app, clock: systemClock }, told);
  await lookForSigns({ ...running.app, clock: systemClock }, new Set());
  const findings = async () => {
    const [{ id } = { id: '' }] = await running.cases();
    const { body } = await running.call(ann, 'GET', `/api/cases/${id}`);
    return (JSON.stringify(body).match(/sent 3\.0 GiB to 203\.0\.113\.9 in an hour/g) ?? []).length;
  };
  await expect.poll(findings, { timeout: 10_000 }).toBeGreaterThan(0);
  // Whatever was told twice is there when what came after it is.
  const before = new Set((await running.cases()).map(({ id }) => id));
  await running.happens({ call: 'StopLogging', user: 'passer-by', request: { name: 'trail' } });
  await running.until('what came after', ({ id }) => !before.has(id));
  expect((await running.cases())[0]?.findingIds).toHaveLength(2);
}, 60_000);

test('many at once are one question, and whoever meets thousands hides nobody else', async () => {
  const { connections } = running.app;
  const lines = (count: number, changes: Partial<ConnectionLine>) =>
    Array.from({ length: count }, (_, peer) => now({ ...changes, remoteIp: `198.18.${peer >> 8}.${peer & 255}` }));
  const batch = { application: 'shop/deployment/batch', port: 9000 };
  await connections.insertLines([then({ ...batch, remoteIp: '10.0.0.3' })], 'batch before');
  await connections.insertLines([...lines(3_000, PROXY), ...lines(40, batch)], 'many');
  const before = new Set((await running.cases()).map(({ id }) => id));
  await look();
  const { id } = await running.until('asked about many', (found) => !before.has(found.id));
  const { body } = await running.call(ann, 'GET', `/api/cases/${id}`);
  expect(JSON.stringify(body)).toContain('and has at least 10 more connections that are new');
  expect((await running.cases()).filter((found) => !before.has(found.id))).toHaveLength(1);
}, 60_000);

test('how long is learned is configured', () => {
  const learned = (watch: string) => readConfiguration(`watch: ${watch}`, 'countersign.yaml');
  expect(learned('{}').configuration?.learnConnectionsMs).toBe(LEARN_MS);
  expect(learned('{ learn_connections: 14d }').configuration?.learnConnectionsMs).toBe(14 * DAY_MS);
  expect(learned("{ learn_connections: 'off' }").configuration?.learnConnectionsMs).toBeNull();
  expect(learned('{ learn_connections: soon }').diagnostics.map(({ message }) => message)).toEqual([
    "'soon' is no time",
  ]);
});
