/** What we ask people to run in their accounts grants what is documented and nothing more. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { describeWith } from '../data.ts';

const FOLDER = fileURLToPath(new URL('../../deploy/aws/', import.meta.url));
const TERRAFORM = spawnSync('terraform', ['version'], { stdio: 'ignore' }).status === 0;
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

describe('the CloudFormation template', () => {
  const template = parse(readFileSync(`${FOLDER}countersign.yaml`, 'utf8'), { customTags: TAGS as never }) as {
    Resources: Record<string, unknown>;
  };
  const statements = statementsOf(template.Resources);

  test('allows named actions on named resources, and no others', () => {
    expect(statements.length).toBeGreaterThanOrEqual(5);
    for (const { Action, Resource, Sid } of statements) {
      for (const action of Action) expect(ALLOWED).toContain(action);
      if (Sid === undefined) continue;
      expect(Resource).toBeDefined();
      expect(Resource).not.toContain('*');
    }
  });

  test('lets AWS send only for our bucket and our rule, and nobody assume the role without the external id', () => {
    const open = statements.filter(
      ({ Action }) => Action.includes('sqs:SendMessage') || Action.includes('sts:AssumeRole'),
    );
    expect(open).toHaveLength(3);
    for (const { Condition } of open) expect(Condition).toBeDefined();
  });
});

test('the Terraform module names every action', () => {
  const text = readFileSync(`${FOLDER}terraform/main.tf`, 'utf8');
  const actions = [...text.matchAll(/actions\s*=\s*\[([^\]]*)\]/g)].flatMap(([, list = '']) =>
    [...list.matchAll(/"([^"]+)"/g)].map(([, action]) => action),
  );
  expect(actions.length).toBeGreaterThanOrEqual(7);
  for (const action of actions) expect(ALLOWED).toContain(action);
  expect(text).not.toMatch(/resources\s*=\s*\["\*"\]/);
});

describeWith({ name: 'terraform', present: TERRAFORM || process.env['CI'] === 'true' })('Terraform itself', () => {
  test.skipIf(!TERRAFORM)('finds the module well formed', () => {
    const { status, stdout } = spawnSync('terraform', ['fmt', '-check', '-diff', `${FOLDER}terraform`], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});
