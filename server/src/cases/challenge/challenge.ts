/**
 * Answering a challenge: the one place where a question, a second factor and the case meet, in one transaction.
 *
 * The port of a second factor is `Factor`; a factor that cannot say "proven" for sure says "refused", and an error never
 * confirms anything.
 */
import type { ChallengeAnswer, ChallengeOutcome, ChallengeView } from '@countersign/contract';
import { viewFinding } from '../../findings/enrich.ts';
import { Failure } from '../../ground/failure.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import { type Case, MAXIMUM_ATTEMPTS, type Outcome } from '../case.ts';
import { conductInput } from '../conduct.ts';
import { unitOf } from '../sql-store.ts';
import type { ChallengeTicket, LinkSigner } from './link.ts';

/** A way to prove who one is. `totp` here; others come beside it. */
export interface Factor {
  readonly kind: 'totp';
  /** True once for a proof that holds, inside the caller's transaction. */
  verify(
    trx: StateTransaction,
    personId: string,
    proof: { readonly code: string; readonly nowMs: number },
  ): Promise<boolean>;
}

export interface ChallengeOptions {
  readonly state: State;
  readonly links: LinkSigner;
  readonly factor: Factor;
  readonly channels: readonly string[];
  readonly nowMs: () => number;
}

/** @throws Failure `challenge-not-found` for a token that we did not mint. */
export async function viewChallenge(options: ChallengeOptions, token: string): Promise<ChallengeView> {
  return options.state.transaction(async (trx) => {
    const { found } = await open(options, trx, token);
    const findings = await unitOf(trx).findingsOfCase(found.id);
    return {
      caseId: found.id,
      person: found.person ?? { id: '', name: '' },
      state: stateOf(found),
      findings: findings.map(viewFinding),
      risk: found.risk,
      reasons: [...found.reasons],
      askedAt: new Date(found.state === 'asked' ? found.askedMs : found.openedMs).toISOString(),
      deadlineAt: new Date(found.state === 'asked' ? found.deadlineMs : found.updatedMs).toISOString(),
      digest: found.digest,
      factors: ['totp'],
      attemptsLeft: found.state === 'asked' ? found.attemptsLeft : 0,
    };
  });
}

/** @throws Failure `challenge-not-found`. Everything else is an outcome. */
export async function answerChallenge(options: ChallengeOptions, input: ChallengeAnswer): Promise<ChallengeOutcome> {
  return options.state.transaction(async (trx) => {
    const { found, ticket } = await open(options, trx, input.token);
    const nowMs = options.nowMs();
    const unit = unitOf(trx);
    const by = { id: ticket.personId, name: found.person?.name ?? '' };
    const conduct = { channels: options.channels, nowMs };
    if (input.answer === 'no') {
      const result = await conductInput(unit, found.id, { type: 'answered-no', by, reason: input.reason }, conduct);
      return outcomeOf(result, 'denied');
    }
    // A code counts once: it is not spent on an answer that could not count anyway.
    if (found.state === 'asked' && nowMs < found.deadlineMs) {
      if (input.digest !== found.digest) return { outcome: 'changes-differ', attemptsLeft: found.attemptsLeft };
      const proven = await options.factor.verify(trx, ticket.personId, { code: input.code ?? '', nowMs });
      if (!proven) {
        const result = await conductInput(
          unit,
          found.id,
          { type: 'code-refused', by, factor: options.factor.kind },
          conduct,
        );
        return outcomeOf(result, 'wrong-code');
      }
    }
    const proof = { factor: options.factor.kind, digest: input.digest };
    const result = await conductInput(
      unit,
      found.id,
      { type: 'answered-yes', by, reason: input.reason, proof },
      conduct,
    );
    return outcomeOf(result, 'confirmed');
  });
}

async function open(
  options: ChallengeOptions,
  trx: StateTransaction,
  token: string,
): Promise<{ found: Case; ticket: ChallengeTicket }> {
  const ticket = await options.links.read(trx, token);
  const found = ticket === null ? null : await unitOf(trx).loadCase(ticket.caseId);
  if (ticket === null || found === null) {
    const message = 'this link is not one of ours, or was cut off: open the whole link again';
    throw new Failure(message, { code: 'challenge-not-found', httpStatus: 404, retryable: false });
  }
  return { found, ticket };
}

function outcomeOf(
  result: { readonly case: Case; readonly outcome: Outcome } | null,
  whenDone: 'confirmed' | 'denied' | 'wrong-code',
): ChallengeOutcome {
  const attemptsLeft = result?.case.state === 'asked' ? result.case.attemptsLeft : 0;
  switch (result?.outcome) {
    case 'done':
      return { outcome: whenDone, attemptsLeft };
    case 'changes-differ':
    case 'wrong-code':
    case 'already-answered':
    case 'expired':
      return { outcome: result.outcome, attemptsLeft: Math.min(attemptsLeft, MAXIMUM_ATTEMPTS) };
    default:
      return { outcome: 'already-answered', attemptsLeft };
  }
}

function stateOf(found: Case): ChallengeView['state'] {
  if (found.state === 'asked') return 'waiting';
  if (found.state === 'confirmed') return 'confirmed';
  return found.answer?.answer === 'no' ? 'denied' : 'expired';
}
