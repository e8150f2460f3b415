/**
 * How long does "what ran there, then?" take over a year of lives?
 *
 * `COUNTERSIGN_BENCH_ROWS` lives (a million by default) of containers on 500 hosts over 200 days: six of seven lived for minutes, the others for days.
 * The question about one host reads the lives of that host, some thousands; counts of a moment read times of all lives, and sort out the few
 * that were there. The limit of the first is one query's overhead in chDB, some 10 ms; of the second the speed of reading three columns.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../server/src/ground/clock.ts';
import { type EventEngine, openEventEngine } from '../server/src/ground/event-engine.ts';
import { openEventStore } from '../server/src/events/store.ts';
import { silentLog } from '../server/src/ground/log.ts';
import { systemRandom } from '../server/src/ground/random.ts';
import { openWorkloadStore } from '../server/src/inventory/store.ts';
import { thisMachine } from './machine.ts';

const ROWS = Number(process.env['COUNTERSIGN_BENCH_ROWS'] ?? 1_000_000);
const ROWS_AT_ONCE = 100_000;
const HOSTS = 500;
const DAYS = 200;
const DAY_MS = 86_400_000;
const ROUNDS = 5;
const LOOK_MS = 1_000;
const MOST_LOOKS = 120;

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-inventory-'));
  const engine = await openEventEngine({
    dataDirectory: folder,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  try {
    await openEventStore(engine);
    const store = await openWorkloadStore(engine);
    const endMs = Math.trunc(Date.now() / DAY_MS) * DAY_MS;
    await fill(engine, endMs);
    await settled(engine);
    const moment = endMs - 77 * DAY_MS + 50_580_000;
    const range = { fromMs: moment, toMs: moment };
    const found = await store.search({ ...range, host: 'node-77', kinds: ['container'] }, 5_000);
    if (found.workloads.length === 0) throw new Error('nothing ran there');
    const [size] = await engine.query<{ bytes: number | string }>(
      "SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND table = 'workload'",
    );
    const one = found.workloads[0];
    return {
      bench: 'inventory',
      machine: thisMachine(),
      figures: {
        lives: ROWS,
        bytes_per_life: Math.round(Number(size?.bytes ?? 0) / ROWS),
        found_on_host: found.workloads.length,
        host_at_moment_ms: await median(() => store.search({ ...range, host: 'node-77' }, 5_000)),
        counts_at_moment_ms: await median(() => store.counts(range)),
        one_by_id_ms: await median(() => store.find({ kind: 'container', id: one?.id ?? '' })),
      },
    };
  } finally {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(engine: EventEngine, endMs: number): Promise<void> {
  for (let start = 0; start < ROWS; start += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, ROWS - start);
    await engine.command(`INSERT INTO workload
      SELECT 'container', concat('node-', toString(number % ${HOSTS})), lower(hex(sipHash128(number))), concat('agent node-', toString(number % ${HOSTS})),
        concat('app-', toString(number % 2000)), '', 'shop', concat('shop/deployment/app-', toString(number % 2000)), 'host',
        concat('node-', toString(number % ${HOSTS})), [], map('app', concat('app-', toString(number % 2000))),
        map('image', concat('registry.example.com/shop/app-', toString(number % 2000), ':1.', toString(number % 7))),
        fromUnixTimestamp64Milli(toInt64(begin_)), fromUnixTimestamp64Milli(toInt64(begin_ + lived_)),
        fromUnixTimestamp64Milli(toInt64(begin_ + lived_)), fromUnixTimestamp64Milli(toInt64(begin_ + lived_))
      FROM (SELECT number, ${endMs - DAYS * DAY_MS} + cityHash64(number) % ${DAYS * DAY_MS} AS begin_,
        if(number % 7 = 0, ${DAY_MS} + cityHash64(number, 1) % ${10 * DAY_MS}, 300 + cityHash64(number, 1) % 600000) AS lived_
        FROM numbers(${start}, ${count}))`);
  }
}

/** What was just inserted is still being sorted together; a store of a year is not. */
async function settled(engine: EventEngine): Promise<void> {
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    const [running] = await engine.query<{ n: number | string }>('SELECT count() AS n FROM system.merges');
    if (Number(running?.n ?? 0) === 0) return;
    await systemClock.sleep(LOOK_MS);
  }
}

async function median(question: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const startMs = performance.now();
    await question();
    times.push(performance.now() - startMs);
  }
  return Math.round(times.toSorted((one, other) => one - other)[Math.floor(ROUNDS / 2)] ?? 0);
}
