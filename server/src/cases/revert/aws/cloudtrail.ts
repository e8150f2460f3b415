/** CloudTrail: what blinds the audit. Rows 1 to 4. */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  listOf,
  objectOf,
  orNone,
  type ResourceRef,
  textOf,
  type TrailEvent,
} from '../catalogue.ts';
import { capitalised, type Fields, type Json, type ResourceState, sortedList, toJson } from '../state.ts';

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

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const ask = (operation: string, input: Fields) => caller.call(call(operation, input));
  const found = await orNone(ask('GetTrail', { Name: id }), 'TrailNotFoundException');
  const trail = found === null ? null : objectOf(found, 'Trail');
  if (trail === null || textOf(trail, 'Name') === null) return null;
  const status = await ask('GetTrailStatus', { Name: id });
  const selectors = await ask('GetEventSelectors', { TrailName: id });
  const insights = await orNone(ask('GetInsightSelectors', { TrailName: id }), 'InsightNotEnabledException');
  const settings = Object.entries(SETTINGS).map(([field, [name]]) => [field, toJson(trail[name])] as const);
  return {
    ...Object.fromEntries(settings),
    // GetTrail tells validation by another name than the calls that set it.
    validation: toJson(trail['LogFileValidationEnabled']),
    logging: toJson(status['IsLogging']),
    selectors: sortedList(selectors['EventSelectors']),
    advancedSelectors: sortedList(selectors['AdvancedEventSelectors']),
    insights: sortedList(insights?.['InsightSelectors']),
  };
}

function lead(from: ResourceState, to: ResourceState, id: string): readonly Call[] {
  if (to === null) return from === null ? [] : [call('DeleteTrail', { Name: id })];
  const differs = (field: string) => JSON.stringify(from?.[field] ?? null) !== JSON.stringify(to[field] ?? null);
  const calls: Call[] = [];
  if (from === null || Object.keys(SETTINGS).some(differs))
    calls.push(call(from === null ? 'CreateTrail' : 'UpdateTrail', { Name: id, ...settingsOf(to) }));
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

/** What the request of an update sets; what it leaves out stays. */
function updated(request: Readonly<Record<string, unknown>>, baseline: Fields): Fields {
  const set = Object.entries(SETTINGS).flatMap(([field, [, name]]): (readonly [string, Json])[] =>
    request[name] === undefined ? [] : [[field, request[name] === '' ? null : toJson(request[name])]],
  );
  return { ...baseline, ...Object.fromEntries(set) };
}

function call(operation: string, input: Fields): Call {
  return { service: 'cloudtrail', operation, input };
}

const common = {
  resources: trailOf,
  read,
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
    after: ({ request }, baseline) => (baseline === null ? undefined : updated(request, baseline)),
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
        : { ...baseline, selectors: given('eventSelectors'), advancedSelectors: given('advancedEventSelectors') };
    },
  },
];
