/** Names for containers: who is asked, how often, and what the stream is told. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CODE, type Machine } from '@countersign/scap';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../ground/clock.ts';
import type { ContainerDescription } from '../../vendors/containers/description.ts';
import { Containers } from './containers.ts';
import { SensorStream } from './stream.ts';
import { toldBlock } from './recording/told-block.ts';

const ID = 'cafe'.repeat(16);
const SHOP: ContainerDescription = {
  runtime: 'podman',
  fullId: ID,
  name: 'shop',
  image: 'registry.example.com:5000/shop:1.2',
  imageId: 'beef',
  imageDigest: '',
  user: 'app',
  ip: '',
  labels: { 'io.kubernetes.pod.name': 'shop-1' },
  isPrivileged: true,
  hasHostPid: false,
  hasHostNetwork: false,
  hasHostIpc: false,
  mounts: [{ source: '/', destination: '/host', mode: 'rw', isWritable: true, propagation: '' }],
  podSandboxId: '',
  podLabels: {},
};

let folder = '';
let clock: ManualClock;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-containers-'));
  clock = new ManualClock(0);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Only what is looked at. */
function inContainer(id: string): Machine {
  const currentThread = { containerId: id, cgroups: [['memory', `/machine.slice/libpod-${ID}.scope/container`]] };
  return { currentThread, containers: new Map() } as unknown as Machine;
}

function containers(
  describe: (fullId: string, socket: string) => Promise<ContainerDescription | null>,
  names = ['a.sock'],
) {
  const sockets = names.map((name) => join(folder, name));
  for (const socket of sockets) writeFileSync(socket, '');
  const described: string[] = [];
  const failures: string[] = [];
  const made = new Containers({
    sockets: [...sockets, join(folder, 'absent.sock')],
    open: (socket) => ({ describe: (fullId) => describe(fullId, socket.slice(folder.length + 1)) }),
    clock,
    onDescribed: (json) => described.push(json),
    onFailure: (problem) => failures.push(problem),
  });
  return { made, described, failures };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('a container that starts is asked about once, by its whole id, and known to the stream from then on', async () => {
  const asked: string[] = [];
  const { made, described } = containers((fullId) => {
    asked.push(fullId);
    return Promise.resolve(SHOP);
  });
  expect(made.isInteresting(CODE.execve)).toBe(true);
  expect(made.isInteresting(CODE.openat)).toBe(false);
  made.follow(inContainer('cafecafecafe'));
  made.follow(inContainer('cafecafecafe'));
  expect(made.isPending('cafecafecafe')).toBe(true);
  await settle();
  expect(asked).toEqual([ID]);
  expect(made.isPending('cafecafecafe')).toBe(false);
  const stream = new SensorStream({ followers: [], onGap: () => undefined, onStart: () => undefined });
  stream.insert(toldBlock(1n, 'container', described[0] ?? ''));
  expect(stream.machine.containers.get('cafecafecafe')).toMatchObject({
    fullId: ID,
    type: 'podman',
    name: 'shop',
    image: 'registry.example.com:5000/shop:1.2',
    imageRepository: 'registry.example.com:5000/shop',
    imageTag: '1.2',
    isPrivileged: true,
    mounts: [{ source: '/', destination: '/host', mode: 'rw' }],
  });
});

test('the host is nothing to ask about', () => {
  const { made } = containers(() => Promise.reject(new Error('asked')));
  made.follow(inContainer(''));
  expect(made.isPending('')).toBe(false);
});

test('a runtime that does not know it yet is asked again, then it stays an id', async () => {
  let times = 0;
  const { made, described, failures } = containers(() => {
    times += 1;
    return Promise.resolve(null);
  });
  made.follow(inContainer('cafecafecafe'));
  for (let turn = 0; turn < 5; turn += 1) {
    await settle();
    clock.advance(1_000);
  }
  expect(times).toBe(3);
  expect(made.isPending('cafecafecafe')).toBe(false);
  expect([described, failures]).toEqual([[], []]);
});

test('a runtime that cannot be asked is said once, and the next one is asked', async () => {
  const { made, described, failures } = containers(
    (_, socket) => (socket === 'a.sock' ? Promise.reject(new Error('EACCES')) : Promise.resolve(SHOP)),
    ['a.sock', 'b.sock'],
  );
  made.follow(inContainer('cafecafecafe'));
  await settle();
  made.follow(inContainer('beefbeefbeef'));
  await settle();
  expect(described).toHaveLength(2);
  expect(failures).toEqual([`${join(folder, 'a.sock')} cannot be asked about containers: EACCES`]);
});

test('another stream knows no container: each is asked about again, and an answer that comes before it has begun waits', async () => {
  const answers: (() => void)[] = [];
  const { made, described } = containers(
    () => new Promise((resolve) => answers.push(() => resolve({ ...SHOP, name: `shop-${answers.length}` }))),
  );
  made.pause();
  made.resume();
  made.follow(inContainer('cafecafecafe'));
  await settle();
  answers[0]?.();
  await settle();
  expect(described).toHaveLength(1);
  made.follow(inContainer('beefbeefbeef'));
  await settle();
  made.pause();
  answers[1]?.();
  await settle();
  expect(described).toHaveLength(1);
  made.resume();
  expect(described).toHaveLength(2);
  made.follow(inContainer('cafecafecafe'));
  await settle();
  expect(answers).toHaveLength(3);
});

test('of a name that somebody gave the id is only the beginning: the whole is asked about', async () => {
  const asked: string[] = [];
  const { made } = containers((fullId) => {
    asked.push(fullId);
    return Promise.resolve(SHOP);
  });
  const currentThread = { containerId: 'my-little-sh', cgroups: [['memory', '/default/my-little-shop']] };
  made.follow({ currentThread, containers: new Map() } as unknown as Machine);
  await settle();
  expect(asked).toEqual(['my-little-shop']);
});

test('with a container of a pod its sandbox is asked about, once', async () => {
  const asked: string[] = [];
  const { made, described } = containers((fullId) => {
    asked.push(fullId);
    return Promise.resolve({ ...SHOP, fullId, podSandboxId: 'beef'.repeat(16), podLabels: { tier: 'front' } });
  });
  made.follow(inContainer('cafecafecafe'));
  await settle();
  expect(asked).toEqual([ID, 'beef'.repeat(16)]);
  expect(described.map((json) => JSON.parse(json).container)).toMatchObject([
    { id: 'cafecafecafe', pod_sandbox_labels: { tier: 'front' } },
    { id: 'beefbeefbeef' },
  ]);
});
