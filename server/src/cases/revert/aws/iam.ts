/** IAM: keys, log-in profiles, policies, trust, groups, boundaries. Rows 20 to 26 and 30. */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import { type CatalogueEntry, listOf, objectOf, orNone, textOf, type TrailEvent } from '../catalogue.ts';
import { type Fields, policyDocument } from '../state.ts';

const REGION = 'aws-global';
const NONE = ['NoSuchEntity', 'NoSuchEntityException'] as const;
const MOST_PAGES = 20;

type Principal = 'User' | 'Role' | 'Group';
type Answer = Readonly<Record<string, unknown>>;

function call(operation: string, input: Fields): Call {
  return { service: 'iam', operation, input };
}

function ask(caller: Caller, operation: string, input: Fields): Promise<Answer | null> {
  return orNone(caller.call(call(operation, input)), ...NONE);
}

/** Null when whose they are is gone. */
async function listAll(
  caller: Caller,
  operation: string,
  input: Fields,
  member: string,
): Promise<readonly Answer[] | null> {
  const found: Answer[] = [];
  let marker: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer: Answer | null = await ask(caller, operation, marker === null ? input : { ...input, Marker: marker });
    if (answer === null) return null;
    found.push(...listOf(answer, member));
    marker = answer['IsTruncated'] === true ? textOf(answer, 'Marker') : null;
    if (marker === null) break;
  }
  return found;
}

/** Whose it is, by the request's own member: `userName`, `roleName`, `groupName`. */
function principalOf({ request, name }: TrailEvent): { readonly kind: Principal; readonly who: string } | null {
  const kind = (['User', 'Role', 'Group'] as const).find((one) => name.includes(one)) ?? 'User';
  const who = textOf(request, `${kind.toLowerCase()}Name`);
  return who === null ? null : { kind, who };
}

/** `User/alice|arn:…`: names may hold no bar, and paths are not in them. */
function parted(id: string): { readonly kind: Principal; readonly who: string; readonly what: string } {
  const bar = id.indexOf('|');
  const [kind = 'User', who = ''] = id.slice(0, bar === -1 ? id.length : bar).split('/');
  return { kind: kind as Principal, who, what: bar === -1 ? '' : id.slice(bar + 1) };
}

const accessKey: CatalogueEntry = {
  row: 20,
  events: ['iam:CreateAccessKey'],
  class: 'C',
  mode: 'after-answer',
  proof: 'emulator',
  resources: ({ request, response, account }) => {
    const key = objectOf(response, 'accessKey');
    const user = textOf(key, 'userName') ?? textOf(request, 'userName');
    const id = textOf(key, 'accessKeyId');
    if (user === null || id === null) return [];
    return [{ type: 'AWS::IAM::AccessKey', account, region: REGION, id: `${user}/${id}` }];
  },
  read: async (caller, { id }) => {
    const [user = '', key = ''] = id.split('/');
    const keys = await listAll(caller, 'ListAccessKeys', { UserName: user }, 'AccessKeyMetadata');
    const found = keys?.find((one) => one['AccessKeyId'] === key);
    return found === undefined ? null : { status: textOf(found, 'Status') };
  },
  after: () => ({ status: 'Active' }),
  before: (_event, current) => (current === null ? null : { status: 'Inactive' }),
  lead: (_from, to, { resource }) => {
    const [user = '', key = ''] = resource.id.split('/');
    if (to === null) return [];
    return [call('UpdateAccessKey', { UserName: user, AccessKeyId: key, Status: to['status'] ?? 'Inactive' })];
  },
  remains: 'sessions-live-on',
};

const loginProfile: CatalogueEntry = {
  row: 21,
  events: ['iam:CreateLoginProfile', 'iam:UpdateLoginProfile'],
  class: 'C',
  mode: 'approve',
  proof: 'emulator',
  resources: ({ request, account }) => {
    const user = textOf(request, 'userName');
    return user === null ? [] : [{ type: 'AWS::IAM::LoginProfile', account, region: REGION, id: user }];
  },
  read: async (caller, { id }) => {
    const found = await ask(caller, 'GetLoginProfile', { UserName: id });
    return found === null ? null : { password: 'set' };
  },
  after: () => ({ password: 'set' }),
  // The old password cannot return: without any, nobody signs in until a person sets a new one.
  before: () => null,
  lead: (_from, to, { resource }) => (to === null ? [call('DeleteLoginProfile', { UserName: resource.id })] : []),
  remains: 'sessions-live-on',
};

