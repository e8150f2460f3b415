/** Attacks on data: buckets and keys. */
import type { CallFailure } from '../../../server/src/vendors/aws/calls.ts';
import { ACCOUNT, type Attack, type Aws, bucket, type Json } from './attack.ts';

const key = async (aws: Aws) => {
  const { KeyMetadata } = await aws('kms', 'CreateKey');
  return String((KeyMetadata as Json)['KeyId']);
};

export const DATA_ATTACKS: readonly Attack[] = [
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
    names: ({ name }) => ({ event: 's3:PutBucketPolicy', request: { bucketName: name } }),
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
    names: ({ name }) => ({ event: 's3:PutBucketPolicy', request: { bucketName: name } }),
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
    names: ({ name }) => ({ event: 's3:PutBucketPublicAccessBlock', request: { bucketName: name } }),
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
    names: ({ name }) => ({ event: 's3:PutBucketVersioning', request: { bucketName: name } }),
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
    names: ({ name }) => ({ event: 's3:PutBucketLifecycle', request: { bucketName: name } }),
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
    names: ({ name }) => ({ event: 's3:PutBucketEncryption', request: { bucketName: name } }),
    attack: async (aws, { name }) => {
      await aws('s3', 'DeleteBucketEncryption', { Bucket: name });
      return { event: 's3:DeleteBucketEncryption', request: { bucketName: name } };
    },
    look: async (aws, { name }) =>
      (await aws('s3', 'GetBucketEncryption', { Bucket: name }))['ServerSideEncryptionConfiguration'],
  },
  {
    row: 38,
    name: 'a key is scheduled for deletion',
    before: async (aws) => ({ name: await key(aws) }),
    names: ({ name }) => ({ event: 'kms:PutKeyPolicy', request: { keyId: name } }),
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
    names: ({ name }) => ({ event: 'kms:PutKeyPolicy', request: { keyId: name } }),
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
];
