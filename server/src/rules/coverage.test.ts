/**
 * What can be put back must be seen: every kind of change that the catalogue of reverts is meant for, as bare calls without
 * parameters, is a finding that says more than "refused" or "kept for whoever looks back".
 */
import { describe, expect, test } from 'vitest';
import { cloudtrailSource } from '../sources/cloudtrail/cloudtrail.ts';
import { bundledRulesets, loadPack } from './pack.ts';
import { createRunner } from './runner.ts';

const runner = createRunner({ rules: loadPack(bundledRulesets()).ruleset.rules, match: 'all' });

/** Below this a finding is only kept. */
const LEAST_RISK = 10;

type Request = Readonly<Record<string, unknown>>;
type Row = readonly [what: string, service: string, calls: readonly string[], request?: Request];

const WORLD = { groupId: 'sg-1', ipProtocol: 'tcp', fromPort: 22, toPort: 22, cidrIp: '0.0.0.0/0' };

const ROWS: readonly Row[] = [
  ['logging stopped', 'cloudtrail', ['StopLogging']],
  ['trail deleted', 'cloudtrail', ['DeleteTrail']],
  ['trail changed', 'cloudtrail', ['UpdateTrail']],
  ['selectors changed', 'cloudtrail', ['PutEventSelectors']],
  ['insights ended', 'cloudtrail', ['PutInsightSelectors'], { insightSelectors: [] }],
  ['flow logs deleted', 'ec2', ['DeleteFlowLogs']],
  ['detector deleted or changed', 'guardduty', ['DeleteDetector', 'UpdateDetector']],
  ['findings suppressed', 'guardduty', ['CreateFilter', 'UpdateFilter', 'CreateIPSet', 'UpdateIPSet']],
  ['members cut off', 'guardduty', ['DisassociateMembers', 'StopMonitoringMembers', 'DeleteMembers']],
  ['hub switched off', 'securityhub', ['DisableSecurityHub', 'BatchDisableStandards']],
  ['recorder stopped', 'config', ['StopConfigurationRecorder', 'DeleteConfigurationRecorder', 'DeleteDeliveryChannel']],
  ['config rule deleted', 'config', ['DeleteConfigRule']],
  ['logs deleted', 'logs', ['DeleteLogGroup', 'PutRetentionPolicy', 'DeleteSubscriptionFilter', 'DeleteMetricFilter']],
  ['alarms silenced', 'monitoring', ['DeleteAlarms', 'DisableAlarmActions']],
  ['web firewall opened', 'wafv2', ['DisassociateWebACL', 'UpdateWebACL', 'DeleteWebACL']],
  ['cluster configuration', 'eks', ['UpdateClusterConfig']],
  ['event rules', 'events', ['DisableRule', 'DeleteRule', 'RemoveTargets']],
  ['bucket policy', 's3', ['PutBucketPolicy', 'DeleteBucketPolicy']],
  ['bucket access list', 's3', ['PutBucketAcl']],
  ['public access block removed', 's3', ['DeleteBucketPublicAccessBlock', 'DeleteAccountPublicAccessBlock']],
  [
    'public access block weakened',
    's3',
    ['PutBucketPublicAccessBlock', 'PutAccountPublicAccessBlock'],
    { PublicAccessBlockConfiguration: { BlockPublicAcls: false } },
  ],
  ['versioning suspended', 's3', ['PutBucketVersioning'], { VersioningConfiguration: { Status: 'Suspended' } }],
  ['lifecycle', 's3', ['PutBucketLifecycle', 'DeleteBucketLifecycle']],
  ['replication', 's3', ['PutBucketReplication']],
  ['bucket logging', 's3', ['PutBucketLogging'], { BucketLoggingStatus: {} }],
  ['bucket encryption removed', 's3', ['DeleteBucketEncryption']],
  [
    'bucket encrypted with a foreign key',
    's3',
    ['PutBucketEncryption'],
    { ServerSideEncryptionConfiguration: { Rule: { KMSMasterKeyID: 'arn:aws:kms:us-east-1:999988887777:key/k' } } },
  ],
  ['access key', 'iam', ['CreateAccessKey']],
  ['login profile', 'iam', ['CreateLoginProfile', 'UpdateLoginProfile']],
  ['policy attached', 'iam', ['AttachUserPolicy', 'AttachRolePolicy', 'AttachGroupPolicy']],
  ['inline policy', 'iam', ['PutUserPolicy', 'PutRolePolicy', 'PutGroupPolicy']],
  ['policy version', 'iam', ['CreatePolicyVersion', 'SetDefaultPolicyVersion']],
  ['role trust', 'iam', ['UpdateAssumeRolePolicy']],
  ['new identity', 'iam', ['CreateUser', 'CreateRole', 'AddUserToGroup']],
  ['second factor', 'iam', ['DeactivateMFADevice', 'DeleteVirtualMFADevice']],
  [
    'federation',
    'iam',
    [
      'CreateSAMLProvider',
      'UpdateSAMLProvider',
      'CreateOpenIDConnectProvider',
      'AddClientIDToOpenIDConnectProvider',
      'UpdateOpenIDConnectProviderThumbprint',
    ],
  ],
  ['roles anywhere', 'rolesanywhere', ['CreateTrustAnchor', 'CreateProfile']],
  [
    'boundaries and password policy',
    'iam',
    [
      'PutRolePermissionsBoundary',
      'DeleteRolePermissionsBoundary',
      'PutUserPermissionsBoundary',
      'DeleteUserPermissionsBoundary',
      'UpdateAccountPasswordPolicy',
      'DeleteAccountPasswordPolicy',
    ],
  ],
  [
    'single sign-on',
    'sso',
    ['CreateAccountAssignment', 'AttachManagedPolicyToPermissionSet', 'PutInlinePolicyToPermissionSet'],
  ],
  ['security group opened', 'ec2', ['AuthorizeSecurityGroupIngress'], WORLD],
  [
    'security group rule modified',
    'ec2',
    ['ModifySecurityGroupRules'],
    {
      ModifySecurityGroupRulesRequest: {
        GroupId: 'sg-1',
        SecurityGroupRule: { SecurityGroupRule: { CidrIpv4: '0.0.0.0/0', FromPort: 22, ToPort: 22 } },
      },
    },
  ],
  ['network access list', 'ec2', ['ReplaceNetworkAclEntry', 'DeleteNetworkAclEntry']],
  ['routes and gateways', 'ec2', ['CreateRoute', 'ReplaceRoute', 'DeleteRoute', 'AttachInternetGateway']],
  ['networks joined', 'ec2', ['AcceptVpcPeeringConnection']],
  [
    'snapshot shared',
    'ec2',
    ['ModifySnapshotAttribute'],
    { createVolumePermission: { add: { items: [{ userId: '999988887777' }] } } },
  ],
  ['image shared', 'ec2', ['ModifyImageAttribute'], { launchPermission: { add: { items: [{ group: 'all' }] } } }],
  [
    'database snapshot shared',
    'rds',
    ['ModifyDBSnapshotAttribute', 'ModifyDBClusterSnapshotAttribute'],
    { attributeName: 'restore', valuesToAdd: ['999988887777'] },
  ],
  ['database made public', 'rds', ['ModifyDBInstance'], { publiclyAccessible: true }],
  ['database unprotected', 'rds', ['ModifyDBInstance', 'ModifyDBCluster'], { deletionProtection: false }],
  ['database without backups', 'rds', ['ModifyDBInstance', 'ModifyDBCluster'], { backupRetentionPeriod: 0 }],
  ['database password', 'rds', ['ModifyDBInstance', 'ModifyDBCluster'], { masterUserPassword: '****' }],
  [
    'guards of the account',
    'ec2',
    [
      'DisableEbsEncryptionByDefault',
      'DisableSnapshotBlockPublicAccess',
      'DisableImageBlockPublicAccess',
      'EnableSerialConsoleAccess',
    ],
  ],
  ['user data', 'ec2', ['ModifyInstanceAttribute'], { instanceId: 'i-1', userData: '<sensitiveDataRemoved>' }],
  [
    'metadata service',
    'ec2',
    ['ModifyInstanceMetadataOptions'],
    { ModifyInstanceMetadataOptionsRequest: { HttpTokens: 'optional' } },
  ],
  ['role of a machine', 'ec2', ['AssociateIamInstanceProfile', 'ReplaceIamInstanceProfileAssociation']],
  ['keys', 'kms', ['ScheduleKeyDeletion', 'DisableKey', 'PutKeyPolicy', 'CreateGrant']],
  ['function opened', 'lambda', ['AddPermission20150331v2', 'AddLayerVersionPermission20181031']],
  ['function address', 'lambda', ['CreateFunctionUrlConfig', 'UpdateFunctionUrlConfig'], { authType: 'NONE' }],
  ['function changed', 'lambda', ['UpdateFunctionCode20150331v2', 'UpdateFunctionConfiguration20150331v2']],
  [
    'organization',
    'organizations',
    ['DetachPolicy', 'UpdatePolicy', 'DisablePolicyType', 'LeaveOrganization', 'RegisterDelegatedAdministrator'],
  ],
  ['secrets', 'secretsmanager', ['PutResourcePolicy', 'DeleteSecret']],
  [
    'topics and queues',
    'sqs',
    ['SetQueueAttributes'],
    { attributes: { Policy: '{"Statement":[{"Effect":"Allow","Principal":"*"}]}' } },
  ],
  ['repositories', 'ecr', ['SetRepositoryPolicy']],
  ['domain lock', 'route53domains', ['DisableDomainTransferLock']],
  ['names', 'route53', ['ChangeResourceRecordSets']],
];

describe('a change that can be put back is seen', () => {
  test.each(
    ROWS.flatMap(([what, service, calls, request]) => calls.map((call) => [what, service, call, request] as const)),
  )('%s: %s %s', (_what, service, eventName, request) => {
    const record = {
      eventTime: '2026-01-15T09:30:00Z',
      eventSource: `${service}.amazonaws.com`,
      eventName,
      userIdentity: { type: 'IAMUser', userName: 'alice', arn: 'arn:aws:iam::111122223333:user/alice' },
      recipientAccountId: '111122223333',
      ...(request === undefined ? {} : { requestParameters: request }),
    };
    const seen = runner.run(cloudtrailSource, record).filter(({ rule }) => rule !== 'Call refused');
    const risks = seen.map(({ risk }) => risk ?? 0);
    expect(Math.max(0, ...risks), seen.map(({ rule }) => rule).join(', ')).toBeGreaterThanOrEqual(LEAST_RISK);
  });
});
