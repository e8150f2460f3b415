/** Runs one body of tests against every store of events: chDB, and a ClickHouse server where one is given (`COUNTERSIGN_TEST_CLICKHOUSE_URL`). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { systemClock } from '../server/src/ground/clock.ts';
import { type EventEngine, openEventEngine } from '../server/src/ground/event-engine.ts';
import { silentLog } from '../server/src/ground/log.ts';
import { systemRandom } from '../server/src/ground/random.ts';
import { compileProgram } from './compiled.ts';

const CLICKHOUSE_URL = process.env['COUNTERSIGN_TEST_CLICKHOUSE_URL'];
const common = { clock: systemClock, random: systemRandom, log: silentLog };

/** `open` gives an empty chDB each time, and the server as it is; the body closes it. */
export function describeEngines(title: string, body: (open: () => Promise<EventEngine>) => void): void {
  describe(`${title} (chDB)`, () => {
    const made: string[] = [];
    afterAll(() => {
      for (const path of made) rmSync(path, { recursive: true, force: true });
    });
    body(async () => {
      const dataDirectory = mkdtempSync(join(tmpdir(), 'countersign-events-'));
      const program = await compileProgram('server/src/ground/chdb-process.ts');
      made.push(dataDirectory, program);
      return openEventEngine({ ...common, dataDirectory, program });
    });
  });
  if (CLICKHOUSE_URL !== undefined)
    describe(`${title} (ClickHouse)`, () =>
      body(() => openEventEngine({ ...common, url: CLICKHOUSE_URL, dataDirectory: '' })));
}
