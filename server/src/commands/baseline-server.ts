/**
 * `countersign baseline … --server`: the same through a running server, which alone may open embedded state.
 *
 * The surprise: stopping this command stops nothing. The server has been asked, and reads on.
 */
import type { ListedBaseline, ShownBaseline } from '../cases/revert/baselines/list.ts';
import type { Reading } from '../cases/revert/baselines/readings.ts';
import type { EnrolmentWish } from '../enrolling.ts';
import type { ServerCalls } from '../vendors/countersign/server-calls.ts';
import { EXIT_BAD_INPUT, EXIT_FINE, InputError, type Terminal } from './command-line.ts';
import { bodyOf } from './through-server.ts';

const LOOK_MS = 1_000;
/** A server that starts again meanwhile is waited for. */
const MOST_SILENT_LOOKS = 120;

export interface Speech {
  readonly terminal: Terminal;
  readonly print: (value: object, text: string) => Promise<void> | void;
}

export async function enrolThrough(
  calls: ServerCalls,
  wish: EnrolmentWish,
  { terminal, print }: Speech,
): Promise<number> {
  const { clock, interrupted } = terminal;
  const { account } = wish;
  const { since } = bodyOf(await calls.post('/api/baselines/enrolments', wish)) as { readonly since: number };
  const finished = new Set<string>();
  const seen = new Map<string, number>();
  let isFine = true;
  let silent = 0;
  while (!interrupted.aborted) {
    const answer = await calls.get('/api/baselines/enrolments', { account, since: String(since) });
    silent = answer.type === 'failed' && answer.status === null ? silent + 1 : 0;
    if (silent === 0 || silent > MOST_SILENT_LOOKS) {
      const { readings } = bodyOf(answer) as { readonly readings: readonly Reading[] };
      for (const one of readings) {
        const name = `${one.region} ${one.type}`;
        if (one.isDone && !finished.has(name)) {
          finished.add(name);
          isFine &&= one.failure === null && one.unreadable === 0;
          await print(...told(one));
        } else if (!one.isDone && one.seen !== (seen.get(name) ?? 0)) terminal.say(`  ${name}: ${one.seen} seen`);
        seen.set(name, one.seen);
      }
      if (readings.every(({ isDone }) => isDone)) return isFine ? EXIT_FINE : EXIT_BAD_INPUT;
    } else if (silent === 1) terminal.say('  the server does not answer; waiting for it');
    await clock.sleep(LOOK_MS, interrupted);
  }
  terminal.say('Stopped. The server reads on; call it again to see how far it is.');
  return EXIT_BAD_INPUT;
}

export async function listThrough(
  calls: ServerCalls,
  filter: { readonly account: string | undefined; readonly type: string | undefined },
): Promise<readonly ListedBaseline[]> {
  const { baselines } = bodyOf(await calls.get('/api/baselines', filter));
  return baselines as readonly ListedBaseline[];
}

export async function showThrough(calls: ServerCalls, resource: string): Promise<readonly ShownBaseline[]> {
  const { baselines } = bodyOf(await calls.get('/api/baselines/one', { resource }));
  const found = baselines as readonly ShownBaseline[];
  if (found.length === 0) throw new InputError(`nothing is trusted by the name ${resource}: enrol its account`);
  return found;
}

/** One line of what was read, as data and for people. */
export function told({
  account,
  region,
  type,
  seen,
  taken,
  differing,
  unreadable,
  failure,
}: Reading): [object, string] {
  const counts = `${seen} seen, ${taken} taken, ${differing} differ, ${unreadable} unreadable`;
  return [
    { account, region, type, seen, taken, differing, unreadable, failure },
    `${region} ${type}: ${failure ?? counts}`,
  ];
}
