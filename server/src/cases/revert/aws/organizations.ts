/**
 * AWS Organizations: the guardrails over every account. Row 40.
 *
 * The surprise: switching a type of policy off detaches every policy of that type everywhere, and switching it on again attaches none
 * but AWS's own. What was attached is part of the type's state.
 */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  listOf,
  objectOf,
  orNone,
  type ResourceKind,
  type ResourceRef,
  textOf,
  type TrailEvent,
  Unsettled,
} from '../catalogue.ts';
import { everyObject } from '../pages.ts';
import { changedFields, documentText, type Fields, type Json, policyDocument, type ResourceState } from '../state.ts';

const POLICY = 'AWS::Organizations::Policy';
const POLICY_TYPE = 'AWS::Organizations::PolicyType';
const ADMINISTRATOR = 'AWS::Organizations::DelegatedAdministrator';
const ACCOUNT = 'AWS::Organizations::Account';
const GLOBAL = 'aws-global';
const TARGET = 'target ';
const ATTACHED = 'attached ';

function call(operation: string, input: Fields): Call {
  return { service: 'organizations', operation, input };
}

function globally(type: string, account: string, id: string | null): readonly ResourceRef[] {
  return id === null ? [] : [{ type, account, region: GLOBAL, id }];
}

async function targetsOf(caller: Caller, PolicyId: string): Promise<readonly string[]> {
  const all = { member: 'Targets', token: ['NextToken'] } as const;
  const targets = await everyObject(caller, call('ListTargetsForPolicy', { PolicyId }), all);
  return targets.flatMap((one) => textOf(one, 'TargetId') ?? []);
}

function marks(prefix: string, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name): readonly [string, Json] => [`${prefix}${name}`, true]));
}

async function readPolicy(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const answer = await orNone(caller.call(call('DescribePolicy', { PolicyId: id })), 'PolicyNotFoundException');
  if (answer === null) return null;
  const policy = objectOf(answer, 'Policy');
  const summary = objectOf(policy, 'PolicySummary');
  return {
    name: textOf(summary, 'Name'),
    description: textOf(summary, 'Description') ?? '',
    content: policyDocument(policy['Content']),
    ...marks(TARGET, await targetsOf(caller, id)),
  };
}

function leadPolicy(from: ResourceState, to: ResourceState, PolicyId: string): readonly Call[] {
  if (from === null || to === null) return [];
  const changed = changedFields(from, to);
  const targets = changed.filter((field) => field.startsWith(TARGET));
  const attach = (operation: string, wanted: readonly string[]) =>
    wanted.map((field) => call(operation, { PolicyId, TargetId: field.slice(TARGET.length) }));
  const given = {
    name: { Name: to['name'] ?? '' },
    description: { Description: to['description'] ?? '' },
    content: { Content: documentText(to['content'] ?? null) },
  };
  const settings = Object.entries(given).filter(([field]) => changed.includes(field));
  return [
    ...(settings.length === 0
      ? []
      : [call('UpdatePolicy', { PolicyId, ...Object.assign({}, ...settings.map(([, one]) => one)) })]),
    // Attached before detached: nothing may be without a policy.
    ...attach(
      'AttachPolicy',
      targets.filter((field) => field in to),
    ),
    ...attach(
      'DetachPolicy',
      targets.filter((field) => !(field in to)),
    ),
  ];
}

/** What the request of an update sets; what it leaves out stays. */
function updated({ request }: TrailEvent, baseline: Fields): Fields {
  const description = request['description'];
  return {
    ...baseline,
    ...(textOf(request, 'name') === null ? {} : { name: textOf(request, 'name') }),
    ...(typeof description === 'string' ? { description } : {}),
    ...(textOf(request, 'content') === null ? {} : { content: policyDocument(request['content']) }),
  };
}

/** `r-ab12/SERVICE_CONTROL_POLICY`. */
function policyTypeOf({ request, account }: TrailEvent): readonly ResourceRef[] {
  const root = textOf(request, 'rootId');
  const type = textOf(request, 'policyType');
  return globally(POLICY_TYPE, account, root === null || type === null ? null : `${root}/${type}`);
}

async function statusOf(caller: Caller, id: string): Promise<string | null> {
  const [root, type] = id.split('/');
  const roots = await everyObject(caller, call('ListRoots', {}), { member: 'Roots', token: ['NextToken'] });
  const found = roots.find((one) => one['Id'] === root);
  const known = listOf(found ?? {}, 'PolicyTypes').find((one) => one['Type'] === type);
  return found === undefined ? null : (textOf(known ?? {}, 'Status') ?? 'DISABLED');
}

async function readPolicyType(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const status = await statusOf(caller, id);
  if (status === null) return null;
  if (status.startsWith('PENDING')) throw new Unsettled(`the type of policy is ${status}`);
  const Filter = id.split('/')[1] ?? '';
  const all = { member: 'Policies', token: ['NextToken'] } as const;
  const policies = await everyObject(caller, call('ListPolicies', { Filter }), all);
  const attached: string[] = [];
  for (const policy of policies.flatMap((one) => textOf(one, 'Id') ?? []))
    attached.push(...(await targetsOf(caller, policy)).map((target) => `${policy} ${target}`));
  return { enabled: status === 'ENABLED', ...marks(ATTACHED, attached) };
}

