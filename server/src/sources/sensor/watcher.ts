/**
 * Keeps the process alive that watches a host, and takes what it reports: matches into the inbox, the rest into the state.
 *
 * The surprise: a match counts as taken only when it is committed; until then the process keeps it, and reads no further when there
 * are many. What the process itself had not told when it died is lost, and a gap says since when. Roll-ups are stored beside that: a store of
 * events that is away holds up no match, until there are very many of them.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../ground/clock.ts';
import { messageOf } from '../../ground/failure.ts';
import type { Log } from '../../ground/log.ts';
import type { State } from '../../ground/state.ts';
import { acceptBatch } from '../inbox.ts';
import type { SyscallRecord } from '../syscall/record.ts';
import type { WatchAnswer, WatchOrder, WatchReport } from './reports.ts';
import { lastEventMs, saveGap, saveHealth, saveHostState, saveRecording } from './store.ts';

export interface WatcherOptions {
  readonly order: Omit<WatchOrder, 'lastHeardMs'>;
  readonly state: State;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of every change, for whoever waits for one. */
  readonly onState?: (state: string, problem: string | null) => void;
  /** Stores what else was made of the stream. */
  readonly onRollUp?: (rollUp: unknown) => Promise<void>;
  /** The compiled `watch-process`; known by itself. */
  readonly program?: string | undefined;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const STABLE_MS = 60_000;
const STOP_MS = 10_000;
const KEPT_STDERR = 4_000;
/** Ten minutes of them. */
const MOST_ROLL_UPS_WAITING = 120;
const RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

/** Watches until `signal` aborts. */
export async function watchHost(options: WatcherOptions, signal: AbortSignal): Promise<void> {
  const rollUps = new RollUps(options, signal);
  await watchOn(options, rollUps, signal);
  await rollUps.done();
}

async function watchOn(options: WatcherOptions, rollUps: RollUps, signal: AbortSignal): Promise<void> {
  const { clock, log, order, state } = options;
  let quickEnds = 0;
  // A server that was killed goes on from what the one before it heard.
  let heardMs = await lastEventMs(state, order.host).catch(() => null);
  while (!signal.aborted) {
    const startedMs = clock.nowMs();
    const end = await runProcess({ options, rollUps, lastHeardMs: heardMs }, signal);
    if (signal.aborted) return;
    const { problem } = end;
    const lastMs = clock.nowMs();
    heardMs = end.heardMs ?? heardMs;
    log.error('the process that watches a host ended; starting it again', { host: order.host, problem });
    await saveHostState(state, order.host, { state: 'failed', problem }, lastMs).catch(ignoreFor(log));
    quickEnds = lastMs - startedMs >= STABLE_MS ? 0 : quickEnds + 1;
    await clock.sleep(Math.min(FIRST_PAUSE_MS * 2 ** Math.min(quickEnds, 10), LONGEST_PAUSE_MS), signal);
  }
}

interface ProcessEnd {
  readonly problem: string;
  /** When the process last said anything while it watched; null when it never did. */
  readonly heardMs: number | null;
}

interface Life {
  readonly options: WatcherOptions;
  readonly rollUps: RollUps;
  readonly lastHeardMs: number | null;
}

/** One life of the process. */
async function runProcess({ options, rollUps, lastHeardMs }: Life, signal: AbortSignal): Promise<ProcessEnd> {
  const { order, clock } = options;
  const child = spawn(process.execPath, [options.program ?? compiledProgram()], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // It needs nothing of ours, least of all secrets.
    env: { TZ: 'UTC' },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-KEPT_STDERR);
  });
  child.stdin.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(messageOf(error)));
    child.once('close', (code, killed) => resolve(`${killed ?? `exit code ${code}`} ${said}`.trim()));
  });
  const stop = () => void stopProcess(child, clock, ended);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  child.stdin.write(`${JSON.stringify({ ...order, lastHeardMs } satisfies WatchOrder)}\n`);
  const heardMs = await hear(child, { options, rollUps, lastHeardMs }, signal);
  signal.removeEventListener('abort', stop);
  return { problem: await ended, heardMs };
}

