/**
 * A shop of three tiers on three hosts, as it comes: eight containers of a real runtime in network namespaces, watched by the real sensor. Nobody
 * configures anything about it, and the map has every line, each once, with the bytes that the programs sent.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { MapView, NowView } from '@countersign/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../server/src/ground/clock.ts';
import { heard, NetworkHosts } from '../network-hosts.ts';
import { Containers } from '../runc.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';
import { describeWithRuntimes, IMAGE, type Runtimes, startRuntimes } from '../runtimes.ts';

const PATIENCE_MS = 60_000;
const LEARN_S = 20;
const TOLERANCE = 0.02;
const PEER = '203.0.113.9';
/** Nobody has it: the caller's host leads it elsewhere. */
const PUBLISHED = '192.0.2.80';
/** Below the folders of the host that a program of Python needs. */
const MOUNTS = ['/usr', '/lib', '/lib64'].flatMap((folder) => [
  '--mount',
  `type=bind,src=${folder},dst=${folder},options=rbind:ro`,
]);

/** Answers whoever has ended sending, after it called others itself; then calls by itself. */
const PROGRAM = `
import json, socket, sys, threading, time
plan = json.loads(sys.argv[1])
def take(end):
    while end.recv(65536): pass
def call(ip, port, size):
    end = socket.create_connection((ip, port), 20)
    end.sendall(b'q' * size)
    end.shutdown(socket.SHUT_WR)
    take(end)
    end.close()
def serve(listening, answer, then):
    while True:
        end, _ = listening.accept()
        take(end)
        for one in then: call(*one)
        end.sendall(b'a' * answer)
        end.close()
for ip, port, answer, *then in plan.get('serve', []):
    listening = socket.create_server((ip, port), backlog=64)
    threading.Thread(target=serve, args=(listening, answer, then)).start()
print('ready', flush=True)
for times, *one in plan.get('calls', []):
    for _ in range(times): call(*one)
print('done', flush=True)
if plan.get('stays', True): time.sleep(600)
`;

type Call = readonly [ip: string, port: number, bytes: number];

interface Plan {
  /** Where it listens, what it answers, whom it calls for each. */
  readonly serve?: readonly (readonly [ip: string, port: number, answerBytes: number, ...then: readonly Call[]])[];
  readonly calls?: readonly (readonly [times: number, ...Call])[];
  readonly stays?: boolean;
}

interface Piece extends Plan {
  readonly name: string;
  readonly service: string;
  readonly on: 'one' | 'two' | 'three';
}

const [TWO, THREE] = ['10.77.0.2', '10.77.0.3'] as const;
const CACHE = ['127.0.0.1', 6_379, 900] as const;
const web = (name: string, on: Piece['on'], api: string): Piece => ({
  ...{ name, on, service: 'web' },
  serve: [
    ['0.0.0.0', 8_080, 40_000, CACHE, [api, 9_090, 1_500]],
    ['127.0.0.1', 6_379, 100],
  ],
});
const DATABASE: Call = [THREE, 5_432, 700];
const SERVERS: readonly Piece[] = [
  { name: 'db', service: 'db', on: 'three', serve: [['0.0.0.0', 5_432, 20_000]] },
  { name: 'api-1', service: 'api', on: 'two', serve: [['0.0.0.0', 9_090, 30_000, DATABASE]] },
  { name: 'api-2', service: 'api', on: 'three', serve: [['0.0.0.0', 9_090, 30_000, DATABASE, [PEER, 443, 5_000]]] },
  web('web-1', 'one', TWO),
  web('web-2', 'two', THREE),
  web('web-3', 'three', TWO),
];
const LOADS: readonly Piece[] = [
  {
    ...{ name: 'load-1', service: 'load', on: 'one' },
    calls: [
      [5, '127.0.0.1', 8_080, 2_000],
      [5, TWO, 8_080, 2_000],
    ],
  },
  {
    ...{ name: 'load-2', service: 'load', on: 'two' },
    calls: [
      [5, TWO, 8_080, 2_000],
      [5, THREE, 8_080, 2_000],
    ],
  },
];

