/**
 * Runs rule tests: every event of a test file is judged by the compiled rules, as the server would judge it.
 *
 * A rule without a test, or with no near miss, is a failure: a rule that nobody has seen match, or seen not match, may be
 * anything.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type CompiledRules, compileRules, formatDiagnostic, type Rule } from '@countersign/falco';
import { formatConfigDiagnostic } from '../ground/config.ts';
import { sourceNamed } from '../sources/catalogue.ts';
import type { Source, SourceRecord } from '../sources/source.ts';
import { loadPack } from './pack.ts';
import { readSpecFile, type SpecCase, type SpecFile } from './spec-file.ts';

/** One test file with the rules it tests. */
export interface RuleSpec {
  readonly name: string;
  readonly text: string;
  readonly rules: readonly Rule[];
}

export interface SpecResults {
  readonly passed: number;
  /** Each with its place: `file:line:column: error: …` and the line below. */
  readonly failures: readonly string[];
}

const TEST_FILE = /\.test\.ya?ml$/;
const RULE_FILE = /\.ya?ml$/;

/** Judges the events of test files. Pure, but for compiling. */
export function runRuleSpecs(specs: readonly RuleSpec[]): SpecResults {
  let passed = 0;
  const failures: string[] = [];
  for (const { name, text, rules } of specs) {
    const spec = readSpecFile(text, name);
    failures.push(...spec.diagnostics.map(formatConfigDiagnostic));
    if (spec.cases.length === 0) continue;
    const judge = new Judge(rules);
    for (const one of spec.cases) {
      const fault = judge.faultOf(one);
      if (fault === null) passed += 1;
      else failures.push(formatConfigDiagnostic(spec.place(one.path, fault)));
    }
    failures.push(...untested(spec, rules));
  }
  return { passed, failures };
}

class Judge {
  readonly #rules: ReadonlyMap<string, Rule>;
  readonly #compiled = new Map<string, CompiledRules<SourceRecord>>();

  constructor(rules: readonly Rule[]) {
    this.#rules = new Map(rules.map((rule) => [rule.name, rule]));
  }

  /** Null when the rule says what it must. */
  faultOf({ rule: name, expected, source: sourceName, event, title }: SpecCase): string | null {
    const rule = this.#rules.get(name);
    if (rule === undefined) return `no rule has the name '${name}'`;
    if (!rule.enabled) return `the rule '${name}' is switched off`;
    const source = sourceNamed(sourceName ?? rule.source);
    if (source === null) return `no source has the name '${sourceName ?? rule.source}'`;
    const admission = source.admit(event);
    if (admission.type === 'malformed') return `this is no event of ${source.name}: ${admission.reason}`;
    const matched = this.#matching(source, admission.record);
    if (matched.includes(name) === (expected === 'match')) return null;
    const others = matched.length === 0 ? 'no rule matches it' : `it matches: ${matched.join(', ')}`;
    const which = title === '' ? 'this event' : `this event (${title})`;
    return expected === 'match'
      ? `'${name}' must match ${which} and does not; ${others}`
      : `'${name}' must not match ${which} and does`;
  }

  #matching(source: Source, record: SourceRecord): readonly string[] {
    let compiled = this.#compiled.get(source.name);
    if (compiled === undefined) {
      compiled = compileRules([...this.#rules.values()], source.catalogue, { match: 'all' });
      this.#compiled.set(source.name, compiled);
    }
    return compiled.match(record).map(({ name }) => name);
  }
}

function untested(spec: SpecFile, rules: readonly Rule[]): readonly string[] {
  const seen = new Set(spec.cases.map(({ rule }) => rule));
  return rules
    .filter((rule) => rule.enabled && !seen.has(rule.name))
    .map((rule) => `${rule.file}:${rule.line}:1: error: the rule '${rule.name}' has no test`);
}

/**
 * What `countersign rules test` does: paths are folders, rule files or test files. The rules of `aws.yaml` are tested by
 * `aws.test.yaml` beside it, unless the test file lists other rule files under `rules`.
 *
 * @throws Failure `rules-unreadable` when a rule file cannot be read.
 */
export async function testRules(paths: readonly string[]): Promise<{ passed: number; failed: number; text: string }> {
  const failures: string[] = [];
  const specs: RuleSpec[] = [];
  const tested = new Set<string>();
  const { testFiles, ruleFiles, faults } = gather(paths);
  failures.push(...faults);
  for (const file of testFiles) {
    const text = readFileSync(file, 'utf8');
    const named = readSpecFile(text, file).rules?.map((name) => resolve(dirname(file), name));
    const files = named ?? [file.replace(TEST_FILE, '.yaml')];
    const { ruleset, diagnostics } = loadPack(files);
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    failures.push(...errors.map(formatDiagnostic));
    for (const one of files) tested.add(resolve(one));
    // Tests of rules that cannot be read would only repeat that.
    if (errors.length > 0) continue;
    specs.push({ name: file, text, rules: ruleset.rules });
  }
  for (const file of ruleFiles) {
    if (!tested.has(resolve(file))) failures.push(`${file}:1:1: error: no test file tests these rules`);
  }
  const results = runRuleSpecs(specs);
  const all = [...failures, ...results.failures];
  return { passed: results.passed, failed: all.length, text: all.join('\n') };
}

interface Gathered {
  readonly testFiles: readonly string[];
  readonly ruleFiles: readonly string[];
  readonly faults: readonly string[];
}

function gather(paths: readonly string[]): Gathered {
  const testFiles = new Set<string>();
  const ruleFiles = new Set<string>();
  const faults: string[] = [];
  for (const path of paths) {
    const kind = statSync(path, { throwIfNoEntry: false });
    if (kind === undefined) {
      faults.push(`${path}:1:1: error: there is no such file or folder`);
      continue;
    }
    const files = kind.isDirectory()
      ? readdirSync(path)
          .sort()
          .map((name) => join(path, name))
      : [path];
    for (const file of files) {
      if (TEST_FILE.test(file)) testFiles.add(file);
      else if (RULE_FILE.test(file)) ruleFiles.add(file);
    }
  }
  for (const file of ruleFiles) {
    const beside = file.replace(RULE_FILE, '.test.yaml');
    if (statSync(beside, { throwIfNoEntry: false }) !== undefined) testFiles.add(beside);
  }
  return { testFiles: [...testFiles], ruleFiles: [...ruleFiles], faults };
}
