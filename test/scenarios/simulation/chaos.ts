/**
 * What goes wrong in a night: processes die between any two steps, and everything random comes from one seed. Counts what really
 * happened, so that a simulation cannot claim more than it did.
 */
import type { Random } from '../../../server/src/ground/random.ts';

/** One life of a server's process. Whatever it still has in flight dies with it. */
export class Process {
  alive = true;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** The process is gone: nothing after this happens. */
export class Crash extends Error {}

export interface ChaosOptions {
  /** Share of the steps at which a process dies. */
  readonly crashShare: number;
  /** Dies at exactly this step and at no other; null: by chance. */
  readonly crashAt: number | null;
}

export class Chaos {
  steps = 0;
  crashes = 0;
  /** Off for the end of a night, which is played in peace. */
  isOn = true;
  /** Where processes went past, and where they died. */
  readonly passed = new Set<string>();
  readonly died = new Set<string>();
  /** Faults that happened, by name. */
  readonly faults = new Map<string, number>();
  readonly random: Random;
  readonly #options: ChaosOptions;

  constructor(random: Random, options: ChaosOptions) {
    this.random = random;
    this.#options = options;
  }

  /** Something is awaited: before it, or after it, the process may die. */
  step(process: Process, place: string): void {
    if (!process.alive) throw new Crash('this process has died');
    this.steps += 1;
    this.passed.add(place);
    if (!this.isOn || !this.#isTime()) return;
    process.alive = false;
    this.crashes += 1;
    this.died.add(place);
    throw new Crash(`the process died at: ${place}`);
  }

  /** Whether a fault happens; never in peace. */
  happens(fault: string, share: number): boolean {
    if (!this.isOn || this.random.fraction() >= share) return false;
    this.count(fault);
    return true;
  }

  count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }

  /** A whole number below `most`. */
  below(most: number): number {
    return Math.floor(this.random.fraction() * most);
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }

  #isTime(): boolean {
    const { crashAt, crashShare } = this.#options;
    return crashAt === null ? this.random.fraction() < crashShare : this.steps === crashAt;
  }
}
