/**
 * The port of a page channel: a way to call for help.
 *
 * Delivery is at least once: a channel gets the same key again after a crash, and hands on a `dedupKey` that makes the second
 * call the same page wherever the other side can tell.
 */
import type { Finding } from '../../findings/finding.ts';
import type { Case, PersonRef } from '../case.ts';

export interface PageMessage {
  readonly action: 'trigger' | 'acknowledge' | 'resolve';
  /** The same for everything about one case: what the other side knows it by. */
  readonly dedupKey: string;
  /** 1 for the first page, growing with each repetition. */
  readonly pageNumber: number;
  /** 1 on the first try of this very message; above 1 it may be a duplicate. */
  readonly attempt: number;
  /** The other side holds the case for acknowledged: it must call anew. */
  readonly anew: boolean;
  /** Whom a personal channel reaches; null for a channel of the configuration. */
  readonly person: PersonRef | null;
  readonly case: Case;
  readonly headline: Finding;
  /** Where a person sees the case. */
  readonly url: string;
}

export type Delivery =
  | { readonly type: 'delivered' }
  /** To be tried again; `afterMs` when the other side said how long to wait. Failures never end: they are shown and retried. */
  | { readonly type: 'failed'; readonly failure: string; readonly afterMs: number | null };

/** What became of a page. Only a way to a person can be lost; a channel of the configuration stays. */
export type PageDelivery =
  | Delivery
  /** This way to the person is gone for good, nothing is left to try: the person's other ways are taken. */
  | { readonly type: 'lost'; readonly why: string };

export interface PageChannel {
  /** Unique among the channels, stable across restarts: part of the keys of effects. */
  readonly name: string;
  deliver(message: PageMessage): Promise<PageDelivery>;
}

/** One line that says what happened, for a phone at night. */
export function summaryOf(message: Pick<PageMessage, 'case' | 'headline'>): string {
  const { headline, case: paged } = message;
  const { actor, action, resources, region } = headline.facts;
  const who = actor.session ?? actor.name;
  const where = headline.account === null ? '' : ` in ${headline.account.name}`;
  const what = resources[0] === undefined ? '' : ` on ${resources[0].id}`;
  const more = paged.findingIds.length > 1 ? ` (+${paged.findingIds.length - 1} more)` : '';
  const drill = paged.drill ? 'DRILL ' : '';
  if (headline.facts.source === 'alert') return `${drill}${headline.output}${more}`;
  return `${drill}Risk ${paged.risk}: ${who} called ${action}${what}${where}${region === null ? '' : ` / ${region}`}${more}`;
}

/** The console is always a channel: a paged case stands on its first page until somebody acknowledges it. */
export const consoleChannel: PageChannel = {
  name: 'console',
  deliver: async () => ({ type: 'delivered' }),
};
