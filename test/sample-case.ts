/** Cases for tests: what findings come to, and a planner over a small team. All names are fictional. */
import type { Gathered } from '../server/src/cases/case.ts';
import type { ConductOptions } from '../server/src/cases/conduct.ts';
import { createPlanner, type Planner } from '../server/src/cases/page/planner.ts';
import { compilePolicy, DEFAULT_POLICY } from '../server/src/cases/policy.ts';
import type { Escalation, Reachable } from '../server/src/people/on-call/escalation.ts';
import { MONDAY_MS } from './sample-finding.ts';

export function sampleGathered(parts: Partial<Gathered> = {}): Gathered {
  return {
    risk: 60,
    reasons: [],
    decision: { type: 'challenge', ask: 'actor', withinMs: 600_000 },
    headlineId: 'f1',
    findingIds: ['f1'],
    digest: 'digest-1',
    firstMs: MONDAY_MS,
    lastMs: MONDAY_MS,
    drill: false,
    team: null,
    account: '111122223333',
    rule: 'Trail stopped',
    escalation: null,
    eventMs: MONDAY_MS,
    heldUntilMs: null,
    ...parts,
  };
}

export interface SampleLadder {
  readonly channels: readonly string[];
  readonly escalations?: readonly Escalation[];
  /** Schedule → who is on call now. */
  readonly onCall?: Readonly<Record<string, Reachable | null>>;
  readonly people?: readonly Reachable[];
  readonly turn?: number;
}

/** Everybody is reached by Slack at once and by SMS five minutes later. */
export function samplePlanner({
  channels,
  escalations = [],
  onCall = {},
  people = [],
  turn = 0,
}: SampleLadder): Planner {
  return createPlanner({
    turn,
    escalations: new Map(escalations.map((escalation) => [escalation.name, escalation])),
    snapshot: {
      channels,
      catchAll: [],
      onCall: (schedule) => onCall[schedule] ?? null,
      person: (email) => people.find((person) => person.email === email) ?? null,
      rulesOf: () => [
        { channel: 'slack', afterMs: 0 },
        { channel: 'sms', afterMs: 300_000 },
      ],
    },
  });
}

let ids = 0;

/** Asks the same person about everything. */
export function sampleConduct(person: { readonly id: string; readonly name: string } | null): ConductOptions {
  const { policy } = compilePolicy(DEFAULT_POLICY);
  if (policy === null) throw new Error('the default policy compiles');
  return {
    policy,
    followers: [],
    newId: () => `case-${(ids += 1)}`,
    isPerson: () => true,
    whoToAsk: () => ({ person, why: person === null ? 'no-owner' : null }),
    teamOf: () => ({ team: null, escalation: null }),
    heldUntil: () => null,
    isDrill: () => false,
  };
}
