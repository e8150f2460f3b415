/** Tells the server how this host is watched: at every change of state, and every ten seconds. Only the newest counts, so nothing is kept. */
import type { Clock } from '../ground/clock.ts';
import type { WatchHealth, WatchReport, WatchState } from '../sources/sensor/reports.ts';
import type { AgentCalls } from '../vendors/countersign/agent-calls.ts';

export interface WatchUplinkOptions {
  readonly calls: Pick<AgentCalls, 'tellWatch'>;
  readonly clock: Clock;
  readonly version: string;
  /** What to say to whoever reads that the sensor may not look. */
  readonly howToAllow: string;
}

const EVERY_MS = 10_000;

export class WatchUplink {
  readonly #options: WatchUplinkOptions;
  #state: WatchState | null = null;
  #problem: string | null = null;
  #health: WatchHealth | null = null;
  #changed = new AbortController();

  constructor(options: WatchUplinkOptions) {
    this.#options = options;
  }

  hear(report: WatchReport): void {
    if (report.type === 'health') this.#health = report.health;
    if (report.type !== 'state') return;
    this.#state = report.state;
    this.#problem = this.#withAdvice(report.state, report.problem);
    if (report.state !== 'watching') this.#health = null;
    this.#changed.abort();
  }

  /** A sensor that could be started says it itself; one that the system refuses to start cannot. */
  #withAdvice(state: WatchState, problem: string | null): string | null {
    const { howToAllow } = this.#options;
    if (state !== 'not-allowed' || problem?.includes(howToAllow) === true) return problem;
    return problem === null ? howToAllow : `${problem}\n${howToAllow}`;
  }

  /** Tells until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { calls, clock, version } = this.#options;
    while (!signal.aborted) {
      this.#changed = new AbortController();
      if (this.#state !== null) {
        await calls.tellWatch({ version, state: this.#state, problem: this.#problem, health: this.#health });
      }
      await clock.sleep(EVERY_MS, AbortSignal.any([signal, this.#changed.signal]));
    }
  }
}
