/**
 * Findings for tests, made of the least that a test must say. All names are fictional; the account is AWS' example.
 */
import type { Finding } from '../server/src/findings/finding.ts';
import type { Past } from '../server/src/findings/history.ts';
import type { Actor, EventFacts } from '../server/src/sources/source.ts';

/** 2026-03-02, a Monday, 10:00 UTC. */
export const MONDAY_MS = Date.UTC(2026, 2, 2, 10);

export function sampleActor(parts: Partial<Actor> = {}): Actor {
  return {
    kind: 'person',
    id: 'arn:aws:iam::111122223333:user/alice',
    name: 'alice',
    session: null,
    sessionKey: 'AKIAEXAMPLE',
    isProvider: false,
    ...parts,
  };
}

export function sampleFacts(parts: Partial<EventFacts> = {}): EventFacts {
  return {
    source: 'aws_cloudtrail',
    id: 'event-1',
    timeMs: MONDAY_MS,
    account: '111122223333',
    region: 'eu-west-1',
    action: 'StopLogging',
    service: 'cloudtrail',
    actor: sampleActor(),
    resources: [],
    sourceIp: '192.0.2.10',
    userAgent: 'aws-cli/2',
    errorCode: null,
    readOnly: false,
    change: { before: null, after: null, request: null },
    ...parts,
  };
}

export function sampleFinding(parts: Partial<Finding> = {}): Finding {
  return {
    id: `finding-${parts.facts?.id ?? 'event-1'}`,
    rule: 'Trail stopped',
    priority: 'Critical',
    tags: ['mitre_defense_evasion', 'T1562.008'],
    techniques: ['T1562.008'],
    facts: sampleFacts(),
    account: { id: '111122223333', name: 'shop', label: 'staging', owner: null },
    output: 'trail stopped',
    outputFields: {},
    risk: 60,
    reasons: [{ code: 'rule', points: 60, parameters: { rule: 'Trail stopped', priority: 'Critical' } }],
    exemptedBy: null,
    ...parts,
  };
}

/** An actor who did this action many times, at all working hours, for weeks. */
export function samplePast(parts: Partial<Past> = {}): Past {
  return {
    watchedSinceMs: MONDAY_MS - 60 * 86_400_000,
    actorCount: 240,
    actionCount: 30,
    hourCounts: Array.from({ length: 24 }, (_, hour) => (hour >= 8 && hour < 18 ? 24 : 0)),
    dayCount: 40,
    ...parts,
  };
}
