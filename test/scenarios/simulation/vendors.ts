/**
 * The outside world of a night: vendors that are down for a while, slow, that take a message and lose the answer, and a chat that
 * follows cases. What a vendor took stays taken, whatever became of the process that sent it.
 */
import type { Followed, Follower } from '../../../server/src/cases/follow.ts';
import type { PageChannel, PageDelivery, PageMessage } from '../../../server/src/cases/page/page.ts';
import type { Chaos, Process } from './chaos.ts';

export interface Vendor {
  readonly name: string;
  /** What it does with a message that it took. */
  readonly take: (message: PageMessage) => void;
}

const DOWN_SHARE = 0.15;
const SLOW_SHARE = 0.08;
const LOST_SHARE = 0.1;
/** An outage begins with this chance for each message, and lasts for so many. */
const OUTAGE_SHARE = 0.01;
const OUTAGE_LENGTH = 15;
const DOWN = { type: 'failed', failure: 'down', afterMs: null } as const;
const LOST = { type: 'failed', failure: 'the answer was lost', afterMs: null } as const;

export class Outside {
  readonly #chaos: Chaos;
  /** Messages that each vendor still refuses. */
  readonly #outages = new Map<string, number>();
  readonly #slow: (() => void)[] = [];
  #onSlow: () => void = () => undefined;

  constructor(chaos: Chaos) {
    this.#chaos = chaos;
  }

  channel({ name, take }: Vendor, process: Process): PageChannel {
    return { name, deliver: (message) => this.#deliver(name, process, () => take(message)) };
  }

  follower(name: string, process: Process, take: (caseId: string) => Promise<void>): Follower {
    return {
      name,
      follow: async ({ caseId }): Promise<Followed> => {
        this.#chaos.step(process, `${name}: before it is told`);
        if (this.#isDown(name)) return DOWN;
        await take(caseId);
        this.#chaos.step(process, `${name}: after it was told`);
        return this.#chaos.happens('answers lost', LOST_SHARE) ? LOST : { type: 'delivered' };
      },
    };
  }

  /** Resolves when somebody waits for a slow vendor. */
  slowness(): Promise<void> {
    return new Promise((resolve) => (this.#onSlow = resolve));
  }

  get waiting(): number {
    return this.#slow.length;
  }

  /** One of those that are waited for answers at last; not always the first. */
  answerOne(): void {
    const [answer] = this.#slow.splice(this.#chaos.below(this.#slow.length), 1);
    answer?.();
  }

  async #deliver(name: string, process: Process, take: () => void): Promise<PageDelivery> {
    this.#chaos.step(process, `${name}: before it is sent`);
    if (this.#isDown(name)) return DOWN;
    // Whether it is taken before the long wait or after it, nobody outside can tell.
    const isTakenLate = this.#chaos.random.fraction() < 0.5;
    if (!isTakenLate) take();
    if (this.#chaos.happens('slow answers', SLOW_SHARE)) await this.#wait();
    if (isTakenLate) take();
    this.#chaos.step(process, `${name}: after it was sent`);
    return this.#chaos.happens('answers lost', LOST_SHARE) ? LOST : { type: 'delivered' };
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#slow.push(resolve);
      this.#onSlow();
    });
  }

  #isDown(name: string): boolean {
    if (!this.#chaos.isOn) return false;
    const left = this.#outages.get(name) ?? 0;
    if (left > 0) {
      this.#outages.set(name, left - 1);
      this.#chaos.count('vendor down');
      return true;
    }
    if (this.#chaos.happens('outages', OUTAGE_SHARE)) this.#outages.set(name, OUTAGE_LENGTH);
    return this.#chaos.happens('vendor down', DOWN_SHARE);
  }
}
