/**
 * How much of a fleet does one server take? The aim is 20,000 hosts with 1,000,000 containers at roll-ups of ten seconds: 100,000 rows a second,
 * in 2,000 batches a second. The whole server runs in a process of its own, on PGlite and chDB on disk; batches are packed as agents pack them,
 * go over HTTP with each agent's secret, and count when the server has said that they are stored.
 *
 * The limit: a batch of 50 rows is 40 kB of JSON to unpack, check, write out for the store and parse there. Senders share the machine with the
 * server, so that with few cores the figures are less than a server of its own would reach; what is left of the machine's time is told.
 *
 * The surprise: an agent sends one batch in ten seconds, so that ten times the batches a second are the hosts of one server.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { Agent as HttpAgent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { startApp } from '../server/src/app.ts';
import { defaultConfiguration } from '../server/src/configuration.ts';
import type { AgentBatch } from '../server/src/fleet/batch.ts';
import type { FleetTables } from '../server/src/fleet/tables.ts';
import { systemClock } from '../server/src/ground/clock.ts';
import { silentLog } from '../server/src/ground/log.ts';
import { systemRandom } from '../server/src/ground/random.ts';
import type { WireSample } from '../server/src/inventory/telemetry/sample.ts';
import { hashToken } from '../server/src/people/sign-in/token.ts';
import { BATCH_TYPE } from '../server/src/vendors/countersign/agent-calls.ts';
import { thisMachine } from './machine.ts';

interface Load {
  readonly name: string;
  readonly hosts: number;
  /** Containers of a host: rows of a batch. */
  readonly containers: number;
}

/** Of the same rows a second in fewer batches, of the same batches from more hosts. */
const LOADS: readonly Load[] = [
  { name: '1k_hosts_50_containers', hosts: 1_000, containers: 50 },
  { name: '20k_hosts_50_containers', hosts: 20_000, containers: 50 },
  { name: '1k_hosts_500_containers', hosts: 1_000, containers: 500 },
];
const MOST_HOSTS = 20_000;
/** Until everything that is under way was answered once; a server that does not get so far is measured as it is. */
const MOST_WARM_UP_MS = 30_000;
const STEP_MS = 100;
const MEASURED_MS = 15_000;
/** Batches under way: a group waits half a second for company, and 2,000 a second would be a thousand. */
const UNDER_WAY = 600;
/** Different batches of one size; hosts take turns, each with a sequence of its own. */
const PATTERNS = 40;
const AIM_ROWS = 100_000;
const TICKS_PER_SECOND = 100;
const SERVE = 'serve';

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-fleet-'));
  const server = fork(fileURLToPath(import.meta.url), [SERVE, folder], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const url = await listening(server);
    const figures: Record<string, number> = { agents: MOST_HOSTS, aim_rows_per_second: AIM_ROWS };
    const sequences = new Uint32Array(MOST_HOSTS);
    for (const load of LOADS) {
      const found = await measure(load, { url, pid: server.pid ?? 0, sequences });
      for (const [name, value] of Object.entries(found)) figures[`${load.name}_${name}`] = value;
    }
    return { bench: 'fleet', machine: thisMachine(), figures };
  } finally {
    const ended = server.exitCode === null ? once(server, 'exit') : null;
    server.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

function listening(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('message', (message) => resolve((message as { readonly url: string }).url));
    server.once('exit', () => reject(new Error('the server ended before it listened')));
  });
}

interface Place {
  readonly url: string;
  readonly pid: number;
  /** Of each host the last batch. */
  readonly sequences: Uint32Array;
}

