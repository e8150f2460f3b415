/** What a policy decides, and what it complains of. */
import { describe, expect, test } from 'vitest';
import { sampleActor, sampleFacts, sampleFinding } from '../../../test/sample-finding.ts';
import { compilePolicy, DEFAULT_POLICY, type PolicyLine } from './policy.ts';

const STRANGER = { actorIsPerson: false };

function decide(lines: readonly PolicyLine[], finding = sampleFinding(), risk = finding.risk, context = STRANGER) {
  const { policy, problems } = compilePolicy([...lines, { when: {}, then: 'record' }]);
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return policy?.decide(finding, risk, context);
}
const by = (parts: Parameters<typeof sampleActor>[0]) =>
  sampleFinding({ facts: sampleFacts({ actor: sampleActor(parts) }) });

describe('a line of a policy', () => {
  const rows: readonly [sentence: string, when: PolicyLine['when'], matches: boolean][] = [
    ['with nothing matches everything', {}, true],
    ['with risk >= 60 matches a risk of 60', { risk: '>= 60' }, true],
    ['with risk > 60 does not', { risk: '> 60' }, false],
    ['with risk < 61 matches', { risk: '<61' }, true],
    ['with the kind of actor matches', { actor: 'person' }, true],
    ['with another kind does not', { actor: ['root', 'role'] }, false],
    ['with the actor by name matches', { actor_id: 'ALI*' }, true],
    ['with the actor by ARN matches', { actor_id: 'arn:aws:iam::*:user/alice' }, true],
    ['with the account by name matches', { account: 'sh?p' }, true],
    ['with the account by number matches', { account: '111122223333' }, true],
    ['with the label matches', { label: ['prod', 'staging'] }, true],
    ['with another label does not', { label: 'prod' }, false],
    ['with the source matches', { source: 'aws_cloudtrail' }, true],
    ['with another source does not', { source: 'k8s_audit' }, false],
    ['with the rule by glob matches', { rule: 'Trail *' }, true],
    ['with a tag matches', { tag: 'mitre_defense*' }, true],
    ['with the technique matches', { technique: 'T1562.008' }, true],
    ['with the parent technique matches its sub-technique', { technique: 'T1562' }, true],
    ['with a sibling technique does not', { technique: 'T1562.001' }, false],
    ['with the action matches', { action: 'StopLogging' }, true],
    ['with service and action matches', { action: 'cloudtrail:*' }, true],
    ['with the region matches', { region: 'eu-*' }, true],
    ['with failed: false matches a call that succeeded', { failed: false }, true],
    ['with failed: true does not', { failed: true }, false],
    ['needs all of its conditions', { risk: '>= 60', label: 'prod' }, false],
  ];
  test.each(rows)('%s', (_sentence, when, matches) => {
    expect(decide([{ when, then: 'page' }])?.type).toBe(matches ? 'page' : 'record');
  });

  test('with actor: person matches a role session that is a known person', () => {
    const finding = by({ kind: 'role', session: 'alice@example.com' });
    const lines: PolicyLine[] = [{ when: { actor: 'person' }, then: 'page' }];
    expect(decide(lines, finding)?.type).toBe('record');
    expect(decide(lines, finding, 60, { actorIsPerson: true })?.type).toBe('page');
  });
});

test('the first line that matches decides', () => {
  const lines: PolicyLine[] = [
    { when: { rule: 'Trail stopped' }, then: 'challenge', within: '90s', ask: 'owner' },
    { when: { risk: '>= 1' }, then: 'page' },
  ];
  expect(decide(lines)).toEqual({ type: 'challenge', ask: 'owner', withinMs: 90_000 });
});

test('without a policy a high risk pages, a middle one asks, a low one is recorded', () => {
  const { policy, problems } = compilePolicy(DEFAULT_POLICY);
  expect(problems).toEqual([]);
  const decided = (risk: number, kind: 'person' | 'role') => policy?.decide(by({ kind }), risk, STRANGER);
  expect(decided(85, 'role')).toEqual({ type: 'page', revert: 'usual' });
  expect(decided(84, 'person')).toEqual({ type: 'challenge', ask: 'actor', withinMs: 600_000, revert: 'usual' });
  expect(decided(50, 'role')).toEqual({ type: 'challenge', ask: 'owner', withinMs: 1_800_000, revert: 'usual' });
  expect(decided(49, 'person')).toEqual({ type: 'record' });
});

