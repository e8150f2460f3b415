/**
 * The challenge page: what the person asked sees, and what the page sends back.
 *
 * The link carries its token in the URL fragment (`/challenge#<token>`), so that no server, proxy or referrer logs it;
 * the page sends it in the body. A token says which challenge; it is not a sign-in.
 */
import { type Static, Type } from 'typebox';
import { Factor, PersonRef } from './cases.ts';
import { FindingView, RiskReason } from './findings.ts';

export const ChallengeView = Type.Object({
  caseId: Type.String(),
  person: PersonRef,
  /** The person's own. */
  language: Type.Union([Type.Literal('en'), Type.Literal('ja')]),
  /** Asked because the account is theirs to answer for, and not because they did it. */
  asOwner: Type.Boolean(),
  state: Type.Union([
    Type.Literal('waiting'),
    Type.Literal('confirmed'),
    Type.Literal('denied'),
    Type.Literal('expired'),
  ]),
  findings: Type.Array(FindingView),
  risk: Type.Integer(),
  reasons: Type.Array(RiskReason),
  askedAt: Type.String(),
  deadlineAt: Type.String(),
  /** SHA-256 (hex) over exactly the changes shown; an answer must repeat it. */
  digest: Type.String(),
  /** How this person can prove a yes, the easiest first; empty when they cannot. */
  factors: Type.Array(Factor),
  attemptsLeft: Type.Integer(),
  /** A second factor that has begun and waits for the person elsewhere, or the last one that came to nothing. */
  proof: Type.Union([
    Type.Object({
      factor: Factor,
      state: Type.Union([Type.Literal('waiting'), Type.Literal('failed')]),
      /** Why it failed: `timed-out`, `refused`, `bypassed`, `unavailable`, `unreachable`, `changes-differ`. */
      why: Type.Union([Type.String(), Type.Null()]),
    }),
    Type.Null(),
  ]),
});
export type ChallengeView = Static<typeof ChallengeView>;

export const ChallengeLookup = Type.Object({ token: Type.String({ maxLength: 512 }) });
export type ChallengeLookup = Static<typeof ChallengeLookup>;

export const ChallengeAnswer = Type.Object({
  token: Type.String({ maxLength: 512 }),
  answer: Type.Union([Type.Literal('yes'), Type.Literal('no')]),
  reason: Type.String({ maxLength: 2000 }),
  /** With `yes`: how it is proven. Left out: `totp`. */
  factor: Type.Optional(Factor),
  /** With `totp`. */
  code: Type.Optional(Type.String({ maxLength: 16 })),
  /** With `passkey`: the assertion as the browser gave it. */
  passkey: Type.Optional(Type.Unknown()),
  digest: Type.String({ maxLength: 64 }),
});
export type ChallengeAnswer = Static<typeof ChallengeAnswer>;

export const ChallengeOutcome = Type.Object({
  outcome: Type.Union([
    Type.Literal('confirmed'),
    Type.Literal('denied'),
    Type.Literal('wrong-code'),
    Type.Literal('changes-differ'), // more changes arrived since the page was drawn: read them first
    Type.Literal('already-answered'),
    Type.Literal('expired'),
    Type.Literal('proving'), // look at the phone; the page asks again
    Type.Literal('redirect'), // go to `url` to prove it there
    Type.Literal('cannot-prove'), // this second factor cannot be used now: take another
  ]),
  url: Type.Optional(Type.String()),
  attemptsLeft: Type.Integer(),
});
export type ChallengeOutcome = Static<typeof ChallengeOutcome>;

/** Asks for the options with which the browser uses a passkey, for exactly these changes. */
export const ChallengePasskey = Type.Object({
  token: Type.String({ maxLength: 512 }),
  digest: Type.String({ maxLength: 64 }),
});
export type ChallengePasskey = Static<typeof ChallengePasskey>;
