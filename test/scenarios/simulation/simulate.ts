/**
 * Thousands of nights. Everything random comes from the seed, so that a violation can be seen again (on PostgreSQL up to the order of two
 * servers). With `everyStep` a night is played as often as it has steps, and dies at each of them once.
 */
import type { OpenNight } from './night-store.ts';
import { type NightChoice, type NightReport, playNight } from './night.ts';
import type { Violation } from './promises.ts';

export interface SimulationReport {
  readonly seeds: number;
  readonly nights: number;
  readonly steps: number;
  readonly crashes: number;
  readonly cases: number;
  readonly pages: number;
  /** Webhooks of PagerDuty that came in. */
  readonly webhooks: number;
  /** Places where a process died, of those that it went past. */
  readonly places: { readonly died: number; readonly passed: number; readonly never: readonly string[] };
  /** Faults that happened, by name. */
  readonly faults: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
}

export interface SimulateOptions {
  readonly seeds: number;
  readonly from: number;
  readonly everyStep?: boolean;
  readonly lyingVendor?: boolean;
  /** Where nights are kept; left out: in memory. */
  readonly open?: OpenNight;
  readonly progress?: (seed: number) => void;
}

const CRASH_SHARE = 0.015;

export async function simulate(options: SimulateOptions): Promise<SimulationReport> {
  const sums = new Sums();
  const { open, lyingVendor = false } = options;
  const choice = { lyingVendor, ...(open === undefined ? {} : { open }) };
  for (let seed = options.from; seed < options.from + options.seeds; seed += 1) {
    if (options.everyStep === true) await dieEverywhere({ ...choice, seed }, sums);
    else sums.add(await playNight({ ...choice, seed, crashShare: CRASH_SHARE, crashAt: null }));
    options.progress?.(seed);
  }
  return sums.report(options.seeds);
}

/** The same night again and again, each time dying one step later, until it ends before. */
async function dieEverywhere(choice: Omit<NightChoice, 'crashAt' | 'crashShare'>, sums: Sums): Promise<void> {
  for (let crashAt = 1; ; crashAt += 1) {
    const night = await playNight({ ...choice, crashShare: 0, crashAt });
    sums.add(night);
    if (night.chaos.crashes === 0) return;
  }
}

class Sums {
  #nights = 0;
  #steps = 0;
  #crashes = 0;
  #cases = 0;
  #pages = 0;
  #webhooks = 0;
  readonly #passed = new Set<string>();
  readonly #died = new Set<string>();
  readonly #faults = new Map<string, number>();
  readonly #violations: Violation[] = [];

  add({ chaos, cases, pages, webhooks, violations }: NightReport): void {
    this.#nights += 1;
    this.#steps += chaos.steps;
    this.#crashes += chaos.crashes;
    this.#cases += cases;
    this.#pages += pages;
    this.#webhooks += webhooks;
    for (const place of chaos.passed) this.#passed.add(place);
    for (const place of chaos.died) this.#died.add(place);
    for (const [fault, count] of chaos.faults) this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + count);
    this.#violations.push(...violations);
  }

  report(seeds: number): SimulationReport {
    return {
      seeds,
      nights: this.#nights,
      steps: this.#steps,
      crashes: this.#crashes,
      cases: this.#cases,
      pages: this.#pages,
      webhooks: this.#webhooks,
      places: {
        died: this.#died.size,
        passed: this.#passed.size,
        never: [...this.#passed].filter((place) => !this.#died.has(place)).sort(),
      },
      faults: Object.fromEntries([...this.#faults].sort(([one], [other]) => (one < other ? -1 : 1))),
      violations: this.#violations,
    };
  }
}
