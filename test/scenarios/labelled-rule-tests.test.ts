/**
 * How far our rules agree with the labelled tests of other makers' rules. docs/rule-tests.md explains each disagreement.
 *
 * Theirs say whether one of their rules fires; ours say how risky an event is. The bridge: we "alert" when a rule adds at
 * least ALERT_RISK to an event that took effect. A refused call is a finding of ours and no alert in their sense, unless the
 * rule is about refusals. What single-event rules cannot decide (mocks, enrichment, correlation, thresholds) is left out.
 */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { bundledRulesets, loadPack } from '../../server/src/rules/pack.ts';
import { createRunner, type Runner } from '../../server/src/rules/runner.ts';
import { cloudtrailSource } from '../../server/src/sources/cloudtrail/cloudtrail.ts';
import { kubernetesSource } from '../../server/src/sources/kubernetes/kubernetes.ts';
import type { Source, SourceRecord } from '../../server/src/sources/source.ts';
import { dataPath, describeWithData } from '../data.ts';

/** Above what is only kept for whoever looks back (docs/risk.md: 5–20 is recorded; looking around adds at most 8). */
const ALERT_RISK = 10;
/** What a refusal takes off, as in findings/risk.ts. */
const REFUSED = 20;
/** The least agreement: a fall below it is a fault of ours. */
const LEAST_AGREEMENT = { panther: 0.9, streamalert: 0.85, eks: 0.9 };

interface LabelledTest {
  readonly rule_id?: string;
  readonly source: string;
  readonly test?: string;
  readonly description?: string;
  readonly expected: boolean;
  readonly event?: SourceRecord;
  readonly events?: readonly (SourceRecord | null)[];
  readonly has_mocks?: boolean;
  readonly panther_fields?: readonly string[];
  readonly is_correlation_signal?: boolean;
  readonly threshold?: number;
  readonly classify_only?: boolean;
}

let runner: Runner;
const aboutRefusals = new Set<string>();

beforeAll(() => {
  const { ruleset } = loadPack(bundledRulesets());
  runner = createRunner({ rules: ruleset.rules, match: 'all' });
  for (const { name, conditionText } of ruleset.rules) {
    if (/\b(ct\.error|ka\.response\.code)\b/.test(conditionText)) aboutRefusals.add(name);
  }
});

function testsOf(file: string): LabelledTest[] {
  const text = gunzipSync(readFileSync(file)).toString('utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as LabelledTest);
}

/** What one event alone decides. */
function isDecidable(one: LabelledTest, ignoreFields: boolean): boolean {
  return (
    one.has_mocks !== true &&
    one.is_correlation_signal !== true &&
    one.classify_only !== true &&
    (one.threshold ?? 1) <= 1 &&
    (ignoreFields || (one.panther_fields ?? []).length === 0)
  );
}

function alerts(source: Source, record: SourceRecord): boolean {
  return runner.run(source, record).some(({ rule, risk, facts }) => {
    const refused = facts.errorCode !== null && facts.errorCode !== '';
    if (!refused) return (risk ?? 0) >= ALERT_RISK;
    return aboutRefusals.has(rule) && (risk ?? 0) - REFUSED >= ALERT_RISK;
  });
}

/** Agreement of a set, and the tests that disagree, in words. */
function judge(source: Source, tests: readonly LabelledTest[]): { agreement: number; disagreements: string[] } {
  const disagreements = tests.flatMap((one) => {
    const records = (one.events ?? [one.event]).flatMap((record) =>
      record === undefined || record === null ? [] : [record],
    );
    if (records.some((record) => alerts(source, record)) === one.expected) return [];
    const name = `${one.rule_id ?? one.source.split('/').at(-1) ?? ''}: ${one.test ?? one.description ?? ''}`;
    return [`${one.expected ? 'missed' : 'too much'}: ${name}`];
  });
  return { agreement: 1 - disagreements.length / tests.length, disagreements };
}

function report(
  set: string,
  tests: readonly LabelledTest[],
  agreement: number,
  disagreements: readonly string[],
): void {
  const percent = (agreement * 100).toFixed(1);
  console.info(
    `${set}: ${tests.length} tests, ${percent} % agree\n${disagreements.map((line) => `  ${line}\n`).join('')}`,
  );
}

describeWithData('labelled tests of rules for CloudTrail', () => {
  test('Panther: our rules alert where theirs do, and are quiet where theirs are', () => {
    const file = dataPath('cloudtrail', 'rule-tests', 'panther-cloudtrail.jsonl.gz');
    const tests = testsOf(file).filter((one) => isDecidable(one, false));
    expect(tests.length).toBeGreaterThan(50);
    const { agreement, disagreements } = judge(cloudtrailSource, tests);
    report('Panther, CloudTrail', tests, agreement, disagreements);
    expect(agreement).toBeGreaterThanOrEqual(LEAST_AGREEMENT.panther);
  });

  test('StreamAlert: our rules alert where theirs do, and are quiet where theirs are', () => {
    const tests = testsOf(dataPath('cloudtrail', 'rule-tests', 'streamalert.jsonl.gz')).filter(
      (one) => isDecidable(one, true) && (one.events ?? []).some((record) => record !== null),
    );
    expect(tests.length).toBeGreaterThan(10);
    const { agreement, disagreements } = judge(cloudtrailSource, tests);
    report('StreamAlert', tests, agreement, disagreements);
    expect(agreement).toBeGreaterThanOrEqual(LEAST_AGREEMENT.streamalert);
  });
});

describeWithData('labelled tests of rules for Kubernetes', () => {
  test('Panther: our rules alert where theirs do, and are quiet where theirs are', () => {
    const file = dataPath('k8s-audit', 'rule-tests', 'panther-eks.jsonl.gz');
    expect(existsSync(file)).toBe(true);
    // Every test of this set carries Panther's own fields; those that hold enrichment decide, the others only repeat.
    const tests = testsOf(file).filter(
      (one) => isDecidable(one, true) && !(one.panther_fields ?? []).includes('p_enrichment'),
    );
    expect(tests.length).toBeGreaterThan(10);
    const { agreement, disagreements } = judge(kubernetesSource, tests);
    report('Panther, Kubernetes', tests, agreement, disagreements);
    expect(agreement).toBeGreaterThanOrEqual(LEAST_AGREEMENT.eks);
  });
});
