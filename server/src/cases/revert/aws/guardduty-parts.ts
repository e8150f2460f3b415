/**
 * GuardDuty: what hangs on a detector. Filters, lists of trusted addresses, member accounts. Row 7.
 *
 * The surprise: no id of a detector is in a plan. There is one in a region, and each call asks which.
 */
import { type Call, type Caller, CallFailure } from '../../../vendors/aws/calls.ts';
import {
  type CallPlace,
  type CatalogueEntry,
  listOf,
  objectOf,
  present,
  type ResourceKind,
  type ResourceRef,
  textOf,
  textsOf,
  type TrailEvent,
  Unsettled,
} from '../catalogue.ts';
import { everyObject, everyPage } from '../pages.ts';
import { capitalised, type Fields, type Json, type ResourceState, toJson } from '../state.ts';

const FILTER = 'AWS::GuardDuty::Filter';
const IP_SET = 'AWS::GuardDuty::IPSet';
const MEMBER = 'AWS::GuardDuty::Member';

/** A list that is made again gets a new id; it carries the old one here. */
const RESTORES = 'countersign:restores';
const ALL_IP_SETS = { member: 'IpSetIds', token: ['NextToken'] } as const;

type Answer = Readonly<Record<string, unknown>>;

export function call(operation: string, input: Fields): Call {
  return { service: 'guardduty', operation, input };
}

export async function detectorId(caller: Caller): Promise<string | null> {
  const ids = await everyPage(caller, call('ListDetectors', {}), { member: 'DetectorIds', token: ['NextToken'] });
  return ids.find((id): id is string => typeof id === 'string') ?? null;
}

/** What is not there is called a bad request, in these words. */
export async function orMissing<T>(read: Promise<T>): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof CallFailure && /no such resource|is not owned by/i.test(error.message)) return null;
    throw error;
  }
}

/** Every call but the one that makes the detector is about it. */
export async function complete(planned: Call, { caller }: CallPlace): Promise<Call> {
  if (planned.operation === 'CreateDetector') return planned;
  const DetectorId = await detectorId(caller);
  // Deleted by another event, whose own revert brings it back.
  if (DetectorId === null) throw new Unsettled('there is no detector in the region yet');
  return { ...planned, input: { DetectorId, ...planned.input } };
}

/** Accounts that were left out come as an answer, not as an error. */
export async function refuseUnprocessed(_call: Call, answer: Answer): Promise<boolean> {
  const [refused] = listOf(answer, 'UnprocessedAccounts');
  if (refused === undefined) return true;
  throw new CallFailure('UnprocessedAccounts', textOf(refused, 'Result') ?? 'the account was left out', false);
}

export function setOf(found: Answer): Fields | null {
  const status = textOf(found, 'Status') ?? '';
  if (status.startsWith('DELETE')) return null;
  const settings = ['Name', 'Format', 'Location', 'ExpectedBucketOwner'].map(
    (name) => [name, toJson(found[name])] as const,
  );
  const tags = Object.entries(objectOf(found, 'Tags')).filter(([key]) => key !== RESTORES);
  return {
    ...present(Object.fromEntries(settings)),
    Activate: status === 'ACTIVE' || status === 'ACTIVATING',
    Tags: toJson(Object.fromEntries(tags)),
  };
}

export async function membersOf(caller: Caller, DetectorId: string): Promise<readonly Answer[]> {
  const all = { member: 'Members', token: ['NextToken'] } as const;
  return everyObject(caller, call('ListMembers', { DetectorId, OnlyAssociated: 'false' }), all);
}

/** Conditions have an older name and a newer one each; AWS tells both. */
const CONDITIONS: Readonly<Record<string, string>> = {
  Eq: 'Equals',
  Neq: 'NotEquals',
  Gt: 'GreaterThan',
  Gte: 'GreaterThanOrEqual',
  Lt: 'LessThan',
  Lte: 'LessThanOrEqual',
};

/** @param criterion its keys are fields of findings, not members of AWS's. */
function criteriaOf(criterion: Answer): Json {
  const fields = Object.keys(criterion).map((field): readonly [string, Json] => {
    const conditions = Object.entries(capitalised(objectOf(criterion, field)) as Fields);
    return [field, Object.fromEntries(conditions.map(([name, value]) => [CONDITIONS[name] ?? name, value]))];
  });
  return { Criterion: Object.fromEntries(fields) };
}

