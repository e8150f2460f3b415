/** EC2: the ways in and out of a network: access lists, routes, gateways, peerings. Row 33. */
import type { Call } from '../../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  listOf,
  objectOf,
  orNone,
  type ResourceKind,
  textOf,
  type TrailEvent,
} from '../../catalogue.ts';
import { changedFields, type Fields, type Json, type ResourceState } from '../../state.ts';
import { canonicalRange } from './addresses.ts';
import { type Answer, call, described, named, numberOf, wordOf } from './calls.ts';

const common = { row: 33, mode: 'approve', proof: 'emulator' } as const;

/** In a request, `ruleNumber`; as the SDK has it, `RuleNumber`. */
function either(of: Answer, name: string): unknown {
  return of[name] ?? of[name.charAt(0).toUpperCase() + name.slice(1)];
}

/** Each entry is a field, by its direction and number: `ingress 100`. A number that was used anew is another entry, and a conflict. */
function aclEntry(of: Answer): readonly [string, Fields] {
  const member = (name: string) => objectOf({ [name]: either(of, name) }, name);
  const [ports, icmp] = [member('portRange'), member('icmpTypeCode')];
  const [from, to] = [numberOf(either(ports, 'from')), numberOf(either(ports, 'to'))];
  const [type, code] = [numberOf(either(icmp, 'type')), numberOf(either(icmp, 'code'))];
  const range = textOf(of, 'cidrBlock', 'CidrBlock', 'ipv6CidrBlock', 'Ipv6CidrBlock') ?? '';
  const state = {
    protocol: protocolOf(wordOf(of['aclProtocol'] ?? of['Protocol'])),
    action: textOf(of, 'ruleAction', 'RuleAction'),
    range: canonicalRange(range),
    ports: from === null ? null : `${from}-${to ?? from}`,
    icmp: type === null ? null : `${type}/${code ?? -1}`,
  };
  return [aclField(of), state];
}

/** Asked by name or number, told by number. */
const PROTOCOLS: Readonly<Record<string, string>> = { icmp: '1', tcp: '6', udp: '17', icmpv6: '58', all: '-1' };

function protocolOf(given: string): string {
  return PROTOCOLS[given.toLowerCase()] ?? given;
}

function aclField(of: Answer): string {
  const isEgress = either(of, 'egress');
  return `${isEgress === true || isEgress === 'true' ? 'egress' : 'ingress'} ${wordOf(either(of, 'ruleNumber'))}`;
}

/** The last entry denies what no other allows, and is no one's to change. */
const LAST_NUMBER = 32_767;

const acls: ResourceKind = {
  type: 'AWS::EC2::NetworkAcl',
  reach: 'region',
  list: described('DescribeNetworkAcls', { member: 'NetworkAcls', id: 'NetworkAclId' }),
  read: async (caller, { id }) => {
    const asked = caller.call(call('DescribeNetworkAcls', { NetworkAclIds: [id] }));
    const [acl] = listOf((await orNone(asked, 'InvalidNetworkAclID.NotFound')) ?? {}, 'NetworkAcls');
    if (acl === undefined) return null;
    const own = listOf(acl, 'Entries').filter((entry) => Number(entry['RuleNumber']) < LAST_NUMBER);
    return Object.fromEntries(own.map(aclEntry));
  },
};

function leadAcl(from: ResourceState, to: ResourceState, NetworkAclId: string): readonly Call[] {
  if (from === null || to === null) return [];
  return changedFields(from, to).map((field) => {
    const [direction = '', number = ''] = field.split(' ');
    const which = { NetworkAclId, Egress: direction === 'egress', RuleNumber: Number(number) };
    if (!(field in to)) return call('DeleteNetworkAclEntry', which);
    const { protocol = '-1', action = null, range, ports, icmp } = objectOf(to, field) as Fields;
    const [low, high] = wordOf(ports).split('-').map(Number);
    const [Type, Code] = wordOf(icmp).split('/').map(Number);
    const address = wordOf(range);
    return call(`${field in from ? 'Replace' : 'Create'}NetworkAclEntry`, {
      ...which,
      Protocol: protocol,
      RuleAction: action,
      [address.includes(':') ? 'Ipv6CidrBlock' : 'CidrBlock']: address,
      ...(ports === null ? {} : { PortRange: { From: low ?? 0, To: high ?? 0 } }),
      ...(icmp === null ? {} : { IcmpTypeCode: { Type: Type ?? -1, Code: Code ?? -1 } }),
    });
  });
}

const acl = {
  ...common,
  resources: named(acls.type, 'networkAclId'),
  read: acls.read,
  lead: (from, to, { resource }) => leadAcl(from, to, resource.id),
} as const satisfies Partial<CatalogueEntry>;