/** Everything that the process says, to its end. One after the other: it waits in the pipe while the state is slow. */
async function hear(
  child: ChildProcessWithoutNullStreams,
  { options, rollUps }: Life,
  signal: AbortSignal,
): Promise<number | null> {
  let heardMs: number | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    const report = JSON.parse(line) as WatchReport;
    if (report.type === 'health' || report.type === 'records') heardMs = options.clock.nowMs();
    if (report.type === 'roll-up') await rollUps.add(report.rollUp);
    else {
      const answer = await take(report, options, signal);
      if (answer !== null) child.stdin.write(`${JSON.stringify(answer)}\n`);
    }
  }
  return heardMs;
}

async function stopProcess(child: ChildProcessWithoutNullStreams, clock: Clock, ended: Promise<string>): Promise<void> {
  child.stdin.end();
  const patience = new AbortController();
  await Promise.race([ended, clock.sleep(STOP_MS, patience.signal)]);
  patience.abort();
  child.kill('SIGKILL');
}

/** Stored one after the other, in a lane of their own. */
class RollUps {
  readonly #options: WatcherOptions;
  readonly #signal: AbortSignal;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(options: WatcherOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Resolves at once, unless too many wait. */
  async add(rollUp: unknown): Promise<void> {
    this.#waiting += 1;
    this.#last = this.#last.then(async () => {
      await untilDone(async () => this.#options.onRollUp?.(rollUp), this.#options, this.#signal);
      this.#waiting -= 1;
    });
    if (this.#waiting > MOST_ROLL_UPS_WAITING) await this.#last;
  }

  done(): Promise<void> {
    return this.#last;
  }
}

async function take(
  report: Exclude<WatchReport, { type: 'roll-up' }>,
  options: WatcherOptions,
  signal: AbortSignal,
): Promise<WatchAnswer | null> {
  const { order, state, clock, log } = options;
  const { host } = order;
  switch (report.type) {
    case 'records':
      await untilDone(() => acceptRecords(report.records, options), options, signal);
      return { type: 'taken', sequence: report.sequence };
    case 'state':
      if (report.problem !== null)
        log.warn('a host is not watched', { host, state: report.state, problem: report.problem });
      else log.info('a host is watched', { host, state: report.state });
      await saveHostState(state, host, report, clock.nowMs()).catch(ignoreFor(log));
      options.onState?.(report.state, report.problem);
      return null;
    case 'gap':
      await untilDone(() => saveGap(state, host, report.gap), options, signal);
      return null;
    case 'health':
      await saveHealth(state, host, report.health, clock.nowMs()).catch(ignoreFor(log));
      return null;
    case 'recording':
      await untilDone(
        () =>
          state.transaction((trx) =>
            saveRecording(trx, { host, recording: report.recording, isOfAgent: false }, clock.nowMs()),
          ),
        options,
        signal,
      );
      return null;
    case 'failure':
      log.error('watching a host met a failure', { host, what: report.what, problem: report.problem });
      return null;
  }
}

async function acceptRecords(records: readonly SyscallRecord[], options: WatcherOptions): Promise<void> {
  const { state, clock, order } = options;
  const batch = records.map((record) => ({ id: record.id, timeMs: record.timeMs, json: JSON.stringify(record) }));
  await acceptBatch(state, { source: 'syscall', origin: `sensor ${order.host}`, records: batch }, clock.nowMs());
}

/** What must not be lost is tried until it is done; meanwhile nothing further is read. */
async function untilDone(work: () => Promise<void>, options: WatcherOptions, signal: AbortSignal): Promise<void> {
  for (let waitMs = RETRY_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS)) {
    try {
      await work();
      return;
    } catch (error) {
      if (signal.aborted) return;
      options.log.warn('what a sensor saw cannot be stored and is tried again', { error, waitMs });
      await options.clock.sleep(waitMs, signal);
    }
  }
}

function ignoreFor(log: Log): (error: unknown) => void {
  return (error) => log.warn('the state of a host cannot be stored', { error });
}

/** TypeScript is run from its source only by tests; Node needs the compiled file. */
function compiledProgram(): string {
  const inSource = import.meta.url.endsWith('.ts');
  const program = new URL(inSource ? '../../../dist/watch-process.js' : '../../watch-process.js', import.meta.url);
  if (existsSync(program)) return fileURLToPath(program);
  throw new Error(`${fileURLToPath(program)} is missing: run npm run build`);
}
