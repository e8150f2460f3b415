/**
 * EC2: what security groups let through. Row 32, and what is taken away in row 33.
 *
 * The surprise: a rule is named by what it lets through (`ingress tcp 22-22 0.0.0.0/0`). Rules have ids too, which calls use where they
 * are known; but old events do not tell them, and a rule that is put back gets a new one.
 */
import type { Call, Caller } from '../../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  listOf,
  objectOf,
  orNone,
  type ResourceKind,
  type ResourceRef,
  textOf,
  textsOf,
  type TrailEvent,
} from '../../catalogue.ts';
import { changedFields, type Fields, isNote, type Json, type ResourceState } from '../../state.ts';
import { canonicalRange } from './addresses.ts';
import { type Answer, call, described, everyDescribed, wordOf } from './calls.ts';

const TYPE = 'AWS::EC2::SecurityGroup';

interface Rule {
  readonly name: string;
  readonly description: string;
  readonly id: string | null;
}

const PROTOCOLS: Readonly<Record<string, string>> = { '1': 'icmp', '6': 'tcp', '17': 'udp', '58': 'icmpv6' };
const WITH_PORTS = ['icmp', 'icmpv6', 'tcp', 'udp'];

function nameOf(direction: string, protocol: unknown, ports: readonly [unknown, unknown], peer: string): string {
  const given = wordOf(protocol) || '-1';
  const known = PROTOCOLS[given] ?? given;
  const span = WITH_PORTS.includes(known) ? ports.map(wordOf).join('-') : 'all';
  return `${direction} ${known} ${span} ${/^(?:sg|pl)-|\/sg-/.test(peer) ? peer : canonicalRange(peer)}`;
}

/** A group of another account is called by both. */
function groupPeer(group: string | null, owner: string | null, account: string): string | null {
  return group === null || owner === null || owner === account ? group : `${owner}/${group}`;
}

/** As the SDK describes it, as an answer in an event has it, or as a request to modify it says. */
function ruleOf(given: Answer, account: string, direction?: string): Rule | null {
  const of = (...names: readonly string[]) => textOf(given, ...names.flatMap((name) => [name, lower(name)]));
  const referenced = objectOf(given, 'ReferencedGroupInfo');
  const group = Object.keys(referenced).length > 0 ? referenced : objectOf(given, 'referencedGroupInfo');
  const peer =
    of('CidrIpv4', 'CidrIpv6', 'PrefixListId') ??
    groupPeer(textOf(group, 'GroupId', 'groupId'), textOf(group, 'UserId', 'userId'), account) ??
    of('ReferencedGroupId');
  if (peer === null) return null;
  const ports = [given['FromPort'] ?? given['fromPort'], given['ToPort'] ?? given['toPort']] as const;
  const isEgress = given['IsEgress'] ?? given['isEgress'];
  const way = direction ?? (isEgress === true || isEgress === 'true' ? 'egress' : 'ingress');
  const name = nameOf(way, given['IpProtocol'] ?? given['ipProtocol'], ports, peer);
  return { name, description: of('Description') ?? '', id: of('SecurityGroupRuleId') };
}

