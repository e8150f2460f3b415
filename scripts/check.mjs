/** `npm run check`: types, lint, format, dead code and the house rules; everything short of the test suite, in under 30 s. */
import { spawnSync } from 'node:child_process';
import { bin, install, ROOT } from './prepare.mjs';

install();
const steps = [
  ['types', bin('typescript', 'tsc'), ['-b']],
  ['lint', bin('oxlint', 'oxlint'), ['--type-aware', '--deny-warnings']],
  ['format', bin('@biomejs/biome', 'biome'), ['format', '.']],
  ['dead code', bin('knip', 'knip'), []],
  ['house rules', bin('vitest', 'vitest'), ['run', 'test/tidy.test.ts', '--reporter=dot']],
];
let failed = 0;
for (const [name, script, args] of steps) {
  const started = performance.now();
  const result = spawnSync(process.execPath, [script, ...args], { cwd: ROOT, encoding: 'utf8' });
  const ok = result.status === 0;
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
  if (!ok) {
    failed += 1;
    process.stdout.write(`${result.stdout}${result.stderr}\n`);
  }
}
process.exit(failed === 0 ? 0 : 1);
