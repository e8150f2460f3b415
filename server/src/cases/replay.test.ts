/** Recorded findings become the cases they would have opened. */
import { expect, test } from 'vitest';
import { MONDAY_MS, sampleActor, sampleFacts, sampleFinding } from '../../../test/sample-finding.ts';
import { compilePolicy, DEFAULT_POLICY } from './policy.ts';
import { caseLine, replayCases } from './replay.ts';

const { policy } = compilePolicy(DEFAULT_POLICY);
const OPTIONS = { policy: policy! };
const at = (id: string, minute: number, parts: Parameters<typeof sampleFacts>[0] = {}) =>
  sampleFinding({ facts: sampleFacts({ id, timeMs: MONDAY_MS + minute * 60_000, ...parts }) });

test("one person's hour is one case, whatever order its findings come in", () => {
  const cases = replayCases([at('c', 45), at('a', 0), at('b', 20)], OPTIONS);
  expect(cases.map(({ findings }) => findings.map(({ facts }) => facts.id))).toEqual([['a', 'b', 'c']]);
});

test('the next day is another case, and another actor is another case', () => {
  const bob = sampleActor({ id: 'arn:aws:iam::111122223333:user/bob', name: 'bob' });
  const cases = replayCases([at('a', 0), at('b', 1, { actor: bob }), at('c', 24 * 60)], OPTIONS);
  expect(cases.map(({ actor }) => actor.name)).toEqual(['alice', 'bob', 'alice']);
});

test('what the policy only records is no case, unless asked for', () => {
  const quiet = sampleFinding({ risk: 20 });
  expect(replayCases([quiet], OPTIONS)).toEqual([]);
  expect(replayCases([quiet], { ...OPTIONS, includeRecorded: true })).toHaveLength(1);
});

test('a line names actor, account, risk, reasons, rules, techniques, events and the decision', () => {
  const [found] = replayCases([at('a', 0), at('b', 1)], OPTIONS);
  expect(caseLine(found!)).toMatchObject({
    actor: 'arn:aws:iam::111122223333:user/alice',
    account: '111122223333',
    risk: 60,
    rules: ['Trail stopped'],
    techniques: ['T1562.008'],
    event_ids: ['a', 'b'],
    decision: 'challenge',
  });
});
