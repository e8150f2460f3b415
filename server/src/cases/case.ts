/**
 * A case, as a pure state machine. Everything that happens to a case goes through `decide`; it never throws on an input that
 * comes late, twice or to the wrong state, it answers `ignored` and says why.
 *
 * ```
 *             challenge                yes + proof of exactly these changes
 *  openCase ───────────────▶ asked ───────────────────────────────────────▶ confirmed
 *     │                        │  ▲ more changes: same deadline, new digest
 *     │ page · nobody to ask   │ no · fraud · deadline · wrong codes · cannot ask · a worse change
 *     └────────────────────────┴──▶ paged ── acknowledge · snooze ──▶ acknowledged ── resolve ──▶ resolved
 *                                   │  ▲                                  │                          │
 *                                   └──┴──── page again · reassign ◀──────┘ runs out · taken back ◀──┘ reopened
 *                                (up the ladder until a person acknowledges)
 * ```
 *
 * Every arrow is one journal entry. An answer that comes after the deadline is recorded and never takes a page back. Whom a
 * page reaches is an argument (`Planner`): it was read from schedules and ladders before, so that deciding stays pure.
 */
import type { Factor, PageCause, Priority, RiskReason } from '@countersign/contract';
import type { LadderPosition } from '../people/on-call/escalation.ts';
import {
  addFindings,
  expireChallenge,
  noteProof,
  openChallenge,
  reportFraud,
  refuseCode,
  takeAnswer,
} from './asking.ts';
import type { Decision } from './decision.ts';
import {
  acknowledge,
  addResponders,
  climb,
  expireAcknowledgement,
  holdElsewhere,
  quietenElsewhere,
  leave,
  loseWay,
  merge,
  noteRevert,
  openPage,
  page,
  prioritise,
  reassign,
  reopen,
  repeatPage,
  resolve,
  snooze,
  unacknowledge,
} from './paging.ts';
import type { Planner } from './page/planner.ts';
import { ignored, noted } from './verdict.ts';

export interface PersonRef {
  readonly id: string;
  readonly name: string;
}

/** What is proven, and how: the factor, over the digest of exactly the changes that were shown. */
export interface Proof {
  readonly factor: Factor;
  readonly digest: string;
}

export interface Answer {
  readonly answer: 'yes' | 'no';
  readonly reason: string;
  readonly by: PersonRef;
  /** Null for "no", which needs no proof. */
  readonly factor: Proof['factor'] | null;
  readonly atMs: number;
}

/** T0…T7: from the event to the end, in ms since 1970; null while it has not happened. The last of its kind counts. */
export interface CaseTimes {
  readonly eventMs: number;
  readonly receivedMs: number;
  readonly askedMs: number | null;
  readonly answeredMs: number | null;
  /** The first page. */
  readonly pagedMs: number | null;
  /** The first acknowledgement. */
  readonly acknowledgedMs: number | null;
  readonly containedMs: number | null;
  readonly resolvedMs: number | null;
}

export interface CaseFacts {
  readonly id: string;
  readonly burstKey: string;
  /** Grows by one with every decision that changed something. */
  readonly version: number;
  readonly risk: number;
  readonly reasons: readonly RiskReason[];
  /** The finding that speaks for the case. */
  readonly headlineId: string;
  readonly findingIds: readonly string[];
  /** SHA-256 over the changes; an answer must repeat it. */
  readonly digest: string;
  /** Of the events, not of their arrival. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly openedMs: number;
  readonly updatedMs: number;
  /** Who was asked; null when the case was paged without asking. */
  readonly person: PersonRef | null;
  /** Asked because the account is theirs to answer for, and not because they did it. */
  readonly asOwner?: boolean;
  readonly answer: Answer | null;
  /** Said after the decision: it is told once, however often it is said. */
  readonly lateAnswer?: 'yes' | 'no';
  /** Who tried to answer for somebody else; each is told once. */
  readonly turnedAway?: readonly string[];
  readonly times: CaseTimes;
  /** An exercise: labelled everywhere, left out of the numbers. */
  readonly drill: boolean;
  /** Who answers for the account: a team or an address. */
  readonly team: string | null;
  readonly account: string | null;
  readonly rule: string;
  /** The ladder to climb; null: the built-in one, which calls every channel. */
  readonly escalation: string | null;
  readonly priority: Priority | null;
}

