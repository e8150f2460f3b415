/**
 * How many connections can be followed, at what cost, and how fast are the questions about them?
 *
 * - Updates: bytes noted on one of a million live connections in random order. The limit is a few cache misses, some 100 ns.
 * - Memory: of the process, a connection, with every connection to an address of its own: the worst case, since addresses are shared.
 * - Questions: over 100 million stored lines of seven days (5,000 applications, 200,000 addresses, 400,000 pairs that talk). The busiest of the last hour reads the
 *   hour (about 600,000 lines); who ever talked to an address reads one place of the table of pairs.
 *
 * `COUNTERSIGN_BENCH_ROWS` makes the store smaller, for a try.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../server/src/ground/clock.ts';
import { type EventEngine, openEventEngine } from '../server/src/ground/event-engine.ts';
import { silentLog } from '../server/src/ground/log.ts';
import { systemRandom } from '../server/src/ground/random.ts';
import { LiveTable } from '../server/src/inventory/connections/live-table.ts';
import { type ConnectionStore, openConnectionStore } from '../server/src/inventory/connections/store.ts';
import { thisMachine } from './machine.ts';

const MILLION = 1_000_000;
const SIZES = [1, 2, 4] as const;
const UPDATES = 3 * MILLION;
const ROUNDS = 5;
const ROWS = Number(process.env['COUNTERSIGN_BENCH_ROWS'] ?? 100 * MILLION);
/** Of a busy machine no insert may take longer than the client waits. */
const ROWS_AT_ONCE = MILLION / 4;
const HOUR_MS = 3_600_000;
const DAYS = 7;
const PAIRS = 400_000;

export async function run() {
  const memory = SIZES.map((millions) => [`bytes_per_connection_${millions}m`, bytesPerConnection(millions * MILLION)]);
  const { updates, opens } = rates();
  return {
    bench: 'connections',
    machine: thisMachine(),
    figures: {
      ...(Object.fromEntries(memory) as Record<string, number>),
      updates_per_second: updates,
      opens_and_closes_per_second: opens,
      ...(await questions()),
    },
  };
}

function filled(count: number): LiveTable {
  const table = new LiveTable({ most: count });
  const local = table.addresses.takeIpv4(0x0a00_0001);
  for (let index = 0; index < count; index += 1) {
    // A stride that visits every address once and has neighbours far apart, as strangers are.
    const remote = table.addresses.takeIpv4(Math.imul(index, 0x9e37_79b1) >>> 0);
    const ports = { localPort: index & 0xffff, remotePort: 443 };
    table.open({ protocol: 'tcp', direction: 'out', local, remote, process: index % 500, ...ports }, index);
    table.addresses.release(remote);
  }
  return table;
}

function bytesPerConnection(count: number): number {
  collect();
  const before = process.memoryUsage();
  const table = filled(count);
  collect();
  const after = process.memoryUsage();
  if (table.size !== count) throw new Error(`the table holds ${table.size} connections, not ${count}`);
  const bytes = after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed;
  return Math.round(bytes / count);
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function rates() {
  const table = filled(MILLION);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now();
    for (let index = 0; index < UPDATES; index += 1) table.add((index * 7_919) % MILLION, 100, 200, index);
    times.push(performance.now() - start);
    table.drain(() => undefined);
  }
  const start = performance.now();
  const churned = filled(MILLION);
  for (let index = 0; index < MILLION; index += 1) churned.close(index, { atMs: index });
  churned.drain(() => undefined);
  const opens = Math.round(MILLION / ((performance.now() - start) / 1_000));
  return { updates: Math.round(UPDATES / (median(times) / 1_000)), opens };
}

async function questions() {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-connections-'));
  const program = join(process.cwd(), 'server/dist/ground/chdb-process.js');
  const common = { clock: systemClock, random: systemRandom, log: silentLog };
  const engine = await openEventEngine({ ...common, dataDirectory: folder, program });
  try {
    const store = await openConnectionStore(engine);
    const now = Math.trunc(Date.now() / HOUR_MS) * HOUR_MS;
    await fill(engine, now);
    return { stored_rows: ROWS, ...(await ask(engine, store, now)) };
  } finally {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(engine: EventEngine, now: number): Promise<void> {
  const from = Math.trunc(now / 1_000) - DAYS * 86_400;
  for (let start = 0; start < ROWS; start += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, ROWS - start);
    await engine.command(`INSERT INTO connection
      WITH number + ${start} AS n, cityHash64(n) AS h, h % ${PAIRS} AS pair, cityHash64(pair) AS p,
        intDiv(n * ${DAYS * 86_400}, ${ROWS}) + ${from} AS second
      SELECT toDateTime(second - second % 10, 'UTC'), concat('node-', toString(p % 20000)), '',
        concat('team-', toString(p % 50), '/deployment/app-', toString(p % 5000)), concat('p', toString(p % 20)), 'tcp',
        if(p % 2 = 0, 'out', 'in'), toIPv6(concat('::ffff:10.', toString(p % 200), '.', toString(intDiv(p, 7) % 250), '.1')),
        toIPv6(concat('::ffff:10.', toString(p % 199), '.', toString(intDiv(p, 11) % 250), '.', toString(intDiv(p, 13) % 4))),
        443, '', '', '/usr/bin/p', 1, 0, 0, h % 100000, h % 1000000, 0,
        toDateTime64(second, 3, 'UTC'), toDateTime64(second + 5, 3, 'UTC')
      FROM numbers(${count}) SETTINGS max_insert_threads = 2`);
  }
}

async function ask(engine: EventEngine, store: ConnectionStore, now: number) {
  const range = { fromMs: now - HOUR_MS, toMs: now };
  const [row] = await engine.query<{ ip: string }>(
    'SELECT toString(remote_ip) AS ip FROM connection_pair LIMIT 1 OFFSET 100000',
  );
  const ip = row?.ip ?? '';
  const [size] = await engine.query<{ bytes: number | string }>(
    "SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND table = 'connection'",
  );
  return {
    bytes_per_stored_row: Math.round((Number(size?.bytes ?? 0) / ROWS) * 10) / 10,
    top_talkers_hour_ms: await timed(() => store.topTalkers(range, 'application', 100)),
    who_ever_talked_ms: await timed(() => store.pairsOf(ip, 1_000)),
    new_pairs_hour_ms: await timed(() => store.newPairs(range, 1_000)),
    map_hour_ms: await timed(() => store.lineEnds(range, { process: false, container: false })),
  };
}

async function timed(question: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now();
    await question();
    times.push(performance.now() - start);
  }
  return Math.round(median(times));
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.trunc(values.length / 2)] ?? Number.NaN;
}