type Line = readonly [source: string, target: string, port: number, calls: number, sent: number, received: number];
/** What the programs send: calls, and the bytes of each there and back. */
const CONTAINER_LINES: readonly Line[] = [
  ['load-1', 'web-1', 8_080, 5, 2_000, 40_000],
  ['load-1', 'web-2', 8_080, 5, 2_000, 40_000],
  ['load-2', 'web-2', 8_080, 5, 2_000, 40_000],
  ['load-2', 'web-3', 8_080, 5, 2_000, 40_000],
  ['web-1', 'web-1', 6_379, 5, 900, 100],
  ['web-2', 'web-2', 6_379, 10, 900, 100],
  ['web-3', 'web-3', 6_379, 5, 900, 100],
  ['web-1', 'api-1', 9_090, 5, 1_500, 30_000],
  ['web-2', 'api-2', 9_090, 10, 1_500, 30_000],
  ['web-3', 'api-1', 9_090, 5, 1_500, 30_000],
  ['api-1', 'db', 5_432, 10, 700, 20_000],
  ['api-2', 'db', 5_432, 10, 700, 20_000],
  ['api-2', PEER, 443, 10, 5_000, 3_000],
];
const APPLICATION_LINES: readonly Line[] = [
  ['load', 'web', 8_080, 20, 2_000, 40_000],
  ['web', 'web', 6_379, 20, 900, 100],
  ['web', 'api', 9_090, 20, 1_500, 30_000],
  ['api', 'db', 5_432, 20, 700, 20_000],
  ['api', PEER, 443, 10, 5_000, 3_000],
];