function leadPolicyType(from: ResourceState, to: ResourceState, id: string): readonly Call[] {
  if (from === null || to === null) return [];
  const [RootId = '', PolicyType = ''] = id.split('/');
  const changed = changedFields(from, to);
  const isOn = to['enabled'] === true;
  if (changed.includes('enabled') && !isOn) return [call('DisablePolicyType', { RootId, PolicyType })];
  const attached = changed.filter((field) => field.startsWith(ATTACHED) && field in to);
  return [
    ...(changed.includes('enabled') ? [call('EnablePolicyType', { RootId, PolicyType })] : []),
    ...attached.map((field) => {
      const [PolicyId = '', TargetId = ''] = field.slice(ATTACHED.length).split(' ');
      return call('AttachPolicy', { PolicyId, TargetId });
    }),
  ];
}

async function readAdministrator(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const [AccountId = '', ...service] = id.split('/');
  const all = { member: 'DelegatedServices', token: ['NextToken'] } as const;
  const asked = everyObject(caller, call('ListDelegatedServicesForAccount', { AccountId }), all);
  const services = (await orNone(asked, 'AccountNotRegisteredException', 'AccountNotFoundException')) ?? [];
  return services.some((one) => one['ServicePrincipal'] === service.join('/')) ? { registered: true } : null;
}

const row = { row: 40, mode: 'approve', proof: 'emulator' } as const;
const policy = {
  ...row,
  class: 'B',
  resources: ({ request, account }: TrailEvent) => globally(POLICY, account, textOf(request, 'policyId')),
  read: readPolicy,
  lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: ResourceRef }) =>
    leadPolicy(from, to, resource.id),
  fine: ['DuplicatePolicyAttachmentException', 'PolicyNotAttachedException'],
} as const satisfies Partial<CatalogueEntry>;

export const organizationsEntries: readonly CatalogueEntry[] = [
  {
    ...policy,
    events: ['organizations:DetachPolicy'],
    after: ({ request }, baseline) => {
      if (baseline === null) return undefined;
      const gone = `${TARGET}${textOf(request, 'targetId') ?? ''}`;
      return Object.fromEntries(Object.entries(baseline).filter(([field]) => field !== gone));
    },
  },
  {
    ...policy,
    events: ['organizations:UpdatePolicy'],
    after: (event, baseline) => (baseline === null ? undefined : updated(event, baseline)),
  },
  {
    ...row,
    class: 'B',
    events: ['organizations:DisablePolicyType'],
    resources: policyTypeOf,
    read: readPolicyType,
    after: () => ({ enabled: false }),
    lead: (from, to, { resource }) => leadPolicyType(from, to, resource.id),
    fine: ['PolicyTypeAlreadyEnabledException', 'DuplicatePolicyAttachmentException'],
    isSettled: async ({ operation }, _answer, { caller, resource }) =>
      !operation.endsWith('PolicyType') || !(await statusOf(caller, resource.id))?.startsWith('PENDING'),
  },
  {
    ...row,
    class: 'X',
    events: ['organizations:RegisterDelegatedAdministrator'],
    resources: ({ request, account }) => {
      const id = textOf(request, 'accountId');
      const service = textOf(request, 'servicePrincipal');
      return globally(ADMINISTRATOR, account, id === null || service === null ? null : `${id}/${service}`);
    },
    read: readAdministrator,
    after: () => ({ registered: true }),
    before: () => null,
    lead: (from, to, { resource }) => {
      const [AccountId = '', ...service] = resource.id.split('/');
      const operation = to === null ? 'DeregisterDelegatedAdministrator' : 'RegisterDelegatedAdministrator';
      return (from === null) === (to === null)
        ? []
        : [call(operation, { AccountId, ServicePrincipal: service.join('/') })];
    },
    fine: ['AccountNotRegisteredException', 'AccountAlreadyRegisteredException'],
    remains: 'sessions-live-on',
  },
  {
    ...row,
    class: 'P',
    mode: 'page',
    proof: 'none',
    events: ['organizations:LeaveOrganization'],
    resources: ({ account }) => globally(ACCOUNT, account, account),
    cannot: () => 'an account comes back only when it is invited and somebody in it accepts',
    read: () => Promise.resolve(null),
    after: () => undefined,
    lead: () => [],
  },
];

export const organizationsKinds: readonly ResourceKind[] = [
  {
    type: POLICY,
    reach: 'global',
    read: readPolicy,
    list: async (caller) => {
      const ids: string[] = [];
      for (const [, type] of await typesOn(caller)) {
        const all = { member: 'Policies', token: ['NextToken'] } as const;
        const policies = await everyObject(caller, call('ListPolicies', { Filter: type }), all);
        ids.push(...policies.flatMap((one) => textOf(one, 'Id') ?? []));
      }
      return ids;
    },
  },
  {
    type: POLICY_TYPE,
    reach: 'global',
    read: readPolicyType,
    list: async (caller) => (await typesOn(caller)).map(([root, type]) => `${root}/${type}`),
  },
];

/** Root and type of every kind of policy that is on; none where the account has no say over an organisation. */
async function typesOn(caller: Caller): Promise<readonly (readonly [root: string, type: string])[]> {
  const asked = everyObject(caller, call('ListRoots', {}), { member: 'Roots', token: ['NextToken'] });
  const roots = (await orNone(asked, 'AWSOrganizationsNotInUseException', 'AccessDeniedException')) ?? [];
  return roots.flatMap((root) =>
    listOf(root, 'PolicyTypes').flatMap((type) =>
      type['Status'] === 'ENABLED' ? [[textOf(root, 'Id') ?? '', textOf(type, 'Type') ?? ''] as const] : [],
    ),
  );
}
