/** What we ask people to run in their accounts grants what is documented and nothing more. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { describeWith } from '../data.ts';

const FOLDER = fileURLToPath(new URL('../../deploy/aws/', import.meta.url));
/** Beside moto, in an environment of its own, or in the PATH. */
const CFN_LINT = [
  ...(process.env['COUNTERSIGN_MOTO'] === undefined
    ? []
    : [join(dirname(process.env['COUNTERSIGN_MOTO']), 'cfn-lint')]),
  'cfn-lint',
].find((program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0);
const TERRAFORM = spawnSync('terraform', ['version'], { stdio: 'ignore' }).status === 0;
/** A mirror of providers, for machines that cannot ask the registry. */
const PLUGINS = process.env['COUNTERSIGN_TERRAFORM_PLUGINS'] ?? '/opt/tf-plugins';
const ALLOWED = [
  'sqs:SendMessage',
  'sqs:ReceiveMessage',
  'sqs:DeleteMessage',
  'sqs:ChangeMessageVisibility',
  's3:GetObject',
  'kms:Decrypt',
  'sts:AssumeRole',
];

interface Statement {
  readonly Sid?: string;
  readonly Action: readonly string[];
  readonly Resource?: readonly unknown[];
  readonly Condition?: unknown;
}

/** CloudFormation's short forms, as the long ones. */
const TAGS = ['Ref', 'GetAtt', 'Sub', 'If', 'Not', 'Equals'].flatMap((name) => {
  const tag = `!${name}`;
  const resolve = (value: unknown) => ({ [name]: value });
  return [
    { tag, resolve: (text: string) => resolve(text) },
    { tag, collection: 'seq' as const, resolve: (node: { toJSON(): unknown }) => resolve(node.toJSON()) },
  ];
});

function statementsOf(value: unknown): Statement[] {
  if (Array.isArray(value)) return value.flatMap(statementsOf);
  if (typeof value !== 'object' || value === null) return [];
  const own = 'Action' in value ? [value as Statement] : [];
  return [...own, ...Object.values(value).flatMap(statementsOf)];
}

const TEMPLATES = ['countersign.yaml', 'events.yaml'];
const MODULES = ['terraform/main.tf', 'terraform/events/main.tf'];
/** The one action that AWS lets nobody narrow. */
const UNBOUND = 'cloudtrail:ListPublicKeys';

describe.each(TEMPLATES)('the CloudFormation template %s', (file) => {
  const template = parse(readFileSync(`${FOLDER}${file}`, 'utf8'), { customTags: TAGS as never }) as {
    Resources: Record<string, unknown>;
  };
  const statements = statementsOf(template.Resources);

  test('allows named actions on named resources, and no others', () => {
    expect(statements.length).toBeGreaterThanOrEqual(3);
    for (const { Action, Resource, Sid } of statements) {
      for (const action of Action) expect([...ALLOWED, UNBOUND]).toContain(action);
      if (Sid === undefined || Action.includes(UNBOUND)) continue;
      expect(Resource).toBeDefined();
      expect(Resource).not.toContain('*');
    }
  });

  test('lets AWS send only for what is ours, and nobody assume the role without the external id', () => {
    const open = statements.filter(
      ({ Action }) => Action.includes('sqs:SendMessage') || Action.includes('sts:AssumeRole'),
    );
    expect(open.length).toBeGreaterThanOrEqual(2);
    for (const { Condition } of open) expect(Condition).toBeDefined();
  });

  test.skipIf(CFN_LINT === undefined)('is one that CloudFormation takes (cfn-lint)', { timeout: 60_000 }, () => {
    const { stdout, status } = spawnSync(CFN_LINT ?? '', [`${FOLDER}${file}`], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});

describeWith({ name: 'cfn-lint (PyPI)', present: CFN_LINT !== undefined })('cfn-lint', () => {
  test('is there', () => expect(CFN_LINT).toBeDefined());
});

test.each(MODULES)('the Terraform module %s names every action', (file) => {
  const text = readFileSync(`${FOLDER}${file}`, 'utf8');
  const statements = [...text.matchAll(/actions\s*=\s*\[([^\]]*)\]\s*(?:resources\s*=\s*\[([^\]]*)\])?/g)].map(
    ([, actions = '', resources]) => ({
      actions: [...actions.matchAll(/"([^"]+)"/g)].map(([, action]) => action),
      resources: resources ?? '',
    }),
  );
  expect(statements.length).toBeGreaterThanOrEqual(3);
  for (const { actions, resources } of statements) {
    for (const action of actions) expect([...ALLOWED, UNBOUND]).toContain(action);
    expect(resources.includes('"*"')).toBe(actions.includes(UNBOUND));
  }
});

/** Neither is in Debian or in a registry of packages: where they are absent, also on the CI machine, only what is above is looked at. */
describe.skipIf(!TERRAFORM)('Terraform itself (skipped where it is absent)', () => {
  test('finds the modules well formed', () => {
    const { status, stdout } = spawnSync('terraform', ['fmt', '-check', '-diff', '-recursive', `${FOLDER}terraform`], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  describe.skipIf(!existsSync(PLUGINS))(`and the AWS provider in ${PLUGINS} (skipped where it is absent)`, () => {
    test('find every resource, attribute and reference right', { timeout: 180_000 }, () => {
      const folder = mkdtempSync(join(tmpdir(), 'countersign-terraform-'));
      cpSync(`${FOLDER}terraform`, folder, { recursive: true });
      const terraform = (...words: string[]) => spawnSync('terraform', words, { cwd: folder, encoding: 'utf8' });
      expect(terraform('init', '-no-color', `-plugin-dir=${PLUGINS}`)).toMatchObject({ status: 0 });
      const { stdout } = terraform('validate', '-json');
      rmSync(folder, { recursive: true, force: true });
      expect(JSON.parse(stdout)).toMatchObject({ valid: true, warning_count: 0, diagnostics: [] });
    });
  });
});
