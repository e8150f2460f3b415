/**
 * VPC flow logs: who talked to whom. Row 5.
 *
 * The surprise: a flow log that is made again gets a new id, and the event knows the old one. The new one carries the old id in a tag,
 * by which it is found.
 */
import { type Call, type Caller, CallFailure } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  listOf,
  objectOf,
  orNone,
  present,
  type ResourceKind,
  type ResourceRef,
  textOf,
} from '../catalogue.ts';
import { everyObject } from '../pages.ts';
import { type Fields, type ResourceState, sortedList, toJson } from '../state.ts';

const TYPE = 'AWS::EC2::FlowLog';
const RESTORES = 'countersign:restores';

type Answer = Readonly<Record<string, unknown>>;

function call(operation: string, input: Fields): Call {
  return { service: 'ec2', operation, input };
}

/** `{ FlowLogId: { tag: 1, content: 'fl-…' } }`, or a list of those, as XML made into JSON has it. */
function idsOf(request: Answer): readonly string[] {
  return [request['FlowLogId']].flat().flatMap((one: unknown) => {
    const id = typeof one === 'string' ? one : textOf(objectOf({ one }, 'one'), 'content');
    return id === null || id === '' ? [] : [id];
  });
}

async function find(caller: Caller, id: string): Promise<Answer | null> {
  const asked = caller.call(call('DescribeFlowLogs', { FlowLogIds: [id] }));
  const [found] = listOf((await orNone(asked, 'InvalidFlowLogId.NotFound')) ?? {}, 'FlowLogs');
  if (found !== undefined) return found;
  const heirs = await caller.call(call('DescribeFlowLogs', { Filter: [{ Name: `tag:${RESTORES}`, Values: [id] }] }));
  return listOf(heirs, 'FlowLogs')[0] ?? null;
}

/** Field of the state → the SDK's name. */
const SETTINGS: Readonly<Record<string, string>> = {
  resourceId: 'ResourceId',
  traffic: 'TrafficType',
  destinationType: 'LogDestinationType',
  destination: 'LogDestination',
  logGroup: 'LogGroupName',
  role: 'DeliverLogsPermissionArn',
  crossAccountRole: 'DeliverCrossAccountRole',
  format: 'LogFormat',
  intervalSeconds: 'MaxAggregationInterval',
  destinationOptions: 'DestinationOptions',
};

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const found = await find(caller, id);
  if (found === null) return null;
  const settings = Object.entries(SETTINGS).map(([field, name]) => [field, toJson(found[name])] as const);
  return {
    ...Object.fromEntries(settings),
    tags: sortedList(listOf(found, 'Tags').filter((tag) => tag['Key'] !== RESTORES)),
    // What cannot be delivered is as good as deleted: the log group may be gone too.
    delivers: textOf(found, 'DeliverLogsStatus') !== 'FAILED',
  };
}

const RESOURCE_TYPES: readonly (readonly [prefix: string, type: string])[] = [
  ['vpc-', 'VPC'],
  ['subnet-', 'Subnet'],
  ['eni-', 'NetworkInterface'],
  ['tgw-attach-', 'TransitGatewayAttachment'],
  ['tgw-', 'TransitGateway'],
  ['rnat-', 'RegionalNatGateway'],
];

function created(to: Fields, id: string, token: string): Call {
  const { logGroup, destination, crossAccountRole } = to;
  const watched = textOf(to, 'resourceId') ?? '';
  const kind = RESOURCE_TYPES.find(([prefix]) => watched.startsWith(prefix))?.[1] ?? 'VPC';
  const tags = [...listOf(to, 'tags').map(toJson), { Key: RESTORES, Value: id }];
  // A log group of another account has no name here, only an ARN; naming it both ways is refused.
  const byName = (logGroup ?? null) !== null && (crossAccountRole ?? null) === null;
  return call(
    'CreateFlowLogs',
    present({
      ClientToken: token,
      ResourceIds: [watched],
      ResourceType: kind,
      TrafficType: kind.startsWith('TransitGateway') ? null : to['traffic'],
      LogDestinationType: to['destinationType'],
      LogGroupName: byName ? logGroup : null,
      LogDestination: byName ? null : destination,
      DeliverLogsPermissionArn: to['role'],
      DeliverCrossAccountRole: crossAccountRole,
      LogFormat: to['format'],
      MaxAggregationInterval: to['intervalSeconds'],
      DestinationOptions: to['destinationOptions'],
      TagSpecifications: [{ ResourceType: 'vpc-flow-log', Tags: tags }],
    }),
  );
}

export const flowLogEntries: readonly CatalogueEntry[] = [
  {
    row: 5,
    events: ['ec2:DeleteFlowLogs'],
    class: 'B',
    mode: 'after-answer',
    proof: 'emulator',
    resources: ({ request, account, region }) => idsOf(request).map((id) => ({ type: TYPE, account, region, id })),
    read,
    after: () => null,
    lead: (from, to, { resource, token }) => {
      if (to === null) return from === null ? [] : [call('DeleteFlowLogs', { FlowLogIds: [resource.id] })];
      return from === null ? [created(to, resource.id, token)] : [];
    },
    complete: async (planned, { caller, resource }) => {
      if (planned.operation !== 'DeleteFlowLogs') return planned;
      const id = textOf((await find(caller, resource.id)) ?? {}, 'FlowLogId') ?? resource.id;
      return call('DeleteFlowLogs', { FlowLogIds: [id] });
    },
    isSettled: async (_call, answer) => {
      // Refusals come as an answer, not as an error.
      const [refused] = listOf(answer, 'Unsuccessful');
      if (refused === undefined) return true;
      const error = objectOf(refused, 'Error');
      throw new CallFailure(textOf(error, 'Code') ?? 'Unsuccessful', textOf(error, 'Message') ?? 'refused', false);
    },
    remains: 'new-id',
  },
];

export const flowLogKinds: readonly ResourceKind[] = [
  {
    type: TYPE,
    reach: 'region',
    read,
    list: async (caller) => {
      const all = { member: 'FlowLogs', token: ['NextToken'] } as const;
      const found = await everyObject(caller, call('DescribeFlowLogs', {}), all);
      return found.flatMap((one) => textOf(one, 'FlowLogId') ?? []);
    },
  },
];
