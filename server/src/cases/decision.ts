/** What a policy leads to. `revert` is planned beside a challenge or page once reverts exist. */
export type Decision =
  | { readonly type: 'record' }
  | { readonly type: 'challenge'; readonly ask: 'actor' | 'owner'; readonly withinMs: number }
  | { readonly type: 'page' };
