/** CloudTrail: what blinds the audit. Rows 1 to 4. */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  listOf,
  objectOf,
  orNone,
  type ResourceKind,
  type ResourceRef,
  textOf,
  type TrailEvent,
} from '../catalogue.ts';
import { everyObject } from '../pages.ts';
import { canonical, capitalised, type Fields, type Json, type ResourceState, sortedList, toJson } from '../state.ts';

const TYPE = 'AWS::CloudTrail::Trail';

/** A trail is called by its name in its home region and by its ARN everywhere. */
function trailOf({ request, response, account, region }: TrailEvent): readonly ResourceRef[] {
  const given = textOf(response, 'trailARN', 'trailArn') ?? textOf(request, 'name', 'trailName');
  if (given === null) return [];
  const [, , , home = region, owner = account, path = ''] = given.startsWith('arn:') ? given.split(':') : [];
  const name = given.startsWith('arn:') ? path.replace(/^trail\//, '') : given;
  return [{ type: TYPE, account: owner, region: home, id: name }];
}

/** Field of the state → the SDK's name, and CloudTrail's own in a request. */
const SETTINGS: Readonly<Record<string, readonly [sdk: string, request: string]>> = {
  bucket: ['S3BucketName', 's3BucketName'],
  prefix: ['S3KeyPrefix', 's3KeyPrefix'],
  topic: ['SnsTopicName', 'snsTopicName'],
  globalEvents: ['IncludeGlobalServiceEvents', 'includeGlobalServiceEvents'],
  multiRegion: ['IsMultiRegionTrail', 'isMultiRegionTrail'],
  validation: ['EnableLogFileValidation', 'enableLogFileValidation'],
  organisation: ['IsOrganizationTrail', 'isOrganizationTrail'],
  logGroup: ['CloudWatchLogsLogGroupArn', 'cloudWatchLogsLogGroupArn'],
  logRole: ['CloudWatchLogsRoleArn', 'cloudWatchLogsRoleArn'],
  key: ['KmsKeyId', 'kmsKeyId'],
};

/** What CloudTrail answers in an event names the validation otherwise than what it was asked. */
const ANSWERS: Readonly<Record<string, string>> = { enableLogFileValidation: 'logFileValidationEnabled' };
/** Taken away by setting them to nothing; whether AWS took it so is for reading back to see. */
const REMOVABLE = ['prefix', 'topic', 'logGroup', 'logRole', 'key'];

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const ask = (operation: string, input: Fields) => caller.call(call(operation, input));
  const found = await orNone(ask('GetTrail', { Name: id }), 'TrailNotFoundException');
  const trail = found === null ? null : objectOf(found, 'Trail');
  if (trail === null || textOf(trail, 'Name') === null) return null;
  const status = await ask('GetTrailStatus', { Name: id });
  const selectors = await ask('GetEventSelectors', { TrailName: id });
  const insights = await orNone(ask('GetInsightSelectors', { TrailName: id }), 'InsightNotEnabledException');
  const tags = await ask('ListTags', { ResourceIdList: [textOf(trail, 'TrailARN') ?? ''] });
  const settings = Object.entries(SETTINGS).map(([field, [name]]) => [field, toJson(trail[name])] as const);
  return {
    ...Object.fromEntries(settings),
    // GetTrail tells validation by another name than the calls that set it.
    validation: toJson(trail['LogFileValidationEnabled']),
    logging: toJson(status['IsLogging']),
    selectors: basicSelectors(selectors['EventSelectors']),
    advancedSelectors: sortedList(selectors['AdvancedEventSelectors']),
    insights: sortedList(insights?.['InsightSelectors']),
    tags: sortedList(listOf(tags, 'ResourceTagList').flatMap((one) => listOf(one, 'TagsList'))),
    '(undelivered)': textOf(status, 'LatestDeliveryError'),
  };
}

/** What is left out of a selector means the same as what AWS reads back for it. */
function basicSelectors(given: unknown): Json {
  const list = Array.isArray(given) ? (given as readonly unknown[]) : [];
  return sortedList(
    list.map((one) => ({
      ReadWriteType: 'All',
      IncludeManagementEvents: true,
      DataResources: [],
      ExcludeManagementEventSources: [],
      ...objectOf({ one }, 'one'),
    })),
  );
}

