/** Attacks on networks: what groups, lists and routes let through. Long because it is a table. */
import { ACCOUNT, type Attack, type Aws, fresh, type Json, leaveOut, type Made } from './attack.ts';

const ec2 = async (aws: Aws, operation: string, input: Json = {}, member = ''): Promise<Json> => {
  const answer = await aws('ec2', operation, input);
  const found = member === '' ? answer : answer[member];
  return (Array.isArray(found) ? found[0] : found) as Json;
};
const network = async (aws: Aws) => String((await ec2(aws, 'CreateVpc', { CidrBlock: '10.7.0.0/16' }, 'Vpc'))['VpcId']);

const WEB = { IpProtocol: 'tcp', FromPort: 443, ToPort: 443 };
const group = async (aws: Aws) => {
  const { GroupId } = await ec2(aws, 'CreateSecurityGroup', { GroupName: fresh('web'), Description: 'sample' });
  const IpPermissions = [{ ...WEB, IpRanges: [{ CidrIp: '10.0.0.0/8', Description: 'inside' }] }];
  await ec2(aws, 'AuthorizeSecurityGroupIngress', { GroupId, IpPermissions });
  return String(GroupId);
};
/** What is let through, without the ids that are new each time. */
const rules = async (aws: Aws, { id = '' }: Made) => {
  const Filters = [{ Name: 'group-id', Values: [id] }];
  const { SecurityGroupRules } = await aws('ec2', 'DescribeSecurityGroupRules', { Filters });
  const told = (SecurityGroupRules as Json[]).map((rule) =>
    JSON.stringify(leaveOut(rule, 'SecurityGroupRuleId', 'SecurityGroupRuleArn')),
  );
  return told.sort();
};
const ruleIdOf = async (aws: Aws, id: string | undefined, port: number) => {
  const Filters = [{ Name: 'group-id', Values: [id] }];
  const { SecurityGroupRules } = await aws('ec2', 'DescribeSecurityGroupRules', { Filters });
  const found = (SecurityGroupRules as Json[]).find(
    ({ FromPort, IsEgress }) => FromPort === port && IsEgress === false,
  );
  return String(found?.['SecurityGroupRuleId']);
};
const groupNamed =
  (event: string) =>
  ({ id }: Made) => ({ event, request: { groupId: id } });

