/**
 * `countersign drill`: an exercise against a running server, end to end: a real page, a real acknowledgement, and how long it took.
 *
 * The surprise: it needs a token of a person who answers pages. Whoever is woken at night can be told who wanted it.
 */
import {
  EXIT_BAD_INPUT,
  EXIT_FINE,
  type Command,
  InputError,
  parseArguments,
  type Terminal,
  UsageError,
} from './command-line.ts';
import { createApiClient } from '../vendors/api-client.ts';
import { parseDurationMs } from '../ground/duration.ts';

const USAGE = `countersign drill [--url URL] [--wait 15m] [--summary WORDS] [--output json]

Pages whoever is on call with a labelled exercise, waits until somebody acknowledges and resolves it, and reports the times. The
token (settings, tokens, of the role responder) is read from COUNTERSIGN_TOKEN. Exit 1 when nobody acknowledged in time.`;

const DEFAULT_URL = 'http://localhost:8420';
const DEFAULT_WAIT = '15m';
const LOOK_MS = 1_000;

interface DrillState {
  readonly caseId: string;
  readonly state: string;
  readonly times: Readonly<Record<string, string | null>>;
}

export const drillCommand: Command = {
  name: 'drill',
  usage: USAGE,
  async run(argv, terminal) {
    const given = parseArguments(argv, {
      url: 'text',
      wait: 'text',
      summary: 'text',
      output: 'text',
    });
    const waitMs = parseDurationMs(given.text('wait') ?? DEFAULT_WAIT);
    if (given.positionals.length > 0) throw new UsageError('drill takes no arguments');
    if (waitMs === null) throw new UsageError("--wait is no time: write it like '15m'");
    const token = terminal.environment['COUNTERSIGN_TOKEN'];
    if (token === undefined || token === '')
      throw new InputError('COUNTERSIGN_TOKEN is not set: it holds a token made in the settings');
    const client = createApiClient(given.text('url') ?? DEFAULT_URL, token);
    const summary = given.text('summary');
    const { id } = (await call(client.post('/api/drills', summary === undefined ? {} : { summary }))) as { id: string };
    terminal.say('The exercise has begun; whoever is on call is being paged.');
    const ended = await follow(() => client.get(`/api/drills/${id}`), waitMs, terminal);
    await report(ended, given.text('output') === 'json', terminal);
    return ended !== null && ended.times['acknowledged'] !== null ? EXIT_FINE : EXIT_BAD_INPUT;
  },
};

async function call(answer: Promise<{ readonly ok: boolean; readonly body: unknown }>): Promise<unknown> {
  const { ok, body } = await answer;
  if (ok) return body;
  const { message } = (body ?? {}) as { readonly message?: string };
  throw new InputError(message ?? 'the server does not answer');
}

async function follow(
  look: () => Promise<{ readonly ok: boolean; readonly body: unknown }>,
  waitMs: number,
  terminal: Terminal,
): Promise<DrillState | null> {
  const { clock, interrupted } = terminal;
  const untilMs = clock.steadyMs() + waitMs;
  let last: DrillState | null = null;
  while (clock.steadyMs() < untilMs && !interrupted.aborted) {
    const { ok, body } = await look();
    if (ok) {
      const next = body as DrillState;
      if (next.state !== last?.state) terminal.say(`  ${next.state}`);
      last = next;
      if (next.state === 'resolved') return next;
    }
    await clock.sleep(LOOK_MS, interrupted);
  }
  return last;
}

async function report(ended: DrillState | null, json: boolean, terminal: Terminal): Promise<void> {
  const at = (name: string) => (ended?.times[name] ? Date.parse(ended.times[name]) : null);
  const span = (from: string, to: string) => {
    const [start, end] = [at(from), at(to)];
    return start === null || end === null ? null : Math.max(0, end - start) / 1_000;
  };
  const told = {
    case: ended?.caseId ?? null,
    state: ended?.state ?? 'no case',
    seconds_to_page: span('event', 'paged'),
    seconds_to_acknowledge: span('paged', 'acknowledged'),
    seconds_to_resolve: span('event', 'resolved'),
  };
  if (json) {
    await terminal.print(`${JSON.stringify(told)}\n`);
    return;
  }
  const lines = Object.entries(told).map(([name, value]) => `${name.replaceAll('_', ' ')}: ${value ?? 'never'}`);
  await terminal.print(`${lines.join('\n')}\n`);
}