export function filterOf(found: Answer): Fields {
  return {
    Action: textOf(found, 'Action') ?? 'NOOP',
    Rank: toJson(found['Rank']),
    Description: textOf(found, 'Description') ?? '',
    FindingCriteria: criteriaOf(objectOf(objectOf(found, 'FindingCriteria'), 'Criterion')),
  };
}

async function readFilter(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const DetectorId = await detectorId(caller);
  if (DetectorId === null) return null;
  const found = await orMissing(caller.call(call('GetFilter', { DetectorId, FilterName: id })));
  return found === null ? null : filterOf(found);
}

/** What the request says of a filter, over what is known of it. */
function updatedFilter({ request }: TrailEvent, known: Fields): Fields {
  const description = request['description'];
  const criteria = objectOf(request, 'findingCriteria');
  return {
    ...known,
    ...(textOf(request, 'action') === null ? {} : { Action: textOf(request, 'action') }),
    ...(typeof request['rank'] === 'number' ? { Rank: request['rank'] } : {}),
    ...(typeof description === 'string' ? { Description: description } : {}),
    ...('criterion' in criteria ? { FindingCriteria: criteriaOf(objectOf(criteria, 'criterion')) } : {}),
  };
}

function leadFilter(from: ResourceState, to: ResourceState, name: string): readonly Call[] {
  if (to === null) return from === null ? [] : [call('DeleteFilter', { FilterName: name })];
  return [from === null ? createFilter(name, to) : call('UpdateFilter', { FilterName: name, ...present(to) })];
}

/** A description is a text or left out. */
export function createFilter(name: string, { Description = '', ...settings }: Fields): Call {
  return call('CreateFilter', { Name: name, ...present(settings), ...(Description === '' ? {} : { Description }) });
}

interface IpSet {
  readonly id: string;
  readonly state: Fields;
}

/** The list of that id, or the one that was made again in its place, which says so in a tag. */
async function findIpSet(caller: Caller, id: string): Promise<IpSet | null> {
  const DetectorId = await detectorId(caller);
  if (DetectorId === null) return null;
  const get = (IpSetId: string) => orMissing(caller.call(call('GetIPSet', { DetectorId, IpSetId })));
  const own = await get(id);
  const state = own === null ? null : setOf(own);
  if (state !== null) return { id, state };
  for (const other of await everyPage(caller, call('ListIPSets', { DetectorId }), ALL_IP_SETS)) {
    const found = await get(String(other));
    const heir = found !== null && objectOf(found, 'Tags')[RESTORES] === id ? setOf(found) : null;
    if (heir !== null) return { id: String(other), state: heir };
  }
  return null;
}

async function readIpSet(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  return (await findIpSet(caller, id))?.state ?? null;
}

async function completeIpSet(planned: Call, at: CallPlace): Promise<Call> {
  const { input } = planned;
  const found = 'IpSetId' in input ? await findIpSet(at.caller, at.resource.id) : null;
  return complete(found === null ? planned : { ...planned, input: { ...input, IpSetId: found.id } }, at);
}

function updatedIpSet({ request }: TrailEvent, known: Fields): Fields {
  const named = Object.entries({ Name: 'name', Location: 'location', ExpectedBucketOwner: 'expectedBucketOwner' });
  const given = named.map(([name, member]): readonly [string, Json | undefined] => [name, textOf(request, member)]);
  const activate = request['activate'];
  return {
    ...known,
    ...present(Object.fromEntries(given)),
    ...(typeof activate === 'boolean' ? { Activate: activate } : {}),
  };
}

/** A list is first made to mean nothing, and then deleted. */
function leadIpSet(from: ResourceState, to: ResourceState, IpSetId: string): readonly Call[] {
  if (to === null)
    return from === null ? [] : [call('UpdateIPSet', { IpSetId, Activate: false }), call('DeleteIPSet', { IpSetId })];
  const { Format = null, Tags = {}, ...settings } = to;
  if (from !== null) return [call('UpdateIPSet', { IpSetId, ...settings })];
  return [call('CreateIPSet', { ...settings, Format, Tags: { ...(Tags as Fields), [RESTORES]: IpSetId } })];
}

async function readMember(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const DetectorId = await detectorId(caller);
  if (DetectorId === null) return null;
  const [found] = listOf(await caller.call(call('GetMembers', { DetectorId, AccountIds: [id] })), 'Members');
  return found === undefined
    ? null
    : { relationship: textOf(found, 'RelationshipStatus'), email: textOf(found, 'Email') };
}