const GROUPS: readonly Attack[] = [
  {
    row: 32,
    name: 'ssh is opened to the world',
    before: async (aws) => ({ id: await group(aws) }),
    attack: async (aws, { id = '' }) => {
      // AWS keeps the range as it means it; the event has it as it was asked for.
      const flat = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, CidrIp: '0.0.0.0/0' };
      await ec2(aws, 'AuthorizeSecurityGroupIngress', { GroupId: id, ...flat });
      return {
        event: 'ec2:AuthorizeSecurityGroupIngress',
        request: {
          groupId: id,
          ipPermissions: {},
          cidrIp: '208.236.235.254/0',
          fromPort: 22,
          ipProtocol: 'tcp',
          toPort: 22,
        },
        recorded: {
          of: 'aws.exfiltration.ec2-security-group-open-port-22-ingress',
          names: {
            'sg-003dc7f1f1c686164': id,
            'sgr-09b3e3d2ca1edf2a2': await ruleIdOf(aws, id, 22),
            '032092706103': ACCOUNT,
          },
        },
      };
    },
    look: rules,
  },
  {
    row: 32,
    name: 'a group is opened to the world, to lists and to another group, in one request',
    before: async (aws) => ({ id: await group(aws), other: await group(aws) }),
    attack: async (aws, { id, other }) => {
      const IpPermissions = [
        { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }], Ipv6Ranges: [{ CidrIpv6: '::/0' }] },
        { IpProtocol: 'tcp', FromPort: 0, ToPort: 65535, UserIdGroupPairs: [{ GroupId: other, UserId: ACCOUNT }] },
      ];
      await ec2(aws, 'AuthorizeSecurityGroupIngress', { GroupId: id, IpPermissions });
      const none = { groups: {}, ipRanges: {}, ipv6Ranges: {}, prefixListIds: {} };
      const ipPermissions = {
        items: [
          {
            ...none,
            ipProtocol: '-1',
            ipRanges: { items: [{ cidrIp: '0.0.0.0/0' }] },
            ipv6Ranges: { items: [{ cidrIpv6: '::/0' }] },
          },
          {
            ...none,
            ipProtocol: 'tcp',
            fromPort: '0',
            toPort: '65535',
            groups: { items: [{ groupId: other, userId: ACCOUNT }] },
          },
        ],
      };
      return { event: 'ec2:AuthorizeSecurityGroupIngress', request: { groupId: id, ipPermissions } };
    },
    look: rules,
  },
  {
    row: 32,
    name: 'everything may leave a group that was shut',
    before: async (aws) => {
      const id = await group(aws);
      const IpPermissions = [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }];
      await ec2(aws, 'RevokeSecurityGroupEgress', { GroupId: id, IpPermissions });
      return { id };
    },
    names: groupNamed('ec2:AuthorizeSecurityGroupEgress'),
    attack: async (aws, { id }) => {
      const IpPermissions = [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }];
      await ec2(aws, 'AuthorizeSecurityGroupEgress', { GroupId: id, IpPermissions });
      const ipPermissions = { items: [{ ipProtocol: '-1', ipRanges: { items: [{ cidrIp: '0.0.0.0/0' }] } }] };
      return { event: 'ec2:AuthorizeSecurityGroupEgress', request: { groupId: id, ipPermissions } };
    },
    look: rules,
  },
  {
    row: 32,
    name: 'a rule is widened under its id',
    before: async (aws) => {
      const id = await group(aws);
      return { id, rule: await ruleIdOf(aws, id, 443) };
    },
    names: groupNamed('ec2:ModifySecurityGroupRules'),
    attack: async (aws, { id, rule }) => {
      const wide = { IpProtocol: 'tcp', FromPort: 22, ToPort: 443, CidrIpv4: '0.0.0.0/0', Description: '' };
      const SecurityGroupRules = [{ SecurityGroupRuleId: rule, SecurityGroupRule: wide }];
      await ec2(aws, 'ModifySecurityGroupRules', { GroupId: id, SecurityGroupRules });
      const SecurityGroupRule = { SecurityGroupRule: wide, SecurityGroupRuleId: rule, tag: 1 };
      const request = { ModifySecurityGroupRulesRequest: { GroupId: id, SecurityGroupRule } };
      return { event: 'ec2:ModifySecurityGroupRules', request };
    },
    look: rules,
  },
  {
    row: 33,
    name: 'a rule that production needs is revoked',
    before: async (aws) => ({ id: await group(aws) }),
    names: groupNamed('ec2:RevokeSecurityGroupIngress'),
    attack: async (aws, { id }) => {
      const IpPermissions = [{ ...WEB, IpRanges: [{ CidrIp: '10.0.0.0/8' }] }];
      await ec2(aws, 'RevokeSecurityGroupIngress', { GroupId: id, IpPermissions });
      const ipPermissions = {
        items: [{ ipProtocol: 'tcp', fromPort: 443, toPort: 443, ipRanges: { items: [{ cidrIp: '10.0.0.0/8' }] } }],
      };
      return { event: 'ec2:RevokeSecurityGroupIngress', request: { groupId: id, ipPermissions } };
    },
    look: rules,
  },
  {
    row: 33,
    name: 'a rule that production needs is revoked by its id',
    before: async (aws) => {
      const id = await group(aws);
      return { id, rule: await ruleIdOf(aws, id, 443) };
    },
    names: groupNamed('ec2:RevokeSecurityGroupIngress'),
    attack: async (aws, { id, rule }) => {
      await ec2(aws, 'RevokeSecurityGroupIngress', { GroupId: id, SecurityGroupRuleIds: [rule] });
      const securityGroupRuleIds = { items: [{ securityGroupRuleId: rule }] };
      return { event: 'ec2:RevokeSecurityGroupIngress', request: { groupId: id, securityGroupRuleIds } };
    },
    look: rules,
  },
  {
    row: 33,
    name: 'nothing may leave a group any more',
    before: async (aws) => ({ id: await group(aws) }),
    names: groupNamed('ec2:RevokeSecurityGroupEgress'),
    attack: async (aws, { id }) => {
      const IpPermissions = [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }];
      await ec2(aws, 'RevokeSecurityGroupEgress', { GroupId: id, IpPermissions });
      const item = { ipProtocol: '-1', fromPort: 0, toPort: 0, ipRanges: { items: [{ cidrIp: '0.0.0.0/0' }] } };
      const ipPermissions = { items: [{ ...item, groups: {}, ipv6Ranges: {}, prefixListIds: {} }] };
      return { event: 'ec2:RevokeSecurityGroupEgress', request: { groupId: id, ipPermissions } };
    },
    look: rules,
  },
];

