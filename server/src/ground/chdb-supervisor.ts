/**
 * Keeps the chDB child process alive: starts it, learns its port, starts it again when it dies, waits longer each time.
 *
 * Nothing is lost when it dies: an insert that was not answered is sent again by whoever holds the inbox batch.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ChdbOrder, ChdbReport } from './chdb-process.ts';
import type { Clock } from './clock.ts';
import { Failure, messageOf } from './failure.ts';
import type { Log } from './log.ts';
import type { Random } from './random.ts';

export interface ChdbAddress {
  readonly port: number;
  readonly secret: string;
}

export interface SupervisorOptions {
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The compiled `chdb-process`; known by itself. */
  readonly program?: string | undefined;
}

const START_TIMEOUT_MS = 60_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
/** After this long without a crash the pauses start small again. */
const STABLE_MS = 60_000;
/** A former child that is about to end still holds the directory. */
const LOCKED_TRIES = 20;
const LOCKED_PAUSE_MS = 500;
const STOP_TIMEOUT_MS = 10_000;
const KEPT_STDERR = 4_000;
const SECRET_BYTES = 32;

export class ChdbSupervisor {
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  #child: ChildProcess | null = null;
  #address: ChdbAddress | null = null;
  #waiting: (() => void)[] = [];
  #restarts = 0;
  #quickDeaths = 0;
  #problem: string | null = null;

