/**
 * Falco's own regression traces for Kubernetes audit events and for its CloudTrail plugin: with the public rules, our sources
 * and our rule language find what Falco finds.
 */
import { existsSync, readFileSync } from 'node:fs';
import { compileRules, type Diagnostic, type FieldCatalogue, loadRules, type Rule } from '@countersign/falco';
import { expect, test } from 'vitest';
import { SOURCES, sourceCatalogues } from '../../server/src/sources/catalogue.ts';
import { eachReading, readPaths } from '../../server/src/sources/reading/read-paths.ts';
import type { SourceName, SourceRecord } from '../../server/src/sources/source.ts';
import { dataPath, describeWith, describeWithData } from '../data.ts';

interface Expectation {
  readonly test: string;
  readonly detect: boolean;
  readonly level: string | null;
  readonly expected_counts_current: Readonly<Record<string, number>>;
  readonly base_rules: string | null;
  readonly override_rules: readonly string[];
  /** The rules for system calls were loaded before; the others use lists of theirs. */
  readonly falco_rules_also_loaded?: boolean;
}
interface Trace {
  readonly file: string;
  readonly tests: readonly Expectation[];
}
interface LanguageCase {
  readonly id: string;
  readonly class: string;
  readonly enable_source?: string;
  readonly detect_level?: string;
  readonly detect_counts?: readonly Readonly<Record<string, number>>[];
  readonly conf_file?: string;
  readonly rules_files: readonly string[];
  readonly rules_text: Readonly<Record<string, string>>;
}

const PLUGINS = new Map([
  ['k8saudit', '0.18.0'],
  ['cloudtrail', '0.14.0'],
  ['json', '0.7.3'],
  ['container', '0.6.0'],
]);

function load(files: readonly { readonly name: string; readonly text: string }[]): {
  readonly rules: readonly Rule[];
  readonly errors: readonly Diagnostic[];
} {
  const { ruleset, diagnostics } = loadRules(files, { catalogues: sourceCatalogues(), plugins: PLUGINS });
  return { rules: ruleset.rules, errors: diagnostics.filter(({ severity }) => severity === 'error') };
}

/** How often each rule matches. */
async function countMatches(path: string, source: SourceName, rules: readonly Rule[]): Promise<Map<string, number>> {
  const catalogue = sourceCatalogues().get(source) as unknown as FieldCatalogue<SourceRecord>;
  const compiled = compileRules(rules, catalogue, { match: 'all' });
  const counts = new Map<string, number>();
  for await (const reading of eachReading(readPaths([path], { sources: SOURCES, source }))) {
    if (reading.type !== 'record') continue;
    for (const rule of compiled.match(reading.record)) counts.set(rule.name, (counts.get(rule.name) ?? 0) + 1);
  }
  return counts;
}

