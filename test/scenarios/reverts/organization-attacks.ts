/** Attacks on what stands over every account: AWS Organizations and IAM Identity Center. */
import { ACCOUNT, type Attack, type Aws, fresh, type Json } from './attack.ts';

const FENCE = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'fence', Effect: 'Deny', Action: 'cloudtrail:StopLogging', Resource: '*' }],
};
const NOTHING = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };

/** The organisation, with service control policies on; there is one of it. */
const root = async (aws: Aws) => {
  await aws('organizations', 'CreateOrganization', { FeatureSet: 'ALL' }).catch(() => null);
  const [found] = (await aws('organizations', 'ListRoots'))['Roots'] as Json[];
  const id = String(found?.['Id']);
  const type = { RootId: id, PolicyType: 'SERVICE_CONTROL_POLICY' };
  await aws('organizations', 'EnablePolicyType', type).catch(() => null);
  return id;
};
const unit = async (aws: Aws, parent: string) => {
  const made = await aws('organizations', 'CreateOrganizationalUnit', { ParentId: parent, Name: fresh('production') });
  return String((made['OrganizationalUnit'] as Json)['Id']);
};
const fence = async (aws: Aws) => {
  const top = await root(aws);
  const { Policy } = await aws('organizations', 'CreatePolicy', {
    Name: fresh('fence'),
    Description: 'nobody stops a trail',
    Type: 'SERVICE_CONTROL_POLICY',
    Content: JSON.stringify(FENCE),
  });
  const policy = String(((Policy as Json)['PolicySummary'] as Json)['Id']);
  const target = await unit(aws, top);
  await aws('organizations', 'AttachPolicy', { PolicyId: policy, TargetId: target });
  return { root: top, policy, target };
};
/** From the side of what it is attached to, and the document as text. */
const fenceLook = async (aws: Aws, { policy, target }: Record<string, string>) => {
  const listed = await aws('organizations', 'ListPoliciesForTarget', {
    TargetId: target,
    Filter: 'SERVICE_CONTROL_POLICY',
  });
  const { Policy } = await aws('organizations', 'DescribePolicy', { PolicyId: policy });
  const summary = (Policy as Json)['PolicySummary'] as Json;
  return [
    (listed['Policies'] as Json[]).map(({ Id }) => String(Id)).sort(),
    summary['Name'],
    summary['Description'],
    JSON.parse(String((Policy as Json)['Content'])) as unknown,
  ];
};

