/** What people and reverts do to a page, as inputs: everything that the console, chat and the API can make of one. */
import type { CaseInput, PersonRef } from '../../../server/src/cases/case.ts';

export function responsesAt(
  nowMs: number,
  { by, other, to }: { readonly by: PersonRef; readonly other: PersonRef; readonly to: PersonRef },
): readonly CaseInput[] {
  return [
    { type: 'acknowledged', by },
    { type: 'acknowledged', by },
    { type: 'unacknowledged', by },
    { type: 'snoozed', by, untilMs: nowMs + 600_000 },
    { type: 'escalated', by },
    { type: 'reassigned', by, to: [to], escalation: null },
    { type: 'reassigned', by, to: [], escalation: 'default' },
    { type: 'responders-added', by, people: [other] },
    {
      type: 'way-lost',
      way: 'slack',
      person: other,
      call: 'ladder',
      pageNumber: 1,
      onlyWay: true,
    },
    { type: 'noted', by, text: 'looking' },
    { type: 'prioritised', by, priority: 'P2' },
    { type: 'resolved', by, note: '' },
    { type: 'reopened', by, why: '' },
  ];
}

export function revertSteps(): readonly CaseInput[] {
  const step = (kind: string, outcome: 'begun' | 'contained' | 'failed'): CaseInput => ({
    type: 'revert-stepped',
    entry: { kind, actor: null, parameters: outcome === 'failed' ? { failure: 'AccessDenied' } : {} },
    outcome,
  });
  return [step('revert-started', 'begun'), step('reverted', 'contained'), step('revert-failed', 'failed')];
}