describeWithData('Falco’s traces of Kubernetes audit events', () => {
  const folder = (...parts: string[]) => dataPath('k8s-audit', 'falco-traces', ...parts);
  const traces = JSON.parse(readFileSync(folder('expected.json'), 'utf8')) as readonly Trace[];

  interface File {
    readonly name: string;
    readonly text: string;
  }
  const read = (name: string): File => {
    const published = dataPath('falco-rules', name);
    return { name, text: readFileSync(existsSync(published) ? published : folder('override-rules', name), 'utf8') };
  };

  /** `a.yaml (where it is from) + b.yaml`, then what is laid over it. */
  function filesOf({ base_rules, override_rules, falco_rules_also_loaded }: Expectation): readonly File[] {
    const bases = (base_rules ?? '').split('+').map((name) => name.replace(/\(.*\)/, '').trim());
    const before = falco_rules_also_loaded === true ? ['falco_rules.yaml'] : [];
    const files = [...before, ...bases.filter((name) => name !== '')].map(read);
    const overrides = override_rules.map((name) => read(name.replace(/^k8s_audit\//, ''))).map(underBothNames);
    return [...files, missingLists(files, overrides), ...overrides];
  }

  /** Since the traces were made, lists moved from the rules for system calls and took another name. */
  function underBothNames({ name, text }: File): File {
    const renamed = text.replaceAll(/^- list: falco_/gm, '- list: k8s_audit_');
    return { name, text: renamed === text ? text : `${text}\n${renamed}` };
  }

  /** What an override adds to and no file has any more begins empty. */
  function missingLists(files: readonly File[], overrides: readonly File[]): File {
    const listsIn = (all: readonly File[]) => all.flatMap(({ text }) => text.match(/^- list: \S+/gm) ?? []);
    const known = new Set(listsIn(files));
    const missing = [...new Set(listsIn(overrides))].filter((list) => !known.has(list));
    return { name: 'missing.yaml', text: missing.map((list) => `${list}\n  items: []\n`).join('') };
  }

  const cases = traces.flatMap((trace) => trace.tests.map((item) => [item.test, trace.file, item] as const));
  test('there are enough of them', () => expect(cases.length).toBeGreaterThan(20));

  test.each(cases)('%s (%s)', async (_name, file, item) => {
    const { rules, errors } = load(filesOf(item));
    expect(errors).toEqual([]);
    const expected = Object.entries(item.expected_counts_current);
    // Some rules ship disabled by now; what they would find is asked all the same.
    const wanted = new Set(expected.map(([name]) => name));
    const enabled = rules.map((rule) => (wanted.has(rule.name) ? { ...rule, enabled: true } : rule));
    const counts = await countMatches(folder(file), 'k8s_audit', enabled);
    if (!item.detect) expect(Object.fromEntries(counts)).toEqual({});
    for (const [name, count] of expected) {
      expect(counts.get(name), `${name} among ${[...counts.keys()].join(', ')}`).toBe(count);
      const rule = rules.find((candidate) => candidate.name === name);
      if (item.level !== null) expect(rule?.priority.toUpperCase().startsWith(item.level.slice(0, 4))).toBe(true);
    }
  });
});

const languageCases = dataPath('falco-language', 'conformance.json');
describeWith({ name: 'Falco’s regression cases', present: existsSync(languageCases) })(
  'Falco’s cases with its CloudTrail plugin',
  () => {
    const cases = (JSON.parse(readFileSync(languageCases, 'utf8')) as readonly LanguageCase[]).filter(
      (item) => item.class === 'detect' && item.enable_source === 'aws_cloudtrail',
    );
    const traceOf = (item: LanguageCase) =>
      dataPath(
        'cloudtrail',
        'falco-plugin-test',
        item.conf_file?.includes('big') === true ? 'alice_start_instances_bigevent.json' : 'alice_start_instances.json',
      );

    test('there is one', () => expect(cases.length).toBeGreaterThan(0));

    test.each(cases.map((item) => [item.id, item] as const))('%s', async (_id, item) => {
      const { rules, errors } = load(item.rules_files.map((name) => ({ name, text: item.rules_text[name] ?? '' })));
      expect(errors).toEqual([]);
      const counts = await countMatches(traceOf(item), 'aws_cloudtrail', rules);
      for (const [name, count] of (item.detect_counts ?? []).flatMap((one) => Object.entries(one))) {
        expect(counts.get(name), name).toBe(count);
      }
    });

    test('an event of 64 KiB is an event like any other', async () => {
      const text =
        '- rule: Start\n  desc: d\n  condition: ct.name=StartInstances\n  output: "%ct.user"\n  priority: INFO\n  source: aws_cloudtrail\n';
      const { rules } = load([{ name: 'start.yaml', text }]);
      const path = dataPath('cloudtrail', 'falco-plugin-test', 'alice_start_instances_bigevent.json');
      expect(Object.fromEntries(await countMatches(path, 'aws_cloudtrail', rules))).toEqual({ Start: 1 });
    });
  },
);
