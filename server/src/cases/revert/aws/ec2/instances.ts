/** EC2: what an instance runs when it starts, and whose rights it has. Row 37. */
import { createHash } from 'node:crypto';
import type { Caller } from '../../../../vendors/aws/calls.ts';
import {
  type Archive,
  type CatalogueEntry,
  listOf,
  objectOf,
  orNone,
  present,
  type ResourceKind,
  type ResourceRef,
  textOf,
  textsOf,
  type TrailEvent,
} from '../../catalogue.ts';
import { everyPage } from '../../pages.ts';
import { ARCHIVED, type Fields, type Json, type ResourceState, sortedList, toJson } from '../../state.ts';
import { type Answer, call, everyDescribed, named } from './calls.ts';

const GONE = ['InvalidInstanceID.NotFound', 'InvalidInstanceID.Malformed'] as const;
const common = { row: 37, mode: 'approve', proof: 'emulator' } as const;

async function describe(caller: Caller, id: string): Promise<Answer | null> {
  const found = await orNone(caller.call(call('DescribeInstances', { InstanceIds: [id] })), ...GONE);
  const [reservation] = listOf(found ?? {}, 'Reservations');
  const [instance] = listOf(reservation ?? {}, 'Instances');
  return instance === undefined || stateOf(instance) === 'terminated' ? null : instance;
}

function stateOf(instance: Answer): string {
  return textOf(objectOf(instance, 'State'), 'Name') ?? '';
}

const list: ResourceKind['list'] = async (caller) => {
  const asked = { member: 'Reservations', token: ['NextToken'] } as const;
  const reservations = await everyPage(caller, call('DescribeInstances'), asked);
  const instances = reservations.flatMap((item) => listOf(objectOf({ item }, 'item'), 'Instances'));
  return instances.filter((one) => stateOf(one) !== 'terminated').flatMap((one) => textOf(one, 'InstanceId') ?? []);
};

/** A group without rules, in each network, that an instance is moved to when it cannot be put back. */
const ISOLATION = 'countersign-isolation';

