/** `npm test`: installs what is missing, builds (some tests drive the real command line and console), and runs the suite. */
import { spawnSync } from 'node:child_process';
import { bin, build, ROOT } from './prepare.mjs';

build();
const result = spawnSync(process.execPath, [bin('vitest', 'vitest'), 'run', ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: 'inherit',
});
process.exit(result.status ?? 1);
