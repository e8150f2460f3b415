/** A review reads well, and nothing in it can do anything. */
import type { CaseDetail } from '@countersign/contract';
import { expect, test } from 'vitest';
import { sampleFacts, sampleFinding } from '../../../test/sample-finding.ts';
import { viewFinding } from '../findings/enrich.ts';
import { escapeText, writeReview } from './review.ts';

const HOSTILE =
  'a|b\n## heading <script>alert(1)</script> [x](javascript:alert(1)) `code` https://evil.example **bold**';

function detail(name: string): CaseDetail {
  const headline = viewFinding(
    sampleFinding({ rule: name, facts: sampleFacts({ action: name, resources: [{ type: 'x', id: name }] }) }),
  );
  const person = { id: 'p', name };
  const at = '2026-03-02T10:00:00.000Z';
  return {
    summary: {
      id: 'case-1',
      state: 'resolved',
      version: 3,
      risk: 90,
      reasons: [{ code: 'rule', points: 60, parameters: {} }],
      headline,
      findingCount: 1,
      person,
      pageCause: 'denied',
      openedAt: at,
      updatedAt: at,
      deadlineAt: null,
      priority: 'P1',
      drill: false,
      team: null,
    },
    findings: [headline],
    answer: { answer: 'no', reason: name, by: person, factor: null, at },
    times: {
      event: at,
      received: at,
      asked: at,
      answered: null,
      paged: at,
      acknowledged: '2026-03-02T11:02:03.000Z',
      contained: null,
      resolved: null,
    },
    acknowledgedBy: null,
    assigned: [],
    responders: [],
    mergedInto: null,
    escalation: null,
    pages: [],
    timeline: [{ sequence: 7, time: at, kind: 'note-added', actor: person, parameters: { text: name, list: [name] } }],
    actions: [],
  };
}

test('a review tells what happened, how long it took, and where the journal proves it', () => {
  const text = writeReview(detail('Alice'), 'http://localhost/cases/case-1');
  expect(text).toContain('# alice called Alice in shop');
  expect(text).toContain('to acknowledge (T5 − T4): 1 h 2 min 3 s');
  expect(text).toContain('to resolve (T7 − T0): not yet, or not at all');
  expect(text).toContain('Entries 7–7 of the journal');
});

test('whatever stands in logs, names and notes stays text', () => {
  const text = writeReview(detail(HOSTILE), 'http://localhost/cases/case-1');
  expect(text).not.toContain('<script');
  expect(text.replaceAll(/`[^`]*`/g, '')).not.toContain('](javascript');
  expect(text).not.toMatch(/^## heading/m);
  for (const row of text.split('\n').filter((line) => line.startsWith('| 2026'))) {
    expect(row.replaceAll('\\|', '').split('|')).toHaveLength(7);
  }
  expect(escapeText('x'.repeat(10_000)).length).toBeLessThan(600);
});