async function measure({ hosts, containers }: Load, { url, pid, sequences }: Place) {
  const patterns = Array.from({ length: PATTERNS }, (_, index) => samplesOf(index, containers));
  const sender = new Sender(url);
  const times: number[] = [];
  const state = { startedMs: Number.POSITIVE_INFINITY, isOver: false, answered: 0 };
  let turn = 0;
  const send = async () => {
    while (!state.isOver) {
      const host = turn % hosts;
      turn += 1;
      const sequence = (sequences[host] ?? 0) + 1;
      sequences[host] = sequence;
      const sentMs = performance.now();
      await sender.send(host, bodyOf(patterns, host, sequence));
      state.answered += 1;
      if (performance.now() >= state.startedMs && !state.isOver) times.push(performance.now() - sentMs);
    }
  };
  const all = Array.from({ length: UNDER_WAY }, send);
  for (let waitedMs = 0; waitedMs < MOST_WARM_UP_MS && state.answered < UNDER_WAY; waitedMs += STEP_MS)
    await systemClock.sleep(STEP_MS);
  state.startedMs = performance.now();
  const before = usageOf(pid);
  const ownBefore = process.cpuUsage();
  await systemClock.sleep(MEASURED_MS);
  const after = usageOf(pid);
  const seconds = (performance.now() - state.startedMs) / 1_000;
  state.isOver = true;
  const own = process.cpuUsage(ownBefore);
  await Promise.all(all);
  sender.close();
  const rows = Math.round((times.length * containers) / seconds);
  const cores = (ticks: number) => Math.round((ticks / TICKS_PER_SECOND / seconds) * 100) / 100;
  return {
    batches_per_second: Math.round(times.length / seconds),
    rows_per_second: rows,
    hosts_at_10s: Math.round((times.length / seconds) * 10),
    share_of_aim_percent: Math.round((rows / AIM_ROWS) * 1_000) / 10,
    median_ms: Math.round(times.toSorted((one, other) => one - other)[Math.trunc(times.length / 2)] ?? 0),
    // What a row costs does not hang on who else uses the machine.
    server_cpu_us_per_row: microseconds(after.server.ticks - before.server.ticks, times.length * containers),
    store_cpu_us_per_row: microseconds(after.store.ticks - before.store.ticks, times.length * containers),
    server_cores: cores(after.server.ticks - before.server.ticks),
    store_cores: cores(after.store.ticks - before.store.ticks),
    senders_cores: Math.round(((own.user + own.system) / 1e6 / seconds) * 100) / 100,
    server_memory_mb: after.server.megabytes,
    store_memory_mb: after.store.megabytes,
  };
}

function microseconds(ticks: number, rows: number): number {
  return rows === 0 ? 0 : Math.round((ticks / TICKS_PER_SECOND / rows) * 1e7) / 10;
}

/** A batch of the host: what all hosts of its pattern say, packed once for each sequence. */
const packed = new Map<string, Buffer>();
const MOST_PACKED = 2_000;

function bodyOf(patterns: readonly (readonly WireSample[])[], host: number, sequence: number): Buffer {
  const pattern = patterns[host % PATTERNS] ?? [];
  const windowMs = Math.trunc(Date.now() / 10_000) * 10_000;
  const key = `${pattern.length} ${host % PATTERNS} ${sequence} ${windowMs}`;
  const known = packed.get(key);
  if (known !== undefined) return known;
  const batch: AgentBatch = {
    version: 1,
    lane: 'may',
    sequence,
    sentAtMs: Date.now(),
    lines: [],
    activity: [],
    findings: [],
    gaps: [],
    samples: pattern.map((sample) => ({ ...sample, windowMs })),
    dropped: 0,
  };
  const body = gzipSync(JSON.stringify(batch));
  if (packed.size >= MOST_PACKED) packed.clear();
  packed.set(key, body);
  return body;
}

