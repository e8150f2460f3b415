/**
 * The challenge page: what the person asked sees, and what the page sends back.
 *
 * The link carries its token in the URL fragment (`/challenge#<token>`), so that no server, proxy or referrer logs it;
 * the page sends it in the body. A token says which challenge; it is not a sign-in.
 */
import { type Static, Type } from 'typebox';
import { PersonRef } from './cases.ts';
import { FindingView, RiskReason } from './findings.ts';

export const ChallengeView = Type.Object({
  caseId: Type.String(),
  person: PersonRef,
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
  factors: Type.Array(Type.Union([Type.Literal('totp')])),
  attemptsLeft: Type.Integer(),
});
export type ChallengeView = Static<typeof ChallengeView>;

export const ChallengeLookup = Type.Object({ token: Type.String({ maxLength: 512 }) });
export type ChallengeLookup = Static<typeof ChallengeLookup>;

export const ChallengeAnswer = Type.Object({
  token: Type.String({ maxLength: 512 }),
  answer: Type.Union([Type.Literal('yes'), Type.Literal('no')]),
  reason: Type.String({ maxLength: 2000 }),
  /** Required with `yes`. */
  code: Type.Optional(Type.String({ maxLength: 16 })),
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
  ]),
  attemptsLeft: Type.Integer(),
});
export type ChallengeOutcome = Static<typeof ChallengeOutcome>;
