/** What somebody who goes out of service leaves behind, by the state machine. */
import { describe, expect, test } from 'vitest';
import { sampleGathered, samplePlanner } from '../../../test/sample-case.ts';
import { type Case, type CaseInput, decide as decideWith, openCase } from './case.ts';
import type { Decision } from './decision.ts';

const NOW = 1_800_000_000_000;
const ALICE = { id: 'alice', name: 'Alice' };
const ONCALL = { id: 'oncall', name: 'On call' };
const planner = samplePlanner({ channels: ['pager'] });
const decide = (current: Case, input: CaseInput, nowMs: number) => decideWith(current, input, { nowMs, planner });
const opened = (decision: Decision) => {
  const gathered = sampleGathered({ firstMs: NOW, lastMs: NOW, eventMs: NOW, decision });
  const options = { id: 'c', burstKey: 'b', nowMs: NOW, receivedMs: NOW, person: ALICE, whyNobody: null, planner };
  return openCase(gathered, options).case;
};
const asked = opened({ type: 'challenge', ask: 'actor', withinMs: 600_000 });
const paged = opened({ type: 'page' });
const acknowledged = decide(paged, { type: 'acknowledged', by: ONCALL }, NOW + 1).case;
const resolved = decide(acknowledged, { type: 'resolved', by: ONCALL, note: '' }, NOW + 2).case;
const proof = { factor: 'totp', digest: 'digest-1' } as const;
const confirmed = decide(asked, { type: 'answered-yes', by: ALICE, reason: 'mine', proof }, NOW + 1).case;

describe('whoever goes out of service', () => {
  const left = (person: typeof ALICE): CaseInput => ({ type: 'person-left', person });

  test('is asked no longer: it pages at once', () => {
    const { case: next, effects } = decide(asked, left(ALICE), NOW + 5);
    expect(next).toMatchObject({ state: 'paged', cause: 'cannot-ask', answer: null });
    expect(effects.some(({ type }) => type === 'page')).toBe(true);
  });

  test('holds no page any more, however long they had put it off', () => {
    const snoozed = decide(paged, { type: 'snoozed', by: ONCALL, untilMs: NOW + 7 * 86_400_000 }, NOW + 1).case;
    for (const current of [acknowledged, snoozed]) {
      const { case: next, effects } = decide(current, left(ONCALL), NOW + 5);
      expect(next).toMatchObject({ state: 'paged', cause: 'policy', pageNumber: 2 });
      expect(effects.some(({ type }) => type === 'page')).toBe(true);
    }
  });

  test('changes nothing where others answer', () => {
    for (const [current, person] of [
      [asked, ONCALL],
      [acknowledged, ALICE],
      [paged, ALICE],
      [confirmed, ALICE],
      [resolved, ONCALL],
    ] as const)
      expect(decide(current, left(person), NOW + 5)).toMatchObject({ outcome: 'ignored', case: current });
  });
});
