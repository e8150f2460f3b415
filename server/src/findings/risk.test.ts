/** The risk of one finding, as a table: each row changes one thing and says what the points become. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MONDAY_MS, sampleActor, sampleFacts, samplePast } from '../../../test/sample-finding.ts';
import { MAXIMUM_RISK, MINIMUM_RISK, type RiskInput, scoreFinding, sumPoints } from './risk.ts';

const USUAL: RiskInput = {
  facts: sampleFacts(),
  rule: { name: 'Trail stopped', priority: 'Critical', risk: 55 },
  account: { id: '111122223333', name: 'shop', label: 'staging', owner: null },
  personKnown: true,
  past: samplePast(),
};
const NEVER_SEEN = samplePast({ actorCount: 0, actionCount: 0, dayCount: 0 });
const account = (label: string) => ({ id: '111122223333', name: 'shop', label, owner: null });
const actor = (parts: Parameters<typeof sampleActor>[0]) => sampleFacts({ actor: sampleActor(parts) });
const provider = actor({ kind: 'service', id: 'rds.amazonaws.com', name: 'rds.amazonaws.com', isProvider: true });

describe('the risk of a finding', () => {
  const rows: readonly [sentence: string, change: Partial<RiskInput>, risk: number, codes: readonly string[]][] = [
    ['is what the rule says when nothing else is remarkable', {}, 55, ['rule']],
    ['follows the priority when the rule states none', { rule: { ...USUAL.rule, risk: null } }, 60, ['rule']],
    ['rises in production', { account: account('prod') }, 70, ['rule', 'account']],
    ['reads labels without regard to case', { account: account('Production') }, 70, ['rule', 'account']],
    ['falls in a sandbox', { account: account('sandbox') }, 40, ['rule', 'account']],
    ['rises a little when nobody labelled the account', { account: null }, 60, ['rule', 'account']],
    ['treats a label it does not know like an unknown account', { account: account('blue') }, 60, ['rule', 'account']],
    ['rises for root', { facts: actor({ kind: 'root' }) }, 70, ['rule', 'actor']],
    ['rises for anonymous callers', { facts: actor({ kind: 'anonymous' }) }, 70, ['rule', 'actor']],
    ['rises for a person whom nobody knows', { personKnown: false }, 60, ['rule', 'actor']],
    ['says nothing of strangers while nobody is configured', { personKnown: null }, 55, ['rule']],
    ['rises when the actor never did this', { past: samplePast({ actionCount: 0 }) }, 63, ['rule', 'first-time']],
    ['rises more when the actor is new', { past: NEVER_SEEN }, 65, ['rule', 'first-time']],
    [
      'counts a first time half in the first week of watching',
      { past: { ...NEVER_SEEN, watchedSinceMs: MONDAY_MS - 86_400_000 } },
      60,
      ['rule', 'first-time'],
    ],
    [
      'counts a first time half on the very first finding',
      { past: { ...NEVER_SEEN, watchedSinceMs: null } },
      60,
      ['rule', 'first-time'],
    ],
    [
      'rises at three in the night',
      { facts: sampleFacts({ timeMs: MONDAY_MS - 7 * 3_600_000 }) },
      63,
      ['rule', 'hour'],
    ],
    [
      'takes the hour beside a usual hour as usual',
      { facts: sampleFacts({ timeMs: MONDAY_MS - 3 * 3_600_000 }) },
      55,
      ['rule'],
    ],
    [
      'knows no usual hours of somebody rarely seen',
      { facts: sampleFacts({ timeMs: MONDAY_MS - 7 * 3_600_000 }), past: samplePast({ dayCount: 4 }) },
      55,
      ['rule'],
    ],
    ['falls when the call was refused', { facts: sampleFacts({ errorCode: 'AccessDenied' }) }, 35, ['rule', 'failed']],
    ['falls strongly for the provider itself', { facts: provider }, 25, ['rule', 'actor']],
  ];
  test.each(rows)('%s', (_sentence, change, risk, codes) => {
    const scored = scoreFinding({ ...USUAL, ...change });
    expect(scored.risk).toBe(risk);
    expect(scored.reasons.map(({ code }) => code)).toEqual(codes);
  });

  test('of a refused call with a mild rule is low but never nothing', () => {
    const scored = scoreFinding({
      ...USUAL,
      facts: sampleFacts({ errorCode: 'AccessDenied' }),
      rule: { name: 'mild', priority: 'Debug', risk: 5 },
    });
    expect(scored.risk).toBe(MINIMUM_RISK);
  });

  const anything = fc.record({
    ruleRisk: fc.option(fc.integer({ min: 0, max: 100 })),
    priority: fc.constantFrom('Emergency', 'Alert', 'Critical', 'Error', 'Warning', 'Notice', 'Debug' as const),
    label: fc.constantFrom('prod', 'staging', 'sandbox', 'unknown', 'odd'),
    kind: fc.constantFrom('person', 'role', 'service', 'root', 'federated', 'anonymous', 'unknown' as const),
    isProvider: fc.boolean(),
    failed: fc.boolean(),
    personKnown: fc.option(fc.boolean()),
    actionCount: fc.nat(3),
    actorCount: fc.nat(100),
    hour: fc.nat(23),
  });
  const inputOf = (given: typeof anything extends fc.Arbitrary<infer T> ? T : never): RiskInput => ({
    facts: sampleFacts({
      actor: sampleActor({ kind: given.kind as 'person', isProvider: given.isProvider }),
      errorCode: given.failed ? 'AccessDenied' : null,
      timeMs: MONDAY_MS + given.hour * 3_600_000,
    }),
    rule: { name: 'any', priority: given.priority, risk: given.ruleRisk },
    account: account(given.label),
    personKnown: given.personKnown,
    past: samplePast({ actionCount: given.actionCount, actorCount: given.actorCount }),
  });

  test('is always the sum of its reasons, held to 1–100', () => {
    fc.assert(
      fc.property(anything, (given) => {
        const { risk, reasons } = scoreFinding(inputOf(given));
        expect(risk).toBe(Math.min(MAXIMUM_RISK, Math.max(MINIMUM_RISK, sumPoints(reasons))));
        expect(Number.isInteger(risk)).toBe(true);
      }),
    );
  });

  test('never goes above 45 for what the provider itself does', () => {
    fc.assert(
      fc.property(anything, (given) => {
        expect(scoreFinding(inputOf({ ...given, isProvider: true })).risk).toBeLessThanOrEqual(45);
      }),
    );
  });

  test('is never higher for a refused call than for the same call that succeeded', () => {
    fc.assert(
      fc.property(anything, (given) => {
        const refused = scoreFinding(inputOf({ ...given, failed: true })).risk;
        expect(refused).toBeLessThanOrEqual(scoreFinding(inputOf({ ...given, failed: false })).risk);
      }),
    );
  });
});