const newAclEntry: CatalogueEntry = {
  ...acl,
  events: ['ec2:CreateNetworkAclEntry'],
  class: 'X',
  before: ({ request }, current) => (current === null ? null : leftOut(current, aclField(request))),
  after: ({ request }, baseline) => {
    const [field, entry] = aclEntry(request);
    return baseline === null ? null : { ...baseline, [field]: entry };
  },
};

const changedAclEntry: CatalogueEntry = {
  ...acl,
  events: ['ec2:ReplaceNetworkAclEntry', 'ec2:DeleteNetworkAclEntry'],
  class: 'B',
  after: ({ name, request }, baseline) => {
    if (baseline === null) return null;
    const [field, entry] = aclEntry(request);
    return name.startsWith('Delete') ? leftOut(baseline, field) : { ...baseline, [field]: entry };
  },
};

function leftOut(state: Fields, field: string): Fields {
  return Object.fromEntries(Object.entries(state).filter(([name]) => name !== field));
}

/** Where a route leads; an instance goes before the interface by which it is reached. */
const TARGETS = [
  'InstanceId',
  'NetworkInterfaceId',
  'NatGatewayId',
  'TransitGatewayId',
  'VpcPeeringConnectionId',
  'EgressOnlyInternetGatewayId',
  'LocalGatewayId',
  'CarrierGatewayId',
  'CoreNetworkArn',
  'VpcEndpointId',
  'GatewayId',
];

function destinationOf(of: Answer): string | null {
  const names = ['destinationCidrBlock', 'destinationIpv6CidrBlock', 'destinationPrefixListId'];
  const given = names.map((name) => textOf({ of: either(of, name) }, 'of')).find((one) => one !== null) ?? null;
  return given === null || given.startsWith('pl-') ? given : canonicalRange(given);
}

/** `NatGatewayId nat-1`. */
function targetOf(of: Answer): string | null {
  const lower = (name: string) => name.charAt(0).toLowerCase() + name.slice(1);
  const found = TARGETS.find((name) => textOf({ of: either(of, lower(name)) }, 'of') !== null);
  if (found === undefined) return null;
  const id = wordOf(either(of, lower(found)));
  return id.startsWith('vpce-') ? `VpcEndpointId ${id}` : `${found} ${id}`;
}

/** Each route is a field, by where it is for. Routes within the network, and those that gateways announce, are nobody's to change. */
const routeTables: ResourceKind = {
  type: 'AWS::EC2::RouteTable',
  reach: 'region',
  list: described('DescribeRouteTables', { member: 'RouteTables', id: 'RouteTableId' }),
  read: async (caller, { id }) => {
    const asked = caller.call(call('DescribeRouteTables', { RouteTableIds: [id] }));
    const found = await orNone(asked, 'InvalidRouteTableID.NotFound', 'InvalidRouteTableId.NotFound');
    const [table] = listOf(found ?? {}, 'RouteTables');
    if (table === undefined) return null;
    const routes = listOf(table, 'Routes').filter(
      (route) => route['GatewayId'] !== 'local' && route['Origin'] !== 'EnableVgwRoutePropagation',
    );
    const interfaces = routes.map(
      (route) => [destinationOf(route) ?? '', textOf(route, 'NetworkInterfaceId')] as const,
    );
    const lost = routes.filter((route) => route['State'] === 'blackhole');
    return {
      ...Object.fromEntries(routes.map((route) => [destinationOf(route) ?? '', targetOf(route)])),
      '(interfaces)': Object.fromEntries(interfaces),
      '(nowhere)': lost.map((route) => destinationOf(route)),
    };
  },
};

function leadRoutes(from: ResourceState, to: ResourceState, RouteTableId: string): readonly Call[] {
  if (from === null || to === null) return [];
  return changedFields(from, to).map((destination) => {
    const member = destination.startsWith('pl-')
      ? 'DestinationPrefixListId'
      : destination.includes(':')
        ? 'DestinationIpv6CidrBlock'
        : 'DestinationCidrBlock';
    const which = { RouteTableId, [member]: destination };
    const [kind = '', id = ''] = wordOf(to[destination]).split(' ');
    if (kind === '') return call('DeleteRoute', which);
    return call(destination in from ? 'ReplaceRoute' : 'CreateRoute', { ...which, [kind]: id });
  });
}

function routeMade({ request }: TrailEvent, current: ResourceState): readonly [string, Json] | null {
  const destination = destinationOf(request);
  const target = targetOf(request);
  if (destination === null || target === null) return null;
  // Asked by the interface, and read by its instance.
  const known = objectOf(current ?? {}, '(interfaces)')[destination];
  const isSame = typeof known === 'string' && target === `NetworkInterfaceId ${known}`;
  return [destination, isSame ? (current?.[destination] ?? target) : target];
}