describeWithRuntimes('a shop of three tiers on three hosts', () => {
  const hosts = new NetworkHosts();
  const short = new Containers();
  const children: ChildProcess[] = [];
  const idOf = (name: string) => createHash('sha256').update(`${name} ${process.pid}`).digest('hex');
  let runtimes: Runtimes;
  let running: RunningApp;
  let ann: EnrolledPerson;
  let beganMs = 0;

  beforeAll(async () => {
    runtimes = await startRuntimes();
    await hosts.start({ names: ['one', 'two', 'three'], peer: { ip: PEER, answerBytes: 3_000 } });
    running = await startRunningApp(
      `
people:
  - { email: ann@example.com, name: Ann Example, role: responder }
accounts: { node-1: { label: prod, owner: ann@example.com } }
sources: [{ sensor: { host: node-1, runtimes: [${runtimes.containerdSocket}] } }]
watch: { learn_connections: ${LEARN_S}s }
`,
      {},
      { clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 2_000), signal) } },
    );
    ann = await running.enrol('ann@example.com');
    await until('the sensor', async () =>
      (await get<NowView>('/api/now')).hosts.some((one) => one.state === 'watching'),
    );
    beganMs = Date.now();
    for (const piece of SERVERS) await start(piece, 'ready');
    await Promise.all(LOADS.map((piece) => start(piece, 'done')));
  }, 180_000);

  afterAll(async () => {
    for (const { name } of [...SERVERS, ...LOADS])
      await runtimes?.ctr('task', 'kill', '--signal', 'SIGKILL', idOf(name)).catch(() => '');
    await Promise.all(children.map(endOf));
    await running?.close();
    await runtimes?.close();
    await hosts.close();
    short.remove();
  });

  const get = async <T>(path: string) => (await running.call(ann, 'GET', path)).body as unknown as T;

  /** Resolves when it has said the word. */
  async function start({ name, service, on, ...plan }: Piece, word: string): Promise<void> {
    const labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': service };
    const options = [
      ...Object.entries(labels).flatMap(([label, value]) => ['--label', `${label}=${value}`]),
      ...['--with-ns', `network:${hosts.pathOf(on)}`, '--snapshotter', 'native', ...MOUNTS],
    ];
    const words = ['run', '--rm', ...options, `${IMAGE.repository}:${IMAGE.tag}`, idOf(name)];
    await program([...words, '/usr/bin/python3', '-c', PROGRAM, JSON.stringify(plan)], word);
  }

  /** More of the same container. */
  function exec(name: string, plan: Plan): Promise<void> {
    const words = ['task', 'exec', '--exec-id', `exec-${children.length}`, idOf(name)];
    return program([...words, '/usr/bin/python3', '-c', PROGRAM, JSON.stringify({ ...plan, stays: false })], 'done');
  }

  function program(words: readonly string[], word: string): Promise<void> {
    const child = spawn('ctr', ['--address', runtimes.containerdSocket, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    return heard(child, word);
  }

  /** Lines that the shop has to do with, as people read them. */
  async function linesOf(level: 'application' | 'container', range = ''): Promise<readonly Line[]> {
    const { nodes, edges } = await get<MapView>(`/api/map?level=${level}${range}`);
    const names = new Map([...SERVERS, ...LOADS].map(({ name }) => [idOf(name).slice(0, 12), name]));
    const nameOf = (id: string) => {
      const name = nodes.find((node) => node.id === id)?.name ?? '';
      return names.get(name) ?? name;
    };
    return edges
      .filter(({ source, target }) => [source, target].some((id) => id.includes(':shop/compose/')))
      .map(({ source, target, ports, opened, sentBytes, receivedBytes }) => [
        nameOf(source),
        nameOf(target),
        Number.parseInt(ports.join(' '), 10),
        opened,
        sentBytes,
        receivedBytes,
      ]);
  }

  test('is drawn with every line once, and the bytes that were sent', async () => {
    for (const [level, expected] of [
      ['container', CONTAINER_LINES],
      ['application', APPLICATION_LINES],
    ] as const) {
      const callsOf = (line: Line) => `${endsOf(line)} × ${line[3]}`;
      await expect
        .poll(async () => (await linesOf(level)).map(callsOf).toSorted(), { timeout: PATIENCE_MS, interval: 500 })
        .toEqual(expected.map(callsOf).toSorted());
      const found = await linesOf(level);
      for (const line of expected) {
        const [, , , count, sent, received] = line;
        const [, , , , sentBytes = 0, receivedBytes = 0] = found.find((one) => endsOf(one) === endsOf(line)) ?? [];
        expect(Math.abs(sentBytes / (count * sent) - 1), `sent ${endsOf(line)}`).toBeLessThan(TOLERANCE);
        expect(Math.abs(receivedBytes / (count * received) - 1), `received ${endsOf(line)}`).toBeLessThan(TOLERANCE);
      }
    }
    const { nodes } = await get<MapView>('/api/map');
    expect(nodes.find(({ name }) => name === PEER)?.kind).toBe('external');
  }, 120_000);

  test('has a container that lived for 300 milliseconds on the map of that time, and of no other', async () => {
    const id = idOf('short');
    const startedMs = Date.now();
    const script = `echo ${'x'.repeat(3_999)} | nc ${TWO} 8080 >/dev/null & sleep 0.3`;
    await short.run({ id, mark: 'short', script, network: hosts.pathOf('one') });
    const endedMs = Date.now();
    const iso = (ms: number) => new Date(ms).toISOString();
    const within = (fromMs: number, toMs: number) => linesOf('container', `&from=${iso(fromMs)}&to=${iso(toMs)}`);
    const own = [id.slice(0, 12), 'web-2', 8_080, 1, 4_000, 40_000];
    const isThere = (lines: readonly Line[]) => lines.some((line) => JSON.stringify(line) === JSON.stringify(own));
    // Nobody describes a container of plain runc: its first lines wait a window for somebody who does.
    await until('its line', async () => isThere(await within(startedMs, endedMs)));
    expect(isThere(await within(beganMs, startedMs))).toBe(false);
  }, 60_000);

  test('a line that was never there is asked of the owner: from a tier past the next, and to somewhere outside', async () => {
    await until('habits', () => Promise.resolve(Date.now() > beganMs + 2 * LEARN_S * 1_000));
    await exec('web-1', { calls: [[1, ...DATABASE]] });
    await exec('db', { calls: [[1, PEER, 4_444, 50_000]] });
    for (const [said, expected] of [
      [`shop/compose/web talks to ${THREE} on port 5432, which it never did before`, 'asked Ann Example'],
      // The database was called by a stranger, too: both together are too much for a question.
      [`shop/compose/db talks to ${PEER} on port 4444, which it never did before`, 'paged undefined'],
    ] as const) {
      let found = '';
      await until(said, async () => {
        for (const { id, state, person } of await running.cases()) {
          const { body } = await running.call(ann, 'GET', `/api/cases/${id}`);
          if (JSON.stringify(body).includes(said)) found = `${state} ${person?.name}`;
        }
        return found !== '';
      });
      expect(found).toBe(expected);
    }
    const lines = (await linesOf('application')).map(endsOf);
    expect(lines).toContain(endsOf(['web', 'db', 5_432, 1, 0, 0]));
    expect(lines).toContain(endsOf(['db', PEER, 4_444, 1, 0, 0]));
  }, 120_000);

  test('has what goes through a published port as each end saw it', async () => {
    for (const rule of [
      'add table ip published',
      'add chain ip published out { type nat hook output priority -100 ; }',
      `add rule ip published out ip daddr ${PUBLISHED} tcp dport 80 dnat to ${THREE}:8080`,
    ])
      await hosts.in('one', `nft ${rule}`);
    await exec('load-1', { calls: [[1, PUBLISHED, 80, 7_000]] });
    const lines = async () => (await linesOf('container')).map(endsOf);
    await expect.poll(lines, { timeout: PATIENCE_MS, interval: 500 }).toContain(`load-1 → ${PUBLISHED} 80`);
    // Several containers of the host use the caller's address.
    await expect.poll(lines, { timeout: PATIENCE_MS, interval: 500 }).toContain('node-1 → web-3 8080');
  }, 120_000);
});

function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('close', () => resolve()));
}

function endsOf([source, target, port]: Line): string {
  return `${source} → ${target} ${port}`;
}

async function until(what: string, fits: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await fits())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
