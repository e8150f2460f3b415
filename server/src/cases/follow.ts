/**
 * The port of whatever shows cases elsewhere: a chat message that follows its case, a webhook that hears of each change.
 *
 * The surprise: a follower is told *that* a case changed, not to what. It looks at the case as it is now, so that calls which
 * come late, twice or out of order lead to the same picture.
 */
import type { Delivery } from './page/page.ts';

export interface CaseChanged {
  readonly caseId: string;
  /** Stable for this change: what makes telling it twice harmless. */
  readonly key: string;
  /** The kinds of the journal entries of this change. */
  readonly kinds: readonly string[];
  /** 1 on the first try. */
  readonly attempt: number;
}

export type Followed =
  | Delivery
  /** A part of it was done, and nothing failed: it is asked again for the rest. */
  | { readonly type: 'part-done' }
  /** The change is none that this follower tells. */
  | { readonly type: 'nothing-to-tell' };

export interface Follower {
  /** Unique among the followers, stable across restarts: part of the keys of effects. */
  readonly name: string;
  follow(change: CaseChanged): Promise<Followed>;
}
