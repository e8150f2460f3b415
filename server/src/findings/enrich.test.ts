/** A match becomes a finding with a stable id, an account and a risk. */
import { expect, test } from 'vitest';
import { sampleFacts, samplePast } from '../../../test/sample-finding.ts';
import { accountOf, findingId, type Match, makeFinding, viewFinding } from './enrich.ts';

const MATCH: Match = {
  rule: 'Trail stopped',
  priority: 'Critical',
  tags: ['aws', 'T1562.008'],
  techniques: ['T1562.008'],
  risk: 55,
  facts: sampleFacts(),
  output: 'alice stopped a trail',
  outputFields: { 'ct.name': 'StopLogging' },
};
const CONTEXT = { account: null, personKnown: null, past: samplePast() };

test('the same match delivered twice is the same finding', () => {
  expect(makeFinding(MATCH, CONTEXT).id).toBe(makeFinding({ ...MATCH }, { ...CONTEXT, personKnown: true }).id);
});

test('another rule, event or source is another finding', () => {
  const ids = [
    findingId('aws_cloudtrail', 'event-1', 'a'),
    findingId('aws_cloudtrail', 'event-1', 'b'),
    findingId('aws_cloudtrail', 'event-2', 'a'),
    findingId('k8s_audit', 'event-1', 'a'),
    findingId('aws_cloudtrail', 'event-1a', ''),
  ];
  expect(new Set(ids).size).toBe(ids.length);
});

test('an account that nobody configured is labelled unknown, and an event without one has none', () => {
  const known = { id: '111122223333', name: 'shop-prod', label: 'prod', owner: 'payments' };
  expect(accountOf(sampleFacts(), new Map([[known.id, known]]))).toEqual(known);
  expect(accountOf(sampleFacts(), new Map())).toMatchObject({ name: '111122223333', label: 'unknown' });
  expect(accountOf(sampleFacts({ account: null }), new Map())).toBeNull();
});

test('the console reads when, who, where and what of a finding', () => {
  expect(viewFinding(makeFinding(MATCH, CONTEXT))).toMatchObject({
    eventId: 'event-1',
    time: '2026-03-02T10:00:00.000Z',
    action: 'StopLogging',
    account: null,
    actor: { kind: 'person', name: 'alice', session: null },
    risk: 60,
  });
});
