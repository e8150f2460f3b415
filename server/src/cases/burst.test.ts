/** Which findings belong together, and what they come to. */
import { describe, expect, test } from 'vitest';
import { MONDAY_MS, sampleActor, sampleFacts, sampleFinding } from '../../../test/sample-finding.ts';
import { BURST_WINDOW, burstKey, considerBurst, joinsBurst, MAXIMUM_BURST_FINDINGS } from './burst.ts';
import { compilePolicy, DEFAULT_POLICY, type Policy } from './policy.ts';

const STRANGER = { actorIsPerson: false };
const MINUTE_MS = 60_000;

function policyOf(lines = DEFAULT_POLICY): Policy {
  const { policy } = compilePolicy(lines);
  if (policy === null) {
    throw new Error('the policy of the test is wrong');
  }
  return policy;
}
const keyOf = (actor: Parameters<typeof sampleActor>[0], account = '111122223333') =>
  burstKey(sampleFinding({ facts: sampleFacts({ account, actor: sampleActor(actor) }) }));

describe('one burst is made of', () => {
  const role = { kind: 'role', id: 'arn:aws:iam::111122223333:role/admin' } as const;
  test('a person with many temporary keys', () => {
    expect(keyOf({ sessionKey: 'ASIAONE' })).toBe(keyOf({ sessionKey: 'ASIATWO' }));
  });
  test("a program's runs with a new session name each", () => {
    expect(keyOf({ ...role, session: 'aws-go-sdk-1688990082523310002' })).toBe(
      keyOf({ ...role, session: 'aws-go-sdk-1688990099523310009' }),
    );
    expect(keyOf({ ...role, session: 'i-0dbc91f429e48eeed' })).toBe(keyOf({ ...role, session: 'i-05c30218156bcc246' }));
  });
  test('not two people who share a role', () => {
    expect(keyOf({ ...role, session: 'alice@example.com' })).not.toBe(keyOf({ ...role, session: 'bob@example.com' }));
    expect(keyOf({ ...role, session: 'alice' })).not.toBe(keyOf({ ...role, session: 'bob' }));
  });
  test('not one name in two accounts', () => {
    expect(keyOf({})).not.toBe(keyOf({}, '444455556666'));
  });
  test('not an actor whose name was made to look like a key', () => {
    expect(keyOf({ id: 'a|b', kind: 'role', session: 'c' })).not.toBe(keyOf({ id: 'a', kind: 'role', session: 'b|c' }));
  });
});

describe('a burst that began an hour ago and was busy until now', () => {
  const burst = { firstMs: MONDAY_MS - 60 * MINUTE_MS, lastMs: MONDAY_MS, count: 9 };
  test.each([
    ['takes a finding a moment later', MONDAY_MS + MINUTE_MS, true],
    ['takes a late delivery from its middle', MONDAY_MS - 20 * MINUTE_MS, true],
    ['takes a late delivery from just before it began', burst.firstMs - 10 * MINUTE_MS, true],
    ['takes a finding at the very end of its gap', MONDAY_MS + BURST_WINDOW.gapMs, true],
    ['takes none after its gap', MONDAY_MS + BURST_WINDOW.gapMs + 1, false],
  ])('%s', (_sentence, timeMs, joins) => {
    expect(joinsBurst(burst, timeMs)).toBe(joins);
  });
  test('ends when it has gone on for too long', () => {
    const long = { ...burst, firstMs: MONDAY_MS - BURST_WINDOW.spanMs };
    expect(joinsBurst(long, MONDAY_MS)).toBe(true);
    expect(joinsBurst(long, MONDAY_MS + 1)).toBe(false);
  });
  test('ends when it holds too many findings', () => {
    expect(joinsBurst({ ...burst, count: MAXIMUM_BURST_FINDINGS }, MONDAY_MS)).toBe(false);
  });
});

