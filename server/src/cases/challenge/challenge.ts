/**
 * Answering a challenge: the one place where a question, a second factor and the case meet, in one transaction.
 *
 * A factor that cannot say "proven" for sure says "refused", and an error never confirms anything. A proof is of exactly the
 * changes that were shown: their digest comes back with the answer, and another digest answers nothing.
 */
import type { ChallengeAnswer, ChallengeOutcome, ChallengeView, Factor } from '@countersign/contract';
import { viewFinding } from '../../findings/enrich.ts';
import { Failure } from '../../ground/failure.ts';
import { httpFailures } from '../../ground/http-error.ts';
import type { StateTransaction } from '../../ground/state.ts';
import { MAXIMUM_ATTEMPTS } from '../asking.ts';
import type { AskedCase, Case, CaseInput, Outcome } from '../case.ts';
import type { Cases } from '../cases.ts';
import { type Factors, factorsOf, type Prover } from './factor.ts';
import type { ChallengeTicket, LinkSigner } from './link.ts';
import type { Proofs } from './proofs.ts';

/** Why it was done: what somebody types into chat and on the page alike. */
export const SHORTEST_REASON = 2;

export interface ChallengeOptions {
  readonly cases: Cases;
  readonly links: LinkSigner;
  readonly factors: Factors;
  readonly proofs: Proofs;
  readonly proverOf: (trx: StateTransaction, personId: string) => Promise<Prover | null>;
}

/** @throws Failure `challenge-not-found` for a token that we did not mint. */
export async function viewChallenge(options: ChallengeOptions, token: string): Promise<ChallengeView> {
  const { cases } = options;
  return cases.state.transaction(async (trx) => {
    const { found, ticket } = await open(options, trx, token);
    const findings = await cases.unit(trx).findingsOfCase(found.id);
    const proof = await options.proofs.latest(trx, found.id);
    const prover = await options.proverOf(trx, ticket.personId);
    return {
      caseId: found.id,
      person: found.person ?? { id: '', name: '' },
      language: prover?.language ?? 'en',
      asOwner: found.asOwner === true,
      state: stateOf(found),
      findings: findings.map(viewFinding),
      risk: found.risk,
      reasons: [...found.reasons],
      askedAt: new Date(found.state === 'asked' ? found.askedMs : found.openedMs).toISOString(),
      deadlineAt: new Date(found.state === 'asked' ? found.deadlineMs : found.updatedMs).toISOString(),
      digest: found.digest,
      factors: await factorsOf(trx, options.factors, ticket.personId),
      attemptsLeft: found.state === 'asked' ? found.attemptsLeft : 0,
      proof:
        proof === null || proof.state === 'proven' || proof.why === 'replaced'
          ? null
          : {
              factor: proof.factor as Factor,
              state: proof.ended_ms === null && proof.expires_ms > cases.nowMs() ? 'waiting' : 'failed',
              why: proof.ended_ms === null && proof.expires_ms <= cases.nowMs() ? 'timed-out' : proof.why,
            },
    };
  });
}

/** @throws Failure `challenge-not-found`, and `invalid-input` for a yes without a reason. Everything else is an outcome. */
export async function answerChallenge(options: ChallengeOptions, input: ChallengeAnswer): Promise<ChallengeOutcome> {
  const { cases } = options;
  const answered = await cases.state.transaction(async (trx) => {
    const { found, ticket } = await open(options, trx, input.token);
    const by = { id: ticket.personId, name: found.person?.name ?? '' };
    const conduct = (given: CaseInput) => cases.conductIn(trx, found.id, given);
    if (input.answer === 'no') {
      return outcomeOf(await conduct({ type: 'answered-no', by, reason: input.reason }), 'denied');
    }
    if (input.reason.trim().length < SHORTEST_REASON) {
      throw httpFailures.invalidInput('reason', `a yes needs a reason of ${SHORTEST_REASON} characters or more`);
    }
    // A code counts once: it is not spent on an answer that could not count anyway.
    const waits = found.state === 'asked' && cases.nowMs() < found.deadlineMs;
    if (waits && input.digest !== found.digest) {
      return { outcome: 'changes-differ' as const, attemptsLeft: found.attemptsLeft };
    }
    const factor = input.factor ?? 'totp';
    if (waits && (factor === 'duo-push' || factor === 'duo-prompt')) {
      return startProof(options, trx, found, { factor, reason: input.reason });
    }
    if (waits && !(await holds(options, trx, found, { ...input, factor }))) {
      return outcomeOf(await conduct({ type: 'code-refused', by, factor }), 'wrong-code');
    }
    const proof = { factor, digest: input.digest };
    return outcomeOf(await conduct({ type: 'answered-yes', by, reason: input.reason, proof }), 'confirmed');
  });
  return 'prompt' in answered ? goToPrompt(options, answered.prompt) : answered;
}

