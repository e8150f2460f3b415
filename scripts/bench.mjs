/** `npm run bench -- NAME [--json]`: runs `bench/NAME.ts`; `--json` prints one object `{bench, machine, figures}`. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build, ROOT } from './prepare.mjs';
import { load } from './load.mjs';

const NOT_A_BENCH = new Set(['machine.ts', 'measure.ts']);
const [name, ...flags] = process.argv.slice(2);
const names = readdirSync(join(ROOT, 'bench'))
  .filter((file) => file.endsWith('.ts') && !NOT_A_BENCH.has(file))
  .map((file) => file.slice(0, -3));
if (!name || !names.includes(name) || flags.some((flag) => flag !== '--json')) {
  process.stderr.write(`usage: npm run bench -- NAME [--json]\nNAME is one of: ${names.join(', ')}\n`);
  process.exit(2);
}
build({ web: false });
if (!existsSync(join(ROOT, 'bench', `${name}.ts`))) process.exit(2);
const { run } = await load(`bench/${name}.ts`);
const report = await run();
process.stdout.write(flags.includes('--json') ? `${JSON.stringify(report)}\n` : `${JSON.stringify(report, null, 2)}\n`);
process.exit(0);
