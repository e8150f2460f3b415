/**
 * Dedupe where it costs nothing: the first of a kind is told at once, what repeats it within a few minutes is counted. So is what one
 * rule says beyond a bound a minute, whatever it is about: a thousand renamed files are one attack.
 */

const WINDOW_MS = 5 * 60_000;
const MINUTE_MS = 60_000;
/** Of one rule in a minute. */
const MOST_OF_A_RULE = 30;
const MOST_KINDS = 20_000;

interface Kind {
  sinceMs: number;
  repeats: number;
}

interface Pace {
  minuteMs: number;
  told: number;
}

export class Repeats {
  readonly #kinds = new Map<string, Kind>();
  readonly #paces = new Map<string, Pace>();
  /** Not told one by one, since the beginning. */
  count = 0;

  /**
   * @param kind what makes two matches of the rule the same thing.
   * @returns how many of the kind were only counted since the last one that was told; null when this one is only counted too.
   */
  tell(rule: string, kind: string, nowMs: number): number | null {
    const key = `${rule}\0${kind}`;
    const known = this.#kinds.get(key);
    if (known !== undefined && nowMs - known.sinceMs < WINDOW_MS && nowMs >= known.sinceMs) {
      known.repeats += 1;
      this.count += 1;
      return null;
    }
    if (!this.#hasPace(rule, nowMs)) {
      this.count += 1;
      return null;
    }
    this.#kinds.delete(key);
    this.#kinds.set(key, { sinceMs: nowMs, repeats: 0 });
    this.#forget();
    return known?.repeats ?? 0;
  }

  #hasPace(rule: string, nowMs: number): boolean {
    const pace = this.#paces.get(rule);
    if (pace === undefined || nowMs - pace.minuteMs >= MINUTE_MS || nowMs < pace.minuteMs) {
      this.#paces.set(rule, { minuteMs: nowMs, told: 1 });
      return true;
    }
    pace.told += 1;
    return pace.told <= MOST_OF_A_RULE;
  }

  /** The oldest go first: maps keep the order in which keys came. */
  #forget(): void {
    if (this.#kinds.size <= MOST_KINDS) return;
    for (const oldest of this.#kinds.keys()) {
      this.#kinds.delete(oldest);
      return;
    }
  }
}
