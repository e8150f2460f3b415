/**
 * Attacks on AWS, as moto has it: how the trusted state is made, how it is attacked with the SDK, the event in CloudTrail's spelling, and
 * how somebody else reads the resource. Long because it is a table of attacks, each with its own three steps.
 */
import type { CallFailure } from '../../../server/src/vendors/aws/calls.ts';

export const ACCOUNT = '123456789012';
export type Json = Readonly<Record<string, unknown>>;

export interface Attack {
  readonly row: number;
  readonly name: string;
  /** Makes the trusted state. @returns what the attack and the look need to know. */
  readonly before: (aws: Aws) => Promise<Record<string, string>>;
  /** @returns the event's request and response, in CloudTrail's spelling. */
  readonly attack: (
    aws: Aws,
    made: Record<string, string>,
  ) => Promise<{ readonly event: string; readonly request: Json; readonly response?: Json }>;
  /** What the event will name, before it happens; where it is left out, `EVENT_OF` and the customary names tell. */
  readonly names?: (made: Record<string, string>) => { readonly event: string; readonly request: Json };
  /** The resource as somebody else reads it. */
  readonly look: (aws: Aws, made: Record<string, string>) => Promise<unknown>;
  /** For what cannot become what it was: what it is instead. */
  readonly becomes?: (before: unknown, made: Record<string, string>) => unknown;
}

export type Aws = (service: string, operation: string, input?: Json) => Promise<Json>;

let names = 0;
export const fresh = (stem: string) => `${stem}-${(names += 1)}`;
const bucket = async (aws: Aws) => {
  const name = fresh('shop-bucket');
  await aws('s3', 'CreateBucket', { Bucket: name });
  return name;
};
const trail = async (aws: Aws) => {
  const name = fresh('org-trail');
  const store = await bucket(aws);
  await aws('cloudtrail', 'CreateTrail', {
    Name: name,
    S3BucketName: store,
    IsMultiRegionTrail: true,
    EnableLogFileValidation: true,
  });
  await aws('cloudtrail', 'StartLogging', { Name: name });
  return name;
};
const user = async (aws: Aws) => {
  const name = fresh('deployer');
  await aws('iam', 'CreateUser', { UserName: name });
  return name;
};
export const TRUST = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};
export const OPEN_TRUST = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
};
const READ = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }] };
const ANYTHING = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
const role = async (aws: Aws) => {
  const name = fresh('runner');
  await aws('iam', 'CreateRole', { RoleName: name, AssumeRolePolicyDocument: JSON.stringify(TRUST) });
  return name;
};
const trailLook = async (aws: Aws, { name }: Record<string, string>) => {
  const { Trail } = await aws('cloudtrail', 'GetTrail', { Name: name });
  const { IsLogging } = await aws('cloudtrail', 'GetTrailStatus', { Name: name });
  const { EventSelectors } = await aws('cloudtrail', 'GetEventSelectors', { TrailName: name });
  const { S3BucketName, IsMultiRegionTrail, LogFileValidationEnabled } = Trail as Json;
  return { S3BucketName, IsMultiRegionTrail, LogFileValidationEnabled, IsLogging, EventSelectors };
};
const SELECTORS = [{ ReadWriteType: 'All', IncludeManagementEvents: true, DataResources: [] }];

const key = async (aws: Aws) => {
  const { KeyMetadata } = await aws('kms', 'CreateKey');
  return String((KeyMetadata as Json)['KeyId']);
};
const rule = async (aws: Aws) => {
  const name = fresh('to-intake');
  await aws('eventbridge', 'PutRule', {
    Name: name,
    EventPattern: JSON.stringify({ source: ['aws.iam'] }),
    State: 'ENABLED',
  });
  const Targets = [{ Id: 'intake', Arn: `arn:aws:sqs:us-east-1:${ACCOUNT}:intake` }];
  await aws('eventbridge', 'PutTargets', { Rule: name, Targets });
  return name;
};
const ruleLook = async (aws: Aws, { name }: Record<string, string>) => {
  const { State, EventPattern } = await aws('eventbridge', 'DescribeRule', { Name: name });
  const { Targets } = await aws('eventbridge', 'ListTargetsByRule', { Rule: name });
  return { State, EventPattern, Targets };
};
const logGroup = async (aws: Aws) => {
  const name = fresh('/shop/audit');
  await aws('cloudwatch-logs', 'CreateLogGroup', { logGroupName: name });
  await aws('cloudwatch-logs', 'PutRetentionPolicy', { logGroupName: name, retentionInDays: 365 });
  return name;
};
const logLook = async (aws: Aws, { name }: Record<string, string>) => {
  const { logGroups } = await aws('cloudwatch-logs', 'DescribeLogGroups', { logGroupNamePrefix: name });
  const own = (logGroups as Json[]).filter(({ logGroupName }) => logGroupName === name);
  return own.map(({ retentionInDays }) => retentionInDays);
};

