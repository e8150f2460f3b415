/** Attacks on data: keys, databases, functions. */
import { type Attack, type Aws, type Json } from './attack.ts';

const key = async (aws: Aws) => {
  const { KeyMetadata } = await aws('kms', 'CreateKey');
  return String((KeyMetadata as Json)['KeyId']);
};

export const DATA_ATTACKS: readonly Attack[] = [
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