const permissionSet = async (aws: Aws) => {
  const [instance] = (await aws('sso-admin', 'ListInstances'))['Instances'] as Json[];
  const InstanceArn = String(instance?.['InstanceArn']);
  const { PermissionSet } = await aws('sso-admin', 'CreatePermissionSet', { InstanceArn, Name: fresh('reads') });
  const set = String((PermissionSet as Json)['PermissionSetArn']);
  const managed = { InstanceArn, PermissionSetArn: set, ManagedPolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' };
  await aws('sso-admin', 'AttachManagedPolicyToPermissionSet', managed);
  return { instance: InstanceArn, set };
};
const setLook = async (aws: Aws, { instance, set }: Record<string, string>) => {
  const of = { InstanceArn: instance, PermissionSetArn: set };
  const managed = await aws('sso-admin', 'ListManagedPoliciesInPermissionSet', of);
  const inline = await aws('sso-admin', 'GetInlinePolicyForPermissionSet', of);
  const text = inline['InlinePolicy'];
  return [
    (managed['AttachedManagedPolicies'] as Json[]).map(({ Arn }) => String(Arn)).sort(),
    typeof text === 'string' && text !== '' ? (JSON.parse(text) as unknown) : null,
  ];
};

export const ORGANIZATION_ATTACKS: readonly Attack[] = [
  {
    row: 40,
    name: 'a guardrail is taken off production',
    before: fence,
    names: ({ policy, target }) => ({
      event: 'organizations:DetachPolicy',
      request: { policyId: policy, targetId: target },
    }),
    attack: async (aws, { policy, target }) => {
      await aws('organizations', 'DetachPolicy', { PolicyId: policy, TargetId: target });
      return { event: 'organizations:DetachPolicy', request: { policyId: policy, targetId: target } };
    },
    look: fenceLook,
  },
  {
    row: 40,
    name: 'a guardrail is emptied',
    before: fence,
    names: ({ policy }) => ({ event: 'organizations:UpdatePolicy', request: { policyId: policy } }),
    attack: async (aws, { policy }) => {
      const content = JSON.stringify(NOTHING);
      await aws('organizations', 'UpdatePolicy', { PolicyId: policy, Content: content, Description: 'nothing' });
      return {
        event: 'organizations:UpdatePolicy',
        request: { policyId: policy, content, description: 'nothing' },
      };
    },
    look: fenceLook,
  },
  {
    row: 40,
    name: 'every guardrail is switched off',
    before: fence,
    names: (made) => ({
      event: 'organizations:DisablePolicyType',
      request: { rootId: made['root'], policyType: 'SERVICE_CONTROL_POLICY' },
    }),
    attack: async (aws, made) => {
      const type = { RootId: made['root'], PolicyType: 'SERVICE_CONTROL_POLICY' };
      // AWS detaches the policies with it, moto leaves them.
      await aws('organizations', 'DetachPolicy', { PolicyId: made['policy'], TargetId: made['target'] });
      await aws('organizations', 'DisablePolicyType', type);
      return {
        event: 'organizations:DisablePolicyType',
        request: { rootId: made['root'], policyType: 'SERVICE_CONTROL_POLICY' },
      };
    },
    look: async (aws, made) => {
      const [found] = (await aws('organizations', 'ListRoots'))['Roots'] as Json[];
      return [found?.['PolicyTypes'], await fenceLook(aws, made)];
    },
  },
  {
    row: 40,
    name: 'another account may run a service for all of them',
    before: async (aws) => {
      await root(aws);
      const service = 'guardduty.amazonaws.com';
      const { CreateAccountStatus } = await aws('organizations', 'CreateAccount', {
        AccountName: fresh('shop'),
        Email: `${fresh('shop')}@example.com`,
      });
      const account = String((CreateAccountStatus as Json)['AccountId']);
      await aws('organizations', 'EnableAWSServiceAccess', { ServicePrincipal: service });
      return { account, service };
    },
    attack: async (aws, { account, service }) => {
      const input = { AccountId: account, ServicePrincipal: service };
      await aws('organizations', 'RegisterDelegatedAdministrator', input);
      return {
        event: 'organizations:RegisterDelegatedAdministrator',
        request: { accountId: account, servicePrincipal: service },
      };
    },
    look: async (aws) => (await aws('organizations', 'ListDelegatedAdministrators'))['DelegatedAdministrators'],
  },
  {
    row: 31,
    name: 'a group becomes administrator of an account',
    before: permissionSet,
    attack: async (aws, { instance, set }) => {
      const given = { targetId: ACCOUNT, targetType: 'AWS_ACCOUNT', principalType: 'GROUP', principalId: fresh('g') };
      const { AccountAssignmentCreationStatus } = await aws('sso-admin', 'CreateAccountAssignment', {
        InstanceArn: instance,
        PermissionSetArn: set,
        TargetId: given.targetId,
        TargetType: given.targetType,
        PrincipalType: given.principalType,
        PrincipalId: given.principalId,
      });
      return {
        event: 'sso:CreateAccountAssignment',
        request: { instanceArn: instance, permissionSetArn: set, ...given },
        response: {
          accountAssignmentCreationStatus: {
            status: 'IN_PROGRESS',
            requestId: (AccountAssignmentCreationStatus as Json)['RequestId'],
          },
        },
      };
    },
    look: async (aws, { instance, set }) => {
      const of = { InstanceArn: instance, PermissionSetArn: set, AccountId: ACCOUNT };
      return (await aws('sso-admin', 'ListAccountAssignments', of))['AccountAssignments'];
    },
  },
  {
    row: 31,
    name: 'a permission set that reads may do anything',
    before: permissionSet,
    attack: async (aws, { instance, set }) => {
      const managedPolicyArn = 'arn:aws:iam::aws:policy/AdministratorAccess';
      const of = { InstanceArn: instance, PermissionSetArn: set };
      await aws('sso-admin', 'AttachManagedPolicyToPermissionSet', { ...of, ManagedPolicyArn: managedPolicyArn });
      return {
        event: 'sso:AttachManagedPolicyToPermissionSet',
        request: { instanceArn: instance, permissionSetArn: set, managedPolicyArn },
      };
    },
    look: setLook,
  },
  {
    row: 31,
    name: 'a permission set gets a policy of its own',
    before: permissionSet,
    names: ({ set }) => ({ event: 'sso:PutInlinePolicyToPermissionSet', request: { permissionSetArn: set } }),
    attack: async (aws, { instance, set }) => {
      const inlinePolicy = JSON.stringify(NOTHING);
      const of = { InstanceArn: instance, PermissionSetArn: set };
      await aws('sso-admin', 'PutInlinePolicyToPermissionSet', { ...of, InlinePolicy: inlinePolicy });
      return {
        event: 'sso:PutInlinePolicyToPermissionSet',
        request: { instanceArn: instance, permissionSetArn: set, inlinePolicy },
      };
    },
    look: setLook,
  },
];