async function readUserData(caller: Caller, InstanceId: string): Promise<Uint8Array | null> {
  const asked = caller.call(call('DescribeInstanceAttribute', { InstanceId, Attribute: 'userData' }));
  const text = textOf(objectOf((await orNone(asked, ...GONE)) ?? {}, 'UserData'), 'Value');
  return text === null ? null : Buffer.from(text, 'base64');
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What it runs at its start may hold secrets: it is kept aside, and told by its digest. */
const startups: ResourceKind = {
  type: 'AWS::EC2::InstanceUserData',
  reach: 'region',
  list,
  read: async (caller, { id }) => {
    const instance = await describe(caller, id);
    if (instance === null) return null;
    const data = await readUserData(caller, id);
    const network = textOf(instance, 'VpcId') ?? '';
    const filters = { 'vpc-id': network, 'group-name': ISOLATION };
    const [isolation] = await everyDescribed(caller, 'DescribeSecurityGroups', { member: 'SecurityGroups', filters });
    return {
      userData: data === null ? null : digestOf(data),
      groups: sortedList(listOf(instance, 'SecurityGroups').map((one) => textOf(one, 'GroupId'))),
      '(state)': stateOf(instance),
      '(isolation)': isolation === undefined ? null : textOf(isolation, 'GroupId'),
    };
  },
  archive: keepUserData,
};

function keepUserData(state: ResourceState): Archive | null {
  const digest = state?.['userData'];
  if (typeof digest !== 'string') return null;
  const fetch = async (caller: Caller, { id }: ResourceRef) => {
    const bytes = await readUserData(caller, id);
    return bytes !== null && digestOf(bytes) === digest ? bytes : null;
  };
  return { digest, fetch };
}

function setsUserData({ request }: TrailEvent): boolean {
  return 'userData' in request || textOf(request, 'attribute') === 'userData';
}

function isStopped(state: ResourceState): boolean {
  return state?.['(state)'] === 'stopped';
}

/** User data goes back into a stopped instance only; one that runs is cut off, and a person goes on. */
const startup: CatalogueEntry = {
  ...common,
  events: ['ec2:ModifyInstanceAttribute'],
  class: 'B',
  resources: (event) => (setsUserData(event) ? named(startups.type, 'instanceId')(event) : []),
  cannot: (event) =>
    setsUserData(event) ? null : 'of an instance the user data is put back, and this set something else',
  read: startups.read,
  archive: keepUserData,
  // CloudTrail hides what was set: what is there now is taken for it.
  after: (_event, baseline, _resource, current) =>
    baseline === null || current === null ? null : { ...baseline, userData: current['userData'] ?? null },
  hindrance: ({ baseline, current }) => {
    if (!isStopped(current))
      return (current?.['(isolation)'] ?? null) === null
        ? `the instance runs, so that its user data stays; there is no security group "${ISOLATION}" in its network to cut it off`
        : null;
    const isKept = (baseline?.['userData'] ?? null) === (baseline?.[ARCHIVED] ?? null);
    return isKept ? null : 'the user data that was trusted was not kept';
  },
  aim: (back, { current }) => {
    if (back === null || current === null || isStopped(current)) return back;
    return { ...current, groups: [current['(isolation)'] ?? null] };
  },
  lead: (from, to, { resource: { id: InstanceId } }) => {
    if (from === null || to === null) return [];
    const digest = to['userData'] ?? null;
    const isKnown = digest === null || to[ARCHIVED] === digest;
    const start = { InstanceId, Attribute: 'userData', Value: digest ?? '' };
    return [
      ...(from['userData'] !== digest && isKnown ? [call('ModifyInstanceAttribute', start)] : []),
      ...(JSON.stringify(from['groups']) === JSON.stringify(to['groups'])
        ? []
        : [call('ModifyInstanceAttribute', { InstanceId, Groups: to['groups'] ?? [] })]),
    ];
  },
  // The plan names what it runs by its digest.
  complete: async (planned, { archive }) => {
    const { Attribute, Value } = planned.input;
    if (Attribute !== 'userData' || typeof Value !== 'string' || Value === '') return planned;
    const bytes = await archive(Value);
    if (bytes === null) throw new Error('the user data that was kept with the trusted state is gone');
    return { ...planned, input: { ...planned.input, Value: Buffer.from(bytes).toString('base64') } };
  },
  remains: 'instance-isolated',
};

/** Field → the member of calls, requests and answers. */
const METADATA: Readonly<Record<string, string>> = {
  tokens: 'HttpTokens',
  endpoint: 'HttpEndpoint',
  hops: 'HttpPutResponseHopLimit',
  ipv6: 'HttpProtocolIpv6',
  tags: 'InstanceMetadataTags',
};

function metadataFields(of: Answer): Fields {
  const entries = Object.entries(METADATA).flatMap(([field, member]): (readonly [string, Json])[] => {
    const value = of[member];
    if (value === undefined || value === null) return [];
    return [[field, member === 'HttpPutResponseHopLimit' ? Number(value) : toJson(value)]];
  });
  return Object.fromEntries(entries);
}

const metadataOptions: ResourceKind = {
  type: 'AWS::EC2::InstanceMetadataOptions',
  reach: 'region',
  list,
  read: async (caller, { id }) => {
    const instance = await describe(caller, id);
    return instance === null ? null : metadataFields(objectOf(instance, 'MetadataOptions'));
  },
};

const metadata: CatalogueEntry = {
  ...common,
  events: ['ec2:ModifyInstanceMetadataOptions'],
  class: 'B',
  resources: named(metadataOptions.type, 'instanceId'),
  read: metadataOptions.read,
  after: ({ request }, baseline) => (baseline === null ? null : { ...baseline, ...metadataFields(request) }),
  lead: (_from, to, { resource }) => {
    if (to === null) return [];
    const members = Object.entries(METADATA).map(([field, member]) => [member, to[field]] as const);
    return [
      call('ModifyInstanceMetadataOptions', { InstanceId: resource.id, ...present(Object.fromEntries(members)) }),
    ];
  },
  remains: 'credentials-read',
};

/** By its name: an event may tell the ARN, or only that. */
function profileName(of: Answer): string | null {
  const given = textOf(of, 'Name', 'name', 'Arn', 'arn');
  return given?.split('/').at(-1) ?? null;
}

const profiles: ResourceKind = {
  type: 'AWS::EC2::InstanceProfileAssociation',
  reach: 'region',
  list,
  read: async (caller, { id }) => {
    if ((await describe(caller, id)) === null) return null;
    const of = { member: 'IamInstanceProfileAssociations', filters: { 'instance-id': id } };
    const found = await everyDescribed(caller, 'DescribeIamInstanceProfileAssociations', of);
    const one = found.find((association) => ['associating', 'associated'].includes(textOf(association, 'State') ?? ''));
    return {
      profile: one === undefined ? null : profileName(objectOf(one, 'IamInstanceProfile')),
      '(association)': one === undefined ? null : textOf(one, 'AssociationId'),
    };
  },
};

const profile = {
  ...common,
  read: profiles.read,
  // What replaces a profile calls it by the association; the answer tells the instance.
  resources: ({ request, response, account, region }) => {
    const told = objectOf(response, 'iamInstanceProfileAssociation');
    const [id] = [...textsOf(request, 'InstanceId'), ...textsOf(told, 'instanceId')];
    return id === undefined ? [] : [{ type: profiles.type, account, region, id }];
  },
  after: ({ request, response }, baseline) => {
    const told = objectOf(objectOf(response, 'iamInstanceProfileAssociation'), 'iamInstanceProfile');
    const name = profileName(told) ?? profileName(objectOf(request, 'IamInstanceProfile'));
    if (baseline === null) return null;
    return name === null ? undefined : { ...baseline, profile: name };
  },
  lead: (from, to, { resource }) => {
    if (from === null || to === null) return [];
    const AssociationId = from['(association)'] ?? null;
    const Name = to['profile'] ?? null;
    if (Name === null) return [call('DisassociateIamInstanceProfile', { AssociationId })];
    return AssociationId === null
      ? [call('AssociateIamInstanceProfile', { InstanceId: resource.id, IamInstanceProfile: { Name } })]
      : [call('ReplaceIamInstanceProfileAssociation', { AssociationId, IamInstanceProfile: { Name } })];
  },
  remains: 'credentials-read',
} as const satisfies Partial<CatalogueEntry>;

const newProfile: CatalogueEntry = {
  ...profile,
  events: ['ec2:AssociateIamInstanceProfile'],
  class: 'X',
  before: (_event, current) => (current === null ? null : { ...current, profile: null }),
};

const changedProfile: CatalogueEntry = {
  ...profile,
  events: ['ec2:ReplaceIamInstanceProfileAssociation'],
  class: 'B',
};

export const instanceKinds: readonly ResourceKind[] = [startups, metadataOptions, profiles];
export const instanceEntries: readonly CatalogueEntry[] = [startup, metadata, newProfile, changedProfile];
