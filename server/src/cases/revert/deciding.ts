/**
 * What people decide about reverts, wherever they do it: in the console or in chat. A second person, a fresh code, and exactly the plan
 * that was shown; or nothing.
 */
import type { Finding } from '../../findings/finding.ts';
import type { SecondFactor } from '../../people/sign-in/second-factor.ts';
import type { Cases } from '../cases.ts';
import type { Reverts } from './engine.ts';
import { findRevert, type Revert } from './store.ts';

export type Refusal = 'not-found' | 'second-person' | 'wrong-code' | 'plan-differs' | 'not-reverted' | 'not-waiting';

export type Decided =
  | { readonly type: 'done'; readonly revert: Revert }
  | { readonly type: 'refused'; readonly why: Refusal };

export interface DecisionGiven {
  readonly person: { readonly id: string };
  /** Of the plan that was shown. */
  readonly digest: string;
  readonly code: string;
  /** False: the answer does not wait for what is put back. */
  readonly waits?: boolean;
}

export interface Deciding {
  approve(id: string, decision: DecisionGiven): Promise<Decided>;
  undo(id: string, decision: DecisionGiven): Promise<Decided>;
  /** Why this person cannot decide; null: they can. */
  refusal(revert: Revert, personId: string): Promise<Refusal | null>;
}

export interface DecidingOptions {
  readonly cases: () => Cases;
  readonly reverts: Reverts;
  readonly secondFactor: SecondFactor;
  /** Ids of the people who did it, as far as they are known. */
  readonly madeBy: (findings: readonly Finding[]) => Promise<readonly string[]>;
}

/** The proof, the decision and the step are one transaction: a code is not used up by what is refused. */
class Refused extends Error {
  readonly why: Refusal;
  constructor(why: Refusal) {
    super(why);
    this.why = why;
  }
}

const MOST_WRONG = 5;
const WRONG_WITHIN_MS = 10 * 60_000;
const MOST_PEOPLE = 10_000;

export function createDeciding(options: DecidingOptions): Deciding {
  const { reverts } = options;
  const wrong = new Map<string, readonly number[]>();
  const recent = (id: string) => {
    const sinceMs = options.cases().nowMs() - WRONG_WITHIN_MS;
    return (wrong.get(id) ?? []).filter((atMs) => atMs > sinceMs);
  };
  /** Whoever guesses gets no more guesses for a while. */
  const isExhausted = (id: string) => recent(id).length >= MOST_WRONG;
  const noteWrong = (id: string) => {
    if (wrong.size >= MOST_PEOPLE) wrong.clear();
    wrong.set(id, [...recent(id), options.cases().nowMs()]);
  };
  return {
    approve: (id, decision) => decide(options, { id, decision, verb: 'approve' }),
    undo: (id, decision) => decide(options, { id, decision, verb: 'undo' }),
    refusal: (revert, personId) => refusalOf(options, revert, personId),
  };

  async function decide(
    { cases: room, secondFactor }: DecidingOptions,
    {
      id,
      decision,
      verb,
    }: { readonly id: string; readonly decision: DecisionGiven; readonly verb: 'approve' | 'undo' },
  ): Promise<Decided> {
    const { person, digest, code, waits = true } = decision;
    const cases = room();
    const revert = await findRevert(cases.state.db, id);
    if (revert === null) return { type: 'refused', why: 'not-found' };
    const why = await refusalOf(options, revert, person.id);
    if (why !== null) return { type: 'refused', why };
    if (revert.digest !== digest) return { type: 'refused', why: 'plan-differs' };
    try {
      const stepped = await cases.state.transaction(async (trx) => {
        const by = person.id;
        const step = verb === 'approve' ? reverts.approveIn(trx, id, { digest, by }) : reverts.undoIn(trx, id, by);
        if ((await step) === null) throw new Refused(verb === 'approve' ? 'plan-differs' : 'not-reverted');
        if (isExhausted(by)) throw new Refused('wrong-code');
        if (!(await secondFactor.verifyTotp(trx, by, { code, nowMs: cases.nowMs() }))) throw new Refused('wrong-code');
        return step;
      });
      if (!waits && stepped !== null) {
        // What fails here is gone on with from the outbox.
        void reverts.run(stepped.id).catch(() => null);
        return { type: 'done', revert: stepped };
      }
      const ended = stepped === null ? null : await reverts.run(stepped.id);
      return { type: 'done', revert: ended ?? stepped ?? revert };
    } catch (error) {
      if (error instanceof Refused && error.why === 'wrong-code') noteWrong(person.id);
      if (error instanceof Refused) return { type: 'refused', why: error.why };
      throw error;
    }
  }
}

/** Whoever made the change, or was asked about it, cannot be the second person. */
async function refusalOf(
  { cases: room, madeBy }: DecidingOptions,
  { caseId, event }: Revert,
  personId: string,
): Promise<Refusal | null> {
  if (caseId === null) return null;
  const cases = room();
  const { current, findings } = await cases.state.transaction(async (trx) => ({
    current: await cases.unit(trx).loadCase(caseId),
    findings: await cases.unit(trx).findingsOfCase(caseId),
  }));
  const first = [current?.person?.id, ...(await madeBy(findings))];
  // Whoever wished for a containment is its first person.
  const wished = event.service === 'countersign' ? (event.actors ?? []) : [];
  return [...first, ...wished].includes(personId) ? 'second-person' : null;
}
