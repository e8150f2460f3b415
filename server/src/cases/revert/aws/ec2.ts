/** EC2: security groups, shared snapshots and images, flow logs, guards of the account. Rows 5, 32, 33, 34 and 36. */
import type { Call } from '../../../vendors/aws/calls.ts';
import { type CatalogueEntry, listOf, objectOf, orNone, textOf, type TrailEvent } from '../catalogue.ts';
import { type Fields, type Json, type ResourceState, toJson } from '../state.ts';

type Answer = Readonly<Record<string, unknown>>;

function call(operation: string, input: Fields): Call {
  return { service: 'ec2', operation, input };
}

/**
 * A rule of a security group, by what it lets through: `ingress tcp 22-22 0.0.0.0/0`. Rules have ids too, but old events do not tell
 * them, and a rule that is put back gets a new one.
 */
function ruleName(direction: string, protocol: string, ports: readonly [string, string], peer: string): string {
  const [from, to] = ports;
  return `${direction} ${protocol} ${protocol === '-1' ? 'all' : `${from}-${to}`} ${peer}`;
}

/** A text or a number, as text. */
function wordOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

const PEERS = [
  ['ipRanges', 'cidrIp', 'IpRanges', 'CidrIp'],
  ['ipv6Ranges', 'cidrIpv6', 'Ipv6Ranges', 'CidrIpv6'],
  ['prefixListIds', 'prefixListId', 'PrefixListIds', 'PrefixListId'],
  ['groups', 'groupId', 'UserIdGroupPairs', 'GroupId'],
] as const;

/** The rules that a request names, flat (`cidrIp`, `fromPort`) or as `ipPermissions.items`. */
function requestedRules({ name, request }: TrailEvent): Fields {
  const direction = name.endsWith('Egress') ? 'egress' : 'ingress';
  const flat = textOf(request, 'cidrIp');
  const permissions =
    flat === null
      ? listOf(request, 'ipPermissions')
      : [{ ...request, ipRanges: { items: [{ cidrIp: flat }] } } as Answer];
  const rules = permissions.flatMap((permission) => {
    const protocol = wordOf(permission['ipProtocol']) || '-1';
    const ports = [wordOf(permission['fromPort']), wordOf(permission['toPort'])] as const;
    return PEERS.flatMap(([list, member]) =>
      listOf(permission, list).flatMap((range) => {
        const peer = textOf(range, member);
        return peer === null
          ? []
          : [[ruleName(direction, protocol, ports, peer), textOf(range, 'description') ?? ''] as const];
      }),
    );
  });
  return Object.fromEntries(rules);
}

async function readRules(caller: Parameters<CatalogueEntry['read']>[0], id: string): Promise<ResourceState> {
  const asked = caller.call(call('DescribeSecurityGroups', { GroupIds: [id] }));
  const answer = await orNone(asked, 'InvalidGroup.NotFound', 'InvalidGroupId.NotFound');
  const [group] = answer === null ? [] : listOf(answer, 'SecurityGroups');
  if (group === undefined) return null;
  const rulesOf = (direction: string, member: string) =>
    listOf(group, member).flatMap((permission) => {
      const protocol = wordOf(permission['IpProtocol']) || '-1';
      const ports = [wordOf(permission['FromPort']), wordOf(permission['ToPort'])] as const;
      return PEERS.flatMap(([, , list, sdk]) =>
        listOf(permission, list).flatMap((range) => {
          const peer = textOf(range, sdk);
          return peer === null
            ? []
            : [[ruleName(direction, protocol, ports, peer), textOf(range, 'Description') ?? ''] as const];
        }),
      );
    });
  return Object.fromEntries([...rulesOf('ingress', 'IpPermissions'), ...rulesOf('egress', 'IpPermissionsEgress')]);
}

/** `ingress tcp 22-22 0.0.0.0/0` as the SDK's permission. */
function permissionOf(rule: string, description: Json): Fields {
  const [, protocol = '', ports = '', peer = ''] = rule.split(' ');
  const kind = peer.startsWith('sg-') ? 3 : peer.startsWith('pl-') ? 2 : peer.includes(':') ? 1 : 0;
  const [, , list, member] = PEERS[kind];
  const range = { [member]: peer, ...(description === '' ? {} : { Description: description }) };
  const [from = '', to = ''] = ports.split(/(?<=\d)-/);
  const span = ports === 'all' ? {} : { FromPort: Number(from), ToPort: Number(to) };
  return { IpProtocol: protocol, ...span, [list]: [range] };
}

function leadRules(from: ResourceState, to: ResourceState, GroupId: string): readonly Call[] {
  if (from === null || to === null) return [];
  const calls = (operation: string, rules: readonly string[], described: boolean, state: Fields) =>
    (['ingress', 'egress'] as const).flatMap((direction) => {
      const wanted = rules.filter((rule) => rule.startsWith(direction));
      if (wanted.length === 0) return [];
      const IpPermissions = wanted.map((rule) => permissionOf(rule, described ? (state[rule] ?? '') : ''));
      const suffix = direction === 'ingress' ? 'Ingress' : 'Egress';
      return [call(`${operation}SecurityGroup${suffix}`, { GroupId, IpPermissions })];
    });
  return [
    ...calls(
      'Revoke',
      Object.keys(from).filter((rule) => !(rule in to)),
      false,
      from,
    ),
    ...calls(
      'Authorize',
      Object.keys(to).filter((rule) => !(rule in from)),
      true,
      to,
    ),
  ];
}

