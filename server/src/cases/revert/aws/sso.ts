/**
 * IAM Identity Center (`sso.amazonaws.com`): who may do what in every account. Row 31.
 *
 * The surprise: AWS accepts these changes and carries them out later, and a permission set that was changed means nothing in an account
 * before it is provisioned there again.
 */
import { type Call, type Caller, CallFailure } from '../../../vendors/aws/calls.ts';
import {
  type CallPlace,
  type CatalogueEntry,
  objectOf,
  orNone,
  type ResourceKind,
  type ResourceRef,
  textOf,
  type TrailEvent,
  Unsettled,
} from '../catalogue.ts';
import { everyObject, everyPage } from '../pages.ts';
import { changedFields, documentText, type Fields, type Json, policyDocument, type ResourceState } from '../state.ts';

const ASSIGNMENT = 'AWS::SSO::Assignment';
const PERMISSION_SET = 'AWS::SSO::PermissionSet';
const MANAGED = 'managed ';
/** Of assignments that AWS is still making, so many are looked at. */
const MOST_IN_PROGRESS = 100;

type Answer = Readonly<Record<string, unknown>>;

function call(operation: string, input: Fields): Call {
  return { service: 'sso-admin', operation, input };
}

/** `arn:aws:sso:::permissionSet/ssoins-1/ps-2` → `arn:aws:sso:::instance/ssoins-1`. */
function instanceOf(permissionSetArn: string): string {
  return permissionSetArn.replace(/:[^:/]+\/([^/]+)\/.*$/, ':instance/$1');
}

/** `arn:aws:sso:::permissionSet/ssoins-1/ps-2/111122223333/GROUP/principal`. */
function assignmentOf({ request, account, region }: TrailEvent): readonly ResourceRef[] {
  const parts = ['permissionSetArn', 'targetId', 'principalType', 'principalId'].map((name) => textOf(request, name));
  return parts.includes(null) ? [] : [{ type: ASSIGNMENT, account, region, id: parts.join('/') }];
}

function assignmentInput(id: string): Fields {
  const parts = id.split('/');
  const PermissionSetArn = parts.slice(0, 3).join('/');
  const [TargetId = '', PrincipalType = '', PrincipalId = ''] = parts.slice(3);
  const InstanceArn = instanceOf(PermissionSetArn);
  return { InstanceArn, PermissionSetArn, TargetId, TargetType: 'AWS_ACCOUNT', PrincipalType, PrincipalId };
}

async function readAssignment(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const wanted = assignmentInput(id);
  const { InstanceArn = '', PermissionSetArn = '', TargetId = '' } = wanted;
  const asked = call('ListAccountAssignments', { InstanceArn, PermissionSetArn, AccountId: TargetId });
  const all = { member: 'AccountAssignments', token: ['NextToken'] } as const;
  const listed = (await orNone(everyObject(caller, asked, all), 'ResourceNotFoundException')) ?? [];
  const is = (one: Answer) =>
    one['PrincipalId'] === wanted['PrincipalId'] && one['PrincipalType'] === wanted['PrincipalType'];
  if (listed.some(is)) return { assigned: true };
  await refuseWhileMade(caller, wanted);
  return null;
}

/** An assignment that AWS is still making is not there yet, and will be. */
async function refuseWhileMade(caller: Caller, wanted: Fields): Promise<void> {
  const { InstanceArn = '' } = wanted;
  const asked = call('ListAccountAssignmentCreationStatus', { InstanceArn, Filter: { Status: 'IN_PROGRESS' } });
  const all = { member: 'AccountAssignmentsCreationStatus', token: ['NextToken'] } as const;
  for (const made of (await everyObject(caller, asked, all)).slice(0, MOST_IN_PROGRESS)) {
    const AccountAssignmentCreationRequestId = textOf(made, 'RequestId') ?? '';
    const input = { InstanceArn, AccountAssignmentCreationRequestId };
    const answer = await caller.call(call('DescribeAccountAssignmentCreationStatus', input));
    const status = objectOf(answer, 'AccountAssignmentCreationStatus');
    const same = ['PermissionSetArn', 'TargetId', 'PrincipalType', 'PrincipalId'];
    if (status['Status'] === 'IN_PROGRESS' && same.every((name) => status[name] === wanted[name]))
      throw new Unsettled('AWS is still making the assignment');
  }
}

function permissionSetOf({ request, account, region }: TrailEvent): readonly ResourceRef[] {
  const id = textOf(request, 'permissionSetArn');
  return id === null ? [] : [{ type: PERMISSION_SET, account, region, id }];
}

async function readPermissionSet(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const set = { InstanceArn: instanceOf(id), PermissionSetArn: id };
  const all = { member: 'AttachedManagedPolicies', token: ['NextToken'] } as const;
  const asked = everyObject(caller, call('ListManagedPoliciesInPermissionSet', set), all);
  const attached = await orNone(asked, 'ResourceNotFoundException');
  if (attached === null) return null;
  const inline = await caller.call(call('GetInlinePolicyForPermissionSet', set));
  return { inline: policyDocument(inline['InlinePolicy']), ...attachedFields(attached) };
}

function attachedFields(attached: readonly Answer[]): Fields {
  return Object.fromEntries(
    attached.map((one): readonly [string, Json] => [`${MANAGED}${textOf(one, 'Arn') ?? ''}`, true]),
  );
}

