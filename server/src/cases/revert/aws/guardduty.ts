/**
 * GuardDuty: the detector. Row 6.
 *
 * The surprise: there is one detector in a region, and it is known by the region here, since one that is made again has another id. What
 * hangs on it (filters, lists, destinations, members) is a resource of its own, which is deleted with it and made again after it.
 */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  type LeadContext,
  listOf,
  objectOf,
  present,
  type ResourceKind,
  type ResourceRef,
  textOf,
  type TrailEvent,
} from '../catalogue.ts';
import { everyObject, everyPage, inBatches } from '../pages.ts';
import { capitalised, changedFields, type Fields, type Json, type ResourceState, toJson } from '../state.ts';
import {
  call,
  complete,
  createFilter,
  detectorId,
  filterOf,
  inRegion,
  membersOf,
  orMissing,
  partEntries,
  partKinds,
  refuseUnprocessed,
  setOf,
} from './guardduty-parts.ts';

const DETECTOR = 'AWS::GuardDuty::Detector';
const CONTENTS = 'AWS::GuardDuty::DetectorContents';
const FEATURE = 'feature ';
const MEMBERS_AT_ONCE = 50;

type Answer = Readonly<Record<string, unknown>>;

/** What a detector can be told to watch. A detector that is made watches all that is not said here, at a price. */
export const FEATURES = [
  'AI_ANALYST',
  'AI_PROTECTION',
  'EBS_MALWARE_PROTECTION',
  'EKS_AUDIT_LOGS',
  'EKS_RUNTIME_MONITORING',
  'LAMBDA_NETWORK_LOGS',
  'RDS_LOGIN_EVENTS',
  'RUNTIME_MONITORING',
  'S3_DATA_EVENTS',
];

/** What each is said to be: what it watches with, or null where it is off. */
function saidOf(features: readonly Answer[]): Fields {
  const settable = features.filter((one) => FEATURES.includes(textOf(one, 'Name') ?? ''));
  return Object.fromEntries(
    settable.map((one): readonly [string, Json] => {
      const agents = listOf(one, 'AdditionalConfiguration').map((agent) => [
        textOf(agent, 'Name') ?? '',
        agent['Status'],
      ]);
      const isOn = textOf(one, 'Status') === 'ENABLED';
      return [`${FEATURE}${textOf(one, 'Name') ?? ''}`, isOn ? toJson(Object.fromEntries(agents)) : null];
    }),
  );
}

async function readDetector(caller: Caller): Promise<ResourceState> {
  const DetectorId = await detectorId(caller);
  if (DetectorId === null) return null;
  const found = await orMissing(caller.call(call('GetDetector', { DetectorId })));
  if (found === null) return null;
  return {
    enabled: found['Status'] === 'ENABLED',
    frequency: textOf(found, 'FindingPublishingFrequency'),
    tags: toJson(found['Tags'] ?? {}),
    // A feature that AWS did not have yet is off, as one that is off.
    ...present(saidOf(listOf(found, 'Features'))),
  };
}

/** The older way to say three of the features. */
function dataSources(given: Answer): Fields {
  const kubernetes = objectOf(objectOf(given, 'kubernetes'), 'auditLogs')['enable'];
  const s3 = objectOf(given, 's3Logs')['enable'];
  const volumes = objectOf(objectOf(given, 'malwareProtection'), 'scanEc2InstanceWithFindings')['ebsVolumes'];
  const said = { S3_DATA_EVENTS: s3, EKS_AUDIT_LOGS: kubernetes, EBS_MALWARE_PROTECTION: volumes };
  return Object.fromEntries(
    Object.entries(said).flatMap(([name, on]): (readonly [string, Json])[] =>
      typeof on === 'boolean' ? [[`${FEATURE}${name}`, on ? {} : null]] : [],
    ),
  );
}

/** What the request of an update sets; what it leaves out stays. */
function updatedDetector({ request }: TrailEvent, baseline: Fields): Fields {
  const given = listOf(capitalised(request) as Fields, 'Features');
  const said = { ...dataSources(objectOf(request, 'dataSources')), ...saidOf(given) };
  const features = Object.entries(said).map(([field, agents]): readonly [string, Json] => [
    field,
    agents === null ? null : { ...(objectOf(baseline, field) as Fields), ...(agents as Fields) },
  ]);
  const frequency = textOf(request, 'findingPublishingFrequency');
  const others = Object.entries(baseline).filter(([field]) => !(field in said));
  return {
    ...Object.fromEntries(others),
    ...(typeof request['enable'] === 'boolean' ? { enabled: request['enable'] } : {}),
    ...(frequency === null ? {} : { frequency }),
    ...present(Object.fromEntries(features)),
  };
}

