/** Attacks on who may do what: keys, passwords, policies, trust, groups, providers, boundaries. Long because it is a table. */
import {
  ANYTHING,
  type Attack,
  type Aws,
  failureOf,
  fresh,
  type Json,
  type Made,
  policy,
  READ,
  role,
  TRUST,
  user,
} from './attack.ts';

const documentOf = (text: unknown): unknown => JSON.parse(decodeURIComponent(String(text)));

/** Whether sessions are shut out from the change until after it was put back. */
const shutOut = async (aws: Aws, kind: 'User' | 'Role', name = ''): Promise<string> => {
  const asked = { [`${kind}Name`]: name, PolicyName: 'countersign-sessions' };
  const found = await aws('iam', `Get${kind}Policy`, asked).catch(() => null);
  if (found === null) return 'no';
  const { Statement } = documentOf(found['PolicyDocument']) as { readonly Statement: readonly Json[] };
  const [{ Effect, Action, Condition } = {}] = Statement;
  const { DateGreaterThanEquals: from, DateLessThan: until } = Condition as Record<string, Record<string, string>>;
  const sinceMs = Date.parse(from?.['aws:TokenIssueTime'] ?? '');
  const untilMs = Date.parse(until?.['aws:TokenIssueTime'] ?? '');
  const covers = Effect === 'Deny' && Action === '*' && sinceMs <= Date.now() && untilMs > Date.now();
  return covers ? 'until now' : 'wrongly';
};
const versionsOf = async (aws: Aws, { arn }: Made) => {
  const { Policy } = await aws('iam', 'GetPolicy', { PolicyArn: arn });
  const { DefaultVersionId } = Policy as Json;
  const { Versions } = await aws('iam', 'ListPolicyVersions', { PolicyArn: arn });
  const { PolicyVersion } = await aws('iam', 'GetPolicyVersion', { PolicyArn: arn, VersionId: DefaultVersionId });
  return { versions: (Versions as Json[]).length, inForce: documentOf((PolicyVersion as Json)['Document']) };
};
const passwordRules = async (aws: Aws) =>
  aws('iam', 'GetAccountPasswordPolicy').then(({ PasswordPolicy }) => PasswordPolicy, failureOf);
const metadata = (idp: string) =>
  `<EntityDescriptor entityID="${idp}">${'<!-- a sample, long enough to be metadata -->'.repeat(40)}</EntityDescriptor>`;

const KEYS: readonly Attack[] = [
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
      const found = (AccessKeyMetadata as Json[]).find(({ AccessKeyId }) => AccessKeyId === key);
      return { status: found?.['Status'] ?? null, sessionsShutOut: await shutOut(aws, 'User', name) };
    },
    becomes: () => ({ status: 'Inactive', sessionsShutOut: 'until now' }),
  },
  {
    row: 21,
    name: 'a password is set for a user who had none',
    before: async (aws) => ({ name: await user(aws) }),
    attack: async (aws, { name = '' }) => {
      await aws('iam', 'CreateLoginProfile', { UserName: name, Password: 'A-fictional-one-7' });
      return {
        event: 'iam:CreateLoginProfile',
        request: { userName: name, passwordResetRequired: false },
        recorded: {
          of: 'aws.persistence.iam-create-user-login-profile',
          names: { 'stratus-red-team-login-profile-user': name },
        },
      };
    },
    look: async (aws, { name }) => ({
      profile: await aws('iam', 'GetLoginProfile', { UserName: name }).then(() => 'there', failureOf),
      sessionsShutOut: await shutOut(aws, 'User', name),
    }),
    becomes: () => ({ profile: 'NoSuchEntityException', sessionsShutOut: 'until now' }),
  },
  {
    row: 21,
    name: 'the password of somebody else is changed: the old one cannot return, and none is left',
    before: async (aws) => {
      const name = await user(aws);
      await aws('iam', 'CreateLoginProfile', { UserName: name, Password: 'A-fictional-one-7' });
      return { name };
    },
    names: ({ name }) => ({ event: 'iam:UpdateLoginProfile', request: { userName: name } }),
    attack: async (aws, { name = '' }) => {
      await aws('iam', 'UpdateLoginProfile', { UserName: name, Password: 'Another-one-8' });
      return {
        event: 'iam:UpdateLoginProfile',
        request: { userName: name },
        recorded: {
          of: 'aws.privilege-escalation.iam-update-user-login-profile',
          names: { 'stratus-red-team-update-login-profile-user': name },
        },
      };
    },
    look: async (aws, made) => {
      const profile = await aws('iam', 'GetLoginProfile', { UserName: made['name'] }).then(() => 'there', failureOf);
      // The password itself nobody can look at.
      return profile === 'there' ? { profile, look: (made['looks'] = `${made['looks'] ?? ''}|`) } : { profile };
    },
    becomes: () => ({ profile: 'NoSuchEntityException' }),
  },
];