function samplesOf(pattern: number, containers: number): readonly WireSample[] {
  return Array.from({ length: containers }, (_, index): WireSample => {
    const number = Math.imul(pattern * 1_000 + index, 0x9e37_79b1) >>> 0;
    const bytes = 50_000_000 + (number % 400_000_000);
    return {
      windowMs: 0,
      kind: 'container',
      id: number.toString(16).padStart(8, '0').repeat(8),
      name: `app-${number % 5_000}`,
      application: `team-${number % 50}/deployment/app-${number % 5_000}`,
      part: '',
      container: '',
      pod: '',
      coveredMs: 10_000,
      cpuMs: number % 9_000,
      cpuMin: 0.01,
      cpuMax: (number % 200) / 100,
      memoryBytes: bytes,
      memoryMaxBytes: bytes + (number % 1_000_000),
      memoryLastBytes: bytes,
      rssBytes: bytes - 1_000_000,
      readBytes: number % 10_000,
      writtenBytes: number % 50_000,
      readOps: number % 10,
      writeOps: number % 50,
      receivedBytes: number % 1_000_000,
      sentBytes: number % 700_000,
      periods: 100,
      throttled: number % 3,
      throttledMs: number % 40,
      oomKills: 0,
      restarts: 0,
      processes: 1 + (number % 20),
      cpuLimit: 2,
      cpuRequest: 0.5,
      memoryLimit: 1_000_000_000,
      memoryRequest: 500_000_000,
    };
  });
}

class Sender {
  readonly #url: URL;
  readonly #agent = new HttpAgent({ keepAlive: true, maxSockets: UNDER_WAY });

  constructor(url: string) {
    this.#url = new URL('/agent/v1/batches', url);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Resolves when the server has stored it. */
  send(host: number, body: Buffer): Promise<void> {
    const { hostname, port, pathname: path } = this.#url;
    const headers = {
      'content-type': BATCH_TYPE,
      authorization: `Bearer ${secretOf(host)}`,
      'content-length': body.length,
    };
    return new Promise((resolve, reject) => {
      const call = request({ hostname, port, path, method: 'POST', headers, agent: this.#agent }, (response) => {
        response.resume().on('end', () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`the server answered ${response.statusCode}`));
        });
      });
      call.on('error', reject).end(body);
    });
  }
}

function secretOf(host: number): string {
  return `csa_bench-${host}`;
}

interface Usage {
  readonly ticks: number;
  readonly megabytes: number;
}

/** Of the server, and of the store that it started. */
function usageOf(pid: number): { readonly server: Usage; readonly store: Usage } {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid);
  const usages = children.map(usageOfOne);
  const sum = (of: (usage: Usage) => number) => usages.reduce((total, usage) => total + of(usage), 0);
  return {
    server: usageOfOne(String(pid)),
    store: { ticks: sum(({ ticks }) => ticks), megabytes: sum(({ megabytes }) => megabytes) },
  };
}

function statOf(pid: string): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    // It has ended.
    return [];
  }
}

function parentOf(pid: string): number {
  return Number(statOf(pid)[1]);
}

function usageOfOne(pid: string): Usage {
  const stat = statOf(pid);
  const pages = Number(stat[21] ?? 0);
  return { ticks: Number(stat[11] ?? 0) + Number(stat[12] ?? 0), megabytes: Math.round((pages * 4_096) / 1e6) };
}

/** The server under test, in a process of its own. */
async function serve(dataDirectory: string): Promise<void> {
  const app = await startApp({
    configuration: defaultConfiguration(),
    dataDirectory,
    environment: {},
    hostname: 'bench',
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  // Nobody is left to measure.
  process.on('disconnect', () => process.exit(0));
  await enrolAll(app.state);
  process.send?.({ url: app.url.replace('localhost', '127.0.0.1') });
  await once(process, 'SIGTERM');
  await app.close();
  process.exit(0);
}

async function enrolAll(state: Awaited<ReturnType<typeof startApp>>['state']): Promise<void> {
  const now = Date.now();
  const rows = Array.from({ length: MOST_HOSTS }, (_, index) => ({
    ...{ id: `bench-${index}`, host: `node-${index}`, version: '1', secret_hash: hashToken(secretOf(index)) },
    ...{ enrolled_ms: now, last_heard_ms: null, last_must_sequence: 0, last_may_sequence: 0, dropped: 0 },
    ...{ retired_ms: null, ready_ms: null },
  }));
  for (let start = 0; start < rows.length; start += 1_000)
    await state.db
      .withTables<FleetTables>()
      .insertInto('agent')
      .values(rows.slice(start, start + 1_000))
      .execute();
}

const [, , task, folder] = process.argv;
if (task === SERVE && folder !== undefined) await serve(folder);
