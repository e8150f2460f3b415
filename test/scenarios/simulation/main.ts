/** `npm run simulate -- [--seeds N] [--from SEED] [--database URL] [--json]`. */
import { parseArgs } from 'node:util';
import { silentLog } from '../../../server/src/ground/log.ts';
import { openState, type State } from '../../../server/src/ground/state.ts';
import { type NightOptions, sqlNight } from './night-store.ts';
import { simulate } from './simulate.ts';

const MOST_SEEDS = 1_000_000;

export async function main(argv: readonly string[]): Promise<number> {
  let seeds: number;
  let from: number;
  let json: boolean;
  let database: string | undefined;
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        seeds: { type: 'string' },
        from: { type: 'string' },
        json: { type: 'boolean' },
        database: { type: 'string' },
      },
    });
    seeds = Number(values.seeds ?? '1000');
    from = Number(values.from ?? '1');
    json = values.json === true;
    database = values.database;
    if (!Number.isInteger(seeds) || seeds < 1 || seeds > MOST_SEEDS || !Number.isInteger(from))
      throw new Error('--seeds and --from are whole numbers');
  } catch (error) {
    process.stderr.write(
      `${error instanceof Error ? error.message : String(error)}\nusage: npm run simulate -- [--seeds N] [--from SEED] [--database postgres://…] [--json]\n`,
    );
    return 2;
  }
  const states = database === undefined ? [] : await Promise.all([database, database].map(openDatabase));
  const onDatabase = (night: string, options: NightOptions) => sqlNight(states, night, options);
  const report = await simulate({ seeds, from, ...(states.length === 0 ? {} : { store: onDatabase }) });
  await Promise.all(states.map((state) => state.close()));
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    process.stdout.write(
      `${report.seeds} seeds, ${report.steps} steps, ${report.crashes} crashes, ${report.cases} cases, ${report.pages} pages, ${report.violations.length} violations\n`,
    );
    for (const { seed, promise, detail } of report.violations)
      process.stdout.write(`seed ${seed}: ${promise}: ${detail}\n`);
  }
  return report.violations.length === 0 ? 0 : 1;
}

/** A server's own connections; migrates what is fresh. */
function openDatabase(url: string): Promise<State> {
  return openState({ url, log: silentLog });
}