export interface AskedCase extends CaseFacts {
  readonly state: 'asked';
  readonly person: PersonRef;
  readonly askedMs: number;
  readonly deadlineMs: number;
  readonly attemptsLeft: number;
}

export interface ConfirmedCase extends CaseFacts {
  readonly state: 'confirmed';
  readonly answer: Answer;
}

export interface WasPaged extends CaseFacts {
  readonly cause: PageCause;
  readonly pagedMs: number;
  /** 0 while held by a maintenance window, 1 for the first page, growing with every repetition. */
  readonly pageNumber: number;
  /** Where on the ladder the next page stands. */
  readonly position: LadderPosition;
  /** Whose turn it is where a step goes round. */
  readonly turn: number;
  /** Channels of the configuration that were called: they hear of the acknowledgement and the end. */
  readonly called: readonly string[];
  /** Those of them that were told of an acknowledgement since they were last called: they hold the page for acknowledged. */
  readonly hushed: readonly string[];
  /** Handed to these people: they are called before the ladder goes on. */
  readonly assigned: readonly PersonRef[];
  readonly responders: readonly PersonRef[];
}

export interface PagedCase extends WasPaged {
  readonly state: 'paged';
}

export interface AcknowledgedCase extends WasPaged {
  readonly state: 'acknowledged';
  readonly acknowledgedBy: PersonRef;
  /** When silence pages again. */
  readonly deadlineMs: number;
}

export interface ResolvedCase extends WasPaged {
  readonly state: 'resolved';
  readonly resolvedBy: PersonRef;
  /** The case that goes on with this one; null for an end of its own. */
  readonly mergedInto: string | null;
}

export type Case = AskedCase | ConfirmedCase | PagedCase | AcknowledgedCase | ResolvedCase;

/** What the findings of a case come to. */
export interface Gathered {
  readonly risk: number;
  readonly reasons: readonly RiskReason[];
  readonly decision: Decision;
  readonly headlineId: string;
  readonly findingIds: readonly string[];
  readonly digest: string;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly drill: boolean;
  readonly team: string | null;
  readonly account: string | null;
  readonly rule: string;
  readonly escalation: string | null;
  /** The headline's event: T0. */
  readonly eventMs: number;
  /** A maintenance window holds the page back until then. */
  readonly heldUntilMs: number | null;
}

/** A page could not reach a person by this way, and never will. */
export interface LostWay {
  readonly way: string;
  readonly person: PersonRef;
  readonly call: 'ladder' | 'responder';
  readonly pageNumber: number;
  readonly onlyWay: boolean;
}

