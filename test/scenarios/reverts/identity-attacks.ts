/** Attacks on who may do what: keys, passwords, policies, trust, groups, boundaries. */
import type { CallFailure } from '../../../server/src/vendors/aws/calls.ts';
import { ANYTHING, type Attack, fresh, type Json, OPEN_TRUST, READ, role, user } from './attack.ts';

export const IDENTITY_ATTACKS: readonly Attack[] = [
  {
    row: 20,
    name: 'a key is made for somebody else',
    before: async (aws) => ({ name: await user(aws) }),
    attack: async (aws, made) => {
      const { AccessKey } = await aws('iam', 'CreateAccessKey', { UserName: made['name'] });
      const { AccessKeyId } = AccessKey as Json;
      made['key'] = String(AccessKeyId);
      return {
        event: 'iam:CreateAccessKey',
        request: { userName: made['name'] },
        response: { accessKey: { userName: made['name'], accessKeyId: AccessKeyId, status: 'Active' } },
      };
    },
    look: async (aws, { name, key }) => {
      const { AccessKeyMetadata } = await aws('iam', 'ListAccessKeys', { UserName: name });
      return (AccessKeyMetadata as Json[]).find(({ AccessKeyId }) => AccessKeyId === key)?.['Status'] ?? null;
    },
    becomes: () => 'Inactive',
  },
  {
    row: 21,
    name: 'a password is set for a user who had none',
    before: async (aws) => ({ name: await user(aws) }),
    attack: async (aws, { name }) => {
      await aws('iam', 'CreateLoginProfile', { UserName: name, Password: 'A-fictional-one-7' });
      return { event: 'iam:CreateLoginProfile', request: { userName: name } };
    },
    look: (aws, { name }) =>
      aws('iam', 'GetLoginProfile', { UserName: name }).catch((error: unknown) => (error as CallFailure).name),
  },
  {
    row: 22,
    name: 'a user becomes administrator',
    before: async (aws) => {
      const { Policy } = await aws('iam', 'CreatePolicy', {
        PolicyName: fresh('anything'),
        PolicyDocument: JSON.stringify(ANYTHING),
      });
      return { name: await user(aws), arn: String((Policy as Json)['Arn']) };
    },
    names: ({ arn, name }) => ({ event: 'iam:AttachUserPolicy', request: { userName: name, policyArn: arn } }),
    attack: async (aws, { name, arn }) => {
      await aws('iam', 'AttachUserPolicy', { UserName: name, PolicyArn: arn });
      return { event: 'iam:AttachUserPolicy', request: { userName: name, policyArn: arn } };
    },
    look: async (aws, { name }) =>
      (await aws('iam', 'ListAttachedUserPolicies', { UserName: name }))['AttachedPolicies'],
  },
  {
    row: 23,
    name: 'an inline policy of a role is overwritten',
    before: async (aws) => {
      const name = await role(aws);
      await aws('iam', 'PutRolePolicy', { RoleName: name, PolicyName: 'reads', PolicyDocument: JSON.stringify(READ) });
      return { name };
    },
    names: ({ name }) => ({ event: 'iam:PutRolePolicy', request: { roleName: name, policyName: 'reads' } }),
    attack: async (aws, { name }) => {
      const policyDocument = JSON.stringify(ANYTHING);
      await aws('iam', 'PutRolePolicy', { RoleName: name, PolicyName: 'reads', PolicyDocument: policyDocument });
      return { event: 'iam:PutRolePolicy', request: { roleName: name, policyName: 'reads', policyDocument } };
    },
    look: async (aws, { name }) =>
      JSON.parse(
        decodeURIComponent(
          String((await aws('iam', 'GetRolePolicy', { RoleName: name, PolicyName: 'reads' }))['PolicyDocument']),
        ),
      ) as unknown,
  },
  {
    row: 24,
    name: 'a policy gets a new version that allows anything',
    before: async (aws) => {
      const { Policy } = await aws('iam', 'CreatePolicy', {
        PolicyName: fresh('reads'),
        PolicyDocument: JSON.stringify(READ),
      });
      return { arn: String((Policy as Json)['Arn']) };
    },
    names: ({ arn }) => ({ event: 'iam:CreatePolicyVersion', request: { policyArn: arn } }),
    attack: async (aws, { arn }) => {
      const policyDocument = JSON.stringify(ANYTHING);
      const { PolicyVersion } = await aws('iam', 'CreatePolicyVersion', {
        PolicyArn: arn,
        PolicyDocument: policyDocument,
        SetAsDefault: true,
      });
      const versionId = (PolicyVersion as Json)['VersionId'];
      return {
        event: 'iam:CreatePolicyVersion',
        request: { policyArn: arn, policyDocument, setAsDefault: true },
        response: { policyVersion: { versionId, isDefaultVersion: true } },
      };
    },
    look: async (aws, { arn }) => {
      const { Policy } = await aws('iam', 'GetPolicy', { PolicyArn: arn });
      const { Versions } = await aws('iam', 'ListPolicyVersions', { PolicyArn: arn });
      return [(Policy as Json)['DefaultVersionId'], (Versions as Json[]).map(({ VersionId }) => VersionId)];
    },
  },
  {
    row: 25,
    name: 'anybody may assume a role',
    before: async (aws) => ({ name: await role(aws) }),
    names: ({ name }) => ({ event: 'iam:UpdateAssumeRolePolicy', request: { roleName: name } }),
    attack: async (aws, { name }) => {
      const policyDocument = JSON.stringify(OPEN_TRUST);
      await aws('iam', 'UpdateAssumeRolePolicy', { RoleName: name, PolicyDocument: policyDocument });
      return { event: 'iam:UpdateAssumeRolePolicy', request: { roleName: name, policyDocument } };
    },
    look: async (aws, { name }) => {
      const { Role } = await aws('iam', 'GetRole', { RoleName: name });
      return JSON.parse(decodeURIComponent(String((Role as Json)['AssumeRolePolicyDocument']))) as unknown;
    },
  },
  {
    row: 26,
    name: 'a user joins the administrators',
    before: async (aws) => {
      const group = fresh('admins');
      await aws('iam', 'CreateGroup', { GroupName: group });
      return { name: await user(aws), group };
    },
    names: ({ group, name }) => ({ event: 'iam:AddUserToGroup', request: { userName: name, groupName: group } }),
    attack: async (aws, { name, group }) => {
      await aws('iam', 'AddUserToGroup', { UserName: name, GroupName: group });
      return { event: 'iam:AddUserToGroup', request: { userName: name, groupName: group } };
    },
    look: async (aws, { name }) => (await aws('iam', 'ListGroupsForUser', { UserName: name }))['Groups'],
  },
  {
    row: 30,
    name: 'the boundary of a role is taken away',
    before: async (aws) => {
      const name = await role(aws);
      const { Policy } = await aws('iam', 'CreatePolicy', {
        PolicyName: fresh('fence'),
        PolicyDocument: JSON.stringify(READ),
      });
      await aws('iam', 'PutRolePermissionsBoundary', { RoleName: name, PermissionsBoundary: (Policy as Json)['Arn'] });
      return { name };
    },
    names: ({ name }) => ({ event: 'iam:PutRolePermissionsBoundary', request: { roleName: name } }),
    attack: async (aws, { name }) => {
      await aws('iam', 'DeleteRolePermissionsBoundary', { RoleName: name });
      return { event: 'iam:DeleteRolePermissionsBoundary', request: { roleName: name } };
    },
    look: async (aws, { name }) =>
      ((await aws('iam', 'GetRole', { RoleName: name }))['Role'] as Json)['PermissionsBoundary'],
  },
];