const group = {
  resources: ({ request, account, region }: TrailEvent) => {
    const id = textOf(request, 'groupId');
    return id === null ? [] : [{ type: 'AWS::EC2::SecurityGroup', account, region, id }];
  },
  read: (caller: Parameters<CatalogueEntry['read']>[0], { id }: { readonly id: string }) => readRules(caller, id),
  lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: { readonly id: string } }) =>
    leadRules(from, to, resource.id),
} as const;

function without(state: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(state).filter(([name]) => !names.includes(name)));
}

/** Snapshots and images: with whom they are shared, each sharer a field of its own. */
function shares(of: {
  readonly type: string;
  readonly event: string;
  readonly id: string;
  readonly member: string;
  readonly attribute: string;
  readonly permission: string;
  readonly answer: string;
  readonly gone: string;
  /** What the call names groups by. */
  readonly groups: string;
  readonly proof: CatalogueEntry['proof'];
}): CatalogueEntry {
  const added = ({ request }: TrailEvent, which: 'add' | 'remove'): readonly string[] => {
    const items =
      listOf(objectOf(request, of.permission), which).length > 0
        ? listOf(objectOf(request, of.permission), which)
        : listOf(objectOf(objectOf(request, of.permission), which), 'items');
    return items.flatMap((item) => [textOf(item, 'userId'), textOf(item, 'group')].filter((one) => one !== null));
  };
  return {
    row: 34,
    events: [`ec2:${of.event}`],
    class: 'X',
    mode: 'auto',
    proof: of.proof,
    resources: ({ request, account, region }) => {
      const id = textOf(request, of.id);
      return id === null ? [] : [{ type: of.type, account, region, id }];
    },
    read: async (caller, { id }) => {
      const input = { [of.member]: id, Attribute: of.attribute };
      const answer = await orNone(caller.call(call(of.event.replace('Modify', 'Describe'), input)), of.gone);
      if (answer === null) return null;
      const who = listOf(answer, of.answer).map((one) => textOf(one, 'UserId') ?? textOf(one, 'Group') ?? '');
      return Object.fromEntries(who.map((one) => [one, true]));
    },
    after: (event, baseline) => {
      if (baseline === null) return null;
      const given = Object.fromEntries(added(event, 'add').map((who) => [who, true]));
      return { ...without(baseline, added(event, 'remove')), ...given };
    },
    before: (event, current) => (current === null ? null : without(current, added(event, 'add'))),
    lead: (from, to, { resource }) => {
      if (from === null || to === null) return [];
      const gone = Object.keys(from).filter((who) => !(who in to));
      const back = Object.keys(to).filter((who) => !(who in from));
      const change = (OperationType: string, names: readonly string[]) => {
        const UserIds = names.filter((who) => who !== 'all');
        const groups = names.filter((who) => who === 'all');
        const target = { [of.member]: resource.id, Attribute: of.attribute, OperationType };
        return call(of.event, {
          ...target,
          ...(UserIds.length > 0 ? { UserIds } : {}),
          ...(groups.length > 0 ? { [of.groups]: groups } : {}),
        });
      };
      // Adding and removing do not go in one call.
      return [...(gone.length > 0 ? [change('remove', gone)] : []), ...(back.length > 0 ? [change('add', back)] : [])];
    },
    remains: 'copies-taken',
  };
}

export const ec2Entries: readonly CatalogueEntry[] = [
  {
    ...group,
    row: 32,
    events: ['ec2:AuthorizeSecurityGroupIngress', 'ec2:AuthorizeSecurityGroupEgress'],
    class: 'X',
    mode: 'after-answer',
    proof: 'emulator',
    after: (event, baseline) => (baseline === null ? null : { ...baseline, ...requestedRules(event) }),
    before: (event, current) => (current === null ? null : without(current, Object.keys(requestedRules(event)))),
    remains: 'open-connections',
  },
  {
    ...group,
    row: 33,
    events: ['ec2:RevokeSecurityGroupIngress', 'ec2:RevokeSecurityGroupEgress'],
    class: 'B',
    mode: 'approve',
    proof: 'emulator',
    after: (event, baseline) => {
      const named = Object.keys(requestedRules(event));
      return baseline === null || named.length === 0 ? undefined : without(baseline, named);
    },
  },
  shares({
    type: 'AWS::EC2::Snapshot',
    event: 'ModifySnapshotAttribute',
    id: 'snapshotId',
    member: 'SnapshotId',
    attribute: 'createVolumePermission',
    permission: 'createVolumePermission',
    answer: 'CreateVolumePermissions',
    gone: 'InvalidSnapshot.NotFound',
    groups: 'GroupNames',
    proof: 'emulator',
  }),
  shares({
    type: 'AWS::EC2::Image',
    event: 'ModifyImageAttribute',
    id: 'imageId',
    member: 'ImageId',
    attribute: 'launchPermission',
    permission: 'launchPermission',
    answer: 'LaunchPermissions',
    gone: 'InvalidAMIID.NotFound',
    groups: 'UserGroups',
    proof: 'shape',
  }),
  {
    row: 36,
    events: ['ec2:DisableEbsEncryptionByDefault'],
    class: 'X',
    mode: 'auto',
    proof: 'emulator',
    resources: ({ account, region }) => [{ type: 'AWS::EC2::EbsEncryptionByDefault', account, region, id: region }],
    read: async (caller) => ({
      enabled: toJson((await caller.call(call('GetEbsEncryptionByDefault', {})))['EbsEncryptionByDefault']),
    }),
    after: () => ({ enabled: false }),
    before: () => ({ enabled: true }),
    lead: (_from, to) => [call(`${to?.['enabled'] === true ? 'Enable' : 'Disable'}EbsEncryptionByDefault`, {})],
  },
];