export type CaseInput =
  | { readonly type: 'findings-added'; readonly gathered: Gathered }
  | { readonly type: 'answered-yes'; readonly by: PersonRef; readonly reason: string; readonly proof: Proof }
  | { readonly type: 'answered-no'; readonly by: PersonRef; readonly reason: string }
  | { readonly type: 'code-refused'; readonly by: PersonRef; readonly factor: Proof['factor'] }
  | {
      readonly type: 'proof-started';
      readonly by: PersonRef;
      readonly factor: Proof['factor'];
      readonly reason: string;
    }
  | { readonly type: 'proof-failed'; readonly by: PersonRef; readonly factor: Proof['factor']; readonly why: string }
  | { readonly type: 'fraud-reported'; readonly by: PersonRef; readonly factor: Proof['factor'] }
  | { readonly type: 'cannot-ask'; readonly why: string }
  /** Out of service: asks and holds nothing any more. */
  | { readonly type: 'person-left'; readonly person: PersonRef }
  | { readonly type: 'challenge-due'; readonly deadlineMs: number }
  | { readonly type: 'page-due'; readonly pageNumber: number }
  | { readonly type: 'acknowledgement-due'; readonly deadlineMs: number }
  | ({ readonly type: 'way-lost' } & LostWay)
  | { readonly type: 'acknowledged'; readonly by: PersonRef }
  | { readonly type: 'unacknowledged'; readonly by: PersonRef; readonly elsewhere?: boolean }
  /** A channel holds the page for acknowledged, and nobody acknowledged it. */
  | { readonly type: 'held-elsewhere'; readonly by: PersonRef }
  /** A channel began to call after it was told that nobody needs to be called: a message was long on its way. */
  | { readonly type: 'called-elsewhere'; readonly by: PersonRef }
  | { readonly type: 'snoozed'; readonly by: PersonRef; readonly untilMs: number }
  | { readonly type: 'escalated'; readonly by: PersonRef }
  | {
      readonly type: 'reassigned';
      readonly by: PersonRef;
      readonly to: readonly PersonRef[];
      readonly escalation: string | null;
    }
  | { readonly type: 'responders-added'; readonly by: PersonRef; readonly people: readonly PersonRef[] }
  | { readonly type: 'noted'; readonly by: PersonRef; readonly text: string }
  | { readonly type: 'prioritised'; readonly by: PersonRef; readonly priority: Priority | null }
  | { readonly type: 'merged'; readonly by: PersonRef; readonly into: string }
  | { readonly type: 'absorbed'; readonly by: PersonRef; readonly from: string }
  | { readonly type: 'resolved'; readonly by: PersonRef; readonly note: string }
  | { readonly type: 'reopened'; readonly by: PersonRef; readonly why: string }
  /** Putting back went a step further. One that failed calls for help again where nobody is being called. */
  | { readonly type: 'revert-stepped'; readonly entry: CaseEntry; readonly outcome: 'begun' | 'contained' | 'failed' };

/** What is to be done; keys are stable, so that doing it twice is one thing done. */
export type CaseEffect =
  | { readonly type: 'ask' }
  | {
      readonly type: 'page';
      readonly action: 'trigger' | 'acknowledge' | 'resolve';
      readonly pageNumber: number;
      /** A personal channel (`slack`, `email`, `sms` …) with `person`, else a channel of the configuration. */
      readonly channel: string;
      readonly person: PersonRef | null;
      /** A responder is called also while somebody else has acknowledged. */
      readonly call: 'ladder' | 'responder';
      /** Nothing else calls this person: when the way is lost, others are looked for. */
      readonly onlyWay?: boolean;
      /** The other side holds the page for acknowledged: it must begin anew there, or nobody would be called. */
      readonly anew?: boolean;
      readonly dueMs: number;
    }
  | { readonly type: 'challenge-deadline'; readonly dueMs: number }
  | { readonly type: 'page-repeat'; readonly dueMs: number; readonly pageNumber: number }
  | { readonly type: 'acknowledgement-deadline'; readonly dueMs: number }
  /** Whatever shows the case elsewhere (chat, a webhook) looks at it again. Added to every decision, never decided. */
  | { readonly type: 'follow'; readonly follower: string; readonly kinds: readonly string[] }
  /** A second factor that takes its time goes on. Put by whoever started it, never decided. */
  | { readonly type: 'prove'; readonly proofId: string; readonly dueMs: number };