test('revert beside a page is accepted', () => {
  const { policy, problems } = compilePolicy([{ when: {}, then: ['page', 'revert'] }]);
  expect(policy?.decide(sampleFinding(), 90, STRANGER)).toEqual({ type: 'page', revert: 'usual' });
  expect(problems).toEqual([]);
});

test('a line says how far putting back may go: when silence pages, and beside the question', () => {
  const silent = { when: {}, then: 'challenge', else: ['page', 'revert'], revert: 'approve' };
  expect(decide([silent])).toMatchObject({ type: 'challenge', revert: 'approve' });
  expect(decide([silent])).not.toHaveProperty('revertFirst');
  expect(decide([{ when: {}, then: ['challenge', 'revert'] }])).toMatchObject({ revert: 'usual', revertFirst: true });
  expect(decide([{ when: {}, then: ['page', 'revert'], revert: 'auto' }])).toEqual({ type: 'page', revert: 'auto' });
});

describe('a policy is refused', () => {
  const rows: readonly [sentence: string, lines: readonly PolicyLine[], path: readonly (string | number)[]][] = [
    ['when no line matches everything', [{ when: { risk: '> 1' }, then: 'page' }], [0]],
    ['when a risk is not a comparison', [{ when: { risk: 'high' }, then: 'page' }], [0, 'when', 'risk']],
    ['when a risk is above 100', [{ when: { risk: '> 900' }, then: 'page' }], [0, 'when', 'risk']],
    ['when a kind of actor does not exist', [{ when: { actor: 'human' }, then: 'page' }], [0, 'when', 'actor']],
    ['when a source does not exist', [{ when: { source: 'okta' }, then: 'page' }], [0, 'when', 'source']],
    ['when it does an unknown thing', [{ when: {}, then: 'shout' }], [0, 'then']],
    ['when it only reverts', [{ when: {}, then: 'revert' }], [0, 'then']],
    ['when it says how to put back what it does not', [{ when: {}, then: 'page', revert: 'auto' }], [0, 'revert']],
    ['when it puts back in no known way', [{ when: {}, then: ['page', 'revert'], revert: 'x' }], [0, 'revert']],
    ['when silence only reverts', [{ when: {}, then: 'challenge', else: 'revert' }], [0, 'else']],
    ['when it reverts what it only records', [{ when: {}, then: ['record', 'revert'] }], [0, 'then']],
    ['when it does two things', [{ when: {}, then: ['page', 'challenge'] }], [0, 'then']],
    ['when silence would not page', [{ when: {}, then: 'challenge', else: 'record' }], [0, 'else']],
    ['when nobody known is asked', [{ when: {}, then: 'challenge', ask: 'boss' }], [0, 'ask']],
    ['when the deadline is no duration', [{ when: {}, then: 'challenge', within: 'soon' }], [0, 'within']],
    ['when the deadline is a week', [{ when: {}, then: 'challenge', within: '7d' }], [0, 'within']],
    ['when a page has a deadline', [{ when: {}, then: 'page', within: '5m' }], [0, 'within']],
  ];
  test.each(rows)('%s', (_sentence, lines, path) => {
    const { policy, problems } = compilePolicy(lines);
    expect(policy).toBeNull();
    expect(problems.filter(({ severity }) => severity === 'error').map((problem) => problem.path)).toContainEqual(path);
  });
});

test('a line behind the one that matches everything is warned of', () => {
  const { policy, problems } = compilePolicy([
    { when: {}, then: 'record' },
    { when: { risk: '> 1' }, then: 'page' },
  ]);
  expect(policy).not.toBeNull();
  expect(problems).toMatchObject([{ severity: 'warning', path: [1] }]);
});
