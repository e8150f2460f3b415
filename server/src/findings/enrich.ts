/**
 * From a match to a finding: account, risk and a stable id; and from a finding to what the console reads.
 *
 * The id is a digest of source, event id and rule, so that the same match is the same finding whoever makes it and
 * however often it is delivered; that is what makes at-least-once delivery harmless.
 */
import { createHash } from 'node:crypto';
import type { FindingView } from '@countersign/contract';
import type { Priority } from '@countersign/falco';
import type { EventFacts } from '../sources/source.ts';
import type { Account, Finding } from './finding.ts';
import type { Past } from './history.ts';
import { scoreFinding } from './risk.ts';

/** A rule that matched an event, with what the rule says of itself. */
export interface Match {
  readonly rule: string;
  readonly priority: Priority;
  readonly tags: readonly string[];
  readonly techniques: readonly string[];
  /** What the rule adds, 0–100; null leaves it to the priority. */
  readonly risk: number | null;
  readonly facts: EventFacts;
  readonly output: string;
  readonly outputFields: Readonly<Record<string, unknown>>;
}

/** What a finding is made with besides the match. */
export interface FindingContext {
  readonly account: Account | null;
  /** Whether the actor is one of the configured people; null when nobody is configured. */
  readonly personKnown: boolean | null;
  readonly past: Past;
}

/** Hex characters of a finding's id: 128 bits. */
const ID_LENGTH = 32;

export function findingId(source: string, eventId: string, rule: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([source, eventId, rule]))
    .digest('hex');
  return digest.slice(0, ID_LENGTH);
}

/** Pure: equal inputs make equal findings. */
export function makeFinding(match: Match, context: FindingContext): Finding {
  const { facts } = match;
  const { risk, reasons } = scoreFinding({
    facts,
    rule: { name: match.rule, priority: match.priority, risk: match.risk },
    account: context.account,
    personKnown: context.personKnown,
    past: context.past,
  });
  return {
    id: findingId(facts.source, facts.id, match.rule),
    rule: match.rule,
    priority: match.priority,
    tags: match.tags,
    techniques: match.techniques,
    facts,
    account: context.account,
    output: match.output,
    outputFields: match.outputFields,
    risk,
    reasons,
    exemptedBy: null,
  };
}

/** The account of an event: as configured, or a nameless one labelled `unknown`; null when the event names none. */
export function accountOf(facts: EventFacts, accounts: ReadonlyMap<string, Account>): Account | null {
  if (facts.account === null) {
    return null;
  }
  return accounts.get(facts.account) ?? { id: facts.account, name: facts.account, label: 'unknown', owner: null };
}

/** What the console reads. */
export function viewFinding(finding: Finding): FindingView {
  const { facts, account } = finding;
  return {
    id: finding.id,
    rule: finding.rule,
    priority: finding.priority,
    source: facts.source,
    tags: [...finding.tags],
    techniques: [...finding.techniques],
    eventId: facts.id,
    time: new Date(facts.timeMs).toISOString(),
    account: account === null ? null : { id: account.id, name: account.name, label: account.label },
    region: facts.region,
    action: facts.action,
    service: facts.service,
    actor: { kind: facts.actor.kind, id: facts.actor.id, name: facts.actor.name, session: facts.actor.session },
    resources: facts.resources.map(({ type, id }) => ({ type, id })),
    sourceIp: facts.sourceIp,
    userAgent: facts.userAgent,
    errorCode: facts.errorCode,
    output: finding.output,
    outputFields: { ...finding.outputFields },
    risk: finding.risk,
    reasons: [...finding.reasons],
    change: {
      before: facts.change.before ?? null,
      after: facts.change.after ?? null,
      request: facts.change.request ?? null,
    },
  };
}
