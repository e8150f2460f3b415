/** EventBridge: the rules that carry events to us. Row 12. */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  listOf,
  orNone,
  present,
  type ResourceKind,
  type ResourceRef,
  textOf,
  textsOf,
  type TrailEvent,
} from '../catalogue.ts';
import { everyObject, inBatches } from '../pages.ts';
import { canonical, type Fields, type Json, type ResourceState, sortedList, toJson } from '../state.ts';

const TYPE = 'AWS::Events::Rule';
/** How many targets one call may take away or put. */
const TARGETS_AT_ONCE = 10;

function call(operation: string, input: Fields): Call {
  return { service: 'eventbridge', operation, input };
}

/** The bus of a rule, by name or ARN; the default one where none is named. */
function ruleOf({ request, account, region }: TrailEvent): readonly ResourceRef[] {
  const name = textOf(request, 'name', 'rule');
  const bus = (textOf(request, 'eventBusName') ?? 'default').replace(/^arn:.*:event-bus\//, '');
  return name === null ? [] : [{ type: TYPE, account, region, id: `${bus}/${name}` }];
}

/** Names of partners' buses have slashes in them, names of rules have none. */
function partsOf(id: string): { readonly EventBusName: string; readonly Name: string } {
  const end = id.lastIndexOf('/');
  return { EventBusName: id.slice(0, end), Name: id.slice(end + 1) };
}

const SETTINGS = ['EventPattern', 'ScheduleExpression', 'Description', 'RoleArn'];

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const { EventBusName, Name } = partsOf(id);
  const asked = caller.call(call('DescribeRule', { EventBusName, Name }));
  const found = await orNone(asked, 'ResourceNotFoundException');
  if (found === null) return null;
  const all = { member: 'Targets', token: ['NextToken'] } as const;
  const targets = await everyObject(caller, call('ListTargetsByRule', { EventBusName, Rule: Name }), all);
  const { Tags } = await caller.call(call('ListTagsForResource', { ResourceARN: textOf(found, 'Arn') ?? '' }));
  const settings = SETTINGS.map((name) => [name, toJson(found[name])] as const);
  return {
    ...Object.fromEntries(settings),
    state: textOf(found, 'State'),
    targets: sortedList(targets),
    tags: sortedList(Tags),
  };
}

function lead(from: ResourceState, to: ResourceState, id: string): readonly Call[] {
  const { EventBusName, Name } = partsOf(id);
  const rule = { EventBusName, Name };
  // A rule with targets is not deleted.
  if (to === null)
    return from === null ? [] : [...leadTargets(from['targets'] ?? [], [], rule), call('DeleteRule', rule)];
  const state = to['state'] ?? 'ENABLED';
  const settings = present(Object.fromEntries(SETTINGS.map((name) => [name, to[name]])));
  const calls: Call[] = [];
  if (from === null) {
    const tags = listOf(to, 'tags').map(toJson);
    calls.push(call('PutRule', { ...rule, ...settings, State: state, ...(tags.length === 0 ? {} : { Tags: tags }) }));
  } else if (from['state'] !== state) calls.push(stateCall(state, rule, settings));
  return [...calls, ...leadTargets(from?.['targets'] ?? [], to['targets'] ?? [], rule)];
}

/** Enabling has no word for rules that also see reading calls; putting the rule has. */
function stateCall(
  state: Json,
  rule: { readonly EventBusName: string; readonly Name: string },
  settings: Fields,
): Call {
  if (state === 'ENABLED') return call('EnableRule', rule);
  if (state === 'DISABLED') return call('DisableRule', rule);
  return call('PutRule', { ...rule, ...settings, State: state });
}

function leadTargets(
  from: Json,
  to: Json,
  { EventBusName, Name }: { readonly EventBusName: string; readonly Name: string },
): readonly Call[] {
  const had = listOf({ from }, 'from').map(toJson);
  const wanted = listOf({ to }, 'to').map(toJson);
  const is = (one: Json) => (other: Json) => canonical(one) === canonical(other);
  const kept = wanted.flatMap(idOf);
  const gone = had.flatMap(idOf).filter((id) => !kept.includes(id));
  const put = wanted.filter((one) => !had.some(is(one)));
  return [
    ...inBatches(gone, TARGETS_AT_ONCE).map((Ids) => call('RemoveTargets', { EventBusName, Rule: Name, Ids })),
    ...inBatches(put, TARGETS_AT_ONCE).map((Targets) => call('PutTargets', { EventBusName, Rule: Name, Targets })),
  ];
}

function idOf(target: Json): readonly string[] {
  return [textOf((target ?? {}) as Fields, 'Id') ?? []].flat();
}

const rule = {
  row: 12,
  class: 'B',
  mode: 'auto',
  proof: 'emulator',
  resources: ruleOf,
  read,
  lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: ResourceRef }) =>
    lead(from, to, resource.id),
  remains: 'not-delivered-meanwhile',
} as const satisfies Partial<CatalogueEntry>;

export const eventbridgeEntries: readonly CatalogueEntry[] = [
  {
    ...rule,
    events: ['events:DisableRule'],
    after: (_event, baseline) => (baseline === null ? undefined : { ...baseline, state: 'DISABLED' }),
  },
  { ...rule, events: ['events:DeleteRule'], after: () => null },
  {
    ...rule,
    events: ['events:RemoveTargets'],
    after: ({ request }, baseline) => {
      if (baseline === null) return undefined;
      const gone = textsOf(request, 'ids');
      const left = listOf(baseline, 'targets').filter((one) => !gone.includes(textOf(one, 'Id') ?? ''));
      return { ...baseline, targets: sortedList(left) };
    },
  },
];

export const eventbridgeKinds: readonly ResourceKind[] = [
  {
    type: TYPE,
    reach: 'region',
    read,
    list: async (caller) => {
      const buses = await everyObject(caller, call('ListEventBuses', {}), {
        member: 'EventBuses',
        token: ['NextToken'],
      });
      const ids: string[] = [];
      for (const EventBusName of buses.flatMap((bus) => textOf(bus, 'Name') ?? [])) {
        const all = { member: 'Rules', token: ['NextToken'] } as const;
        const rules = await everyObject(caller, call('ListRules', { EventBusName }), all);
        ids.push(...rules.flatMap((one) => textOf(one, 'Name') ?? []).map((name) => `${EventBusName}/${name}`));
      }
      return ids;
    },
  },
];
