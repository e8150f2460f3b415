/**
 * Putting a question to a person: chat first, mail where there is no chat, and the console for whoever has it open.
 *
 * The surprise: a way that refuses for good leads to the next way at once; only when every way fails is the question tried again,
 * and in the end withdrawn, which pages.
 */
import type { Finding } from '../../findings/finding.ts';
import type { KnownPerson } from '../../people/person.ts';
import { changesIn } from '../burst.ts';
import type { AskedCase } from '../case.ts';
import type { Cases } from '../cases.ts';
import type { Delivery } from '../page/page.ts';
import type { LinkSigner } from './link.ts';

export interface Question {
  readonly asked: AskedCase;
  readonly headline: Finding;
  readonly changes: number;
  readonly person: KnownPerson;
  /** The page that answers; the token stands in the fragment. */
  readonly answerUrl: string;
}

/** One way to ask. `cannot`: this person is not reached by it; nothing was sent. */
export type Asking = Delivery | { readonly type: 'cannot' };

export interface AskingWay {
  readonly name: 'slack' | 'email';
  ask(question: Question): Promise<Asking>;
}

export interface AskOptions {
  readonly cases: Cases;
  readonly links: LinkSigner;
  readonly ways: readonly AskingWay[];
  readonly publicUrl: () => string;
  readonly personOf: (personId: string) => Promise<KnownPerson | null>;
}

/** Asks about a case as it is now. What no longer waits is asked about no more. */
export function createAsk({
  cases,
  links,
  ways,
  publicUrl,
  personOf,
}: AskOptions): (caseId: string) => Promise<Delivery> {
  return async (caseId) => {
    // Without a way out of the console the question stands there, on the Now page of the person asked.
    if (ways.length === 0) return { type: 'delivered' };
    const found = await cases.state.transaction(async (trx) => {
      const asked = await cases.unit(trx).loadCase(caseId);
      if (asked?.state !== 'asked') return null;
      const findings = await cases.unit(trx).findingsOfCase(caseId);
      const ticket = { caseId, personId: asked.person.id, expiresMs: asked.deadlineMs };
      return { asked, findings, token: await links.mint(trx, ticket, cases.nowMs()) };
    });
    if (found === null) return { type: 'delivered' };
    const { asked, findings, token } = found;
    const headline = findings.find(({ id }) => id === asked.headlineId) ?? findings[0];
    const person = await personOf(asked.person.id);
    if (headline === undefined || person === null) {
      return { type: 'failed', failure: 'the person asked is no longer known', afterMs: null };
    }
    const answerUrl = `${publicUrl()}/challenge#${token}`;
    const question: Question = { asked, headline, changes: changesIn(findings), person, answerUrl };
    const failures: string[] = [];
    let afterMs: number | null = null;
    for (const way of ways) {
      const asking = await way.ask(question);
      if (asking.type === 'delivered') return asking;
      if (asking.type === 'cannot') continue;
      failures.push(`${way.name}: ${asking.failure}`);
      afterMs = asking.afterMs;
    }
    const failure = failures.length === 0 ? 'nothing reaches this person' : failures.join('; ');
    return { type: 'failed', failure, afterMs };
  };
}
