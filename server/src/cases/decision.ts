/**
 * How far putting back may go where the policy wants it. `usual` leaves it to the catalogue; the others are the policy's own word,
 * which goes before the catalogue's, except for what only a person can put back.
 */
export type RevertWish = 'usual' | 'plan' | 'approve' | 'auto';

/** What a policy leads to. `revert` stands beside a challenge or page; left out: nothing is put back. */
export type Decision =
  | { readonly type: 'record' }
  | {
      readonly type: 'challenge';
      readonly ask: 'actor' | 'owner';
      readonly withinMs: number;
      /** The ladder that is climbed when the challenge ends in a page; left out: the account's, else the default. */
      readonly escalation?: string;
      readonly revert?: RevertWish;
      /** What the catalogue puts back at once is put back while the person is asked. */
      readonly revertFirst?: boolean;
    }
  | { readonly type: 'page'; readonly escalation?: string; readonly revert?: RevertWish };