const POLICIES: readonly Attack[] = [
  ...(['User', 'Role', 'Group'] as const).map(
    (kind): Attack => ({
      row: 22,
      name: `a ${kind.toLowerCase()} becomes administrator`,
      before: async (aws) => {
        const name = fresh('somebody');
        const trust = kind === 'Role' ? { AssumeRolePolicyDocument: JSON.stringify(TRUST) } : {};
        await aws('iam', `Create${kind}`, { [`${kind}Name`]: name, ...trust });
        const kept = await policy(aws);
        await aws('iam', `Attach${kind}Policy`, { [`${kind}Name`]: name, PolicyArn: kept });
        return { name, arn: await policy(aws, ANYTHING) };
      },
      attack: async (aws, { name, arn }) => {
        await aws('iam', `Attach${kind}Policy`, { [`${kind}Name`]: name, PolicyArn: arn });
        const request = { [`${kind.toLowerCase()}Name`]: name, policyArn: arn };
        return { event: `iam:Attach${kind}Policy`, request };
      },
      look: async (aws, { name }) =>
        (await aws('iam', `ListAttached${kind}Policies`, { [`${kind}Name`]: name }))['AttachedPolicies'],
    }),
  ),
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
      documentOf((await aws('iam', 'GetRolePolicy', { RoleName: name, PolicyName: 'reads' }))['PolicyDocument']),
  },
  ...(['User', 'Group'] as const).map(
    (kind): Attack => ({
      row: 23,
      name: `a ${kind.toLowerCase()} who had no policy is given one, spelled otherwise than AWS would`,
      before: async (aws) => {
        const name = fresh('somebody');
        await aws('iam', `Create${kind}`, { [`${kind}Name`]: name });
        return { name };
      },
      names: ({ name }) => ({
        event: `iam:Put${kind}Policy`,
        request: { [`${kind.toLowerCase()}Name`]: name, policyName: 'zlj9i0k83o' },
      }),
      attack: async (aws, { name }) => {
        const put = { [`${kind}Name`]: name, PolicyName: 'zlj9i0k83o', PolicyDocument: JSON.stringify(ANYTHING) };
        await aws('iam', `Put${kind}Policy`, put);
        const policyDocument =
          '{"Version": "2012-10-17","Statement": {"Effect": "Allow","Action": ["*"],"Resource": ["*"]}}';
        const request = { [`${kind.toLowerCase()}Name`]: name, policyName: 'zlj9i0k83o', policyDocument };
        return { event: `iam:Put${kind}Policy`, request };
      },
      look: async (aws, { name }) =>
        (await aws('iam', `List${kind}Policies`, { [`${kind}Name`]: name }))['PolicyNames'],
    }),
  ),
  {
    row: 24,
    name: 'a policy gets a new version that allows anything',
    before: async (aws) => ({ arn: await policy(aws) }),
    names: ({ arn }) => ({ event: 'iam:CreatePolicyVersion', request: { policyArn: arn } }),
    attack: async (aws, { arn }) => {
      const policyDocument = JSON.stringify(ANYTHING);
      const input = { PolicyArn: arn, PolicyDocument: policyDocument, SetAsDefault: true };
      const { PolicyVersion } = await aws('iam', 'CreatePolicyVersion', input);
      const versionId = (PolicyVersion as Json)['VersionId'];
      return {
        event: 'iam:CreatePolicyVersion',
        request: { policyArn: arn, policyDocument, setAsDefault: true },
        response: { policyVersion: { versionId, isDefaultVersion: true } },
      };
    },
    look: versionsOf,
  },
  {
    row: 24,
    name: 'the trusted version of a policy is deleted after another took its place',
    before: async (aws) => ({ arn: await policy(aws) }),
    names: ({ arn }) => ({ event: 'iam:CreatePolicyVersion', request: { policyArn: arn } }),
    attack: async (aws, { arn }) => {
      const policyDocument = JSON.stringify(ANYTHING);
      const input = { PolicyArn: arn, PolicyDocument: policyDocument, SetAsDefault: true };
      const { PolicyVersion } = await aws('iam', 'CreatePolicyVersion', input);
      await aws('iam', 'DeletePolicyVersion', { PolicyArn: arn, VersionId: 'v1' });
      return {
        event: 'iam:CreatePolicyVersion',
        request: { policyArn: arn, policyDocument, setAsDefault: true },
        response: { policyVersion: { versionId: (PolicyVersion as Json)['VersionId'], isDefaultVersion: true } },
      };
    },
    look: versionsOf,
  },
  {
    row: 24,
    name: 'an old version of a policy is put in force again, and four more fill its places',
    before: async (aws) => {
      const arn = await policy(aws, ANYTHING);
      await aws('iam', 'CreatePolicyVersion', {
        PolicyArn: arn,
        PolicyDocument: JSON.stringify(READ),
        SetAsDefault: true,
      });
      for (const Action of ['s3:ListBucket', 's3:GetBucketAcl', 's3:GetBucketPolicy']) {
        const document = { ...READ, Statement: [{ Effect: 'Allow', Action, Resource: '*' }] };
        await aws('iam', 'CreatePolicyVersion', { PolicyArn: arn, PolicyDocument: JSON.stringify(document) });
      }
      return { arn };
    },
    names: ({ arn }) => ({ event: 'iam:SetDefaultPolicyVersion', request: { policyArn: arn, versionId: 'v1' } }),
    attack: async (aws, { arn }) => {
      await aws('iam', 'SetDefaultPolicyVersion', { PolicyArn: arn, VersionId: 'v1' });
      return { event: 'iam:SetDefaultPolicyVersion', request: { policyArn: arn, versionId: 'v1' } };
    },
    look: versionsOf,
  },
];