const list = async (aws: Aws) => {
  const VpcId = await network(aws);
  const acl = await ec2(aws, 'CreateNetworkAcl', { VpcId }, 'NetworkAcl');
  const id = String(acl['NetworkAclId']);
  const ours = { CidrBlock: '10.0.0.0/8', Protocol: '6', RuleAction: 'allow', PortRange: { From: 443, To: 443 } };
  await ec2(aws, 'CreateNetworkAclEntry', { NetworkAclId: id, Egress: false, RuleNumber: 100, ...ours });
  return { id };
};
const listLook = async (aws: Aws, { id }: Made) => {
  const acl = await ec2(aws, 'DescribeNetworkAcls', { NetworkAclIds: [id] }, 'NetworkAcls');
  return (acl['Entries'] as Json[]).map((entry) => JSON.stringify(entry)).sort();
};
const OPEN = { cidrBlock: '0.0.0.0/0', aclProtocol: '-1', ruleAction: 'allow', icmpTypeCode: {}, portRange: {} };
const OPEN_ENTRY = { CidrBlock: '0.0.0.0/0', Protocol: '-1', RuleAction: 'allow' };

const table = async (aws: Aws) => {
  const VpcId = await network(aws);
  const routeTable = await ec2(aws, 'CreateRouteTable', { VpcId }, 'RouteTable');
  const ours = await ec2(aws, 'CreateInternetGateway', {}, 'InternetGateway');
  await ec2(aws, 'AttachInternetGateway', { InternetGatewayId: ours['InternetGatewayId'], VpcId });
  const theirs = await ec2(aws, 'CreateNetworkInterface', {
    SubnetId: (await ec2(aws, 'CreateSubnet', { VpcId, CidrBlock: '10.7.1.0/24' }, 'Subnet'))['SubnetId'],
  });
  const thief = String((theirs['NetworkInterface'] as Json)['NetworkInterfaceId']);
  return { id: String(routeTable['RouteTableId']), ours: String(ours['InternetGatewayId']), thief };
};
const routed = async (aws: Aws) => {
  const made = await table(aws);
  const route = { RouteTableId: made.id, DestinationCidrBlock: '0.0.0.0/0', GatewayId: made.ours };
  await ec2(aws, 'CreateRoute', route);
  return made;
};
const tableLook = async (aws: Aws, { id }: Made) =>
  (await ec2(aws, 'DescribeRouteTables', { RouteTableIds: [id] }, 'RouteTables'))['Routes'];

