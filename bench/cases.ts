/**
 * How fast does the engine open, ask and close cases on PostgreSQL, how long from a finding to the call that asks, and what does it
 * cost to wait with ten thousand cases open?
 *
 * The limit of the first would be the commits a second of the disk, three a case. The limit of the second is the look of the
 * worker, half a second. The third should be flat: a look reads an index of what is due, and nothing that waits is due.
 */
import { createSqlStore, unitOf } from '../server/src/cases/sql-store.ts';
import { lookForLeavers } from '../server/src/cases/leavers.ts';
import { conductFindings, conductInput } from '../server/src/cases/conduct.ts';
import { runCaseWorker, type WorkerOptions, workOnce } from '../server/src/cases/worker.ts';
import { systemClock } from '../server/src/ground/clock.ts';
import { silentLog } from '../server/src/ground/log.ts';
import { systemRandom } from '../server/src/ground/random.ts';
import { openState, type State } from '../server/src/ground/state.ts';
import { sampleConduct, samplePlanner } from '../test/sample-case.ts';
import { sampleActor, sampleFacts, sampleFinding } from '../test/sample-finding.ts';
import { freshDatabase } from '../test/postgres.ts';
import { sql } from 'kysely';
import { thisMachine } from './machine.ts';

const CASES = 2_000;
const AT_ONCE = 8;
const ARRIVALS = 200;
const ARRIVAL_MS = 50;
const OPEN_CASES = 10_000;
const LOOKS = 400;
const LEAVERS_LOOKS = 20;
const ALICE = { id: 'alice', name: 'Alice' };

const planner = samplePlanner({ channels: ['console'] });
const loadPlanner = async () => planner;
const conduct = sampleConduct(ALICE);
type Figures = Readonly<Record<string, number>>;
let ids = 0;

/** A finding of its own actor: a case of its own. */
async function open(state: State): Promise<{ readonly id: string; readonly digest: string }> {
  ids += 1;
  const nowMs = Date.now();
  const actor = sampleActor({ id: `actor-${ids}`, name: `actor-${ids}` });
  const finding = sampleFinding({
    id: `finding-${ids}`,
    facts: sampleFacts({ id: `event-${ids}`, timeMs: nowMs, actor }),
  });
  return state.transaction(async (trx) => {
    await sql`
      insert into finding (id, rule, source, account, burst_key, risk, time_ms, created_ms, document)
      values (${finding.id}, ${finding.rule}, 'aws_cloudtrail', '111122223333', ${actor.id}, ${finding.risk}, ${nowMs}, ${nowMs},
        ${JSON.stringify(finding)})`.execute(trx);
    const unit = unitOf(trx, loadPlanner);
    const found = await conductFindings(unit, actor.id, [finding], {
      ...conduct,
      newId: () => systemRandom.id(nowMs),
      nowMs,
      receivedMs: nowMs,
    });
    if (found === null) throw new Error('the sample is a case');
    return { id: found.id, digest: found.digest };
  });
}

function workerOf(state: State, ask: WorkerOptions['ask']): WorkerOptions {
  return {
    store: createSqlStore(state, loadPlanner),
    channels: new Map(),
    followers: new Map(),
    ask,
    prove: async () => null,
    caseUrl: (id) => id,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    name: 'bench',
  };
}

async function inParallel<T>(count: number, body: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      results.push(await body());
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return results;
}

async function timed<T>(body: () => Promise<T>): Promise<{ readonly value: T; readonly seconds: number }> {
  const start = performance.now();
  const value = await body();
  return { value, seconds: (performance.now() - start) / 1_000 };
}

async function throughput(state: State): Promise<Figures> {
  const opened = await timed(() => inParallel(CASES, () => open(state)));
  let asked = 0;
  const worker = workerOf(state, async () => {
    asked += 1;
    return { type: 'delivered' };
  });
  const asking = await timed(async () => {
    while ((await workOnce(worker)) > 0);
  });
  const queue = [...opened.value];
  const answered = await timed(() =>
    inParallel(CASES, async () => {
      const next = queue.pop();
      if (next === undefined) return;
      const proof = { factor: 'totp', digest: next.digest } as const;
      const input = { type: 'answered-yes', by: ALICE, reason: 'mine', proof } as const;
      await state.transaction((trx) =>
        conductInput(unitOf(trx, loadPlanner), next.id, input, { followers: [], nowMs: Date.now() }),
      );
    }),
  );
  const all = opened.seconds + asking.seconds + answered.seconds;
  const rate = (seconds: number) => Math.round(CASES / seconds);
  if (asked < CASES) throw new Error(`only ${asked} of ${CASES} were asked`);
  return {
    opened_per_second: rate(opened.seconds),
    asked_per_second: rate(asking.seconds),
    answered_per_second: rate(answered.seconds),
    whole_cases_per_second: rate(all),
  };
}

async function latency(state: State): Promise<Figures> {
  const openedAt = new Map<string, number>();
  const waits: number[] = [];
  const stop = new AbortController();
  const working = runCaseWorker(
    workerOf(state, async (caseId) => {
      waits.push(performance.now() - (openedAt.get(caseId) ?? Number.NaN));
      return { type: 'delivered' };
    }),
    stop.signal,
  );
  for (let index = 0; index < ARRIVALS; index += 1) {
    const start = performance.now();
    const { id } = await open(state);
    openedAt.set(id, start);
    await systemClock.sleep(ARRIVAL_MS);
  }
  await systemClock.sleep(1_500);
  stop.abort();
  await working;
  const sorted = waits.filter((wait) => !Number.isNaN(wait)).sort((one, other) => one - other);
  const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN);
  return { finding_to_ask_p50_ms: at(0.5), finding_to_ask_p99_ms: at(0.99), finding_to_ask_n: sorted.length };
}

async function idleLook(state: State): Promise<number> {
  const worker = workerOf(state, async () => ({ type: 'delivered' }));
  const { seconds } = await timed(async () => {
    for (let look = 0; look < LOOKS; look += 1) await workOnce(worker);
  });
  return (seconds * 1_000) / LOOKS;
}

/** Whether somebody left with a question or a page, which is looked at beside the worker. */
async function leaversLook(state: State): Promise<number> {
  const cases = { conduct: async () => null };
  const { seconds } = await timed(async () => {
    for (let look = 0; look < LEAVERS_LOOKS; look += 1)
      await lookForLeavers({ state, cases, clock: systemClock, log: silentLog });
  });
  return (seconds * 1_000) / LEAVERS_LOOKS;
}

async function idle(state: State): Promise<Figures> {
  const before = await idleLook(state);
  await inParallel(OPEN_CASES, () => open(state));
  const worker = workerOf(state, async () => ({ type: 'delivered' }));
  while ((await workOnce(worker)) > 0);
  await sql`analyze`.execute(state.db);
  const after = await idleLook(state);
  return {
    idle_look_ms: Number(before.toFixed(3)),
    idle_look_ms_10000_open: Number(after.toFixed(3)),
    leavers_look_ms_10000_open: Number((await leaversLook(state)).toFixed(3)),
    idle_growth: Number((after / before).toFixed(2)),
  };
}

export async function run() {
  const state = await openState({ url: await freshDatabase(), log: silentLog });
  const figures = { ...(await throughput(state)), ...(await latency(state)), ...(await idle(state)) };
  await state.close();
  return { bench: 'cases', machine: thisMachine(), figures };
}
