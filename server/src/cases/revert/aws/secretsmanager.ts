/**
 * Secrets Manager: who may read a secret, and whether it is still there. Row 40.
 *
 * The surprise: events name a secret by name, by ARN or by half an ARN, so that a secret is known here by its name. An ARN is the name and
 * six characters.
 */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  orNone,
  type ResourceKind,
  type ResourceRef,
  textOf,
  type TrailEvent,
} from '../catalogue.ts';
import { everyObject } from '../pages.ts';
import { documentText, type Fields, policyDocument, type ResourceState } from '../state.ts';

const POLICY = 'AWS::SecretsManager::ResourcePolicy';
const SECRET = 'AWS::SecretsManager::Secret';

const LONGEST_RECOVERY_DAYS = 30;

function call(operation: string, input: Fields): Call {
  return { service: 'secrets-manager', operation, input };
}

function secretOf(type: string): (event: TrailEvent) => readonly ResourceRef[] {
  return ({ request, response, account, region }) => {
    const given = textOf(request, 'secretId');
    const arn = textOf(response, 'aRN', 'arn', 'ARN') ?? given;
    if (arn === null) return [];
    const [, , , home = region, owner = account, , path] = arn.startsWith('arn:') ? arn.split(':') : [];
    const id = textOf(response, 'name') ?? (path === undefined ? arn : path.replace(/-[A-Za-z0-9]{6}$/, ''));
    return [{ type, account: owner, region: home, id }];
  };
}

async function readPolicy(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const answer = await orNone(caller.call(call('GetResourcePolicy', { SecretId: id })), 'ResourceNotFoundException');
  return answer === null ? null : { policy: policyDocument(answer['ResourcePolicy']) };
}

async function readSecret(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const answer = await orNone(caller.call(call('DescribeSecret', { SecretId: id })), 'ResourceNotFoundException');
  return answer === null ? null : { deletionScheduled: (answer['DeletedDate'] ?? null) !== null };
}

/** Truths arrive as such, or as texts. */
function isForced(request: TrailEvent['request']): boolean {
  return String(request['forceDeleteWithoutRecovery']) === 'true';
}

async function list(caller: Caller): Promise<readonly string[]> {
  const all = { member: 'SecretList', token: ['NextToken'] } as const;
  const secrets = await everyObject(caller, call('ListSecrets', {}), all);
  return secrets.flatMap((one) => textOf(one, 'Name') ?? []);
}

export const secretsmanagerEntries: readonly CatalogueEntry[] = [
  {
    row: 40,
    events: ['secretsmanager:PutResourcePolicy'],
    class: 'B',
    mode: 'approve',
    proof: 'emulator',
    resources: secretOf(POLICY),
    read: readPolicy,
    after: ({ request }) =>
      textOf(request, 'resourcePolicy') === null ? undefined : { policy: policyDocument(request['resourcePolicy']) },
    lead: (_from, to, { resource }) => {
      if (to === null) return [];
      const SecretId = resource.id;
      const policy = to['policy'] ?? null;
      if (policy === null) return [call('DeleteResourcePolicy', { SecretId })];
      const ResourcePolicy = documentText(policy);
      return [call('PutResourcePolicy', { SecretId, ResourcePolicy, BlockPublicPolicy: true })];
    },
    remains: 'read-meanwhile',
  },
  {
    row: 40,
    events: ['secretsmanager:DeleteSecret'],
    class: 'X',
    mode: 'approve',
    proof: 'emulator',
    resources: secretOf(SECRET),
    cannot: ({ request }) =>
      isForced(request) ? 'it was deleted without a time to recover it: nothing brings it back' : null,
    read: readSecret,
    after: () => ({ deletionScheduled: true }),
    before: () => ({ deletionScheduled: false }),
    // A secret that is gone does not come back, and nothing of ours deletes one for good.
    lead: (from, to, { resource }) => {
      if (from === null || to === null) return [];
      const SecretId = resource.id;
      return to['deletionScheduled'] === true
        ? [call('DeleteSecret', { SecretId, RecoveryWindowInDays: LONGEST_RECOVERY_DAYS })]
        : [call('RestoreSecret', { SecretId })];
    },
  },
];

export const secretsmanagerKinds: readonly ResourceKind[] = [
  { type: POLICY, reach: 'region', read: readPolicy, list },
  { type: SECRET, reach: 'region', read: readSecret, list },
];