function featureInput(name: string, agents: Json | undefined): Json {
  if (agents === undefined || agents === null) return { Name: name, Status: 'DISABLED' };
  const AdditionalConfiguration = Object.entries(agents as Fields).map(([Name, Status]) => ({ Name, Status }));
  const isBare = AdditionalConfiguration.length === 0;
  return { Name: name, Status: 'ENABLED', ...(isBare ? {} : { AdditionalConfiguration }) };
}

function leadDetector(from: ResourceState, to: ResourceState, token: string): readonly Call[] {
  if (to === null) return from === null ? [] : [call('DeleteDetector', {})];
  const Enable = to['enabled'] === true;
  const frequency = present({ FindingPublishingFrequency: to['frequency'] });
  if (from === null) {
    const Features = allFeatures(to).map((name) => featureInput(name, to[`${FEATURE}${name}`]));
    const Tags = to['tags'] ?? {};
    const tagged = Object.keys(Tags).length === 0 ? {} : { Tags };
    return [call('CreateDetector', { Enable, ClientToken: token, ...frequency, Features, ...tagged })];
  }
  const changed = changedFields(from, to);
  const features = changed.filter((field) => field.startsWith(FEATURE));
  const Features = features.map((field) => featureInput(field.slice(FEATURE.length), to[field]));
  const input = {
    ...(changed.includes('enabled') ? { Enable } : {}),
    ...(changed.includes('frequency') ? frequency : {}),
    ...(Features.length === 0 ? {} : { Features }),
  };
  return Object.keys(input).length === 0 ? [] : [call('UpdateDetector', input)];
}

/** Every feature is said, so that none is on by itself; of the two that watch at run time AWS takes only one. */
function allFeatures(to: Fields): readonly string[] {
  const older = to[`${FEATURE}EKS_RUNTIME_MONITORING`] !== undefined;
  const newer = to[`${FEATURE}RUNTIME_MONITORING`] !== undefined;
  const left = older && !newer ? 'RUNTIME_MONITORING' : 'EKS_RUNTIME_MONITORING';
  return FEATURES.filter((name) => name !== left);
}

/** Lists that a detector trusts or fears: the prefix of their fields, their operations, and how they are numbered. */
const SETS = [
  { prefix: 'trusted addresses ', stem: 'IPSet', id: 'IpSetId' },
  { prefix: 'feared addresses ', stem: 'ThreatIntelSet', id: 'ThreatIntelSetId' },
  { prefix: 'trusted entities ', stem: 'TrustedEntitySet', id: 'TrustedEntitySetId' },
  { prefix: 'feared entities ', stem: 'ThreatEntitySet', id: 'ThreatEntitySetId' },
] as const;

async function setsOf(caller: Caller, DetectorId: string): Promise<Fields> {
  const fields: Record<string, Json> = {};
  for (const { prefix, stem, id } of SETS) {
    const all = { member: `${id}s`, token: ['NextToken'] } as const;
    for (const one of await everyPage(caller, call(`List${stem}s`, { DetectorId }), all)) {
      const set = setOf(await caller.call(call(`Get${stem}`, { DetectorId, [id]: String(one) })));
      if (set !== null) fields[`${prefix}${textOf(set, 'Name') ?? ''}`] = set;
    }
  }
  return fields;
}

async function destinationsOf(caller: Caller, DetectorId: string): Promise<Fields> {
  const all = { member: 'Destinations', token: ['NextToken'] } as const;
  const fields: Record<string, Json> = {};
  for (const one of await everyObject(caller, call('ListPublishingDestinations', { DetectorId }), all)) {
    const asked = { DetectorId, DestinationId: textOf(one, 'DestinationId') ?? '' };
    const found = await caller.call(call('DescribePublishingDestination', asked));
    const DestinationProperties = toJson(objectOf(found, 'DestinationProperties'));
    const arn = textOf(DestinationProperties as Fields, 'DestinationArn') ?? '';
    fields[`destination ${arn}`] = { DestinationType: textOf(found, 'DestinationType'), DestinationProperties };
  }
  return fields;
}

