/** Attacks on machines and networks: security groups, shared snapshots, guards of the account. */
import { type Attack, fresh, type Json } from './attack.ts';

export const NETWORK_ATTACKS: readonly Attack[] = [
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
    names: ({ id }) => ({ event: 'ec2:AuthorizeSecurityGroupIngress', request: { groupId: id } }),
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
    names: ({ id }) => ({ event: 'ec2:RevokeSecurityGroupIngress', request: { groupId: id } }),
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
    names: ({ id }) => ({ event: 'ec2:ModifySnapshotAttribute', request: { snapshotId: id } }),
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
    names: () => ({ event: 'ec2:DisableEbsEncryptionByDefault', request: {} }),
    attack: async (aws) => {
      await aws('ec2', 'DisableEbsEncryptionByDefault');
      return { event: 'ec2:DisableEbsEncryptionByDefault', request: { DisableEbsEncryptionByDefaultRequest: {} } };
    },
    look: async (aws) => (await aws('ec2', 'GetEbsEncryptionByDefault'))['EbsEncryptionByDefault'],
  },
];