function lower(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function stateOf(rules: readonly Rule[]): Fields {
  const ids = rules.flatMap(({ name, id }) => (id === null ? [] : [[name, id] as const]));
  const named = rules.map(({ name, description }) => [name, description] as const);
  return { ...Object.fromEntries(named), '(ids)': Object.fromEntries(ids) };
}

function idsOf(state: ResourceState): Readonly<Record<string, unknown>> {
  return objectOf(state ?? {}, '(ids)');
}

const groups: ResourceKind = {
  type: TYPE,
  reach: 'region',
  list: described('DescribeSecurityGroups', { member: 'SecurityGroups', id: 'GroupId' }),
  read: async (caller: Caller, { id, account }: ResourceRef) => {
    const asked = caller.call(call('DescribeSecurityGroups', { GroupIds: [id] }));
    const answer = await orNone(asked, 'InvalidGroup.NotFound', 'InvalidGroupId.NotFound');
    if (answer === null || listOf(answer, 'SecurityGroups').length === 0) return null;
    const of = { member: 'SecurityGroupRules', filters: { 'group-id': id } };
    const rules = await everyDescribed(caller, 'DescribeSecurityGroupRules', of);
    return stateOf(rules.flatMap((rule) => ruleOf(rule, account) ?? []));
  },
};

const PEERS = [
  ['ipRanges', 'cidrIp'],
  ['ipv6Ranges', 'cidrIpv6'],
  ['prefixListIds', 'prefixListId'],
  ['groups', 'groupId'],
] as const;

/** The rules that a request names, flat (`cidrIp`, `fromPort`) or as `ipPermissions.items`. */
function requested({ name, request, account }: TrailEvent): readonly Rule[] {
  const direction = name.endsWith('Egress') ? 'egress' : 'ingress';
  const flat = textOf(request, 'cidrIp');
  const permissions =
    flat === null ? listOf(request, 'ipPermissions') : [{ ...request, ipRanges: { items: [{ cidrIp: flat }] } }];
  return permissions.flatMap((permission: Answer) =>
    PEERS.flatMap(([list, member]) =>
      listOf(permission, list).flatMap((range): readonly Rule[] => {
        const given = textOf(range, member);
        const peer = member === 'groupId' ? groupPeer(given, textOf(range, 'userId'), account) : given;
        if (peer === null) return [];
        const ports = [permission['fromPort'], permission['toPort']] as const;
        const description = textOf(range, 'description') ?? '';
        return [{ name: nameOf(direction, permission['ipProtocol'], ports, peer), description, id: null }];
      }),
    ),
  );
}

/** As the answer tells them, with their ids; of old events the request. */
function told(event: TrailEvent, member: string): readonly Rule[] {
  const answered = listOf(event.response, member).flatMap((rule) => ruleOf(rule, event.account) ?? []);
  return answered.length > 0 ? answered : requested(event);
}

function added(event: TrailEvent): Fields {
  return stateOf(told(event, 'securityGroupRuleSet'));
}

/** By what they let through, or by ids that the trusted state knows; null when neither tells. */
function removed(event: TrailEvent, baseline: Fields): readonly string[] | null {
  const rules = told(event, 'revokedSecurityGroupRuleSet').map(({ name }) => name);
  if (rules.length > 0) return rules;
  const given = listOf(event.request, 'securityGroupRuleIds').flatMap((one) => Object.values(one));
  const ids = [...given, ...textsOf(objectOf(event.request, 'securityGroupRuleIds'), 'items')];
  const names = Object.entries(idsOf(baseline)).flatMap(([name, id]) => (ids.includes(id) ? [name] : []));
  return names.length === ids.length && ids.length > 0 ? names : null;
}

/** What a request to modify makes of the rules that it calls by id; null when one of them was not known. */
function modified({ request, account }: TrailEvent, baseline: Fields): Fields | null {
  const given = [request['SecurityGroupRule'] ?? request['SecurityGroupRules'] ?? []].flat();
  let state = baseline;
  for (const one of given) {
    const change = objectOf({ one }, 'one');
    const id = textOf(change, 'SecurityGroupRuleId');
    const [before] = Object.entries(idsOf(state)).find(([, known]) => known === id) ?? [];
    const rule = ruleOf(objectOf(change, 'SecurityGroupRule'), account, before?.split(' ')[0]);
    if (before === undefined || rule === null) return null;
    state = withRules(without(state, [before]), stateOf([{ ...rule, id }]));
  }
  return state;
}

function without(state: Fields, names: readonly string[]): Fields {
  const keep = (of: Fields) => Object.fromEntries(Object.entries(of).filter(([name]) => !names.includes(name)));
  return { ...keep(state), '(ids)': keep(idsOf(state) as Fields) };
}

function withRules(state: Fields, more: Fields): Fields {
  return { ...state, ...more, '(ids)': { ...(idsOf(state) as Fields), ...(idsOf(more) as Fields) } };
}

/** `ingress tcp 22-22 0.0.0.0/0` in its parts. */
function parted(rule: string): {
  readonly protocol: string;
  readonly span: Fields;
  readonly kind: 'v4' | 'v6' | 'list' | 'group';
  readonly peer: string;
} {
  const [, protocol = '', ports = '', peer = ''] = rule.split(' ');
  const [from = '', to = ''] = ports.split(/(?<=\d)-/);
  const span = ports === 'all' ? {} : { FromPort: Number(from), ToPort: Number(to) };
  const isGroup = peer.startsWith('sg-') || peer.includes('/sg-');
  const kind = isGroup ? 'group' : peer.startsWith('pl-') ? 'list' : peer.includes(':') ? 'v6' : 'v4';
  return { protocol, span, kind, peer };
}

/** As the calls that authorise and revoke want it. */
function permissionOf(rule: string, description: Json): Fields {
  const { protocol: IpProtocol, span, kind, peer } = parted(rule);
  const said = description === '' ? {} : { Description: description };
  const [group = '', owner] = peer.split('/').toReversed();
  const peers: Readonly<Record<typeof kind, Fields>> = {
    v4: { IpRanges: [{ CidrIp: peer, ...said }] },
    v6: { Ipv6Ranges: [{ CidrIpv6: peer, ...said }] },
    list: { PrefixListIds: [{ PrefixListId: peer, ...said }] },
    group: { UserIdGroupPairs: [{ GroupId: group, ...(owner === undefined ? {} : { UserId: owner }), ...said }] },
  };
  return { IpProtocol, ...span, ...peers[kind] };
}

/** As the call that modifies wants it: always with ports. */
function modifiedRule(rule: string, description: Json): Fields {
  const { protocol: IpProtocol, span, kind, peer } = parted(rule);
  const peers: Readonly<Record<typeof kind, Fields>> = {
    v4: { CidrIpv4: peer },
    v6: { CidrIpv6: peer },
    list: { PrefixListId: peer },
    group: { ReferencedGroupId: peer.split('/').at(-1) ?? '' },
  };
  const ports = 'FromPort' in span ? span : { FromPort: -1, ToPort: -1 };
  return { IpProtocol, ...ports, ...peers[kind], ...(description === '' ? {} : { Description: description }) };
}

function lead(
  from: ResourceState,
  to: ResourceState,
  { resource }: { readonly resource: ResourceRef },
): readonly Call[] {
  if (from === null || to === null) return [];
  const GroupId = resource.id;
  const known = idsOf(from);
  const changed = changedFields(from, to);
  const wantedIds = Object.entries(idsOf(to)).filter(([name]) => changed.includes(name) && name in to);
  // A rule that is there under another meaning, or with another description, is modified and keeps its id.
  const kept = wantedIds.filter(([, id]) =>
    Object.entries(known).some(([name, one]) => one === id && changed.includes(name)),
  );
  const keptIds = kept.map(([, id]) => id);
  const gone = changed.filter(
    (name) => name in from && !keptIds.includes(known[name]) && !kept.some(([one]) => one === name),
  );
  const back = changed.filter((name) => name in to && !kept.some(([one]) => one === name));
  return [
    ...(kept.length === 0 ? [] : [modify(GroupId, kept, to)]),
    ...bothWays('Revoke', gone, (names) => revocation(names, known)).map((one) => ({
      ...one,
      input: { GroupId, ...one.input },
    })),
    ...bothWays('Authorize', back, (names) => ({
      IpPermissions: names.map((name) => permissionOf(name, to[name] ?? '')),
    })).map((one) => ({ ...one, input: { GroupId, ...one.input } })),
  ];
}

function modify(GroupId: string, kept: readonly (readonly [string, unknown])[], to: Fields): Call {
  const SecurityGroupRules = kept.map(([name, id]) => ({
    SecurityGroupRuleId: wordOf(id),
    SecurityGroupRule: modifiedRule(name, to[name] ?? ''),
  }));
  return call('ModifySecurityGroupRules', { GroupId, SecurityGroupRules });
}

/** By ids where all are known: nothing else can be meant. */
function revocation(names: readonly string[], known: Readonly<Record<string, unknown>>): Fields {
  const ids = names.map((name) => wordOf(known[name]));
  return ids.every((id) => id !== '')
    ? { SecurityGroupRuleIds: ids }
    : { IpPermissions: names.map((name) => permissionOf(name, '')) };
}

function bothWays(
  verb: string,
  names: readonly string[],
  input: (names: readonly string[]) => Fields,
): readonly Call[] {
  return (['Ingress', 'Egress'] as const).flatMap((way) => {
    const wanted = names.filter((name) => name.startsWith(way.toLowerCase()));
    return wanted.length === 0 ? [] : [call(`${verb}SecurityGroup${way}`, input(wanted))];
  });
}

/** The default group is called by its name; its answer tells the id. */
function groupOf({ request, response, account, region }: TrailEvent): readonly ResourceRef[] {
  const [first = {}] = [
    ...listOf(response, 'securityGroupRuleSet'),
    ...listOf(response, 'revokedSecurityGroupRuleSet'),
  ];
  const id = textOf(request, 'groupId', 'GroupId') ?? textOf(first, 'groupId');
  return id === null ? [] : [{ type: TYPE, account, region, id }];
}

const common = {
  proof: 'emulator',
  resources: groupOf,
  read: groups.read,
  lead,
  // Gone already, or there already: reading back decides.
  fine: ['InvalidPermission.NotFound', 'InvalidSecurityGroupRuleId.NotFound', 'InvalidPermission.Duplicate'],
} as const satisfies Partial<CatalogueEntry>;

const authorised: CatalogueEntry = {
  ...common,
  row: 32,
  events: ['ec2:AuthorizeSecurityGroupIngress', 'ec2:AuthorizeSecurityGroupEgress'],
  class: 'X',
  mode: 'after-answer',
  after: (event, baseline) => (baseline === null ? null : withRules(baseline, added(event))),
  before: (event, current) => {
    if (current === null) return null;
    const names = Object.keys(added(event)).filter((name) => !isNote(name));
    return Object.fromEntries(Object.entries(current).filter(([name]) => !names.includes(name)));
  },
  hindrance: ({ event, current }) => {
    const made = Object.entries(idsOf(added(event)));
    const other = made.find(([name, id]) => name in idsOf(current) && idsOf(current)[name] !== id);
    return other === undefined ? null : `somebody took the rule away and added it anew since: ${other[0]}`;
  },
  remains: 'open-connections',
};

const changed: CatalogueEntry = {
  ...common,
  row: 32,
  events: ['ec2:ModifySecurityGroupRules'],
  class: 'B',
  mode: 'after-answer',
  after: (event, baseline) => (baseline === null ? null : (modified(event, baseline) ?? undefined)),
  remains: 'open-connections',
};

const revoked: CatalogueEntry = {
  ...common,
  row: 33,
  events: ['ec2:RevokeSecurityGroupIngress', 'ec2:RevokeSecurityGroupEgress'],
  class: 'B',
  mode: 'approve',
  after: (event, baseline) => {
    if (baseline === null) return null;
    const names = removed(event, baseline);
    return names === null ? undefined : without(baseline, names);
  },
};

export const securityGroupKinds: readonly ResourceKind[] = [groups];
export const securityGroupEntries: readonly CatalogueEntry[] = [authorised, changed, revoked];
