/**
 * CloudWatch Logs: how long logs are kept, and what is made of them. Row 9.
 *
 * The surprise: the filters of a log group are fields of it, since deleting the group deletes them too.
 */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  objectOf,
  present,
  type ResourceKind,
  type ResourceRef,
  textOf,
  type TrailEvent,
} from '../catalogue.ts';
import { everyObject } from '../pages.ts';
import { changedFields, type Fields, type Json, type ResourceState, toJson } from '../state.ts';

const TYPE = 'AWS::Logs::LogGroup';

const ALL_GROUPS = { member: 'logGroups', token: ['nextToken'] } as const;

type Answer = Readonly<Record<string, unknown>>;

function call(operation: string, input: Fields): Call {
  return { service: 'cloudwatch-logs', operation, input };
}

/** Each kind of filter: the prefix of its fields, its operations, where it is listed, and what is kept of it. */
const FILTERS = [
  {
    prefix: 'subscription ',
    stem: 'SubscriptionFilter',
    list: 'subscriptionFilters',
    settings: [
      'filterPattern',
      'destinationArn',
      'roleArn',
      'distribution',
      'applyOnTransformedLogs',
      'fieldSelectionCriteria',
      'emitSystemFields',
    ],
  },
  {
    prefix: 'metric ',
    stem: 'MetricFilter',
    list: 'metricFilters',
    settings: [
      'filterPattern',
      'metricTransformations',
      'applyOnTransformedLogs',
      'fieldSelectionCriteria',
      'emitSystemFieldDimensions',
    ],
  },
] as const;

async function readFilters(caller: Caller, logGroupName: string): Promise<Fields> {
  const entries: (readonly [string, Json])[] = [];
  for (const { prefix, stem, list, settings } of FILTERS) {
    const all = { member: list, token: ['nextToken'] } as const;
    for (const filter of await everyObject(caller, call(`Describe${stem}s`, { logGroupName }), all)) {
      const kept = settings.map((name) => [name, toJson(filter[name])] as const);
      // A pattern may be empty, and must be given all the same.
      const value = { ...present(Object.fromEntries(kept)), filterPattern: textOf(filter, 'filterPattern') ?? '' };
      entries.push([`${prefix}${textOf(filter, 'filterName') ?? ''}`, value]);
    }
  }
  return Object.fromEntries(entries);
}

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const groups = await everyObject(caller, call('DescribeLogGroups', { logGroupNamePrefix: id }), ALL_GROUPS);
  const found = groups.find((one) => one['logGroupName'] === id);
  if (found === undefined) return null;
  // The older ARN ends in `:*`, which names its streams.
  const resourceArn = (textOf(found, 'logGroupArn') ?? textOf(found, 'arn') ?? '').replace(/:\*$/, '');
  const { tags } = await caller.call(call('ListTagsForResource', { resourceArn }));
  return {
    retentionInDays: toJson(found['retentionInDays']),
    kmsKeyId: toJson(found['kmsKeyId']),
    logGroupClass: textOf(found, 'logGroupClass') ?? 'STANDARD',
    deletionProtectionEnabled: found['deletionProtectionEnabled'] === true,
    tags: toJson(tags ?? {}),
    ...(await readFilters(caller, id)),
  };
}

function lead(from: ResourceState, to: ResourceState, logGroupName: string): readonly Call[] {
  // Nothing of ours deletes logs: undoing would.
  if (to === null) return [];
  const { retentionInDays: days = null, kmsKeyId = null, logGroupClass = 'STANDARD', tags = {} } = to;
  const calls: Call[] = [];
  if (from === null) {
    const isTagged = Object.keys(objectOf({ tags }, 'tags')).length > 0;
    const isProtected = to['deletionProtectionEnabled'] === true;
    calls.push(
      call('CreateLogGroup', {
        logGroupName,
        logGroupClass,
        ...present({ kmsKeyId }),
        ...(isTagged ? { tags } : {}),
        ...(isProtected ? { deletionProtectionEnabled: true } : {}),
      }),
    );
  }
  if ((from?.['retentionInDays'] ?? null) !== days)
    calls.push(
      days === null
        ? call('DeleteRetentionPolicy', { logGroupName })
        : call('PutRetentionPolicy', { logGroupName, retentionInDays: days }),
    );
  return [...calls, ...leadFilters(from ?? {}, to, logGroupName)];
}

function leadFilters(from: Fields, to: Fields, logGroupName: string): readonly Call[] {
  const changed = changedFields(from, to);
  return FILTERS.flatMap(({ prefix, stem }) =>
    changed.flatMap((field) => {
      if (!field.startsWith(prefix)) return [];
      const filterName = field.slice(prefix.length);
      if (to[field] === undefined) return [call(`Delete${stem}`, { logGroupName, filterName })];
      const settings = objectOf(to, field) as Fields;
      return [call(`Put${stem}`, { logGroupName, filterName, ...settings })];
    }),
  );
}

function without(baseline: ResourceState, field: string): ResourceState | undefined {
  if (baseline === null) return undefined;
  return Object.fromEntries(Object.entries(baseline).filter(([name]) => name !== field));
}

const group = {
  row: 9,
  class: 'B',
  mode: 'after-answer',
  proof: 'emulator',
  resources: ({ request, account, region }: TrailEvent) => {
    const id = groupOf(request);
    return id === null ? [] : [{ type: TYPE, account, region, id }];
  },
  read,
  lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: ResourceRef }) =>
    lead(from, to, resource.id),
  fine: ['ResourceAlreadyExistsException'],
} as const satisfies Partial<CatalogueEntry>;

/** By name, or by ARN: `arn:aws:logs:eu-west-1:111122223333:log-group:/shop/audit:*`. */
function groupOf(request: Answer): string | null {
  const given = textOf(request, 'logGroupName', 'logGroupIdentifier');
  return given?.replace(/^arn:[^:]*:logs:[^:]*:[^:]*:log-group:/, '').replace(/:\*$/, '') ?? null;
}

export const logsEntries: readonly CatalogueEntry[] = [
  { ...group, events: ['logs:DeleteLogGroup'], after: () => null, remains: 'log-lines-gone' },
  {
    ...group,
    events: ['logs:PutRetentionPolicy'],
    after: ({ request }, baseline) =>
      baseline === null ? undefined : { ...baseline, retentionInDays: toJson(request['retentionInDays']) },
    remains: 'log-lines-gone',
  },
  {
    ...group,
    events: ['logs:DeleteSubscriptionFilter'],
    after: ({ request }, baseline) => without(baseline, `subscription ${textOf(request, 'filterName') ?? ''}`),
    remains: 'not-delivered-meanwhile',
  },
  {
    ...group,
    events: ['logs:DeleteMetricFilter'],
    after: ({ request }, baseline) => without(baseline, `metric ${textOf(request, 'filterName') ?? ''}`),
  },
];

export const logsKinds: readonly ResourceKind[] = [
  {
    type: TYPE,
    reach: 'region',
    read,
    list: async (caller) => {
      const groups = await everyObject(caller, call('DescribeLogGroups', {}), ALL_GROUPS);
      return groups.flatMap((one) => textOf(one, 'logGroupName') ?? []);
    },
  },
];
