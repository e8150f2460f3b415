/** What a policy leads to. `revert` is planned beside a challenge or page once reverts exist. */
export type Decision =
  | { readonly type: 'record' }
  | {
      readonly type: 'challenge';
      readonly ask: 'actor' | 'owner';
      readonly withinMs: number;
      /** The ladder that is climbed when the challenge ends in a page; left out: the account's, else the default. */
      readonly escalation?: string;
    }
  | { readonly type: 'page'; readonly escalation?: string };