const TRUSTS: readonly Attack[] = [
  {
    row: 25,
    name: 'a stranger may assume a role',
    before: async (aws) => ({ name: await role(aws) }),
    names: ({ name }) => ({ event: 'iam:UpdateAssumeRolePolicy', request: { roleName: name } }),
    attack: async (aws, { name = '' }) => {
      const stranger = { Effect: 'Allow', Principal: { AWS: '193672423079' }, Action: ['sts:AssumeRole'] };
      const policyDocument = JSON.stringify({ ...TRUST, Statement: [stranger, ...TRUST.Statement] });
      await aws('iam', 'UpdateAssumeRolePolicy', { RoleName: name, PolicyDocument: policyDocument });
      return {
        event: 'iam:UpdateAssumeRolePolicy',
        request: { roleName: name, policyDocument },
        recorded: { of: 'aws.persistence.iam-backdoor-role', names: { 'stratus-red-team-backdoor-r-role': name } },
      };
    },
    look: async (aws, { name }) => {
      const { Role } = await aws('iam', 'GetRole', { RoleName: name });
      const document = documentOf((Role as Json)['AssumeRolePolicyDocument']);
      return { document, sessionsShutOut: await shutOut(aws, 'Role', name) };
    },
    becomes: (before) => ({ ...(before as Json), sessionsShutOut: 'until now' }),
  },
  {
    row: 26,
    name: 'a user joins the administrators',
    before: async (aws) => {
      const group = fresh('admins');
      await aws('iam', 'CreateGroup', { GroupName: group });
      return { name: await user(aws), group };
    },
    names: ({ name, group }) => ({ event: 'iam:AddUserToGroup', request: { userName: name, groupName: group } }),
    attack: async (aws, { name, group }) => {
      await aws('iam', 'AddUserToGroup', { UserName: name, GroupName: group });
      return { event: 'iam:AddUserToGroup', request: { userName: name, groupName: group } };
    },
    look: async (aws, { name }) => (await aws('iam', 'ListGroupsForUser', { UserName: name }))['Groups'],
  },
  {
    row: 26,
    name: 'a user appears, with a key: contained, and left to a person',
    before: () => Promise.resolve({ name: fresh('backdoor') }),
    attack: async (aws, { name }) => {
      const { User } = await aws('iam', 'CreateUser', { UserName: name });
      await aws('iam', 'CreateAccessKey', { UserName: name });
      const userId = (User as Json)['UserId'];
      return {
        event: 'iam:CreateUser',
        request: { userName: name },
        response: { user: { userName: name, userId, path: '/' } },
      };
    },
    look: async (aws, { name }) => {
      const { AccessKeyMetadata } = await aws('iam', 'ListAccessKeys', { UserName: name });
      const { PolicyNames } = await aws('iam', 'ListUserPolicies', { UserName: name });
      return { keys: (AccessKeyMetadata as Json[]).map(({ Status }) => Status), policies: PolicyNames };
    },
    becomes: () => ({ keys: ['Inactive'], policies: ['countersign-contained'] }),
  },
  {
    row: 26,
    name: 'a role appears that a stranger may assume: contained, and left to a person',
    before: () => Promise.resolve({ name: fresh('backdoor') }),
    attack: async (aws, { name = '' }) => {
      await aws('iam', 'CreateRole', { RoleName: name, AssumeRolePolicyDocument: JSON.stringify(TRUST) });
      const { Role } = await aws('iam', 'GetRole', { RoleName: name });
      return {
        event: 'iam:CreateRole',
        request: { roleName: name },
        recorded: {
          of: 'aws.persistence.iam-create-backdoor-role',
          names: {
            'stratus-red-team-malicious-iam-role': name,
            AROA53G8Z8NGXMJ597G3E: String((Role as Json)['RoleId']),
          },
        },
      };
    },
    look: async (aws, { name }) => {
      const { PolicyNames } = await aws('iam', 'ListRolePolicies', { RoleName: name });
      const denied = await aws('iam', 'GetRolePolicy', { RoleName: name, PolicyName: 'countersign-contained' }).catch(
        () => null,
      );
      return { PolicyNames, denied: denied === null ? null : documentOf(denied['PolicyDocument']) };
    },
    becomes: () => ({
      PolicyNames: ['countersign-contained'],
      denied: { Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }] },
    }),
  },
];