/** What a browser needs to use a passkey on exactly these changes; null when the person has none. */
export async function beginPasskey(
  options: ChallengeOptions,
  input: { readonly token: string; readonly digest: string },
): Promise<unknown> {
  const { cases, factors } = options;
  return cases.state.transaction(async (trx) => {
    const { found } = await open(options, trx, input.token);
    if (factors.passkey === null || found.state !== 'asked' || found.digest !== input.digest) return null;
    const binding = bindingOf(found);
    return factors.passkey.begin(trx, { personId: found.person.id, binding, nowMs: cases.nowMs() });
  });
}

async function holds(
  { factors, cases }: ChallengeOptions,
  trx: StateTransaction,
  asked: AskedCase,
  input: ChallengeAnswer & { readonly factor: Factor },
): Promise<boolean> {
  const nowMs = cases.nowMs();
  const personId = asked.person.id;
  if (input.factor === 'totp') return factors.totp.verify(trx, personId, { code: input.code ?? '', nowMs });
  if (factors.passkey === null) return false;
  return factors.passkey.verify(trx, { personId, binding: bindingOf(asked), response: input.passkey, nowMs });
}

/** A key signs over the case and the digest of its changes: an assertion for anything else does not verify. */
function bindingOf({ id, digest }: AskedCase): string {
  return `${id}:${digest}`;
}

interface PromptToOpen {
  readonly prover: Prover;
  readonly state: string;
  readonly proofId: string;
  readonly attemptsLeft: number;
}

async function startProof(
  options: ChallengeOptions,
  trx: StateTransaction,
  asked: AskedCase,
  { factor, reason }: { readonly factor: 'duo-push' | 'duo-prompt'; readonly reason: string },
): Promise<ChallengeOutcome | { readonly prompt: PromptToOpen }> {
  const { attemptsLeft, digest } = asked;
  const available = factor === 'duo-push' ? options.factors.push !== null : options.factors.prompt !== null;
  const prover = await options.proverOf(trx, asked.person.id);
  if (!available || prover === null) return { outcome: 'cannot-prove', attemptsLeft };
  const { id, state } = await options.proofs.start(trx, { asked, digest, reason, factor });
  return state === null
    ? { outcome: 'proving', attemptsLeft }
    : { prompt: { prover, state, proofId: id, attemptsLeft } };
}

/** The vendor is asked outside the transaction; a browser that never comes back leaves a proof that expires. */
async function goToPrompt(options: ChallengeOptions, prompt: PromptToOpen): Promise<ChallengeOutcome> {
  const { attemptsLeft, proofId } = prompt;
  const begun = await options.factors.prompt?.begin(prompt.prover, prompt.state);
  if (begun?.type === 'redirect') return { outcome: 'redirect', url: begun.url, attemptsLeft };
  await options.proofs.fail(proofId, begun?.why ?? 'unavailable');
  return { outcome: 'cannot-prove', attemptsLeft };
}

async function open(
  options: ChallengeOptions,
  trx: StateTransaction,
  token: string,
): Promise<{ found: Case; ticket: ChallengeTicket }> {
  const ticket = await options.links.read(trx, token);
  const found = ticket === null ? null : await options.cases.unit(trx).loadCase(ticket.caseId);
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