  private constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /**
   * Resolves when chDB answers for the first time.
   *
   * @throws Failure `events-unsupported`, `events-in-use`, `events-unusable`.
   */
  static async start(options: SupervisorOptions): Promise<ChdbSupervisor> {
    const supervisor = new ChdbSupervisor(options);
    makeDirectory(options.dataDirectory);
    for (let tried = 1; ; tried += 1) {
      try {
        await supervisor.#startChild();
        return supervisor;
      } catch (error) {
        if (!(error instanceof Failure && error.code === 'events-in-use') || tried >= LOCKED_TRIES) throw error;
        await options.clock.sleep(LOCKED_PAUSE_MS);
      }
    }
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Why it is down; null while it is up. */
  get problem(): string | null {
    return this.#problem;
  }

  get pid(): number | null {
    return this.#address === null ? null : (this.#child?.pid ?? null);
  }

  /** The address once chDB is up; a Failure `events-unavailable` when it is not within `timeoutMs`. */
  async address(timeoutMs: number): Promise<ChdbAddress> {
    if (this.#address === null && !this.#stopping.signal.aborted) {
      const up = new Promise<void>((resolve) => this.#waiting.push(resolve));
      const patience = new AbortController();
      await Promise.race([up, this.#options.clock.sleep(timeoutMs, patience.signal)]);
      patience.abort();
    }
    if (this.#address !== null) return this.#address;
    throw new Failure(`the events store is down: ${this.#problem ?? 'it is being stopped'}`, {
      code: 'events-unavailable',
      httpStatus: 503,
      retryable: true,
    });
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    const child = this.#child;
    this.#address = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.stdin?.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }

  async #startChild(): Promise<void> {
    const secret = this.#options.random.bytes(SECRET_BYTES).toString('base64url');
    const child = spawn(process.execPath, [this.#options.program ?? compiledProgram()], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC' },
    });
    this.#child = child;
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-KEPT_STDERR);
    });
    child.stdin.on('error', () => undefined);
    const order: ChdbOrder = { dataDirectory: this.#options.dataDirectory, secret };
    child.stdin.write(`${JSON.stringify(order)}\n`);
    const report = await firstReport(child, () => said);
    if (report.type === 'failed') throw failureOf(report, `${said}\n${report.message}`, this.#options.dataDirectory);
    if (this.#stopping.signal.aborted) return;
    this.#address = { port: report.port, secret };
    this.#problem = null;
    const startedMs = this.#options.clock.steadyMs();
    child.once('exit', (code, signal) => this.#died({ code, signal, said, startedMs }));
    for (const wake of this.#waiting.splice(0)) wake();
    this.#options.log.info('the events store is up', { engine: 'chdb', version: report.version });
  }

  #died(end: { code: number | null; signal: string | null; said: string; startedMs: number }): void {
    this.#address = null;
    if (this.#stopping.signal.aborted) return;
    const how = end.signal ?? `exit code ${end.code}`;
    this.#problem = `chDB ended unexpectedly (${how})`;
    this.#options.log.warn('the events store ended unexpectedly; starting it again', { how, said: end.said });
    const wasStable = this.#options.clock.steadyMs() - end.startedMs >= STABLE_MS;
    this.#quickDeaths = wasStable ? 0 : this.#quickDeaths + 1;
    this.#restart(this.#quickDeaths).catch((error: unknown) => {
      // Only a bug gets here: what chDB may do is handled inside.
      this.#problem = 'chDB could not be started again';
      this.#options.log.error('the events store could not be started again', { error });
    });
  }

  async #restart(quickDeaths: number): Promise<void> {
    for (let attempt = quickDeaths; !this.#stopping.signal.aborted; attempt += 1) {
      this.#restarts += 1;
      await this.#options.clock.sleep(
        Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempt, 20), LONGEST_PAUSE_MS),
        this.#stopping.signal,
      );
      if (this.#stopping.signal.aborted) return;
      try {
        await this.#startChild();
        return;
      } catch (error) {
        this.#problem = messageOf(error);
        this.#options.log.error('the events store did not start', { error });
      }
    }
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Failure(`the directory ${directory} cannot be made: ${messageOf(error)}`, {
      code: 'events-unusable',
      httpStatus: 503,
      retryable: true,
      cause: error,
    });
  }
}

/** TypeScript is run from its source only by tests; Node needs the compiled file. */
function compiledProgram(): string {
  const inSource = import.meta.url.endsWith('.ts');
  const program = new URL(inSource ? '../../dist/ground/chdb-process.js' : './chdb-process.js', import.meta.url);
  if (existsSync(program)) return fileURLToPath(program);
  throw new Error(`${fileURLToPath(program)} is missing: run npm run build`);
}

/** The child's first line; its end before that is a failure too. */
function firstReport(child: ChildProcess, said: () => string): Promise<ChdbReport> {
  return new Promise((resolve) => {
    let refusal: ChdbReport | null = null;
    const settle = (report: ChdbReport): void => {
      clearTimeout(timer);
      resolve(report);
    };
    const unusable = (message: string): ChdbReport => ({ type: 'failed', reason: 'unusable', message });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      settle(unusable(`no sign of life within ${START_TIMEOUT_MS / 1_000} s`));
    }, START_TIMEOUT_MS);
    child.once('error', (error) => settle(unusable(error.message)));
    // What a refused child wrote to stderr is complete only at its end.
    child.once('close', (code, signal) =>
      settle(refusal ?? unusable(`ended at once (${signal ?? code}) ${said()}`.trim())),
    );
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).once('line', (line) => {
      const report = JSON.parse(line) as ChdbReport;
      if (report.type === 'ready') settle(report);
      else refusal = report;
    });
  });
}

function failureOf(report: Extract<ChdbReport, { type: 'failed' }>, said: string, directory: string): Failure {
  if (report.reason === 'unsupported') {
    return new Failure(
      `chDB does not run on this machine (${report.message}): set COUNTERSIGN_EVENTS_URL to a ClickHouse server`,
      { code: 'events-unsupported', httpStatus: 503, retryable: false },
    );
  }
  if (/Cannot lock file/.test(said)) {
    return new Failure(`${directory} is in use by another process: stop it, or choose another directory with --data`, {
      code: 'events-in-use',
      httpStatus: 503,
      retryable: true,
    });
  }
  const firstLine = said.trim().split('\n').slice(0, 3).join(' ').slice(0, 500);
  return new Failure(
    `the events in ${directory} cannot be opened (${firstLine}): move the directory away to start with no events, or restore it`,
    { code: 'events-unusable', httpStatus: 503, retryable: true },
  );
}
