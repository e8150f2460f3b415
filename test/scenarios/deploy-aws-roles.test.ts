/** The roles that put back and that read: they may make every call of the catalogue, and no others; the same in Terraform and CloudFormation. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CATALOGUE = join(ROOT, 'server/src/cases/revert');
const require = createRequire(join(ROOT, 'server/package.json'));

interface Statement {
  readonly Sid: string;
  readonly Effect: string;
  readonly Action?: readonly string[];
}

const TAGS = ['Ref', 'GetAtt', 'Sub'].flatMap((name) => [
  { tag: `!${name}`, resolve: (text: string) => ({ [name]: text }) },
]);
const template = parse(readFileSync(join(ROOT, 'deploy/aws/countersign-roles.yaml'), 'utf8'), {
  customTags: TAGS as never,
}) as { Resources: Record<string, { Type: string; Properties: { PolicyDocument?: { Statement: Statement[] } } }> };
const policy = (name: string) => template.Resources[name]?.Properties.PolicyDocument?.Statement ?? [];
const allowedBy = (...names: readonly string[]) =>
  names.flatMap((name) => policy(name).flatMap(({ Effect, Action = [] }) => (Effect === 'Allow' ? Action : [])));

/** What IAM calls the services and operations that the SDK calls otherwise. */
const PREFIXES: Readonly<Record<string, string>> = {
  'cloudwatch-logs': 'logs',
  'config-service': 'config',
  eventbridge: 'events',
  'route-53': 'route53',
  'route-53-domains': 'route53domains',
  's3-control': 's3',
  'secrets-manager': 'secretsmanager',
  'sso-admin': 'sso',
};
const NAMES: Readonly<Record<string, string>> = {
  's3:DeleteBucketEncryption': 's3:PutEncryptionConfiguration',
  's3:DeleteBucketLifecycle': 's3:PutLifecycleConfiguration',
  's3:DeleteBucketReplication': 's3:PutReplicationConfiguration',
  's3:DeletePublicAccessBlock': 's3:PutBucketPublicAccessBlock',
  's3:GetBucketEncryption': 's3:GetEncryptionConfiguration',
  's3:GetBucketLifecycleConfiguration': 's3:GetLifecycleConfiguration',
  's3:GetBucketReplication': 's3:GetReplicationConfiguration',
  's3:GetPublicAccessBlock': 's3:GetBucketPublicAccessBlock',
  's3:ListBuckets': 's3:ListAllMyBuckets',
  's3:PutBucketEncryption': 's3:PutEncryptionConfiguration',
  's3:PutBucketLifecycleConfiguration': 's3:PutLifecycleConfiguration',
  's3:PutBucketReplication': 's3:PutReplicationConfiguration',
  's3:PutPublicAccessBlock': 's3:PutBucketPublicAccessBlock',
  's3-control:GetPublicAccessBlock': 's3:GetAccountPublicAccessBlock',
  's3-control:PutPublicAccessBlock': 's3:PutAccountPublicAccessBlock',
  's3-control:DeletePublicAccessBlock': 's3:PutAccountPublicAccessBlock',
};
/** Names of events that a file knows and does not call. */
const NEVER_CALLED =
  /^(CreateAccessKey|CreateUser|CreateRole|CreateLoginProfile|UpdateLoginProfile|AcceptVpcPeeringConnection|CreateGrant|CreateTrustAnchor|CreateProfile|DeactivateMFADevice|DeleteVirtualMFADevice|LeaveOrganization)$/;

/** Every operation of the SDK that stands in the catalogue's sources, as IAM's action. */
function calledActions(): ReadonlyMap<string, string> {
  const called = new Map<string, string>();
  const files = readdirSync(CATALOGUE, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /^aws\/.*\.ts$/.test(file) && !file.endsWith('.test.ts'),
  );
  for (const file of [...files, 'baselines/config-history.ts']) {
    const text = readFileSync(join(CATALOGUE, file), 'utf8');
    const folder = dirname(file);
    const beside = folder === 'aws' ? [] : files.filter((other) => dirname(other) === folder);
    const whole = [text, ...beside.map((other) => readFileSync(join(CATALOGUE, other), 'utf8'))].join('\n');
    const services = new Set(
      [...whole.matchAll(/service: '([a-z0-9-]+)'|\bcall\('([a-z0-9-]+)'/g)].map((match) => match[1] ?? match[2] ?? ''),
    );
    const words = new Set([...text.matchAll(/'([A-Z][A-Za-z]+)'/g)].map((match) => match[1] ?? ''));
    for (const service of services) {
      const package_ = `@aws-sdk/client-${service}/package.json`;
      if (!existsSync(join(ROOT, 'node_modules', dirname(package_)))) continue;
      const index = join(dirname(require.resolve(package_)), 'dist-types/commands/index.d.ts');
      const commands = new Set(
        [...readFileSync(index, 'utf8').matchAll(/"\.\/(\w+)Command"/g)].map((match) => match[1]),
      );
      for (const word of words)
        if (
          commands.has(word) &&
          !NEVER_CALLED.test(word) &&
          (service !== 's3-control' || word.includes('PublicAccessBlock'))
        )
          called.set(NAMES[`${service}:${word}`] ?? `${PREFIXES[service] ?? service}:${word}`, file);
    }
  }
  return called;
}

test('reading reads', () => {
  for (const action of allowedBy('Read')) expect(action).toMatch(/^[a-z0-9]+:(Get|List|Describe)[A-Za-z0-9]+$/);
});

test('every call of the catalogue is allowed, by its name', () => {
  const called = calledActions();
  expect(called.size).toBeGreaterThan(200);
  const allowed = new Set(allowedBy('Read', 'RevertAudit', 'RevertData'));
  expect([...called].filter(([action]) => !allowed.has(action))).toEqual([]);
  for (const action of allowed) expect(action).not.toContain('*');
});

test('our own roles cannot be made more than they are', () => {
  expect(policy('RevertData')).toContainEqual(expect.objectContaining({ Sid: 'NeverOurselves', Effect: 'Deny' }));
});

test('Terraform allows the same, statement by statement', () => {
  const text = readFileSync(join(ROOT, 'deploy/aws/roles/main.tf'), 'utf8');
  const statements = [...text.matchAll(/sid\s*=\s*"(\w+)"[\s\S]*?actions\s*=\s*\[([^\]]*)\]/g)];
  const terraform = Object.fromEntries(
    statements.map(([, sid = '', list = '']) => [sid, [...list.matchAll(/"([^"]+)"/g)].map(([, action]) => action)]),
  );
  for (const name of ['Read', 'RevertAudit', 'RevertData'])
    for (const { Sid, Effect, Action } of policy(name))
      if (Effect === 'Allow') expect([Sid, terraform[Sid]]).toEqual([Sid, Action]);
});

test('no policy is longer than AWS takes', () => {
  for (const name of ['Read', 'RevertAudit', 'RevertData'])
    expect(JSON.stringify({ Version: '2012-10-17', Statement: policy(name) }).length).toBeLessThan(6_144);
});