function leadPermissionSet(from: ResourceState, to: ResourceState, id: string): readonly Call[] {
  if (from === null || to === null) return [];
  const set = { InstanceArn: instanceOf(id), PermissionSetArn: id };
  const changes = changedFields(from, to).flatMap((field): readonly Call[] => {
    if (field === 'inline') return [inlineCall(set, to['inline'] ?? null)];
    if (!field.startsWith(MANAGED)) return [];
    const ManagedPolicyArn = field.slice(MANAGED.length);
    const operation = field in to ? 'AttachManagedPolicyToPermissionSet' : 'DetachManagedPolicyFromPermissionSet';
    return [call(operation, { ...set, ManagedPolicyArn })];
  });
  const everywhere = call('ProvisionPermissionSet', { ...set, TargetType: 'ALL_PROVISIONED_ACCOUNTS' });
  return changes.length === 0 ? [] : [...changes, everywhere];
}

function inlineCall(set: Fields, inline: Json): Call {
  if (inline === null) return call('DeleteInlinePolicyFromPermissionSet', set);
  return call('PutInlinePolicyToPermissionSet', { ...set, InlinePolicy: documentText(inline) });
}

/** What is asked about each call that AWS carries out later: where its answer has the id, and who tells how it stands. */
const PROGRESS: Readonly<Record<string, { readonly answer: string; readonly ask: string; readonly id: string }>> = {
  DeleteAccountAssignment: {
    answer: 'AccountAssignmentDeletionStatus',
    ask: 'DescribeAccountAssignmentDeletionStatus',
    id: 'AccountAssignmentDeletionRequestId',
  },
  CreateAccountAssignment: {
    answer: 'AccountAssignmentCreationStatus',
    ask: 'DescribeAccountAssignmentCreationStatus',
    id: 'AccountAssignmentCreationRequestId',
  },
  ProvisionPermissionSet: {
    answer: 'PermissionSetProvisioningStatus',
    ask: 'DescribePermissionSetProvisioningStatus',
    id: 'ProvisionPermissionSetRequestId',
  },
};

async function isSettled({ operation, input }: Call, answer: Answer, { caller }: CallPlace): Promise<boolean> {
  const progress = PROGRESS[operation];
  const requestId = progress === undefined ? null : textOf(objectOf(answer, progress.answer), 'RequestId');
  if (progress === undefined || requestId === null) return true;
  const asked = call(progress.ask, { InstanceArn: textOf(input, 'InstanceArn') ?? '', [progress.id]: requestId });
  const status = objectOf(await caller.call(asked), progress.answer);
  if (status['Status'] === 'FAILED')
    throw new CallFailure(`${operation}Failed`, textOf(status, 'FailureReason') ?? 'AWS gave it up', false);
  return status['Status'] === 'SUCCEEDED';
}

const row = { row: 31, mode: 'approve', proof: 'emulator', isSettled, remains: 'sessions-live-on' } as const;
const set = {
  ...row,
  resources: permissionSetOf,
  read: readPermissionSet,
  lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: ResourceRef }) =>
    leadPermissionSet(from, to, resource.id),
  fine: ['ResourceNotFoundException'],
} as const satisfies Partial<CatalogueEntry>;

function attachedField({ request }: TrailEvent): string {
  return `${MANAGED}${textOf(request, 'managedPolicyArn') ?? ''}`;
}

export const ssoEntries: readonly CatalogueEntry[] = [
  {
    ...row,
    events: ['sso:CreateAccountAssignment'],
    class: 'X',
    resources: assignmentOf,
    read: readAssignment,
    after: () => ({ assigned: true }),
    before: () => null,
    lead: (from, to, { resource }) => {
      const operation = to === null ? 'DeleteAccountAssignment' : 'CreateAccountAssignment';
      return (from === null) === (to === null) ? [] : [call(operation, assignmentInput(resource.id))];
    },
  },
  {
    ...set,
    events: ['sso:AttachManagedPolicyToPermissionSet'],
    class: 'X',
    after: (event, baseline) => ({ ...baseline, [attachedField(event)]: true }),
    before: (event, current) =>
      current === null
        ? null
        : Object.fromEntries(Object.entries(current).filter(([field]) => field !== attachedField(event))),
  },
  {
    ...set,
    events: ['sso:PutInlinePolicyToPermissionSet'],
    class: 'B',
    after: ({ request }, baseline) =>
      baseline === null || textOf(request, 'inlinePolicy') === null
        ? undefined
        : { ...baseline, inline: policyDocument(request['inlinePolicy']) },
  },
];

async function permissionSets(caller: Caller): Promise<readonly string[]> {
  const instances = await everyObject(caller, call('ListInstances', {}), { member: 'Instances', token: ['NextToken'] });
  const sets: string[] = [];
  for (const InstanceArn of instances.flatMap((one) => textOf(one, 'InstanceArn') ?? [])) {
    const all = { member: 'PermissionSets', token: ['NextToken'] } as const;
    const listed = await everyPage(caller, call('ListPermissionSets', { InstanceArn }), all);
    sets.push(...listed.filter((one): one is string => typeof one === 'string'));
  }
  return sets;
}

async function assignments(caller: Caller): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const PermissionSetArn of await permissionSets(caller)) {
    const of = { InstanceArn: instanceOf(PermissionSetArn), PermissionSetArn };
    const all = { member: 'AccountIds', token: ['NextToken'] } as const;
    for (const account of await everyPage(caller, call('ListAccountsForProvisionedPermissionSet', of), all)) {
      const asked = call('ListAccountAssignments', { ...of, AccountId: String(account) });
      const listed = await everyObject(caller, asked, { member: 'AccountAssignments', token: ['NextToken'] });
      ids.push(
        ...listed.map((one) =>
          [PermissionSetArn, account, textOf(one, 'PrincipalType'), textOf(one, 'PrincipalId')].join('/'),
        ),
      );
    }
  }
  return ids;
}

export const ssoKinds: readonly ResourceKind[] = [
  { type: PERMISSION_SET, reach: 'region', read: readPermissionSet, list: permissionSets },
  { type: ASSIGNMENT, reach: 'region', read: readAssignment, list: assignments },
];