const attachedPolicy: CatalogueEntry = {
  row: 22,
  events: ['iam:AttachUserPolicy', 'iam:AttachRolePolicy', 'iam:AttachGroupPolicy'],
  class: 'X',
  mode: 'after-answer',
  proof: 'emulator',
  resources: (event) => {
    const principal = principalOf(event);
    const arn = textOf(event.request, 'policyArn');
    if (principal === null || arn === null) return [];
    const id = `${principal.kind}/${principal.who}|${arn}`;
    return [{ type: 'AWS::IAM::AttachedPolicy', account: event.account, region: REGION, id }];
  },
  read: async (caller, { id }) => {
    const { kind, who, what: arn } = parted(id);
    const input = { [`${kind}Name`]: who };
    const attached = await listAll(caller, `ListAttached${kind}Policies`, input, 'AttachedPolicies');
    return attached === null ? null : { attached: attached.some((one) => one['PolicyArn'] === arn) };
  },
  after: (_event, baseline) => (baseline === null ? null : { attached: true }),
  before: (_event, current) => (current === null ? null : { attached: false }),
  lead: (_from, to, { resource }) => {
    const { kind, who, what: arn } = parted(resource.id);
    const operation = `${to?.['attached'] === true ? 'Attach' : 'Detach'}${kind}Policy`;
    return [call(operation, { [`${kind}Name`]: who, PolicyArn: arn })];
  },
  remains: 'sessions-live-on',
};

const inlinePolicy: CatalogueEntry = {
  row: 23,
  events: ['iam:PutUserPolicy', 'iam:PutRolePolicy', 'iam:PutGroupPolicy'],
  class: 'B',
  mode: 'after-answer',
  proof: 'emulator',
  resources: (event) => {
    const principal = principalOf(event);
    const name = textOf(event.request, 'policyName');
    if (principal === null || name === null) return [];
    const id = `${principal.kind}/${principal.who}|${name}`;
    return [{ type: 'AWS::IAM::InlinePolicy', account: event.account, region: REGION, id }];
  },
  read: async (caller, { id }) => {
    const { kind, who, what: name } = parted(id);
    const found = await ask(caller, `Get${kind}Policy`, { [`${kind}Name`]: who, PolicyName: name });
    return found === null ? null : { document: policyDocument(found['PolicyDocument']) };
  },
  after: ({ request }) => ({ document: policyDocument(request['policyDocument']) }),
  lead: (_from, to, { resource }) => {
    const { kind, who, what: name } = parted(resource.id);
    const input = { [`${kind}Name`]: who, PolicyName: name };
    if (to === null) return [call(`Delete${kind}Policy`, input)];
    return [call(`Put${kind}Policy`, { ...input, PolicyDocument: JSON.stringify(to['document'] ?? null) })];
  },
  remains: 'sessions-live-on',
};

function versionsOf(state: Fields): readonly string[] {
  return Array.isArray(state['versions']) ? state['versions'].map(String) : [];
}

const policyVersion: CatalogueEntry = {
  row: 24,
  events: ['iam:CreatePolicyVersion', 'iam:SetDefaultPolicyVersion'],
  class: 'B',
  mode: 'after-answer',
  proof: 'emulator',
  resources: ({ request, account }) => {
    const arn = textOf(request, 'policyArn');
    return arn === null ? [] : [{ type: 'AWS::IAM::Policy', account, region: REGION, id: arn }];
  },
  read: async (caller, { id }) => {
    const found = await ask(caller, 'GetPolicy', { PolicyArn: id });
    if (found === null) return null;
    const version = textOf(objectOf(found, 'Policy'), 'DefaultVersionId') ?? '';
    const read = await caller.call(call('GetPolicyVersion', { PolicyArn: id, VersionId: version }));
    const all = await listAll(caller, 'ListPolicyVersions', { PolicyArn: id }, 'Versions');
    const versions = (all ?? []).map((one) => textOf(one, 'VersionId') ?? '').sort();
    return { version, versions, document: policyDocument(objectOf(read, 'PolicyVersion')['Document']) };
  },
  after: ({ request, response, name }, baseline) => {
    if (baseline === null) return undefined;
    if (name === 'SetDefaultPolicyVersion') {
      const version = textOf(request, 'versionId');
      return version === null ? undefined : { ...baseline, version };
    }
    const created = textOf(objectOf(response, 'policyVersion'), 'versionId');
    if (created === null) return undefined;
    const versions = [...new Set([...versionsOf(baseline), created])].sort();
    return request['setAsDefault'] === true
      ? { version: created, versions, document: policyDocument(request['policyDocument']) }
      : { ...baseline, versions };
  },
  lead: (from, to, { resource }) => {
    if (to === null || from === null) return [];
    const PolicyArn = resource.id;
    const back = textOf(to, 'version') ?? '';
    const added = versionsOf(from).filter((version) => !versionsOf(to).includes(version) && version !== back);
    const Document = JSON.stringify(to['document'] ?? null);
    // The trusted version may have been deleted: then its text becomes a new one.
    const first = versionsOf(from).includes(back)
      ? call('SetDefaultPolicyVersion', { PolicyArn, VersionId: back })
      : call('CreatePolicyVersion', { PolicyArn, PolicyDocument: Document, SetAsDefault: true });
    return [first, ...added.map((VersionId) => call('DeletePolicyVersion', { PolicyArn, VersionId }))];
  },
  remains: 'sessions-live-on',
};

