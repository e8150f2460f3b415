/** What `countersign top` prints of the machine that the test runs on. */
import { expect, test } from 'vitest';
import { systemClock } from '../ground/clock.ts';
import { seededRandom } from '../ground/random.ts';
import type { WireSample } from '../inventory/telemetry/sample.ts';
import { UsageError } from './command-line.ts';
import { topCommand } from './top.ts';

async function run(...argv: string[]): Promise<string> {
  let printed = '';
  const terminal = {
    ...{ clock: systemClock, random: seededRandom(1), environment: {}, isErrorTerminal: false, hostname: 'edge-1' },
    ...{ interrupted: new AbortController().signal, say: () => undefined },
    print: (text: string) => {
      printed += text;
    },
  };
  expect(await topCommand.run(argv, terminal)).toBe(0);
  return printed;
}

test('the machine comes first, under a heading, and what runs on it follows', async () => {
  const lines = (await run('--seconds', '1')).trimEnd().split('\n');
  expect(lines[0]).toMatch(/^WORKLOAD +KIND +CPU +MAX +REQUEST +LIMIT/);
  expect(lines[1]).toMatch(/^\(this machine\) +host +\d+\.\d\d/);
  expect(lines.length).toBeGreaterThan(2);
});

test('as JSON it is one object a line, the busiest processes among them', async () => {
  const samples = (await run('--seconds', '1', '--json'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as WireSample);
  const processes = samples.filter(({ kind }) => kind === 'process');
  // The test itself is one of the larger ones.
  expect(Math.max(...processes.map(({ rssBytes }) => rssBytes ?? 0))).toBeGreaterThan(1e7);
  expect(processes.every(({ application }) => application !== '')).toBe(true);
});

test.each(['0', '601', 'x', '1.5'])('--seconds %s is a mistake in the call', async (seconds) => {
  await expect(run('--seconds', seconds)).rejects.toBeInstanceOf(UsageError);
});