export interface CaseEntry {
  readonly kind: string;
  readonly actor: string | null;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export type Outcome =
  | 'done'
  | 'changes-differ'
  | 'wrong-code'
  | 'wrong-person'
  | 'already-answered'
  | 'expired'
  | 'ignored';

export interface Verdict {
  readonly case: Case;
  readonly effects: readonly CaseEffect[];
  readonly entries: readonly CaseEntry[];
  readonly outcome: Outcome;
}

export interface DecideContext {
  readonly nowMs: number;
  readonly planner: Planner;
}

export interface OpenOptions extends DecideContext {
  readonly id: string;
  readonly burstKey: string;
  /** When the inbox took the event: T1. */
  readonly receivedMs: number;
  /** Null when there is nobody who can be asked: that ends in a page, never in silence. */
  readonly person: PersonRef | null;
  readonly asOwner?: boolean;
  /** Somebody called for exactly these people: they are called before the ladder. */
  readonly assigned?: readonly PersonRef[];
  readonly whyNobody: string | null;
}

/** A new case: a question, or a page. */
export function openCase(gathered: Gathered, options: OpenOptions): Verdict {
  const { decision, eventMs, heldUntilMs, ...facts } = gathered;
  const base: CaseFacts = {
    ...facts,
    id: options.id,
    burstKey: options.burstKey,
    version: 1,
    openedMs: options.nowMs,
    updatedMs: options.nowMs,
    person: null,
    ...(options.asOwner === true ? { asOwner: true } : {}),
    answer: null,
    priority: null,
    times: {
      eventMs,
      receivedMs: options.receivedMs,
      askedMs: null,
      answeredMs: null,
      pagedMs: null,
      acknowledgedMs: null,
      containedMs: null,
      resolvedMs: null,
    },
  };
  const opened: CaseEntry = {
    kind: 'case-opened',
    actor: null,
    parameters: {
      risk: facts.risk,
      headline: facts.headlineId,
      findings: facts.findingIds.length,
      decision: decision.type,
      ...(facts.drill ? { drill: true } : {}),
    },
  };
  const verdict =
    decision.type === 'challenge' && options.person !== null
      ? openChallenge(base, options.person, decision.withinMs, options)
      : openPage(
          base,
          {
            cause: decision.type === 'challenge' ? 'cannot-ask' : 'policy',
            why: options.whyNobody,
            assigned: options.assigned ?? [],
            heldUntilMs: decision.type === 'challenge' ? null : heldUntilMs,
          },
          options,
        );
  return { ...verdict, case: { ...verdict.case, version: 1 }, entries: [opened, ...verdict.entries] };
}

/** What an input does to a case. Pure and total. */
export function decide(current: Case, input: CaseInput, context: DecideContext): Verdict {
  switch (input.type) {
    case 'findings-added':
      return takesFindings(current) ? addFindings(current, input.gathered, context) : ignored(current);
    case 'answered-yes':
    case 'answered-no':
      return takeAnswer(current, input, context);
    case 'code-refused':
      return refuseCode(current, input, context);
    case 'proof-started':
    case 'proof-failed':
      return noteProof(current, input, context);
    case 'fraud-reported':
      return reportFraud(current, input, context);
    case 'cannot-ask':
      return current.state === 'asked'
        ? page(current, { cause: 'cannot-ask', actor: null, why: input.why }, context)
        : ignored(current);
    case 'person-left':
      return leave(current, input.person, context);
    case 'challenge-due':
      return expireChallenge(current, input.deadlineMs, context);
    case 'page-due':
      return repeatPage(current, input.pageNumber, context);
    case 'acknowledgement-due':
      return expireAcknowledgement(current, input.deadlineMs, context);
    case 'way-lost':
      return loseWay(current, input, context);
    case 'acknowledged':
      return acknowledge(current, input.by, context);
    case 'unacknowledged':
      return unacknowledge(current, input, context);
    case 'held-elsewhere':
      return holdElsewhere(current, input.by, context);
    case 'called-elsewhere':
      return quietenElsewhere(current, input.by, context);
    case 'snoozed':
      return snooze(current, input, context);
    case 'escalated':
      return climb(current, input.by, context);
    case 'reassigned':
      return reassign(current, input, context);
    case 'responders-added':
      return addResponders(current, input, context);
    case 'noted':
      return noted(
        current,
        { kind: 'note-added', actor: input.by.id, parameters: { name: input.by.name, text: input.text } },
        'done',
        context.nowMs,
      );
    case 'prioritised':
      return prioritise(current, input, context);
    case 'merged':
      return merge(current, input, context);
    case 'absorbed':
      return noted(
        current,
        { kind: 'case-absorbed', actor: input.by.id, parameters: { name: input.by.name, from: input.from } },
        'done',
        context.nowMs,
      );
    case 'resolved':
      return resolve(current, input, context);
    case 'reopened':
      return reopen(current, input, context);
    case 'revert-stepped':
      return noteRevert(current, input, context);
  }
}

/** Whether later findings of the burst still belong to the case: a confirmed or resolved one never covers new changes. */
export function takesFindings(current: Case): boolean {
  return current.state === 'asked' || current.state === 'paged' || current.state === 'acknowledged';
}