async function filtersOf(caller: Caller, DetectorId: string): Promise<Fields> {
  const names = await everyPage(caller, call('ListFilters', { DetectorId }), {
    member: 'FilterNames',
    token: ['NextToken'],
  });
  const fields: Record<string, Json> = {};
  for (const FilterName of names.map(String)) {
    const found = await caller.call(call('GetFilter', { DetectorId, FilterName }));
    fields[`filter ${FilterName}`] = { ...filterOf(found), Tags: toJson(found['Tags'] ?? {}) };
  }
  return fields;
}

/** Null also when there is a detector with nothing on it: then there is nothing to make again. */
async function readContents(caller: Caller): Promise<ResourceState> {
  const DetectorId = await detectorId(caller);
  if (DetectorId === null) return null;
  const members = (await membersOf(caller, DetectorId)).map((one): readonly [string, Json] => [
    `member ${textOf(one, 'AccountId') ?? ''}`,
    textOf(one, 'Email') ?? '',
  ]);
  const contents = {
    ...(await filtersOf(caller, DetectorId)),
    ...(await setsOf(caller, DetectorId)),
    ...(await destinationsOf(caller, DetectorId)),
    ...Object.fromEntries(members),
  };
  return Object.keys(contents).length === 0 ? null : contents;
}

/** Makes what is missing; what is there is left as it is. */
function leadContents(from: ResourceState, to: ResourceState): readonly Call[] {
  if (to === null) return [];
  const missing = Object.keys(to).filter((field) => from?.[field] === undefined);
  const named = (prefix: string) => missing.filter((field) => field.startsWith(prefix));
  const filters = named('filter ').map((field) =>
    createFilter(field.slice('filter '.length), tagged(objectOf(to, field) as Fields)),
  );
  const sets = SETS.flatMap(({ prefix, stem }) =>
    named(prefix).map((field) => call(`Create${stem}`, tagged(objectOf(to, field) as Fields))),
  );
  const destinations = named('destination ').map((field) =>
    call('CreatePublishingDestination', objectOf(to, field) as Fields),
  );
  const accounts = named('member ').map((field) => ({
    AccountId: field.slice('member '.length),
    Email: to[field] ?? '',
  }));
  const batches = inBatches(accounts, MEMBERS_AT_ONCE).map((AccountDetails) =>
    call('CreateMembers', { AccountDetails }),
  );
  return [...filters, ...sets, ...destinations, ...batches];
}

function tagged({ Tags = {}, ...rest }: Fields): Fields {
  return Object.keys(Tags as Fields).length === 0 ? rest : { ...rest, Tags };
}

function read(caller: Caller, { type }: ResourceRef): Promise<ResourceState> {
  return type === CONTENTS ? readContents(caller) : readDetector(caller);
}

const detector = {
  row: 6,
  class: 'B',
  mode: 'after-answer',
  read,
  lead: (from: ResourceState, to: ResourceState, { resource, token }: LeadContext) =>
    resource.type === CONTENTS ? leadContents(from, to) : leadDetector(from, to, token),
  complete,
  isSettled: refuseUnprocessed,
} as const satisfies Partial<CatalogueEntry>;

export const guarddutyEntries: readonly CatalogueEntry[] = [
  {
    ...detector,
    events: ['guardduty:DeleteDetector'],
    proof: 'shape',
    resources: (event) => [DETECTOR, CONTENTS].flatMap((type) => inRegion(type, event, event.region)),
    after: () => null,
    remains: 'findings-gone',
  },
  {
    ...detector,
    events: ['guardduty:UpdateDetector'],
    proof: 'emulator',
    resources: (event) => inRegion(DETECTOR, event, event.region),
    after: (event, baseline) => (baseline === null ? undefined : updatedDetector(event, baseline)),
  },
  ...partEntries,
];

export const guarddutyKinds: readonly ResourceKind[] = [
  { type: DETECTOR, reach: 'region', read, list: async (_caller, { region }) => [region] },
  { type: CONTENTS, reach: 'region', read, list: async (_caller, { region }) => [region] },
  ...partKinds,
];