const trust: CatalogueEntry = {
  row: 25,
  events: ['iam:UpdateAssumeRolePolicy'],
  class: 'B',
  mode: 'after-answer',
  proof: 'emulator',
  resources: ({ request, account }) => {
    const role = textOf(request, 'roleName');
    return role === null ? [] : [{ type: 'AWS::IAM::RoleTrust', account, region: REGION, id: role }];
  },
  read: async (caller, { id }) => {
    const found = await ask(caller, 'GetRole', { RoleName: id });
    return found === null ? null : { document: policyDocument(objectOf(found, 'Role')['AssumeRolePolicyDocument']) };
  },
  after: ({ request }) => ({ document: policyDocument(request['policyDocument']) }),
  lead: (_from, to, { resource }) => {
    if (to === null) return [];
    const PolicyDocument = JSON.stringify(to['document'] ?? null);
    return [call('UpdateAssumeRolePolicy', { RoleName: resource.id, PolicyDocument })];
  },
  remains: 'sessions-live-on',
};

const membership: CatalogueEntry = {
  row: 26,
  events: ['iam:AddUserToGroup'],
  class: 'X',
  mode: 'approve',
  proof: 'emulator',
  resources: ({ request, account }) => {
    const user = textOf(request, 'userName');
    const group = textOf(request, 'groupName');
    if (user === null || group === null) return [];
    return [{ type: 'AWS::IAM::GroupMembership', account, region: REGION, id: `${group}/${user}` }];
  },
  read: async (caller, { id }) => {
    const [group, user = ''] = id.split('/');
    const groups = await listAll(caller, 'ListGroupsForUser', { UserName: user }, 'Groups');
    return groups === null ? null : { member: groups.some((one) => one['GroupName'] === group) };
  },
  after: (_event, baseline) => (baseline === null ? null : { member: true }),
  before: (_event, current) => (current === null ? null : { member: false }),
  lead: (_from, to, { resource }) => {
    const [group = '', user = ''] = resource.id.split('/');
    const operation = to?.['member'] === true ? 'AddUserToGroup' : 'RemoveUserFromGroup';
    return [call(operation, { GroupName: group, UserName: user })];
  },
  remains: 'sessions-live-on',
};

const boundary: CatalogueEntry = {
  row: 30,
  events: [
    'iam:PutRolePermissionsBoundary',
    'iam:DeleteRolePermissionsBoundary',
    'iam:PutUserPermissionsBoundary',
    'iam:DeleteUserPermissionsBoundary',
  ],
  class: 'B',
  mode: 'after-answer',
  proof: 'emulator',
  resources: (event) => {
    const principal = principalOf(event);
    if (principal === null) return [];
    const id = `${principal.kind}/${principal.who}`;
    return [{ type: 'AWS::IAM::PermissionsBoundary', account: event.account, region: REGION, id }];
  },
  read: async (caller, { id }) => {
    const { kind, who } = parted(id);
    const found = await ask(caller, `Get${kind}`, { [`${kind}Name`]: who });
    if (found === null) return null;
    return { boundary: textOf(objectOf(objectOf(found, kind), 'PermissionsBoundary'), 'PermissionsBoundaryArn') };
  },
  after: ({ name, request }) => ({ boundary: name.startsWith('Put') ? textOf(request, 'permissionsBoundary') : null }),
  lead: (_from, to, { resource }) => {
    const { kind, who } = parted(resource.id);
    const arn = to?.['boundary'] ?? null;
    const input = { [`${kind}Name`]: who };
    return arn === null
      ? [call(`Delete${kind}PermissionsBoundary`, input)]
      : [call(`Put${kind}PermissionsBoundary`, { ...input, PermissionsBoundary: arn })];
  },
};

export const iamEntries: readonly CatalogueEntry[] = [
  accessKey,
  loginProfile,
  attachedPolicy,
  inlinePolicy,
  policyVersion,
  trust,
  membership,
  boundary,
];
