/** Attacks on data: keys and databases. */
import { ACCOUNT, type Attack, type Aws, fresh, type Json, type Made } from './attack.ts';

const key = async (aws: Aws) => {
  const { KeyMetadata } = await aws('kms', 'CreateKey');
  return String((KeyMetadata as Json)['KeyId']);
};
const keyState = async (aws: Aws, { name }: Made) =>
  ((await aws('kms', 'DescribeKey', { KeyId: name }))['KeyMetadata'] as Json)['KeyState'];
const keyNamed =
  (event: string) =>
  ({ name }: Made) => ({ event, request: { keyId: name } });

const KEYS: readonly Attack[] = [
  {
    row: 38,
    name: 'a key is scheduled for deletion',
    before: async (aws) => ({ name: await key(aws) }),
    names: keyNamed('kms:ScheduleKeyDeletion'),
    attack: async (aws, { name }) => {
      await aws('kms', 'ScheduleKeyDeletion', { KeyId: name, PendingWindowInDays: 7 });
      return {
        event: 'kms:ScheduleKeyDeletion',
        request: { keyId: `arn:aws:kms:us-east-1:${ACCOUNT}:key/${name}`, pendingWindowInDays: 7 },
      };
    },
    look: keyState,
  },
  {
    row: 38,
    name: 'a key that nobody vouched for is scheduled for deletion: it is kept, and stays off',
    before: async (aws) => ({ name: await key(aws) }),
    attack: async (aws, { name }) => {
      await aws('kms', 'ScheduleKeyDeletion', { KeyId: name, PendingWindowInDays: 7 });
      return { event: 'kms:ScheduleKeyDeletion', request: { keyId: name, pendingWindowInDays: 7 } };
    },
    look: keyState,
    becomes: () => 'Disabled',
  },
  {
    row: 38,
    name: 'a key is switched off',
    before: async (aws) => ({ name: await key(aws) }),
    names: keyNamed('kms:DisableKey'),
    attack: async (aws, { name }) => {
      await aws('kms', 'DisableKey', { KeyId: name });
      return { event: 'kms:DisableKey', request: { keyId: name } };
    },
    look: keyState,
  },
  {
    row: 38,
    name: 'the policy of a key is opened',
    before: async (aws) => ({ name: await key(aws) }),
    names: keyNamed('kms:PutKeyPolicy'),
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
    row: 38,
    name: 'a stranger is granted the use of a key',
    before: async (aws) => ({ name: await key(aws) }),
    attack: async (aws, { name }) => {
      const GranteePrincipal = 'arn:aws:iam::444455556666:root';
      const { GrantId } = await aws('kms', 'CreateGrant', { KeyId: name, GranteePrincipal, Operations: ['Decrypt'] });
      return {
        event: 'kms:CreateGrant',
        request: { keyId: name, granteePrincipal: GranteePrincipal, operations: ['Decrypt'] },
        response: { grantId: GrantId, keyId: name },
      };
    },
    look: async (aws, { name }) => (await aws('kms', 'ListGrants', { KeyId: name }))['Grants'],
  },
];

const database = async (aws: Aws) => {
  const id = fresh('shop');
  const kind = { Engine: 'postgres', DBInstanceClass: 'db.t4g.micro', AllocatedStorage: 20, MasterUsername: 'shop' };
  const guarded = { PubliclyAccessible: false, DeletionProtection: true, BackupRetentionPeriod: 14 };
  await aws('rds', 'CreateDBInstance', {
    DBInstanceIdentifier: id,
    MasterUserPassword: 'A-fictional-one',
    ...kind,
    ...guarded,
  });
  return id;
};
const cluster = async (aws: Aws) => {
  const id = fresh('orders');
  const kind = { Engine: 'aurora-postgresql', MasterUsername: 'shop', MasterUserPassword: 'A-fictional-one' };
  const guarded = { DeletionProtection: true, BackupRetentionPeriod: 14 };
  await aws('rds', 'CreateDBCluster', { DBClusterIdentifier: id, ...kind, ...guarded });
  return id;
};
const lookAt =
  (what: 'DBInstance' | 'DBCluster') =>
  async (aws: Aws, { id }: Made) => {
    const answer = await aws('rds', `Describe${what}s`, { [`${what}Identifier`]: id });
    const { PubliclyAccessible, DeletionProtection, BackupRetentionPeriod } = (answer[`${what}s`] as Json[])[0] ?? {};
    return { PubliclyAccessible, DeletionProtection, BackupRetentionPeriod };
  };

