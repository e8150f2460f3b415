/** The rules that come with the product: they load without a word, pass their tests, and say of themselves what they must. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Rule } from '@countersign/falco';
import { dataPath, describeWithData } from '../../../test/data.ts';
import { currentTechnique, RENAMED_TECHNIQUES } from './attack-techniques.ts';
import { metadataOf } from './metadata.ts';
import { bundledRulesets, loadPack } from './pack.ts';
import { testRules } from './spec.ts';

const { ruleset, diagnostics } = loadPack(bundledRulesets());
const FEWEST_RULES = 300;
const HIGHEST_QUIET_RISK = 20;
const TECHNIQUE_TAG = /^T\d{4}(\.\d{3})?$/;

const techniqueTags = (rule: Rule) => rule.tags.filter((tag) => TECHNIQUE_TAG.test(tag));
const faulty = (holds: (rule: Rule) => boolean) => ruleset.rules.filter((rule) => !holds(rule)).map(({ name }) => name);

test('the bundled rules load together without a complaint', () => {
  expect(bundledRulesets().map((file) => file.split('/').at(-1))).toEqual(
    expect.arrayContaining(['aws.yaml', 'kubernetes.yaml']),
  );
  expect(diagnostics).toEqual([]);
  expect(ruleset.rules.length).toBeGreaterThan(FEWEST_RULES);
});

test('every bundled rule matches what its tests say and misses what they say', async () => {
  const { passed, failed, text } = await testRules(bundledRulesets());
  expect(text).toBe('');
  expect(failed).toBe(0);
  expect(passed).toBeGreaterThan(ruleset.rules.length * 2);
});

test('every bundled rule has a reason, a risk, a tactic and a technique', () => {
  expect(faulty(({ description }) => /^[A-Z].{8,160}[.?!]$/.test(description))).toEqual([]);
  expect(faulty(({ tags }) => metadataOf(tags).risk !== null)).toEqual([]);
  expect(faulty(({ tags }) => metadataOf(tags).tactics.length > 0)).toEqual([]);
  expect(faulty(({ tags }) => metadataOf(tags).techniques.length > 0)).toEqual([]);
});

test('a technique that was renamed is tagged with its current and with an older id', () => {
  const renamed = new Set(RENAMED_TECHNIQUES.values());
  const lacking = faulty((rule) => {
    const tags = techniqueTags(rule);
    const currentThere = tags.every((tag) => tags.includes(currentTechnique(tag)));
    const olderThere = tags
      .filter((tag) => renamed.has(tag))
      .every((tag) => tags.some((other) => RENAMED_TECHNIQUES.get(other) === tag));
    return currentThere && olderThere;
  });
  expect(lacking).toEqual([]);
});

test('no bundled rule looks for the name of a tool that only tests use', () => {
  expect(
    faulty(({ conditionText }) => !/stratus|red-?team|pacu|invictus|atomic|traildiscover/i.test(conditionText)),
  ).toEqual([]);
});

test('a rule that only keeps things for whoever looks back is quiet', () => {
  const loud = ruleset.rules.filter(
    ({ description, tags }) =>
      description.startsWith('Kept for whoever looks back') && (metadataOf(tags).risk ?? 100) > HIGHEST_QUIET_RISK,
  );
  expect(loud.map(({ name }) => name)).toEqual([]);
});

describeWithData('the technique ids of the bundled rules', () => {
  test('are those of ATT&CK: the current ones active today, the older ones renamed since version 18', () => {
    interface Table {
      readonly techniques: readonly { readonly id: string; readonly revoked: boolean; readonly deprecated: boolean }[];
    }
    const file = dataPath('attack', 'techniques.json');
    expect(existsSync(file)).toBe(true);
    const { techniques } = JSON.parse(readFileSync(file, 'utf8')) as Table;
    const active = new Set(techniques.filter((one) => !one.revoked && !one.deprecated).map(({ id }) => id));
    const unknown = ruleset.rules.flatMap((rule) =>
      techniqueTags(rule)
        .filter((tag) => !active.has(tag) && !RENAMED_TECHNIQUES.has(tag))
        .map((tag) => `${rule.name}: ${tag}`),
    );
    expect(unknown).toEqual([]);
    const changes = JSON.parse(readFileSync(dataPath('attack', 'v18-to-v19.json'), 'utf8')) as {
      gone: readonly { id: string; redirect: string }[];
    };
    expect(new Set([...RENAMED_TECHNIQUES].map(String))).toEqual(
      new Set(changes.gone.map(({ id, redirect }) => `${id},${redirect}`)),
    );
  });
});
