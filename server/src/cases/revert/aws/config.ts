/**
 * AWS Config: what records how resources change, and the rules that judge it. Row 8.
 *
 * The surprise: recorder and delivery channel are one resource here. Each needs the other (a recorder does not start without a channel,
 * a channel is not put without a recorder), and an account has one of each in a region.
 */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  listOf,
  orNone,
  present,
  type ResourceKind,
  type ResourceRef,
  textOf,
  type TrailEvent,
  Unsettled,
} from '../catalogue.ts';
import { everyObject } from '../pages.ts';
import { changedFields, type Fields, type ResourceState, sortedList, toJson } from '../state.ts';

const RECORDING = 'AWS::Config::ConfigurationRecorder';
const RULE = 'AWS::Config::ConfigRule';
/** Recorders that a service of AWS made for itself: nobody else may change them. */
const SERVICE_LINKED = /^AWSConfigurationRecorderFor/;

type Answer = Readonly<Record<string, unknown>>;

function call(operation: string, input: Fields): Call {
  return { service: 'config-service', operation, input };
}

function only(of: Answer, names: readonly string[]): Fields {
  return present(Object.fromEntries(names.map((name) => [name, toJson(of[name])])));
}

const RECORDER = ['name', 'roleARN', 'recordingGroup', 'recordingMode'];
const CHANNEL = [
  'name',
  's3BucketName',
  's3KeyPrefix',
  's3KmsKeyArn',
  'snsTopicARN',
  'configSnapshotDeliveryProperties',
];

async function readRecording(caller: Caller): Promise<ResourceState> {
  const recorders = listOf(await caller.call(call('DescribeConfigurationRecorders', {})), 'ConfigurationRecorders');
  const recorder = recorders.find((one) => !SERVICE_LINKED.test(textOf(one, 'name') ?? ''));
  const statuses = await caller.call(call('DescribeConfigurationRecorderStatus', {}));
  const status = listOf(statuses, 'ConfigurationRecordersStatus').find((one) => one['name'] === recorder?.['name']);
  const [channel] = listOf(await caller.call(call('DescribeDeliveryChannels', {})), 'DeliveryChannels');
  return {
    recorder: recorder === undefined ? null : only(recorder, RECORDER),
    channel: channel === undefined ? null : only(channel, CHANNEL),
    recording: status?.['recording'] === true,
  };
}

function nameIn(state: ResourceState, field: 'recorder' | 'channel'): string {
  return textOf((state?.[field] ?? {}) as Answer, 'name') ?? 'default';
}

/** Recorder, channel, start; and the other way round. */
function leadRecording(from: ResourceState, to: ResourceState): readonly Call[] {
  if (to === null) return [];
  const changed = changedFields(from ?? { recorder: null, channel: null, recording: false }, to);
  const { recorder = null, channel = null, recording = false } = to;
  const calls: Call[] = [];
  const was = nameIn(from, 'recorder');
  const isGone = changed.includes('recorder') && recorder === null;
  if (from?.['recording'] === true && (isGone || changed.includes('channel') || recording === false))
    calls.push(call('StopConfigurationRecorder', { ConfigurationRecorderName: was }));
  if (changed.includes('channel') && channel === null)
    calls.push(call('DeleteDeliveryChannel', { DeliveryChannelName: nameIn(from, 'channel') }));
  if (isGone) calls.push(call('DeleteConfigurationRecorder', { ConfigurationRecorderName: was }));
  if (changed.includes('recorder') && recorder !== null)
    calls.push(call('PutConfigurationRecorder', { ConfigurationRecorder: recorder }));
  if (changed.includes('channel') && channel !== null)
    calls.push(call('PutDeliveryChannel', { DeliveryChannel: channel }));
  const isRunning = from?.['recording'] === true && calls.every((one) => !one.operation.startsWith('Stop'));
  if (recording === true && recorder !== null && !isRunning)
    calls.push(call('StartConfigurationRecorder', { ConfigurationRecorderName: nameIn(to, 'recorder') }));
  return calls;
}