const ACCOUNTS: readonly Attack[] = [
  {
    row: 28,
    name: 'a provider appears that people can sign in by',
    before: () => Promise.resolve({ name: fresh('idp') }),
    attack: async (aws, { name }) => {
      const sAMLMetadataDocument = metadata('https://idp.thief.example');
      const { SAMLProviderArn } = await aws('iam', 'CreateSAMLProvider', {
        Name: name,
        SAMLMetadataDocument: sAMLMetadataDocument,
      });
      return {
        event: 'iam:CreateSAMLProvider',
        request: { name, sAMLMetadataDocument },
        response: { sAMLProviderArn: SAMLProviderArn },
      };
    },
    look: async (aws) => (await aws('iam', 'ListSAMLProviders'))['SAMLProviderList'],
  },
  {
    row: 28,
    name: 'the provider that people sign in by is another',
    before: async (aws) => {
      const name = fresh('idp');
      const input = { Name: name, SAMLMetadataDocument: metadata('https://idp.example') };
      const { SAMLProviderArn } = await aws('iam', 'CreateSAMLProvider', input);
      return { arn: String(SAMLProviderArn) };
    },
    names: ({ arn }) => ({ event: 'iam:UpdateSAMLProvider', request: { sAMLProviderArn: arn } }),
    attack: async (aws, { arn }) => {
      const sAMLMetadataDocument = metadata('https://idp.thief.example');
      await aws('iam', 'UpdateSAMLProvider', { SAMLProviderArn: arn, SAMLMetadataDocument: sAMLMetadataDocument });
      return { event: 'iam:UpdateSAMLProvider', request: { sAMLProviderArn: arn, sAMLMetadataDocument } };
    },
    look: async (aws, { arn }) =>
      (await aws('iam', 'GetSAMLProvider', { SAMLProviderArn: arn }))['SAMLMetadataDocument'],
  },
  {
    row: 28,
    name: "a thief's programs can ask for sessions",
    before: () => Promise.resolve({}),
    attack: async (aws, made) => {
      const url = `https://${fresh('tokens')}.thief.example`;
      const input = { Url: url, ClientIDList: ['sts.amazonaws.com'], ThumbprintList: ['a'.repeat(40)] };
      const { OpenIDConnectProviderArn } = await aws('iam', 'CreateOpenIDConnectProvider', input);
      made['arn'] = String(OpenIDConnectProviderArn);
      return {
        event: 'iam:CreateOpenIDConnectProvider',
        request: { url, clientIDList: ['sts.amazonaws.com'], thumbprintList: ['a'.repeat(40)] },
        response: { openIDConnectProviderArn: made['arn'] },
      };
    },
    look: async (aws) => (await aws('iam', 'ListOpenIDConnectProviders'))['OpenIDConnectProviderList'],
  },
  {
    row: 28,
    name: "a thief's program may ask for sessions by the provider that is there",
    before: async (aws) => {
      const input = { Url: `https://${fresh('tokens')}.example`, ClientIDList: ['sts.amazonaws.com'] };
      const made = await aws('iam', 'CreateOpenIDConnectProvider', { ...input, ThumbprintList: ['d'.repeat(40)] });
      return { arn: String(made['OpenIDConnectProviderArn']) };
    },
    attack: async (aws, { arn }) => {
      const input = { OpenIDConnectProviderArn: arn, ClientID: 'thief' };
      await aws('iam', 'AddClientIDToOpenIDConnectProvider', input);
      const request = { openIDConnectProviderArn: arn, clientID: 'thief' };
      return { event: 'iam:AddClientIDToOpenIDConnectProvider', request };
    },
    look: async (aws, { arn }) =>
      (await aws('iam', 'GetOpenIDConnectProvider', { OpenIDConnectProviderArn: arn }))['ClientIDList'],
  },
  {
    row: 28,
    name: 'tokens that a thief signed are taken for good',
    before: async (aws) => {
      const input = {
        Url: `https://${fresh('tokens')}.example`,
        ClientIDList: ['sts.amazonaws.com'],
        ThumbprintList: ['b'.repeat(40)],
      };
      const { OpenIDConnectProviderArn } = await aws('iam', 'CreateOpenIDConnectProvider', input);
      return { arn: String(OpenIDConnectProviderArn) };
    },
    names: ({ arn }) => ({
      event: 'iam:UpdateOpenIDConnectProviderThumbprint',
      request: { openIDConnectProviderArn: arn },
    }),
    attack: async (aws, { arn }) => {
      const thumbprintList = ['c'.repeat(40)];
      const input = { OpenIDConnectProviderArn: arn, ThumbprintList: thumbprintList };
      await aws('iam', 'UpdateOpenIDConnectProviderThumbprint', input);
      const request = { openIDConnectProviderArn: arn, thumbprintList };
      return { event: 'iam:UpdateOpenIDConnectProviderThumbprint', request };
    },
    look: async (aws, { arn }) =>
      (await aws('iam', 'GetOpenIDConnectProvider', { OpenIDConnectProviderArn: arn }))['ThumbprintList'],
  },
  {
    row: 30,
    name: 'the boundary of a role is taken away',
    before: async (aws) => {
      const name = await role(aws);
      await aws('iam', 'PutRolePermissionsBoundary', { RoleName: name, PermissionsBoundary: await policy(aws) });
      return { name };
    },
    names: ({ name }) => ({ event: 'iam:DeleteRolePermissionsBoundary', request: { roleName: name } }),
    attack: async (aws, { name }) => {
      await aws('iam', 'DeleteRolePermissionsBoundary', { RoleName: name });
      return { event: 'iam:DeleteRolePermissionsBoundary', request: { roleName: name } };
    },
    look: async (aws, { name }) =>
      ((await aws('iam', 'GetRole', { RoleName: name }))['Role'] as Json)['PermissionsBoundary'],
  },
  ...[true, false].map(
    (isPut): Attack => ({
      row: 30,
      name: isPut ? 'the boundary of a user is another' : 'the boundary of a user is taken away',
      before: async (aws) => {
        const name = await user(aws);
        await aws('iam', 'PutUserPermissionsBoundary', { UserName: name, PermissionsBoundary: await policy(aws) });
        return { name, arn: await policy(aws, ANYTHING) };
      },
      names: ({ name }) => ({ event: 'iam:PutUserPermissionsBoundary', request: { userName: name } }),
      attack: async (aws, { name, arn }) => {
        if (isPut) await aws('iam', 'PutUserPermissionsBoundary', { UserName: name, PermissionsBoundary: arn });
        else await aws('iam', 'DeleteUserPermissionsBoundary', { UserName: name });
        return {
          event: `iam:${isPut ? 'Put' : 'Delete'}UserPermissionsBoundary`,
          request: { userName: name, ...(isPut ? { permissionsBoundary: arn } : {}) },
        };
      },
      look: async (aws, { name }) =>
        ((await aws('iam', 'GetUser', { UserName: name }))['User'] as Json)['PermissionsBoundary'],
    }),
  ),
  {
    row: 30,
    name: 'passwords may be short, and never run out',
    before: async (aws) => {
      const strict = {
        MinimumPasswordLength: 14,
        RequireSymbols: true,
        MaxPasswordAge: 90,
        PasswordReusePrevention: 5,
      };
      await aws('iam', 'UpdateAccountPasswordPolicy', { ...strict, AllowUsersToChangePassword: true });
      return {};
    },
    names: () => ({ event: 'iam:UpdateAccountPasswordPolicy', request: {} }),
    attack: async (aws) => {
      await aws('iam', 'UpdateAccountPasswordPolicy', { MinimumPasswordLength: 6 });
      return { event: 'iam:UpdateAccountPasswordPolicy', request: { minimumPasswordLength: 6 } };
    },
    look: passwordRules,
  },
  {
    row: 30,
    name: 'there are no rules for passwords any more',
    before: async (aws) => {
      await aws('iam', 'UpdateAccountPasswordPolicy', { MinimumPasswordLength: 12, RequireNumbers: true });
      return {};
    },
    names: () => ({ event: 'iam:DeleteAccountPasswordPolicy', request: {} }),
    attack: async (aws) => {
      await aws('iam', 'DeleteAccountPasswordPolicy');
      return { event: 'iam:DeleteAccountPasswordPolicy', request: {} };
    },
    look: passwordRules,
  },
];

export const IDENTITY_ATTACKS: readonly Attack[] = [...KEYS, ...POLICIES, ...TRUSTS, ...ACCOUNTS];
