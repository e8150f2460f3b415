/**
 * CloudWatch alarms: what tells somebody. Row 10.
 *
 * The surprise: a composite alarm refers to others, and is refused while one of them is missing. It waits for theirs.
 */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  listOf,
  present,
  type ResourceKind,
  type ResourceRef,
  textOf,
  textsOf,
  type TrailEvent,
  Unsettled,
} from '../catalogue.ts';
import { everyObject } from '../pages.ts';
import { changedFields, type Fields, type Json, type ResourceState, sortedList, toJson } from '../state.ts';

const TYPE = 'AWS::CloudWatch::Alarm';
const TYPES = ['MetricAlarm', 'CompositeAlarm'] as const;
const MOST_NAMES = 100;

type Answer = Readonly<Record<string, unknown>>;

function call(operation: string, input: Fields): Call {
  return { service: 'cloudwatch', operation, input };
}

const COMMON = [
  'AlarmDescription',
  'ActionsEnabled',
  'OKActions',
  'AlarmActions',
  'InsufficientDataActions',
  'ActionConfiguration',
];
const METRIC = [
  ...COMMON,
  'MetricName',
  'Namespace',
  'Statistic',
  'ExtendedStatistic',
  'Dimensions',
  'Period',
  'Unit',
  'EvaluationPeriods',
  'DatapointsToAlarm',
  'Threshold',
  'ComparisonOperator',
  'TreatMissingData',
  'EvaluateLowSampleCountPercentile',
  'Metrics',
  'ThresholdMetricId',
  'EvaluationWindow',
  'WarmUpConfiguration',
  'EvaluationCriteria',
  'EvaluationInterval',
];
const COMPOSITE = [
  ...COMMON,
  'AlarmRule',
  'ActionsSuppressor',
  'ActionsSuppressorWaitPeriod',
  'ActionsSuppressorExtensionPeriod',
];
/** Lists whose order means nothing. */
const UNORDERED = ['OKActions', 'AlarmActions', 'InsufficientDataActions', 'Dimensions'];

function settingsOf(alarm: Answer, names: readonly string[]): Fields {
  return present(
    Object.fromEntries(
      names.map((name): readonly [string, Json] => {
        const value = UNORDERED.includes(name) ? sortedList(alarm[name]) : toJson(alarm[name]);
        return [name, Array.isArray(value) && value.length === 0 ? null : value];
      }),
    ),
  );
}

async function describe(caller: Caller, names: readonly string[]): Promise<readonly Answer[]> {
  const named = names.length === 0 ? {} : { AlarmNames: [...names] };
  const found = TYPES.map((type) => {
    const all = { member: `${type}s`, token: ['NextToken'] } as const;
    return everyObject(caller, call('DescribeAlarms', { ...named, AlarmTypes: [type] }), all);
  });
  return (await Promise.all(found)).flat();
}

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const alarm = (await describe(caller, [id])).find((one) => one['AlarmName'] === id);
  if (alarm === undefined) return null;
  const { Tags } = await caller.call(call('ListTagsForResource', { ResourceARN: textOf(alarm, 'AlarmArn') ?? '' }));
  const composite = textOf(alarm, 'AlarmRule') !== null;
  return { ...settingsOf(alarm, composite ? COMPOSITE : METRIC), tags: sortedList(Tags) };
}

function lead(from: ResourceState, to: ResourceState, AlarmName: string): readonly Call[] {
  if (to === null) return from === null ? [] : [call('DeleteAlarms', { AlarmNames: [AlarmName] })];
  const changed = from === null ? [] : changedFields(from, to);
  if (from !== null && changed.every((field) => field === 'ActionsEnabled'))
    return changed.length === 0
      ? []
      : [call(`${to['ActionsEnabled'] === true ? 'Enable' : 'Disable'}AlarmActions`, { AlarmNames: [AlarmName] })];
  const { tags: _, ...settings } = to;
  // An alarm that is there keeps its tags: putting it again would not change them.
  const tags = from === null ? listOf(to, 'tags').map(toJson) : [];
  const operation = textOf(to, 'AlarmRule') === null ? 'PutMetricAlarm' : 'PutCompositeAlarm';
  return [call(operation, { AlarmName, ...present(settings), ...(tags.length === 0 ? {} : { Tags: tags }) })];
}

/** The alarms that a rule names: `ALARM("cpu") AND NOT OK(arn:aws:cloudwatch:…:alarm:disk)`. */
export function alarmsOfRule(rule: string): readonly string[] {
  const named = [...rule.matchAll(/\b(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"([^"]*)"|'([^']*)'|([^)"']+))\s*\)/g)];
  const names = named.map(([, quoted, single, bare]) => quoted ?? single ?? (bare ?? '').trim());
  return [...new Set(names.map((name) => name.replace(/^arn:[^:]*:cloudwatch:[^:]*:[^:]*:alarm:/, '')))];
}

async function complete(planned: Call, { caller }: { readonly caller: Caller }): Promise<Call> {
  const rule = textOf(planned.input, 'AlarmRule');
  if (rule === null) return planned;
  const wanted = alarmsOfRule(rule).slice(0, MOST_NAMES);
  const there = wanted.length === 0 ? [] : (await describe(caller, wanted)).map((alarm) => alarm['AlarmName']);
  const missing = wanted.find((name) => !there.includes(name));
  if (missing !== undefined) throw new Unsettled(`it refers to the alarm ${missing}, which is not there yet`);
  return planned;
}

const alarm = {
  row: 10,
  class: 'B',
  mode: 'after-answer',
  proof: 'emulator',
  resources: ({ request, account, region }: TrailEvent) =>
    textsOf(request, 'alarmNames').map((id) => ({ type: TYPE, account, region, id })),
  read,
  lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: ResourceRef }) =>
    lead(from, to, resource.id),
  complete,
} as const satisfies Partial<CatalogueEntry>;

export const cloudwatchEntries: readonly CatalogueEntry[] = [
  { ...alarm, events: ['monitoring:DeleteAlarms'], after: () => null, remains: 'alarm-history-gone' },
  {
    ...alarm,
    events: ['monitoring:DisableAlarmActions'],
    class: 'X',
    after: (_event, baseline) => ({ ...baseline, ActionsEnabled: false }),
    before: (_event, current) => ({ ...current, ActionsEnabled: true }),
  },
];

export const cloudwatchKinds: readonly ResourceKind[] = [
  {
    type: TYPE,
    reach: 'region',
    read,
    list: async (caller) => (await describe(caller, [])).flatMap((one) => textOf(one, 'AlarmName') ?? []),
  },
];