export const ATTACKS: readonly Attack[] = [
  {
    row: 1,
    name: 'the trail is stopped',
    before: async (aws) => ({ name: await trail(aws) }),
    attack: async (aws, { name }) => {
      await aws('cloudtrail', 'StopLogging', { Name: name });
      return { event: 'cloudtrail:StopLogging', request: { name } };
    },
    look: trailLook,
  },
  {
    row: 2,
    name: 'the trail is deleted',
    before: async (aws) => {
      const name = await trail(aws);
      await aws('cloudtrail', 'PutEventSelectors', { TrailName: name, EventSelectors: SELECTORS });
      return { name };
    },
    attack: async (aws, { name }) => {
      await aws('cloudtrail', 'DeleteTrail', { Name: name });
      return { event: 'cloudtrail:DeleteTrail', request: { name } };
    },
    look: trailLook,
  },
  {
    row: 3,
    name: "the trail's logs are sent elsewhere and no longer validated",
    before: async (aws) => ({ name: await trail(aws) }),
    attack: async (aws, { name }) => {
      const thief = await bucket(aws);
      await aws('cloudtrail', 'UpdateTrail', { Name: name, S3BucketName: thief, EnableLogFileValidation: false });
      return {
        event: 'cloudtrail:UpdateTrail',
        request: { name, s3BucketName: thief, enableLogFileValidation: false },
      };
    },
    look: trailLook,
  },
  {
    row: 4,
    name: 'the trail no longer records management events',
    before: async (aws) => {
      const name = await trail(aws);
      await aws('cloudtrail', 'PutEventSelectors', { TrailName: name, EventSelectors: SELECTORS });
      return { name };
    },
    attack: async (aws, { name }) => {
      const quiet = [{ ReadWriteType: 'ReadOnly', IncludeManagementEvents: false, DataResources: [] }];
      await aws('cloudtrail', 'PutEventSelectors', { TrailName: name, EventSelectors: quiet });
      const eventSelectors = [{ readWriteType: 'ReadOnly', includeManagementEvents: false, dataResources: [] }];
      return { event: 'cloudtrail:PutEventSelectors', request: { trailName: name, eventSelectors } };
    },
    look: trailLook,
  },
  {
    row: 13,
    name: 'a bucket is opened to the world',
    before: async (aws) => {
      const name = await bucket(aws);
      const own = {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
            Action: 's3:GetObject',
            Resource: `arn:aws:s3:::${name}/*`,
          },
        ],
      };
      await aws('s3', 'PutBucketPolicy', { Bucket: name, Policy: JSON.stringify(own) });
      return { name };
    },
    attack: async (aws, { name }) => {
      const bucketPolicy = {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${name}/*` }],
      };
      await aws('s3', 'PutBucketPolicy', { Bucket: name, Policy: JSON.stringify(bucketPolicy) });
      return { event: 's3:PutBucketPolicy', request: { bucketName: name, bucketPolicy } };
    },
    look: async (aws, { name }) =>
      JSON.parse(String((await aws('s3', 'GetBucketPolicy', { Bucket: name }))['Policy'])) as unknown,
  },
  {
    row: 13,
    name: 'a bucket that had no policy gets one',
    before: async (aws) => ({ name: await bucket(aws) }),
    attack: async (aws, { name }) => {
      const bucketPolicy = {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${name}/*` }],
      };
      await aws('s3', 'PutBucketPolicy', { Bucket: name, Policy: JSON.stringify(bucketPolicy) });
      return { event: 's3:PutBucketPolicy', request: { bucketName: name, bucketPolicy } };
    },
    look: (aws, { name }) =>
      aws('s3', 'GetBucketPolicy', { Bucket: name }).catch((error: unknown) => (error as CallFailure).code),
  },
  {
    row: 15,
    name: 'the public access block of a bucket is removed',
    before: async (aws) => {
      const name = await bucket(aws);
      const all = {
        BlockPublicAcls: true,
        IgnorePublicAcls: true,
        BlockPublicPolicy: true,
        RestrictPublicBuckets: false,
      };
      await aws('s3', 'PutPublicAccessBlock', { Bucket: name, PublicAccessBlockConfiguration: all });
      return { name };
    },
    attack: async (aws, { name }) => {
      await aws('s3', 'DeletePublicAccessBlock', { Bucket: name });
      return { event: 's3:DeleteBucketPublicAccessBlock', request: { bucketName: name } };
    },
    look: async (aws, { name }) =>
      (await aws('s3', 'GetPublicAccessBlock', { Bucket: name }))['PublicAccessBlockConfiguration'],
  },
  {
    row: 16,
    name: 'versioning is suspended',
    before: async (aws) => {
      const name = await bucket(aws);
      await aws('s3', 'PutBucketVersioning', { Bucket: name, VersioningConfiguration: { Status: 'Enabled' } });
      return { name };
    },
    attack: async (aws, { name }) => {
      await aws('s3', 'PutBucketVersioning', { Bucket: name, VersioningConfiguration: { Status: 'Suspended' } });
      return {
        event: 's3:PutBucketVersioning',
        request: { bucketName: name, VersioningConfiguration: { Status: 'Suspended' } },
      };
    },
    look: async (aws, { name }) => (await aws('s3', 'GetBucketVersioning', { Bucket: name }))['Status'],
  },
  {
    row: 17,
    name: 'a rule that deletes everything tomorrow',
    before: async (aws) => ({ name: await bucket(aws) }),
    attack: async (aws, { name }) => {
      const rule = { ID: 'tidy', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 1 } };
      await aws('s3', 'PutBucketLifecycleConfiguration', { Bucket: name, LifecycleConfiguration: { Rules: [rule] } });
      const LifecycleConfiguration = {
        Rule: { ID: 'tidy', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 1 } },
      };
      return { event: 's3:PutBucketLifecycle', request: { bucketName: name, LifecycleConfiguration } };
    },
    look: (aws, { name }) =>
      aws('s3', 'GetBucketLifecycleConfiguration', { Bucket: name }).catch(
        (error: unknown) => (error as CallFailure).code,
      ),
  },
  {
    row: 19,
    name: 'encryption is taken off a bucket',
    before: async (aws) => {
      const name = await bucket(aws);
      const Rules = [
        {
          ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: 'alias/shop' },
          BucketKeyEnabled: true,
        },
      ];
      await aws('s3', 'PutBucketEncryption', { Bucket: name, ServerSideEncryptionConfiguration: { Rules } });
      return { name };
    },
    attack: async (aws, { name }) => {
      await aws('s3', 'DeleteBucketEncryption', { Bucket: name });
      return { event: 's3:DeleteBucketEncryption', request: { bucketName: name } };
    },
    look: async (aws, { name }) =>
      (await aws('s3', 'GetBucketEncryption', { Bucket: name }))['ServerSideEncryptionConfiguration'],
  },
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
    attack: async (aws, { name }) => {
      await aws('iam', 'DeleteRolePermissionsBoundary', { RoleName: name });
      return { event: 'iam:DeleteRolePermissionsBoundary', request: { roleName: name } };
    },
    look: async (aws, { name }) =>
      ((await aws('iam', 'GetRole', { RoleName: name }))['Role'] as Json)['PermissionsBoundary'],
  },
  {
    row: 32,
    name: 'ssh is opened to the world',
    before: async (aws) => {
      const { GroupId } = await aws('ec2', 'CreateSecurityGroup', { GroupName: fresh('web'), Description: 'sample' });
      const IpPermissions = [
        { IpProtocol: 'tcp', FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: '10.0.0.0/8', Description: 'inside' }] },
      ];
      await aws('ec2', 'AuthorizeSecurityGroupIngress', { GroupId, IpPermissions });
      return { id: String(GroupId) };
    },
    attack: async (aws, { id }) => {
      const IpPermissions = [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }];
      await aws('ec2', 'AuthorizeSecurityGroupIngress', { GroupId: id, IpPermissions });
      const ipPermissions = {
        items: [
          {
            ipProtocol: 'tcp',
            fromPort: 22,
            toPort: 22,
            groups: {},
            ipRanges: { items: [{ cidrIp: '0.0.0.0/0' }] },
            ipv6Ranges: {},
            prefixListIds: {},
          },
        ],
      };
      return { event: 'ec2:AuthorizeSecurityGroupIngress', request: { groupId: id, ipPermissions } };
    },
    look: async (aws, { id }) =>
      ((await aws('ec2', 'DescribeSecurityGroups', { GroupIds: [id] }))['SecurityGroups'] as Json[])[0]?.[
        'IpPermissions'
      ],
  },
  {
    row: 33,
    name: 'a rule that production needs is revoked',
    before: async (aws) => {
      const { GroupId } = await aws('ec2', 'CreateSecurityGroup', { GroupName: fresh('web'), Description: 'sample' });
      const IpPermissions = [
        { IpProtocol: 'tcp', FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: '10.0.0.0/8', Description: 'inside' }] },
      ];
      await aws('ec2', 'AuthorizeSecurityGroupIngress', { GroupId, IpPermissions });
      return { id: String(GroupId) };
    },
    attack: async (aws, { id }) => {
      const IpPermissions = [{ IpProtocol: 'tcp', FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: '10.0.0.0/8' }] }];
      await aws('ec2', 'RevokeSecurityGroupIngress', { GroupId: id, IpPermissions });
      const ipPermissions = {
        items: [{ ipProtocol: 'tcp', fromPort: 443, toPort: 443, ipRanges: { items: [{ cidrIp: '10.0.0.0/8' }] } }],
      };
      return { event: 'ec2:RevokeSecurityGroupIngress', request: { groupId: id, ipPermissions } };
    },
    look: async (aws, { id }) =>
      ((await aws('ec2', 'DescribeSecurityGroups', { GroupIds: [id] }))['SecurityGroups'] as Json[])[0]?.[
        'IpPermissions'
      ],
  },
  {
    row: 34,
    name: 'a snapshot is shared with a stranger',
    before: async (aws) => {
      const { VolumeId } = await aws('ec2', 'CreateVolume', { AvailabilityZone: 'us-east-1a', Size: 1 });
      const { SnapshotId } = await aws('ec2', 'CreateSnapshot', { VolumeId });
      const add = { OperationType: 'add', UserIds: ['111122223333'] };
      await aws('ec2', 'ModifySnapshotAttribute', {
        SnapshotId,
        Attribute: 'createVolumePermission',
        ...add,
      });
      return { id: String(SnapshotId) };
    },
    attack: async (aws, { id }) => {
      const add = { OperationType: 'add', UserIds: ['999988887777'] };
      await aws('ec2', 'ModifySnapshotAttribute', {
        SnapshotId: id,
        Attribute: 'createVolumePermission',
        ...add,
      });
      const createVolumePermission = { add: { items: [{ userId: '999988887777' }] } };
      return {
        event: 'ec2:ModifySnapshotAttribute',
        request: { snapshotId: id, attributeType: 'CREATE_VOLUME_PERMISSION', createVolumePermission },
      };
    },
    look: async (aws, { id }) =>
      (await aws('ec2', 'DescribeSnapshotAttribute', { SnapshotId: id, Attribute: 'createVolumePermission' }))[
        'CreateVolumePermissions'
      ],
  },
  {
    row: 36,
    name: 'new volumes are no longer encrypted',
    before: async (aws) => {
      await aws('ec2', 'EnableEbsEncryptionByDefault');
      return {};
    },
    attack: async (aws) => {
      await aws('ec2', 'DisableEbsEncryptionByDefault');
      return { event: 'ec2:DisableEbsEncryptionByDefault', request: { DisableEbsEncryptionByDefaultRequest: {} } };
    },
    look: async (aws) => (await aws('ec2', 'GetEbsEncryptionByDefault'))['EbsEncryptionByDefault'],
  },
  {
    row: 38,
    name: 'a key is scheduled for deletion',
    before: async (aws) => ({ name: await key(aws) }),
    attack: async (aws, { name }) => {
      await aws('kms', 'ScheduleKeyDeletion', { KeyId: name, PendingWindowInDays: 7 });
      return { event: 'kms:ScheduleKeyDeletion', request: { keyId: name, pendingWindowInDays: 7 } };
    },
    look: async (aws, { name }) =>
      ((await aws('kms', 'DescribeKey', { KeyId: name }))['KeyMetadata'] as Json)['KeyState'],
  },
  {
    row: 38,
    name: 'the policy of a key is opened',
    before: async (aws) => ({ name: await key(aws) }),
    attack: async (aws, { name }) => {
      const policy = JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' }],
      });
      await aws('kms', 'PutKeyPolicy', { KeyId: name, PolicyName: 'default', Policy: policy });
      return { event: 'kms:PutKeyPolicy', request: { keyId: name, policyName: 'default', policy } };
    },
    look: async (aws, { name }) =>
      JSON.parse(
        String((await aws('kms', 'GetKeyPolicy', { KeyId: name, PolicyName: 'default' }))['Policy']),
      ) as unknown,
  },
  {
    row: 9,
    name: 'logs are kept for a day only',
    before: async (aws) => ({ name: await logGroup(aws) }),
    attack: async (aws, { name }) => {
      await aws('cloudwatch-logs', 'PutRetentionPolicy', { logGroupName: name, retentionInDays: 1 });
      return { event: 'logs:PutRetentionPolicy', request: { logGroupName: name, retentionInDays: 1 } };
    },
    look: logLook,
  },
  {
    row: 9,
    name: 'a log group is deleted',
    before: async (aws) => ({ name: await logGroup(aws) }),
    attack: async (aws, { name }) => {
      await aws('cloudwatch-logs', 'DeleteLogGroup', { logGroupName: name });
      return { event: 'logs:DeleteLogGroup', request: { logGroupName: name } };
    },
    look: logLook,
  },
  {
    row: 12,
    name: 'the rule that carries events to us is switched off',
    before: async (aws) => ({ name: await rule(aws) }),
    attack: async (aws, { name }) => {
      await aws('eventbridge', 'DisableRule', { Name: name });
      return { event: 'events:DisableRule', request: { name } };
    },
    look: ruleLook,
  },
  {
    row: 12,
    name: 'its targets are taken away',
    before: async (aws) => ({ name: await rule(aws) }),
    attack: async (aws, { name }) => {
      await aws('eventbridge', 'RemoveTargets', { Rule: name, Ids: ['intake'] });
      return { event: 'events:RemoveTargets', request: { rule: name, ids: ['intake'] } };
    },
    look: ruleLook,
  },
  {
    row: 12,
    name: 'it is deleted',
    before: async (aws) => ({ name: await rule(aws) }),
    attack: async (aws, { name }) => {
      await aws('eventbridge', 'RemoveTargets', { Rule: name, Ids: ['intake'] });
      await aws('eventbridge', 'DeleteRule', { Name: name });
      return { event: 'events:DeleteRule', request: { name } };
    },
    look: ruleLook,
  },
];

/** What names the resource before the event happened. */
export const EVENT_OF = new Map<number, string>([
  [1, 'cloudtrail:StopLogging'],
  [2, 'cloudtrail:DeleteTrail'],
  [3, 'cloudtrail:UpdateTrail'],
  [4, 'cloudtrail:PutEventSelectors'],
  [9, 'logs:PutRetentionPolicy'],
  [12, 'events:DisableRule'],
  [13, 's3:PutBucketPolicy'],
  [15, 's3:PutBucketPublicAccessBlock'],
  [16, 's3:PutBucketVersioning'],
  [17, 's3:PutBucketLifecycle'],
  [19, 's3:PutBucketEncryption'],
  [22, 'iam:AttachUserPolicy'],
  [23, 'iam:PutRolePolicy'],
  [24, 'iam:CreatePolicyVersion'],
  [25, 'iam:UpdateAssumeRolePolicy'],
  [26, 'iam:AddUserToGroup'],
  [30, 'iam:PutRolePermissionsBoundary'],
  [32, 'ec2:AuthorizeSecurityGroupIngress'],
  [33, 'ec2:RevokeSecurityGroupIngress'],
  [34, 'ec2:ModifySnapshotAttribute'],
  [36, 'ec2:DisableEbsEncryptionByDefault'],
  [38, 'kms:PutKeyPolicy'],
]);