const SNAPSHOTS: readonly Attack[] = (['DBSnapshot', 'DBClusterSnapshot'] as const).map((what) => ({
  row: 35,
  name: `a snapshot (${what}) is shared with a stranger`,
  before: async (aws: Aws) => {
    const id = fresh('nightly');
    const source = what === 'DBSnapshot' ? await database(aws) : await cluster(aws);
    await aws('rds', `Create${what}`, {
      [`${what}Identifier`]: id,
      [`${what.replace('Snapshot', '') === 'DB' ? 'DBInstance' : 'DBCluster'}Identifier`]: source,
    });
    const shared = { AttributeName: 'restore', ValuesToAdd: ['111122223333'] };
    await aws('rds', `Modify${what}Attribute`, { [`${what}Identifier`]: id, ...shared });
    return { id };
  },
  attack: async (aws: Aws, { id = '' }: Made) => {
    const shared = { AttributeName: 'restore', ValuesToAdd: ['503161813013'] };
    await aws('rds', `Modify${what}Attribute`, { [`${what}Identifier`]: id, ...shared });
    const member = what === 'DBSnapshot' ? 'dBSnapshotIdentifier' : 'dBClusterSnapshotIdentifier';
    const told = {
      event: `rds:Modify${what}Attribute`,
      request: { attributeName: 'restore', [member]: id, valuesToAdd: ['503161813013'] },
    };
    const recorded = { of: 'aws.exfiltration.rds-share-snapshot', names: { exfiltration: id } };
    return what === 'DBSnapshot' ? { ...told, recorded } : told;
  },
  look: async (aws: Aws, { id }: Made) =>
    (await aws('rds', `Describe${what}Attributes`, { [`${what}Identifier`]: id }))[`${what}AttributesResult`],
}));

const DATABASES: readonly Attack[] = [
  {
    row: 35,
    name: 'a database is opened to the world, and may be deleted',
    before: async (aws) => ({ id: await database(aws) }),
    names: ({ id }) => ({
      event: 'rds:ModifyDBInstance',
      request: { dBInstanceIdentifier: id, publiclyAccessible: true },
    }),
    attack: async (aws, { id }) => {
      const open = { PubliclyAccessible: true, DeletionProtection: false, BackupRetentionPeriod: 1 };
      await aws('rds', 'ModifyDBInstance', { DBInstanceIdentifier: id, ...open, ApplyImmediately: true });
      const request = { publiclyAccessible: true, deletionProtection: false, backupRetentionPeriod: 1 };
      return {
        event: 'rds:ModifyDBInstance',
        request: { dBInstanceIdentifier: id, applyImmediately: true, allowMajorVersionUpgrade: false, ...request },
      };
    },
    look: lookAt('DBInstance'),
  },
  {
    row: 35,
    name: 'a cluster may be deleted',
    before: async (aws) => ({ id: await cluster(aws) }),
    names: ({ id }) => ({
      event: 'rds:ModifyDBCluster',
      request: { dBClusterIdentifier: id, deletionProtection: false },
    }),
    attack: async (aws, { id }) => {
      await aws('rds', 'ModifyDBCluster', {
        DBClusterIdentifier: id,
        DeletionProtection: false,
        ApplyImmediately: true,
      });
      const request = { dBClusterIdentifier: id, deletionProtection: false, applyImmediately: true };
      return { event: 'rds:ModifyDBCluster', request };
    },
    look: lookAt('DBCluster'),
  },
];

export const DATA_ATTACKS: readonly Attack[] = [...KEYS, ...SNAPSHOTS, ...DATABASES];