const route = {
  ...common,
  resources: named(routeTables.type, 'routeTableId'),
  read: routeTables.read,
  lead: (from, to, { resource }) => leadRoutes(from, to, resource.id),
  doubt: (reached) => {
    const nowhere = reached?.['(nowhere)'];
    return Array.isArray(nowhere) && nowhere.length > 0
      ? `what these routes lead to is gone: ${nowhere.map(wordOf).join(', ')}`
      : null;
  },
} as const satisfies Partial<CatalogueEntry>;

const newRoute: CatalogueEntry = {
  ...route,
  events: ['ec2:CreateRoute'],
  class: 'X',
  before: ({ request }, current) => (current === null ? null : leftOut(current, destinationOf(request) ?? '')),
  after: (event, baseline, _resource, current) => {
    const made = routeMade(event, current);
    if (baseline === null) return null;
    return made === null ? undefined : { ...baseline, [made[0]]: made[1] };
  },
};

const changedRoute: CatalogueEntry = {
  ...route,
  events: ['ec2:ReplaceRoute', 'ec2:DeleteRoute'],
  class: 'B',
  after: (event, baseline, _resource, current) => {
    if (baseline === null) return null;
    if (event.name.startsWith('Delete')) return leftOut(baseline, destinationOf(event.request) ?? '');
    const made = routeMade(event, current);
    return made === null ? undefined : { ...baseline, [made[0]]: made[1] };
  },
};

const gateways: ResourceKind = {
  type: 'AWS::EC2::InternetGateway',
  reach: 'region',
  list: described('DescribeInternetGateways', { member: 'InternetGateways', id: 'InternetGatewayId' }),
  read: async (caller, { id }) => {
    const asked = caller.call(call('DescribeInternetGateways', { InternetGatewayIds: [id] }));
    const [gateway] = listOf((await orNone(asked, 'InvalidInternetGatewayID.NotFound')) ?? {}, 'InternetGateways');
    if (gateway === undefined) return null;
    const [attached] = listOf(gateway, 'Attachments');
    return { network: attached === undefined ? null : textOf(attached, 'VpcId') };
  },
};

const gateway: CatalogueEntry = {
  ...common,
  events: ['ec2:AttachInternetGateway'],
  class: 'X',
  resources: named(gateways.type, 'internetGatewayId'),
  read: gateways.read,
  before: (_event, current) => (current === null ? null : { network: null }),
  after: ({ request }, baseline) => (baseline === null ? null : { network: textOf(request, 'vpcId') }),
  lead: (from, to, { resource }) => {
    const [before, after] = [from?.['network'] ?? null, to?.['network'] ?? null];
    const InternetGatewayId = resource.id;
    return [
      ...(before === null ? [] : [call('DetachInternetGateway', { InternetGatewayId, VpcId: before })]),
      ...(after === null ? [] : [call('AttachInternetGateway', { InternetGatewayId, VpcId: after })]),
    ];
  },
};

const OVER = ['deleted', 'deleting', 'expired', 'failed', 'rejected'];

/** A peering that was taken up is ended; the other side would have to ask again. */
const peering: CatalogueEntry = {
  ...common,
  events: ['ec2:AcceptVpcPeeringConnection'],
  class: 'X',
  resources: named('AWS::EC2::VPCPeeringConnection', 'vpcPeeringConnectionId'),
  read: async (caller, { id }) => {
    const asked = caller.call(call('DescribeVpcPeeringConnections', { VpcPeeringConnectionIds: [id] }));
    const found = await orNone(
      asked,
      'InvalidVpcPeeringConnectionID.NotFound',
      'InvalidVpcPeeringConnectionId.NotFound',
    );
    const [one] = listOf(found ?? {}, 'VpcPeeringConnections');
    const status = one === undefined ? 'deleted' : (textOf(objectOf(one, 'Status'), 'Code') ?? 'deleted');
    return { peered: !OVER.includes(status) };
  },
  before: () => ({ peered: false }),
  after: () => ({ peered: true }),
  lead: (_from, to, { resource }) =>
    to?.['peered'] === true ? [] : [call('DeleteVpcPeeringConnection', { VpcPeeringConnectionId: resource.id })],
  remains: 'peering-asked-anew',
};

export const networkKinds: readonly ResourceKind[] = [acls, routeTables, gateways];
export const networkEntries: readonly CatalogueEntry[] = [
  newAclEntry,
  changedAclEntry,
  newRoute,
  changedRoute,
  gateway,
  peering,
];
