/** KMS: keys that are to vanish, are switched off, or open to strangers. Row 38. */
import type { Call } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  objectOf,
  orNone,
  type ResourceKind,
  textOf,
  textsOf,
  type TrailEvent,
} from '../catalogue.ts';
import { everyObject } from '../pages.ts';
import { deadPrincipals } from '../policy-document.ts';
import { changedFields, type Fields, policyDocument, type ResourceState, sortedList, toJson } from '../state.ts';

const PAGES = ['NextMarker', 'Marker'] as const;

function call(operation: string, input: Fields): Call {
  return { service: 'kms', operation, input };
}

interface Key {
  readonly id: string;
  readonly account: string;
  readonly region: string;
}

/** A key is called by its id or by its ARN, which may be another account's. */
function keyOf({ request, response, account, region }: TrailEvent): Key | null {
  const given = textOf(request, 'keyId') ?? textOf(response, 'keyId');
  if (given === null) return null;
  const [, , , home = region, owner = account] = given.startsWith('arn:') ? given.split(':') : [];
  return { id: given.split('key/').at(-1) ?? given, account: owner, region: home };
}

const keys: ResourceKind = {
  type: 'AWS::KMS::Key',
  reach: 'region',
  list: async (caller) => {
    const found = await everyObject(caller, call('ListKeys', {}), { member: 'Keys', token: PAGES });
    return found.flatMap((one) => textOf(one, 'KeyId') ?? []);
  },
  read: async (caller, { id }) => {
    const found = await orNone(caller.call(call('DescribeKey', { KeyId: id })), 'NotFoundException');
    if (found === null) return null;
    const policy = await caller.call(call('GetKeyPolicy', { KeyId: id, PolicyName: 'default' }));
    const state = textOf(objectOf(found, 'KeyMetadata'), 'KeyState');
    // A key that still has copies in other regions waits for them, and is cancelled alike.
    return {
      state: state === 'PendingReplicaDeletion' ? 'PendingDeletion' : state,
      policy: policyDocument(policy['Policy']),
    };
  },
};

function lead(from: ResourceState, to: ResourceState, KeyId: string): readonly Call[] {
  if (from === null || to === null) return [];
  const calls: Call[] = [];
  if (from['state'] !== to['state']) {
    // Cancelling leaves the key disabled.
    if (from['state'] === 'PendingDeletion') calls.push(call('CancelKeyDeletion', { KeyId }));
    if (to['state'] === 'Enabled') calls.push(call('EnableKey', { KeyId }));
    if (to['state'] === 'Disabled' && from['state'] !== 'PendingDeletion') calls.push(call('DisableKey', { KeyId }));
    if (to['state'] === 'PendingDeletion') calls.push(call('ScheduleKeyDeletion', { KeyId }));
  }
  if (changedFields(from, to).includes('policy')) {
    const Policy = JSON.stringify(to['policy'] ?? null);
    calls.push(call('PutKeyPolicy', { KeyId, PolicyName: 'default', Policy }));
  }
  return calls;
}

const common = {
  row: 38,
  class: 'B',
  proof: 'emulator',
  resources: (event) => {
    const key = keyOf(event);
    return key === null ? [] : [{ type: keys.type, ...key }];
  },
  read: keys.read,
  lead: (from, to, { resource }) => lead(from, to, resource.id),
} as const satisfies Partial<CatalogueEntry>;

const deletion: CatalogueEntry = {
  ...common,
  events: ['kms:ScheduleKeyDeletion'],
  mode: 'auto',
  after: (_event, baseline) => (baseline === null ? null : { ...baseline, state: 'PendingDeletion' }),
  // Where nobody vouched, it is kept at least, and stays off.
  before: (_event, current) => (current?.['state'] === 'PendingDeletion' ? { ...current, state: 'Disabled' } : current),
};

const disabling: CatalogueEntry = {
  ...common,
  events: ['kms:DisableKey'],
  mode: 'after-answer',
  after: (_event, baseline) => (baseline === null ? null : { ...baseline, state: 'Disabled' }),
};

const keyPolicy: CatalogueEntry = {
  ...common,
  events: ['kms:PutKeyPolicy'],
  mode: 'after-answer',
  after: ({ request }, baseline) =>
    baseline === null ? null : { ...baseline, policy: policyDocument(request['policy']) },
  hindrance: ({ baseline }) => {
    const dead = deadPrincipals(baseline?.['policy'] ?? null);
    return dead.length === 0 ? null : `the trusted policy names who is gone, which KMS refuses: ${dead.join(', ')}`;
  },
  remains: 'read-meanwhile',
};

/** Services of AWS grant themselves what they need, all day long; nobody else can act as one. */
function isForService({ request, invokedBy }: TrailEvent): boolean {
  return invokedBy !== undefined || /\.amazonaws\.com(?:\.cn)?$/.test(textOf(request, 'granteePrincipal') ?? '');
}

const grant: CatalogueEntry = {
  row: 38,
  events: ['kms:CreateGrant'],
  class: 'X',
  mode: 'after-answer',
  proof: 'emulator',
  resources: (event) => {
    const [key, id] = [keyOf(event), textOf(event.response, 'grantId')];
    if (key === null || id === null || isForService(event)) return [];
    return [{ type: 'AWS::KMS::Grant', ...key, id: `${key.id}|${id}` }];
  },
  read: async (caller, { id }) => {
    const [KeyId = '', GrantId = ''] = id.split('|');
    const asked = everyObject(caller, call('ListGrants', { KeyId, GrantId }), { member: 'Grants', token: PAGES });
    const found = (await orNone(asked, 'NotFoundException'))?.find((one) => one['GrantId'] === GrantId);
    return found === undefined
      ? null
      : { grantee: textOf(found, 'GranteePrincipal'), operations: sortedList(found['Operations']) };
  },
  before: () => null,
  // Who is granted something is named now by ARN and now by id: what counts is that the grant is there.
  after: ({ request }, _baseline, _resource, current) =>
    current ?? { grantee: toJson(request['granteePrincipal']), operations: sortedList(textsOf(request, 'operations')) },
  lead: (_from, to, { resource }) => {
    const [KeyId = '', GrantId = ''] = resource.id.split('|');
    // A grant that is made anew has another id.
    return to === null ? [call('RevokeGrant', { KeyId, GrantId })] : [];
  },
  fine: ['NotFoundException'],
  remains: 'grant-lasts-minutes',
};

export const kmsKinds: readonly ResourceKind[] = [keys];
export const kmsEntries: readonly CatalogueEntry[] = [deletion, disabling, keyPolicy, grant];