function leadMember(from: ResourceState, to: ResourceState, account: string): readonly Call[] {
  const AccountIds = [account];
  if (to === null) return from === null ? [] : [call('DeleteMembers', { AccountIds })];
  const [now, wanted] = [from?.['relationship'] ?? null, to['relationship']];
  if (wanted === 'Disabled') return [call('StopMonitoringMembers', { AccountIds })];
  if (wanted === 'Removed') return [call('DisassociateMembers', { AccountIds })];
  if (now === 'Disabled') return [call('StartMonitoringMembers', { AccountIds })];
  return [call('CreateMembers', { AccountDetails: [{ AccountId: account, Email: to['email'] ?? '' }] })];
}

export function inRegion(type: string, { account, region }: TrailEvent, id: string | null): readonly ResourceRef[] {
  return id === null ? [] : [{ type, account, region, id }];
}

const row7 = { row: 7, mode: 'after-answer', complete } as const;
const filter = {
  ...row7,
  proof: 'emulator',
  read: readFilter,
  lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: ResourceRef }) =>
    leadFilter(from, to, resource.id),
} as const;
const ipSet = {
  ...row7,
  proof: 'shape',
  read: readIpSet,
  complete: completeIpSet,
  lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: ResourceRef }) =>
    leadIpSet(from, to, resource.id),
} as const;
const member = {
  ...row7,
  class: 'B',
  proof: 'shape',
  resources: (event: TrailEvent) => textsOf(event.request, 'accountIds').flatMap((id) => inRegion(MEMBER, event, id)),
  read: readMember,
  lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: ResourceRef }) =>
    leadMember(from, to, resource.id),
  isSettled: refuseUnprocessed,
} as const satisfies Partial<CatalogueEntry>;

function becomes(relationship: string): CatalogueEntry['after'] {
  return (_event, baseline) => (baseline === null ? undefined : { ...baseline, relationship });
}

export const partEntries: readonly CatalogueEntry[] = [
  {
    ...filter,
    events: ['guardduty:CreateFilter'],
    class: 'X',
    resources: (event) => inRegion(FILTER, event, textOf(event.request, 'name')),
    after: (event, _baseline, _resource, current) => updatedFilter(event, current ?? {}),
    before: () => null,
  },
  {
    ...filter,
    events: ['guardduty:UpdateFilter'],
    class: 'B',
    resources: (event) => inRegion(FILTER, event, textOf(event.request, 'filterName')),
    after: (event, baseline) => (baseline === null ? undefined : updatedFilter(event, baseline)),
  },
  {
    ...ipSet,
    events: ['guardduty:CreateIPSet'],
    class: 'X',
    resources: (event) => inRegion(IP_SET, event, textOf(event.response, 'ipSetId')),
    after: (event, _baseline, _resource, current) => updatedIpSet(event, current ?? {}),
    before: () => null,
  },
  {
    ...ipSet,
    events: ['guardduty:UpdateIPSet'],
    class: 'B',
    resources: (event) => inRegion(IP_SET, event, textOf(event.request, 'ipSetId')),
    after: (event, baseline) => (baseline === null ? undefined : updatedIpSet(event, baseline)),
  },
  { ...member, events: ['guardduty:DisassociateMembers'], after: becomes('Removed'), remains: 'members-must-accept' },
  {
    ...member,
    events: ['guardduty:StopMonitoringMembers'],
    class: 'X',
    after: becomes('Disabled'),
    before: (_event, current) => (current === null ? null : { ...current, relationship: 'Enabled' }),
  },
  { ...member, events: ['guardduty:DeleteMembers'], after: () => null, remains: 'members-must-accept' },
];

async function onDetector<T>(caller: Caller, list: (id: string) => Promise<readonly T[]>): Promise<readonly T[]> {
  const id = await detectorId(caller);
  return id === null ? [] : list(id);
}

export const partKinds: readonly ResourceKind[] = [
  {
    type: FILTER,
    reach: 'region',
    read: readFilter,
    list: (caller) =>
      onDetector(caller, async (DetectorId) => {
        const all = { member: 'FilterNames', token: ['NextToken'] } as const;
        return (await everyPage(caller, call('ListFilters', { DetectorId }), all)).map(String);
      }),
  },
  {
    type: IP_SET,
    reach: 'region',
    read: readIpSet,
    list: (caller) =>
      onDetector(caller, async (DetectorId) => {
        return (await everyPage(caller, call('ListIPSets', { DetectorId }), ALL_IP_SETS)).map(String);
      }),
  },
  {
    type: MEMBER,
    reach: 'region',
    read: readMember,
    list: (caller) =>
      onDetector(caller, async (id) => (await membersOf(caller, id)).flatMap((one) => textOf(one, 'AccountId') ?? [])),
  },
];
