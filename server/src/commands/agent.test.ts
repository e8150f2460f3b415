/** How the agent may be started. */
import { expect, test } from 'vitest';
import { ManualClock } from '../ground/clock.ts';
import { seededRandom } from '../ground/random.ts';
import { agentCommand } from './agent.ts';
import { UsageError } from './command-line.ts';

const run = (...argv: string[]) =>
  agentCommand.run(argv, {
    ...{ clock: new ManualClock(0), random: seededRandom(1), environment: {}, isErrorTerminal: false },
    ...{ hostname: 'edge-1', interrupted: AbortSignal.abort(), print: () => undefined, say: () => undefined },
  });

test.each([
  [['--no-watch', '--server', 'http://localhost:1'], /^--no-watch leaves nothing to do; with --contain/],
  [['--contain'], /^say which server/],
  [['--server', 'http://edge.example.com'], /over a network the agent's secret needs https$/],
  [['--server', 'http://localhost:1', 'more'], /^'more' is too much$/],
  [['--server', 'http://localhost:1', '--spool-mb', '0'], /^--spool-mb is '0'/],
])('%j is a mistake in the call', async (argv, why) => {
  const started = run(...argv);
  await expect(started).rejects.toBeInstanceOf(UsageError);
  await expect(started).rejects.toThrow(why);
});
