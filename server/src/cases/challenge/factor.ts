/**
 * The ports of second factors. Some hold or not at once (a code, a passkey); others take their time on a phone or on another
 * site, and are rows (`proof`) until they end.
 *
 * The surprise: "bypassed" is an ending of its own. A vendor that lets somebody in without asking them has proven nothing.
 */
import type { Factor as FactorKind } from '@countersign/contract';
import type { StateTransaction } from '../../ground/state.ts';
import type { Language } from '../../people/person.ts';
import type { Finding } from '../../findings/finding.ts';
import type { PersonRef } from '../case.ts';

/** Who proves, as factors know people. */
export interface Prover extends PersonRef {
  readonly email: string;
  readonly language: Language;
  /** What Duo knows the person by. */
  readonly duoUsername: string;
}

/** What is shown on the phone: the change that is being confirmed. */
export interface Shown {
  readonly headline: Finding;
  readonly changes: number;
  readonly deadlineMs: number;
}

/** A code from an authenticator. True once for a code that holds, inside the caller's transaction. */
export interface CodeFactor {
  verify(
    trx: StateTransaction,
    personId: string,
    proof: { readonly code: string; readonly nowMs: number },
  ): Promise<boolean>;
  has(trx: StateTransaction, personId: string): Promise<boolean>;
}

/** A key of the person's device, used over exactly one binding. */
export interface KeyFactor {
  /** Options for the browser; null when the person has no key. */
  begin(
    trx: StateTransaction,
    input: { readonly personId: string; readonly binding: string; readonly nowMs: number },
  ): Promise<unknown>;
  verify(
    trx: StateTransaction,
    input: { readonly personId: string; readonly binding: string; readonly response: unknown; readonly nowMs: number },
  ): Promise<boolean>;
  has(trx: StateTransaction, personId: string): Promise<boolean>;
}

/** Why a factor did not come to a proof. */
export type NoProof =
  | 'refused'
  | 'timed-out'
  | 'locked-out'
  | 'bypassed'
  | 'unavailable'
  | 'unreachable'
  | 'changes-differ';

export type PushBegun =
  | { readonly type: 'waiting'; readonly transactionId: string }
  | { readonly type: 'no-proof'; readonly why: NoProof }
  | { readonly type: 'later'; readonly afterMs: number };

export type PushStatus =
  | { readonly type: 'waiting'; readonly afterMs: number }
  | { readonly type: 'proven' }
  | { readonly type: 'fraud' }
  | { readonly type: 'no-proof'; readonly why: NoProof };

/** A question on the person's phone. Rejects never. */
export interface PushFactor {
  begin(prover: Prover, shown: Shown): Promise<PushBegun>;
  status(transactionId: string): Promise<PushStatus>;
}

/** A page of the vendor's that the person's browser visits. Rejects never. */
export interface PromptFactor {
  begin(
    prover: Prover,
    state: string,
  ): Promise<
    { readonly type: 'redirect'; readonly url: string } | { readonly type: 'no-proof'; readonly why: NoProof }
  >;
  finish(
    prover: Prover,
    code: string,
  ): Promise<
    { readonly type: 'proven' } | { readonly type: 'fraud' } | { readonly type: 'no-proof'; readonly why: NoProof }
  >;
}

/** What this server can prove with. */
export interface Factors {
  readonly totp: CodeFactor;
  readonly passkey: KeyFactor | null;
  readonly push: PushFactor | null;
  readonly prompt: PromptFactor | null;
}

/** How a person can prove a yes, the easiest first. */
export async function factorsOf(trx: StateTransaction, factors: Factors, personId: string): Promise<FactorKind[]> {
  const kinds: FactorKind[] = [];
  if (factors.push !== null) kinds.push('duo-push');
  if ((await factors.passkey?.has(trx, personId)) === true) kinds.push('passkey');
  if (await factors.totp.has(trx, personId)) kinds.push('totp');
  if (factors.prompt !== null) kinds.push('duo-prompt');
  return kinds;
}