function lead(from: ResourceState, to: ResourceState, id: string): readonly Call[] {
  if (to === null) return from === null ? [] : [call('DeleteTrail', { Name: id })];
  const differs = (field: string) => canonical(from?.[field] ?? null) !== canonical(to[field] ?? null);
  const calls: Call[] = [];
  const tags = to['tags'] ?? [];
  if (from === null)
    calls.push(call('CreateTrail', { Name: id, ...settingsOf(to), ...(isEmpty(tags) ? {} : { TagsList: tags }) }));
  else if (Object.keys(SETTINGS).some(differs)) {
    const removed = REMOVABLE.filter((field) => differs(field) && (to[field] ?? null) === null);
    const nothing = Object.fromEntries(removed.map((field) => [SETTINGS[field]?.[0] ?? field, '']));
    calls.push(call('UpdateTrail', { Name: id, ...settingsOf(to), ...nothing }));
  }
  if (differs('selectors') || differs('advancedSelectors')) calls.push(selectorCall(id, to));
  if (differs('insights') && !(from === null && isEmpty(to['insights'])))
    calls.push(call('PutInsightSelectors', { TrailName: id, InsightSelectors: to['insights'] ?? [] }));
  if (from === null ? to['logging'] === true : differs('logging'))
    calls.push(call(to['logging'] === true ? 'StartLogging' : 'StopLogging', { Name: id }));
  return calls;
}

/** Basic and advanced selectors exclude each other. */
function selectorCall(id: string, to: Fields): Call {
  const advanced = to['advancedSelectors'] ?? [];
  return isEmpty(advanced)
    ? call('PutEventSelectors', { TrailName: id, EventSelectors: to['selectors'] ?? [] })
    : call('PutEventSelectors', { TrailName: id, AdvancedEventSelectors: advanced });
}

function isEmpty(value: Json | undefined): boolean {
  return !Array.isArray(value) || value.length === 0;
}

function settingsOf(to: Fields): Fields {
  const entries = Object.entries(SETTINGS).flatMap(([field, [name]]): (readonly [string, Json])[] => {
    const value = to[field] ?? null;
    return value === null ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}

/** What the request of an update sets, as the answer has it where it tells: keys by their ARN. What it leaves out stays. */
function updated({ request, response }: TrailEvent, baseline: Fields): Fields {
  const set = Object.entries(SETTINGS).flatMap(([field, [, name]]): (readonly [string, Json])[] => {
    if (request[name] === undefined) return [];
    const value = response[ANSWERS[name] ?? name] ?? request[name];
    return [[field, value === '' ? null : toJson(value)]];
  });
  return { ...baseline, ...Object.fromEntries(set) };
}

function call(operation: string, input: Fields): Call {
  return { service: 'cloudtrail', operation, input };
}

export const cloudtrailKinds: readonly ResourceKind[] = [
  {
    type: TYPE,
    reach: 'region',
    read,
    // A trail of every region is listed in each, and belongs to its home; that of an organisation, to the account that owns it.
    list: async (caller, { account, region }) => {
      const trails = await everyObject(caller, call('ListTrails', {}), { member: 'Trails', token: ['NextToken'] });
      const own = trails.filter(
        (one) => one['HomeRegion'] === region && textOf(one, 'TrailARN')?.split(':')[4] === account,
      );
      return own.flatMap((one) => textOf(one, 'Name') ?? []);
    },
  },
];

const common = {
  resources: trailOf,
  read,
  doubt: (reached: ResourceState) => {
    const error = reached?.['(undelivered)'] ?? null;
    return error === null ? null : `CloudTrail says of its last delivery: ${canonical(error)}`;
  },
  lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: ResourceRef }) =>
    lead(from, to, resource.id),
} as const;

export const cloudtrailEntries: readonly CatalogueEntry[] = [
  {
    ...common,
    row: 1,
    events: ['cloudtrail:StopLogging'],
    class: 'X',
    mode: 'auto',
    proof: 'emulator',
    after: (_event, baseline) => (baseline === null ? null : { ...baseline, logging: false }),
    before: (_event, current) => (current === null ? null : { ...current, logging: true }),
  },
  {
    ...common,
    row: 2,
    events: ['cloudtrail:DeleteTrail'],
    class: 'B',
    mode: 'auto',
    proof: 'emulator',
    after: () => null,
    remains: 'trail-gap',
  },
  {
    ...common,
    row: 3,
    events: ['cloudtrail:UpdateTrail'],
    class: 'B',
    mode: 'auto',
    proof: 'emulator',
    after: (event, baseline) => (baseline === null ? undefined : updated(event, baseline)),
    remains: 'logs-sent-elsewhere',
  },
  {
    ...common,
    row: 4,
    events: ['cloudtrail:PutEventSelectors', 'cloudtrail:PutInsightSelectors'],
    class: 'B',
    mode: 'auto',
    proof: 'emulator',
    after: ({ request, name }, baseline) => {
      if (baseline === null) return undefined;
      const given = (member: string) => sortedList(capitalised(listOf(request, member)));
      return name === 'PutInsightSelectors'
        ? { ...baseline, insights: given('insightSelectors') }
        : {
            ...baseline,
            selectors: basicSelectors(capitalised(listOf(request, 'eventSelectors'))),
            advancedSelectors: given('advancedEventSelectors'),
          };
    },
  },
];
