/** IAM: who may act as whom: trust, groups, boundaries, and principals that are new. Rows 25, 26 and 30. */
import { type CatalogueEntry, objectOf, type Proof, type ResourceKind, textOf } from '../../catalogue.ts';
import { deadPrincipals } from '../../policy-document.ts';
import { changedFields, type Json, policyDocument } from '../../state.ts';
import {
  completeSessions,
  contain,
  deniedSince,
  leadSessions,
  readContained,
  readSessionsDenied,
} from './containment.ts';
import {
  ask,
  askAll,
  call,
  iamResource,
  idOf,
  named,
  principalIn,
  principalOf,
  principals,
  reservedBecause,
} from './principals.ts';

const trusts: ResourceKind = {
  type: 'AWS::IAM::RoleTrust',
  reach: 'global',
  list: principals('Role'),
  read: async (caller, { id }) => {
    const role = principalIn(id);
    const found = await ask(caller, 'GetRole', { RoleName: role.name });
    if (found === null) return null;
    return {
      document: policyDocument(objectOf(found, 'Role')['AssumeRolePolicyDocument']),
      sessionsDenied: await readSessionsDenied(caller, role),
    };
  },
};

/** Who may assume the role goes back, and who did meanwhile is shut out. */
const trust: CatalogueEntry = {
  row: 25,
  events: ['iam:UpdateAssumeRolePolicy'],
  class: 'B',
  mode: 'after-answer',
  proof: 'emulator',
  resources: ({ request, account }) => {
    const name = textOf(request, 'roleName');
    return name === null ? [] : [iamResource('RoleTrust', account, idOf({ kind: 'Role', name }))];
  },
  read: trusts.read,
  after: ({ request }, baseline) =>
    baseline === null ? null : { ...baseline, document: policyDocument(request['policyDocument']) },
  hindrance: ({ baseline, resource }) => {
    const dead = deadPrincipals(baseline?.['document'] ?? null);
    return dead.length > 0
      ? `the trusted policy names who is gone, which AWS refuses: ${dead.join(', ')}`
      : reservedBecause(resource);
  },
  aim: (back, { event }) =>
    back === null ? null : { ...back, sessionsDenied: deniedSince(back['sessionsDenied'], event.timeMs) },
  lead: (from, to, { resource }) => {
    if (from === null || to === null) return [];
    const role = principalIn(resource.id);
    const anew = changedFields(from, to).includes('document');
    const PolicyDocument = JSON.stringify(to['document'] ?? null);
    const back = anew ? [call('UpdateAssumeRolePolicy', { RoleName: role.name, PolicyDocument })] : [];
    return [...back, ...leadSessions(role, from['sessionsDenied'], to['sessionsDenied'], { anew })];
  },
  complete: completeSessions,
  remains: 'sessions-meanwhile',
};

/** Each group that a user is in is a field. */
const memberships: ResourceKind = {
  type: 'AWS::IAM::GroupMemberships',
  reach: 'global',
  list: principals('User'),
  read: async (caller, { id }) => {
    const groups = await askAll(caller, 'ListGroupsForUser', { UserName: principalIn(id).name }, 'Groups');
    return groups === null
      ? null
      : Object.fromEntries(groups.map((one) => [textOf(one, 'GroupName') ?? '', true] as const));
  },
};

const membership: CatalogueEntry = {
  row: 26,
  events: ['iam:AddUserToGroup'],
  class: 'X',
  mode: 'approve',
  proof: 'emulator',
  resources: ({ request, account }) => {
    const name = textOf(request, 'userName');
    if (name === null || textOf(request, 'groupName') === null) return [];
    return [iamResource('GroupMemberships', account, idOf({ kind: 'User', name }))];
  },
  read: memberships.read,
  before: ({ request }, current) => {
    if (current === null) return null;
    return Object.fromEntries(Object.entries(current).filter(([group]) => group !== textOf(request, 'groupName')));
  },
  after: ({ request }, baseline) =>
    baseline === null ? null : { ...baseline, [textOf(request, 'groupName') ?? '']: true },
  lead: (from, to, { resource }) => {
    if (from === null || to === null) return [];
    const UserName = principalIn(resource.id).name;
    const gone = Object.keys(from).filter((group) => !(group in to));
    const back = Object.keys(to).filter((group) => !(group in from));
    return [
      ...gone.map((GroupName) => call('RemoveUserFromGroup', { GroupName, UserName })),
      ...back.map((GroupName) => call('AddUserToGroup', { GroupName, UserName })),
    ];
  },
  remains: 'done-meanwhile',
};

