/** Falco's own regression cases about loading rules: the same codes and messages for the same files. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../test/data.ts';
import { type FieldCatalogue, type FieldDefinition, loadRules, syscallFieldCatalogue } from './index.ts';

interface Expected {
  readonly item_type: string;
  readonly item_name: string;
  readonly code: string;
  readonly message?: string;
  readonly message_contains?: string;
}

interface Case {
  readonly id: string;
  readonly class: string;
  readonly rules_files: readonly string[];
  readonly validate_rules_files: readonly string[];
  readonly rules_text: Readonly<Record<string, string>>;
  readonly rules_missing_here: readonly string[];
  readonly validate_errors?: readonly Expected[];
  readonly validate_warnings?: readonly Expected[];
  readonly exit_status?: number;
}

/** A catalogue of which only the names matter here. */
function named(source: string, names: readonly string[]): FieldCatalogue<never> {
  const fields = new Map<string, FieldDefinition<never>>(
    names.map((name) => [
      name,
      {
        name,
        type: 'any',
        isList: false,
        argument: { required: false, kind: 'both' },
        description: '',
        extract: () => null,
      },
    ]),
  );
  return { source, fields, indexFields: [] };
}

const syscall = syscallFieldCatalogue() as unknown as FieldCatalogue<never>;

describeWithData('Falco’s regression cases', () => {
  const cases = JSON.parse(readFileSync(dataPath('falco-language', 'conformance.json'), 'utf8')) as readonly Case[];
  const load = (item: Case) => {
    const wanted = item.validate_rules_files.length > 0 ? item.validate_rules_files : item.rules_files;
    const files = wanted.map((name) => ({ name, text: item.rules_text[name] ?? '' }));
    return loadRules(files, { catalogues: new Map([['syscall', syscall]]) });
  };

  test('there are cases of each kind', () => {
    expect(cases.filter((item) => item.validate_errors).length).toBeGreaterThan(20);
    expect(cases.filter((item) => item.class === 'detect').length).toBeGreaterThan(10);
  });

  for (const item of cases.filter(({ class: kind }) => kind.startsWith('validate'))) {
    test(item.id, () => {
      const { diagnostics } = load(item);
      const seen = diagnostics.map(
        ({ code, message, item: about }) => `${about?.kind} ${about?.name} ${code} ${message}`,
      );
      for (const expected of [...(item.validate_errors ?? []), ...(item.validate_warnings ?? [])]) {
        const start = `${expected.item_type} ${expected.item_name} ${expected.code} `;
        const match = seen.some(
          (line) =>
            line.startsWith(start) &&
            (expected.message === undefined || line.slice(start.length) === expected.message) &&
            (expected.message_contains === undefined || line.includes(expected.message_contains)),
        );
        expect(match ? 'found' : seen, start + (expected.message ?? expected.message_contains)).toBe('found');
      }
      const errors = diagnostics.filter(({ severity }) => severity === 'error');
      if (item.validate_errors === undefined) expect(errors).toEqual([]);
      for (const { line, column, file } of diagnostics) {
        expect(line).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
        expect(file).not.toBe('');
      }
    });
  }

  describe('rules that Falco accepts and runs load here too', () => {
    const runnable = cases.filter(
      (item) =>
        (item.class === 'detect' || item.class === 'nodetect') &&
        (item.exit_status ?? 0) === 0 &&
        item.rules_missing_here.length === 0 &&
        Object.keys(item.rules_text).length > 0,
    );
    test.each(runnable.map((item) => [item.id, item] as const))('%s', (_id, item) => {
      const files = item.rules_files.map((name) => ({ name, text: item.rules_text[name] ?? '' }));
      const usage = JSON.parse(readFileSync(dataPath('fields-cloudtrail.json'), 'utf8')) as {
        fields: { name: string }[];
      };
      const audit = JSON.parse(readFileSync(dataPath('fields-k8saudit.json'), 'utf8')) as {
        fields: { name: string }[];
      };
      const generic = [
        'json.value',
        'jevt.value',
        'evt.type',
        'evt.time',
        'test.field',
        'evt.pluginname',
        'evt.num',
        'evt.plugininfo',
        'evt.time.iso8601',
      ];
      const catalogues = new Map([
        ['syscall', syscall],
        ['aws_cloudtrail', named('aws_cloudtrail', [...usage.fields.map(({ name }) => name), ...generic])],
        ['k8s_audit', named('k8s_audit', [...audit.fields.map(({ name }) => name), ...generic])],
      ]);
      const { diagnostics } = loadRules(files, { catalogues });
      expect(
        diagnostics.filter(({ severity }) => severity === 'error').map(({ message, line }) => `${line} ${message}`),
      ).toEqual([]);
    });
  });
});

describeWithData('the public rule files', () => {
  const fieldsOf = (file: string) =>
    (JSON.parse(readFileSync(dataPath(file), 'utf8')) as { fields: { name: string }[] }).fields.map(({ name }) => name);
  const used = (prefix: RegExp, file: string) => [
    ...new Set(
      readFileSync(dataPath('falco-rules', file), 'utf8')
        .match(prefix)
        ?.map((name) => name.replace(/\.$/, '')) ?? [],
    ),
  ];
  const json = [
    'json.value',
    'jevt.value',
    'jevt.rawtime',
    'jevt.obj',
    'evt.time',
    'evt.type',
    'evt.num',
    'evt.plugininfo',
    'evt.time.iso8601',
  ];
  const table: readonly (readonly [string, () => FieldCatalogue<never>])[] = [
    ['falco_rules.yaml', () => syscall],
    ['falco-incubating_rules.yaml', () => syscall],
    ['falco-sandbox_rules.yaml', () => syscall],
    ['aws_cloudtrail_rules.yaml', () => named('aws_cloudtrail', [...fieldsOf('fields-cloudtrail.json'), ...json])],
    ['k8s_audit_rules.yaml', () => named('k8s_audit', [...fieldsOf('fields-k8saudit.json'), ...json])],
    ['okta_rules.yaml', () => named('okta', [...used(/okta\.[a-z._]+/g, 'okta_rules.yaml'), ...json])],
    ['github.yaml', () => named('github', [...used(/github\.[a-z._]+/g, 'github.yaml'), ...json])],
    [
      'gcp_auditlog_rules.yaml',
      () => named('gcp_auditlog', [...used(/gcp\.[a-zA-Z._]+/g, 'gcp_auditlog_rules.yaml'), ...json]),
    ],
  ];
  test.each(table)('%s loads without an error', (file, catalogue) => {
    const known = catalogue();
    const text = readFileSync(dataPath('falco-rules', file), 'utf8');
    const { ruleset, diagnostics } = loadRules([{ name: file, text }], {
      catalogues: new Map([[known.source, known]]),
    });
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    const defined = text.match(/^- rule:/gm)?.length ?? 0;
    expect(ruleset.rules.length).toBe(defined);
  });
});