const recording = {
  row: 8,
  class: 'B',
  mode: 'auto',
  proof: 'emulator',
  resources: ({ request, account, region }: TrailEvent) =>
    SERVICE_LINKED.test(textOf(request, 'configurationRecorderName') ?? '')
      ? []
      : [{ type: RECORDING, account, region, id: region }],
  cannot: ({ request }: TrailEvent) =>
    SERVICE_LINKED.test(textOf(request, 'configurationRecorderName') ?? '')
      ? 'this recorder belongs to a service of AWS, and only that service may change it'
      : null,
  read: readRecording,
  lead: leadRecording,
  complete: async (planned: Call, { caller }: { readonly caller: Caller }) => {
    if (planned.operation !== 'StartConfigurationRecorder') return planned;
    const channels = listOf(await caller.call(call('DescribeDeliveryChannels', {})), 'DeliveryChannels');
    // Deleted by another event, whose own revert brings it back.
    if (channels.length === 0) throw new Unsettled('the recorder cannot start before there is a delivery channel');
    return planned;
  },
} as const satisfies Partial<CatalogueEntry>;

const RULE_SETTINGS = [
  'Description',
  'Scope',
  'Source',
  'InputParameters',
  'MaximumExecutionFrequency',
  'EvaluationModes',
];

async function readRule(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const asked = caller.call(call('DescribeConfigRules', { ConfigRuleNames: [id] }));
  const [rule] = listOf((await orNone(asked, 'NoSuchConfigRuleException')) ?? {}, 'ConfigRules');
  if (rule === undefined) return null;
  if (rule['ConfigRuleState'] === 'DELETING') throw new Unsettled('the rule is still being deleted');
  const ResourceArn = textOf(rule, 'ConfigRuleArn') ?? '';
  const all = { member: 'Tags', token: ['NextToken'] } as const;
  const tags = await everyObject(caller, call('ListTagsForResource', { ResourceArn }), all);
  const settings = RULE_SETTINGS.map((name) => [name, toJson(rule[name])] as const);
  return { ...Object.fromEntries(settings), tags: sortedList(tags) };
}

const rule: CatalogueEntry = {
  row: 8,
  events: ['config:DeleteConfigRule'],
  class: 'B',
  mode: 'auto',
  proof: 'emulator',
  resources: ({ request, account, region }) => {
    const id = textOf(request, 'configRuleName');
    return id === null ? [] : [{ type: RULE, account, region, id }];
  },
  read: readRule,
  after: () => null,
  lead: (from, to, { resource }) => {
    const ConfigRuleName = resource.id;
    if (to === null) return from === null ? [] : [call('DeleteConfigRule', { ConfigRuleName })];
    const settings = present(Object.fromEntries(RULE_SETTINGS.map((name) => [name, to[name]])));
    const tags = listOf(to, 'tags').map(toJson);
    const ConfigRule = { ConfigRuleName, ...settings };
    return [call('PutConfigRule', { ConfigRule, ...(tags.length === 0 ? {} : { Tags: tags }) })];
  },
};

export const configEntries: readonly CatalogueEntry[] = [
  {
    ...recording,
    events: ['config:StopConfigurationRecorder'],
    after: (_event, baseline) => (baseline === null ? undefined : { ...baseline, recording: false }),
    remains: 'recording-gap',
  },
  {
    ...recording,
    events: ['config:DeleteConfigurationRecorder'],
    after: (_event, baseline) => (baseline === null ? undefined : { ...baseline, recorder: null, recording: false }),
    remains: 'recording-gap',
  },
  {
    ...recording,
    events: ['config:DeleteDeliveryChannel'],
    after: (_event, baseline) => (baseline === null ? undefined : { ...baseline, channel: null }),
    remains: 'recording-gap',
  },
  rule,
];

export const configKinds: readonly ResourceKind[] = [
  { type: RECORDING, reach: 'region', read: readRecording, list: async (_caller, { region }) => [region] },
  {
    type: RULE,
    reach: 'region',
    read: readRule,
    list: async (caller) => {
      const all = { member: 'ConfigRules', token: ['NextToken'] } as const;
      const rules = await everyObject(caller, call('DescribeConfigRules', {}), all);
      // Rules that a service of AWS made for itself cannot be deleted by others.
      const own = rules.filter((one) => one['CreatedBy'] === undefined);
      return own.flatMap((one) => textOf(one, 'ConfigRuleName') ?? []);
    },
  },
];
