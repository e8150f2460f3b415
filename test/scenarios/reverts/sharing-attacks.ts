/** Attacks on policies that let others in: secrets, topics, queues, repositories. */
import { ACCOUNT, type Attack, type Aws, fresh, type Json } from './attack.ts';

const document = (principal: string, action: string, resource: string) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Sid: 'sharing', Effect: 'Allow', Principal: { AWS: principal }, Action: action, Resource: resource }],
  });
const FRIEND = 'arn:aws:iam::111122223333:root';
const STRANGER = 'arn:aws:iam::999988887777:root';

const secret = async (aws: Aws) => {
  const name = fresh('shop/payments');
  const { ARN } = await aws('secrets-manager', 'CreateSecret', { Name: name, SecretString: 'a-fictional-one' });
  return { name, arn: String(ARN) };
};
const secretPolicy = async (aws: Aws, { name }: Record<string, string>) => {
  const { ResourcePolicy } = await aws('secrets-manager', 'GetResourcePolicy', { SecretId: name });
  return typeof ResourcePolicy === 'string' ? (JSON.parse(ResourcePolicy) as unknown) : null;
};

export const SHARING_ATTACKS: readonly Attack[] = [
  {
    row: 40,
    name: 'a secret that nobody else could read is shared with a stranger',
    before: secret,
    names: ({ name }) => ({ event: 'secretsmanager:PutResourcePolicy', request: { secretId: name } }),
    attack: async (aws, { name, arn }) => {
      const resourcePolicy = document(STRANGER, 'secretsmanager:GetSecretValue', '*');
      await aws('secrets-manager', 'PutResourcePolicy', { SecretId: name, ResourcePolicy: resourcePolicy });
      return {
        event: 'secretsmanager:PutResourcePolicy',
        request: { secretId: arn, resourcePolicy },
        response: { aRN: arn, name },
      };
    },
    look: secretPolicy,
  },
  {
    row: 40,
    name: 'a shared secret is shared with a stranger instead',
    before: async (aws) => {
      const made = await secret(aws);
      const ResourcePolicy = document(FRIEND, 'secretsmanager:GetSecretValue', '*');
      await aws('secrets-manager', 'PutResourcePolicy', { SecretId: made.name, ResourcePolicy });
      return made;
    },
    names: ({ arn }) => ({ event: 'secretsmanager:PutResourcePolicy', request: { secretId: arn } }),
    attack: async (aws, { name }) => {
      const resourcePolicy = document(STRANGER, 'secretsmanager:GetSecretValue', '*');
      await aws('secrets-manager', 'PutResourcePolicy', { SecretId: name, ResourcePolicy: resourcePolicy });
      return { event: 'secretsmanager:PutResourcePolicy', request: { secretId: name, resourcePolicy } };
    },
    look: secretPolicy,
  },
  {
    row: 40,
    name: 'a secret is scheduled for deletion',
    before: secret,
    attack: async (aws, { name, arn }) => {
      await aws('secrets-manager', 'DeleteSecret', { SecretId: name, RecoveryWindowInDays: 7 });
      return {
        event: 'secretsmanager:DeleteSecret',
        request: { secretId: name, recoveryWindowInDays: 7 },
        response: { aRN: arn, name, deletionDate: 'Nov 25, 2026, 10:00:00 AM' },
      };
    },
    look: async (aws, { name }) => (await aws('secrets-manager', 'GetSecretValue', { SecretId: name }))['SecretString'],
  },
  {
    row: 40,
    name: 'anybody may publish to a topic',
    before: async (aws) => ({ arn: String((await aws('sns', 'CreateTopic', { Name: fresh('orders') }))['TopicArn']) }),
    names: ({ arn }) => ({ event: 'sns:SetTopicAttributes', request: { topicArn: arn, attributeName: 'Policy' } }),
    attack: async (aws, { arn = '' }) => {
      const attributeValue = document('*', 'SNS:Publish', arn);
      await aws('sns', 'SetTopicAttributes', {
        TopicArn: arn,
        AttributeName: 'Policy',
        AttributeValue: attributeValue,
      });
      return {
        event: 'sns:SetTopicAttributes',
        request: { topicArn: arn, attributeName: 'Policy', attributeValue },
      };
    },
    look: async (aws, { arn }) => {
      const { Attributes } = await aws('sns', 'GetTopicAttributes', { TopicArn: arn });
      return JSON.parse(String((Attributes as Json)['Policy'])) as unknown;
    },
  },
  {
    row: 40,
    name: 'a stranger is added to who may publish to a topic',
    before: async (aws) => ({ arn: String((await aws('sns', 'CreateTopic', { Name: fresh('orders') }))['TopicArn']) }),
    names: ({ arn }) => ({ event: 'sns:AddPermission', request: { topicArn: arn, label: 'backdoor' } }),
    attack: async (aws, { arn = '' }) => {
      const named = { AWSAccountId: ['444455556666'], ActionName: ['Publish'] };
      await aws('sns', 'AddPermission', { TopicArn: arn, Label: 'backdoor', ...named });
      const request = { topicArn: arn, label: 'backdoor', aWSAccountIds: ['444455556666'], actionNames: ['Publish'] };
      return { event: 'sns:AddPermission', request };
    },
    look: async (aws, { arn }) => {
      const { Attributes } = await aws('sns', 'GetTopicAttributes', { TopicArn: arn });
      return JSON.parse(String((Attributes as Json)['Policy'])) as unknown;
    },
  },
  {
    row: 40,
    name: 'a stranger is added to who may read a queue',
    before: async (aws) => {
      const url = String((await aws('sqs', 'CreateQueue', { QueueName: fresh('orders') }))['QueueUrl']);
      return { url, name: url.split('/').at(-1) ?? '' };
    },
    names: ({ url }) => ({ event: 'sqs:AddPermission', request: { queueUrl: url, label: 'backdoor' } }),
    attack: async (aws, { url }) => {
      const named = { AWSAccountIds: ['444455556666'], Actions: ['ReceiveMessage'] };
      await aws('sqs', 'AddPermission', { QueueUrl: url, Label: 'backdoor', ...named });
      const request = {
        queueUrl: url,
        label: 'backdoor',
        aWSAccountIds: ['444455556666'],
        actions: ['ReceiveMessage'],
      };
      return { event: 'sqs:AddPermission', request };
    },
    look: async (aws, { url }) => {
      const { Attributes } = await aws('sqs', 'GetQueueAttributes', { QueueUrl: url, AttributeNames: ['Policy'] });
      return ((Attributes ?? {}) as Json)['Policy'] ?? null;
    },
  },
  {
    row: 40,
    name: 'a stranger may read a queue',
    before: async (aws) => {
      const url = String((await aws('sqs', 'CreateQueue', { QueueName: fresh('orders') }))['QueueUrl']);
      return { url, name: url.split('/').at(-1) ?? '' };
    },
    names: ({ name }) => ({
      event: 'sqs:SetQueueAttributes',
      request: { queueUrl: `https://sqs.us-east-1.amazonaws.com/${ACCOUNT}/${name}`, attributes: { Policy: '' } },
    }),
    attack: async (aws, { url, name = '' }) => {
      const Policy = document(STRANGER, 'sqs:ReceiveMessage', `arn:aws:sqs:us-east-1:${ACCOUNT}:${name}`);
      await aws('sqs', 'SetQueueAttributes', { QueueUrl: url, Attributes: { Policy } });
      return {
        event: 'sqs:SetQueueAttributes',
        request: { queueUrl: `https://sqs.us-east-1.amazonaws.com/${ACCOUNT}/${name}`, attributes: { Policy } },
      };
    },
    look: async (aws, { url }) => {
      const { Attributes } = await aws('sqs', 'GetQueueAttributes', { QueueUrl: url, AttributeNames: ['Policy'] });
      return ((Attributes ?? {}) as Json)['Policy'] ?? null;
    },
  },
  {
    row: 40,
    name: 'a stranger may pull images',
    before: async (aws) => {
      const name = fresh('shop/api');
      await aws('ecr', 'CreateRepository', { repositoryName: name });
      const policyText = document(FRIEND, 'ecr:BatchGetImage', '*').replace(',"Resource":"*"', '');
      await aws('ecr', 'SetRepositoryPolicy', { repositoryName: name, policyText });
      return { name };
    },
    names: ({ name }) => ({ event: 'ecr:SetRepositoryPolicy', request: { repositoryName: name } }),
    attack: async (aws, { name }) => {
      const policyText = document(STRANGER, 'ecr:BatchGetImage', '*').replace(',"Resource":"*"', '');
      await aws('ecr', 'SetRepositoryPolicy', { repositoryName: name, policyText });
      return {
        event: 'ecr:SetRepositoryPolicy',
        request: { registryId: ACCOUNT, repositoryName: name, policyText, force: false },
        response: { registryId: ACCOUNT, repositoryName: name, policyText },
      };
    },
    look: async (aws, { name }) =>
      JSON.parse(String((await aws('ecr', 'GetRepositoryPolicy', { repositoryName: name }))['policyText'])) as unknown,
  },
];
