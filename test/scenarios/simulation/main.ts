/** `npm run simulate -- [--seeds N] [--from SEED] [--json]`. */
import { parseArgs } from 'node:util';
import { simulate } from './simulate.ts';

const MOST_SEEDS = 1_000_000;

export async function main(argv: readonly string[]): Promise<number> {
  let seeds: number;
  let from: number;
  let json: boolean;
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { seeds: { type: 'string' }, from: { type: 'string' }, json: { type: 'boolean' } },
    });
    seeds = Number(values.seeds ?? '1000');
    from = Number(values.from ?? '1');
    json = values.json === true;
    if (!Number.isInteger(seeds) || seeds < 1 || seeds > MOST_SEEDS || !Number.isInteger(from))
      throw new Error('--seeds and --from are whole numbers');
  } catch (error) {
    process.stderr.write(
      `${error instanceof Error ? error.message : String(error)}\nusage: npm run simulate -- [--seeds N] [--from SEED] [--json]\n`,
    );
    return 2;
  }
  const report = await simulate({ seeds, from });
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    process.stdout.write(
      `${report.seeds} seeds, ${report.steps} steps, ${report.crashes} crashes, ${report.violations.length} violations\n`,
    );
    for (const { seed, promise, detail } of report.violations)
      process.stdout.write(`seed ${seed}: ${promise}: ${detail}\n`);
  }
  return report.violations.length === 0 ? 0 : 1;
}
