/**
 * Times pieces of work fairly: they take turns, so that a machine that slows down or speeds up meanwhile treats all alike, and
 * the median is told with its spread.
 */

export interface Measured {
  /** Milliseconds of one round. */
  readonly medianMs: number;
  readonly fastestMs: number;
  readonly slowestMs: number;
}

export interface MeasureOptions {
  readonly rounds: number;
  readonly warmUpRounds: number;
}

/** Runs each piece of work once a round. The order turns, and what a piece returns is kept from being optimised away. */
export function measureInTurns<Name extends string>(
  work: Readonly<Record<Name, () => unknown>>,
  options: MeasureOptions,
): Record<Name, Measured> {
  const names = Object.keys(work) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < options.warmUpRounds + options.rounds; round += 1) {
    const turned = [...names.slice(round % names.length), ...names.slice(0, round % names.length)];
    for (const name of turned) {
      const start = process.hrtime.bigint();
      kept = work[name]();
      const ms = Number(process.hrtime.bigint() - start) / 1e6;
      if (round >= options.warmUpRounds) times.get(name)?.push(ms);
    }
  }
  return Object.fromEntries(names.map((name) => [name, summary(times.get(name) ?? [])])) as Record<Name, Measured>;
}

/** The result of the last piece of work, so that it counts as used. */
export let kept: unknown;

function summary(times: readonly number[]): Measured {
  const sorted = [...times].sort((one, other) => one - other);
  const at = (index: number) => Math.round((sorted[index] ?? Number.NaN) * 1000) / 1000;
  return { medianMs: at(Math.floor(sorted.length / 2)), fastestMs: at(0), slowestMs: at(sorted.length - 1) };
}
