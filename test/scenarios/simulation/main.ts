/** `npm run simulate -- [--seeds N] [--from SEED] [--every-step] [--reverts N] [--database URL] [--json]`. */
import { parseArgs } from 'node:util';
import { silentLog } from '../../../server/src/ground/log.ts';
import { openState, type State } from '../../../server/src/ground/state.ts';
import { sqlNights } from './night-store.ts';
import { type RevertNightsReport, simulateReverts } from './revert-nights.ts';
import { simulate, type SimulationReport } from './simulate.ts';

const USAGE = `usage: npm run simulate -- [--seeds N] [--from SEED] [--every-step] [--reverts N] [--database postgres://…] [--json]

Plays N nights (1000), each from its seed, and checks what must hold. With --every-step each night is played as often as it has steps and
dies at each of them; with --database two servers race on PostgreSQL. Reverts have nights of their own: one for every fifty seeds, or as
many as --reverts says. Exit 1 and the seed when a promise is broken.`;
const MOST_SEEDS = 1_000_000;
const SEEDS_A_REVERT = 50;
const PROGRESS_EVERY = 1_000;

interface Wanted {
  readonly seeds: number;
  readonly from: number;
  readonly reverts: number;
  readonly everyStep: boolean;
  readonly json: boolean;
  readonly database: string | undefined;
}

function wantedOf(argv: readonly string[]): Wanted {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seeds: { type: 'string' },
      from: { type: 'string' },
      reverts: { type: 'string' },
      'every-step': { type: 'boolean' },
      database: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  const seeds = Number(values.seeds ?? '1000');
  const from = Number(values.from ?? '1');
  const reverts = Number(values.reverts ?? Math.ceil(seeds / SEEDS_A_REVERT));
  const isCount = (count: number, least: number) => Number.isInteger(count) && count >= least && count <= MOST_SEEDS;
  if (!isCount(seeds, 1) || !isCount(reverts, 0) || !Number.isInteger(from))
    throw new Error('--seeds, --from and --reverts are whole numbers');
  const { database, json = false, 'every-step': everyStep = false } = values;
  return { seeds, from, reverts, everyStep, json, database };
}

export async function main(argv: readonly string[]): Promise<number> {
  let wanted: Wanted;
  try {
    wanted = wantedOf(argv);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    return 2;
  }
  const { seeds, from, reverts, everyStep, json, database } = wanted;
  const started = performance.now();
  const states = database === undefined ? [] : await Promise.all([database, database].map(openDatabase));
  const nights = await simulate({
    seeds,
    from,
    everyStep,
    ...(states.length === 0 ? {} : { open: sqlNights(states) }),
    progress: (seed) => {
      if (seed % PROGRESS_EVERY === 0) process.stderr.write(`seed ${seed}, ${elapsed(started)}\n`);
    },
  });
  await Promise.all(states.map((state) => state.close()));
  const ofReverts = await simulateReverts({ seeds: reverts, from });
  const ok = nights.violations.length + ofReverts.violations.length === 0;
  if (json) process.stdout.write(`${JSON.stringify({ ...nights, reverts: ofReverts })}\n`);
  else process.stdout.write(`${textOf(nights, ofReverts)}in ${elapsed(started)}\n`);
  return ok ? 0 : 1;
}

function textOf(nights: SimulationReport, reverts: RevertNightsReport): string {
  const { places, faults } = nights;
  const lines = [
    `${nights.seeds} seeds, ${nights.nights} nights, ${nights.steps} steps, ${nights.crashes} crashes at ${places.died} of ${places.passed} places`,
    `${nights.cases} cases, ${nights.pages} pages, ${nights.webhooks} webhooks of PagerDuty`,
    `faults: ${Object.entries(faults)
      .map(([fault, count]) => `${count} ${fault}`)
      .join(', ')}`,
    `${reverts.seeds} nights of reverts: ${reverts.runs} runs, ${reverts.calls} calls, ${reverts.crashes} crashes; ${Object.entries(
      reverts.ended,
    )
      .map(([state, count]) => `${count} ${state}`)
      .join(', ')}`,
    ...[...nights.violations, ...reverts.violations].map(
      ({ seed, promise, detail }) => `seed ${seed}: ${promise}: ${detail}`,
    ),
    `${nights.violations.length + reverts.violations.length} violations`,
  ];
  return `${lines.join('\n')}\n`;
}

function elapsed(started: number): string {
  return `${((performance.now() - started) / 1_000).toFixed(0)} s`;
}

/** A server's own connections; migrates what is fresh. */
function openDatabase(url: string): Promise<State> {
  return openState({ url, log: silentLog });
}