describe('the risk of a burst', () => {
  const many = (count: number, make: (index: number) => Parameters<typeof sampleFinding>[0]) =>
    Array.from({ length: count }, (_, index) => {
      const parts = make(index) ?? {};
      return sampleFinding({ ...parts, facts: { ...(parts.facts ?? sampleFacts()), id: `event-${index}` } });
    });

  test('of one finding is its risk', () => {
    const { risk, reasons } = considerBurst([sampleFinding()], policyOf(), STRANGER);
    expect(risk).toBe(60);
    expect(reasons.map(({ code }) => code)).toEqual(['rule']);
  });

  test('of the same thing done a hundred times to one resource is the risk of one', () => {
    expect(
      considerBurst(
        many(100, () => ({})),
        policyOf(),
        STRANGER,
      ).risk,
    ).toBe(60);
  });

  test('grows with techniques, tactics and regions, and says so', () => {
    const findings = many(3, (index) => ({
      techniques: [`T100${index}`],
      tags: [`mitre_tactic_${index}`],
      facts: sampleFacts({ region: `eu-west-${index}` }),
    }));
    const { risk, reasons } = considerBurst(findings, policyOf(), STRANGER);
    expect(risk).toBe(80);
    expect(reasons.slice(1)).toEqual([
      { code: 'breadth', points: 6, parameters: { what: 'techniques', count: 3 } },
      { code: 'breadth', points: 6, parameters: { what: 'tactics', count: 3 } },
      { code: 'breadth', points: 8, parameters: { what: 'regions', count: 3 } },
    ]);
  });

  test('grows by breadth by no more than twenty points, and never above a hundred', () => {
    const findings = many(40, (index) => ({
      risk: 95,
      techniques: [`T10${index}`],
      facts: sampleFacts({ resources: [{ type: 'bucket', id: `b${index}` }] }),
    }));
    const { risk, reasons } = considerBurst(findings, policyOf(), STRANGER);
    expect(risk).toBe(100);
    expect(reasons.slice(1)).toEqual([{ code: 'breadth', points: 20, parameters: { what: 'techniques', count: 40 } }]);
  });

  test('does not grow because several rules matched one event, or one rule names many techniques', () => {
    const tags = ['mitre_persistence', 'mitre_privilege_escalation'];
    const findings = ['T1001', 'T1002', 'T1003'].map((technique) =>
      sampleFinding({ id: technique, techniques: [technique, 'T1004', 'T1005'], tags }),
    );
    expect(considerBurst(findings, policyOf(), STRANGER).risk).toBe(60);
  });

  test('grows when many calls were refused: somebody is trying doors', () => {
    const refused = (count: number) =>
      many(count, () => ({ risk: 40, facts: sampleFacts({ errorCode: 'AccessDenied' }) }));
    const risks = [1, 4, 5, 10, 500].map((count) => considerBurst(refused(count), policyOf(), STRANGER).risk);
    expect(risks).toEqual([40, 40, 45, 50, 50]);
  });

  test("of the provider's own calls stays below what the default policy asks about", () => {
    const actor = sampleActor({ kind: 'service', isProvider: true });
    const findings = many(9, (index) => ({ risk: 40, techniques: [`T10${index}`], facts: sampleFacts({ actor }) }));
    expect(considerBurst(findings, policyOf(), STRANGER)).toMatchObject({ risk: 45, decision: { type: 'record' } });
  });

  test('comes from the riskiest finding, which speaks for it', () => {
    const findings = [
      sampleFinding({ risk: 40 }),
      sampleFinding({ id: 'loud', risk: 70 }),
      sampleFinding({ risk: 20 }),
    ];
    expect(considerBurst(findings, policyOf(), STRANGER).headline.id).toBe('loud');
  });
});

describe('the decision of a burst', () => {
  test('is the sternest of its findings', () => {
    const findings = [sampleFinding({ risk: 20 }), sampleFinding({ risk: 90 }), sampleFinding({ risk: 60 })];
    expect(considerBurst(findings, policyOf(), STRANGER).decision).toMatchObject({ type: 'page' });
  });

  test('does not let a stopped trail pass because a harmless rule was exempted', () => {
    const policy = policyOf([{ when: { rule: 'Harmless' }, then: 'record' }, ...DEFAULT_POLICY]);
    const findings = [sampleFinding({ rule: 'Harmless', risk: 30 }), sampleFinding({ risk: 90 })];
    expect(considerBurst(findings, policy, STRANGER).decision).toMatchObject({ type: 'page' });
  });

  test('asks by the earliest deadline', () => {
    const policy = policyOf([
      { when: { rule: 'Quick' }, then: 'challenge', within: '5m' },
      { when: {}, then: 'challenge', within: '1h' },
    ]);
    const findings = [sampleFinding(), sampleFinding({ rule: 'Quick' })];
    expect(considerBurst(findings, policy, STRANGER).decision).toMatchObject({ withinMs: 5 * MINUTE_MS });
  });
});