const WAYS: readonly Attack[] = [
  {
    row: 33,
    name: 'an access list is opened',
    before: list,
    attack: async (aws, { id }) => {
      await ec2(aws, 'CreateNetworkAclEntry', { NetworkAclId: id, Egress: false, RuleNumber: 1, ...OPEN_ENTRY });
      const request = { networkAclId: id, egress: false, ruleNumber: 1, ...OPEN };
      return { event: 'ec2:CreateNetworkAclEntry', request };
    },
    look: listLook,
  },
  {
    row: 33,
    name: 'an entry of an access list is another',
    before: list,
    names: ({ id }) => ({ event: 'ec2:ReplaceNetworkAclEntry', request: { networkAclId: id } }),
    attack: async (aws, { id }) => {
      await ec2(aws, 'ReplaceNetworkAclEntry', { NetworkAclId: id, Egress: false, RuleNumber: 100, ...OPEN_ENTRY });
      const request = { networkAclId: id, egress: false, ruleNumber: 100, ...OPEN };
      return { event: 'ec2:ReplaceNetworkAclEntry', request };
    },
    look: listLook,
  },
  {
    row: 33,
    name: 'an entry of an access list is gone',
    before: list,
    names: ({ id }) => ({ event: 'ec2:DeleteNetworkAclEntry', request: { networkAclId: id } }),
    attack: async (aws, { id }) => {
      await ec2(aws, 'DeleteNetworkAclEntry', { NetworkAclId: id, Egress: false, RuleNumber: 100 });
      const request = { networkAclId: id, egress: false, ruleNumber: 100 };
      return { event: 'ec2:DeleteNetworkAclEntry', request };
    },
    look: listLook,
  },
  {
    row: 33,
    name: 'a network gets a way out',
    before: table,
    attack: async (aws, { id, ours }) => {
      await ec2(aws, 'CreateRoute', { RouteTableId: id, DestinationCidrBlock: '0.0.0.0/0', GatewayId: ours });
      const request = { routeTableId: id, destinationCidrBlock: '0.0.0.0/0', gatewayId: ours };
      return { event: 'ec2:CreateRoute', request };
    },
    look: tableLook,
  },
  {
    row: 33,
    name: 'traffic is led past a thief',
    before: routed,
    names: ({ id }) => ({ event: 'ec2:ReplaceRoute', request: { routeTableId: id } }),
    attack: async (aws, { id, thief }) => {
      const which = { RouteTableId: id, DestinationCidrBlock: '0.0.0.0/0' };
      await ec2(aws, 'ReplaceRoute', { ...which, NetworkInterfaceId: thief });
      const request = { routeTableId: id, destinationCidrBlock: '0.0.0.0/0', networkInterfaceId: thief };
      return { event: 'ec2:ReplaceRoute', request };
    },
    look: tableLook,
  },
  {
    row: 33,
    name: 'a network is cut off',
    before: routed,
    names: ({ id }) => ({ event: 'ec2:DeleteRoute', request: { routeTableId: id } }),
    attack: async (aws, { id }) => {
      await ec2(aws, 'DeleteRoute', { RouteTableId: id, DestinationCidrBlock: '0.0.0.0/0' });
      const request = { routeTableId: id, destinationCidrBlock: '0.0.0.0/0' };
      return { event: 'ec2:DeleteRoute', request };
    },
    look: tableLook,
  },
  {
    row: 33,
    name: 'a private network is joined to the internet',
    before: async (aws) => {
      const made = await ec2(aws, 'CreateInternetGateway', {}, 'InternetGateway');
      return { id: String(made['InternetGatewayId']), network: await network(aws) };
    },
    attack: async (aws, { id, network: vpc }) => {
      await ec2(aws, 'AttachInternetGateway', { InternetGatewayId: id, VpcId: vpc });
      return { event: 'ec2:AttachInternetGateway', request: { internetGatewayId: id, vpcId: vpc } };
    },
    look: async (aws, { id }) =>
      (await ec2(aws, 'DescribeInternetGateways', { InternetGatewayIds: [id] }, 'InternetGateways'))['Attachments'],
  },
  {
    row: 33,
    name: 'a network is joined to that of a stranger',
    before: async (aws) => {
      const input = { VpcId: await network(aws), PeerVpcId: await network(aws) };
      const made = await ec2(aws, 'CreateVpcPeeringConnection', input, 'VpcPeeringConnection');
      return { id: String(made['VpcPeeringConnectionId']) };
    },
    attack: async (aws, { id }) => {
      await ec2(aws, 'AcceptVpcPeeringConnection', { VpcPeeringConnectionId: id });
      return { event: 'ec2:AcceptVpcPeeringConnection', request: { vpcPeeringConnectionId: id } };
    },
    look: async (aws, { id }) => {
      const input = { VpcPeeringConnectionIds: [id] };
      const found = await ec2(aws, 'DescribeVpcPeeringConnections', input, 'VpcPeeringConnections');
      return (found['Status'] as Json)['Code'];
    },
    becomes: () => 'deleted',
  },
];

export const NETWORK_ATTACKS: readonly Attack[] = [...GROUPS, ...WAYS];