/** A user or role that nobody expected may do nothing until a person has decided; deleting it is theirs. */
const newcomer: CatalogueEntry = {
  row: 26,
  events: ['iam:CreateUser', 'iam:CreateRole'],
  class: 'C',
  mode: 'approve',
  proof: 'emulator',
  resources: (event) => {
    const principal = principalOf(event);
    return principal === null ? [] : [iamResource('Newcomer', event.account, idOf(principal))];
  },
  read: async (caller, { id }) => {
    const principal = principalIn(id);
    const found = await ask(caller, `Get${principal.kind}`, named(principal));
    if (found === null) return null;
    const keys =
      principal.kind === 'User' ? await askAll(caller, 'ListAccessKeys', named(principal), 'AccessKeyMetadata') : [];
    const states = (keys ?? []).map((one) => [`key ${textOf(one, 'AccessKeyId')}`, textOf(one, 'Status')] as const);
    return {
      contained: await readContained(caller, principal),
      ...Object.fromEntries(states),
      '(id)': textOf(objectOf(found, principal.kind), `${principal.kind}Id`),
    };
  },
  before: (_event, current) => (current === null ? null : { ...current, contained: true }),
  after: (_event, baseline) => (baseline === null ? null : { ...baseline, contained: false }),
  hindrance: ({ event, current, resource }) => {
    const kind = principalIn(resource.id).kind;
    const created = textOf(objectOf(event.response, kind.toLowerCase()), `${kind.toLowerCase()}Id`);
    const isAnother = created !== null && current !== null && current['(id)'] !== created;
    return isAnother ? 'it was deleted and made anew since, by the same name' : reservedBecause(resource);
  },
  aim: (back) => {
    const off = Object.keys(back ?? {}).filter((field) => field.startsWith('key '));
    return back === null ? null : { ...back, ...Object.fromEntries(off.map((key) => [key, 'Inactive'])) };
  },
  lead: (from, to, { resource }) => {
    if (from === null || to === null) return [];
    const principal = principalIn(resource.id);
    return changedFields(from, to).map((field) =>
      field === 'contained'
        ? contain(principal, to['contained'] === true)
        : call('UpdateAccessKey', {
            UserName: principal.name,
            AccessKeyId: field.replace('key ', ''),
            Status: to[field] ?? 'Inactive',
          }),
    );
  },
  remains: 'contained-not-deleted',
};

const boundaries: ResourceKind = {
  type: 'AWS::IAM::PermissionsBoundary',
  reach: 'global',
  list: principals('User', 'Role'),
  read: async (caller, { id }) => {
    const principal = principalIn(id);
    const found = await ask(caller, `Get${principal.kind}`, named(principal));
    if (found === null) return null;
    const boundary = objectOf(objectOf(found, principal.kind), 'PermissionsBoundary');
    return { boundary: textOf(boundary, 'PermissionsBoundaryArn') };
  },
};

const boundary = (kind: 'Role' | 'User', proof: Proof): CatalogueEntry => ({
  row: 30,
  events: [`iam:Put${kind}PermissionsBoundary`, `iam:Delete${kind}PermissionsBoundary`],
  class: 'B',
  mode: 'after-answer',
  proof,
  resources: (event) => {
    const principal = principalOf(event);
    return principal === null ? [] : [iamResource('PermissionsBoundary', event.account, idOf(principal))];
  },
  read: boundaries.read,
  hindrance: ({ resource }) => reservedBecause(resource),
  after: ({ name, request }, baseline) => {
    if (baseline === null) return null;
    return { boundary: name.startsWith('Put') ? textOf(request, 'permissionsBoundary') : null };
  },
  lead: (_from, to, { resource }) => {
    if (to === null) return [];
    const principal = principalIn(resource.id);
    const arn: Json = to['boundary'] ?? null;
    return arn === null
      ? [call(`Delete${principal.kind}PermissionsBoundary`, named(principal))]
      : [call(`Put${principal.kind}PermissionsBoundary`, { ...named(principal), PermissionsBoundary: arn })];
  },
  remains: 'done-meanwhile',
});

export const roleKinds: readonly ResourceKind[] = [trusts, memberships, boundaries];
export const roleEntries: readonly CatalogueEntry[] = [
  trust,
  membership,
  newcomer,
  boundary('Role', 'emulator'),
  boundary('User', 'shape'),
];
