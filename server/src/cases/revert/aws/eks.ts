/**
 * EKS: what a cluster logs, and from where its API is reached. Row 11.
 *
 * The surprise: a cluster takes one change at a time, and minutes for it. While it is at it, what it says of itself means nothing.
 */
import { type Call, type Caller, CallFailure } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  listOf,
  objectOf,
  orNone,
  type ResourceKind,
  type ResourceRef,
  textOf,
  textsOf,
  type TrailEvent,
  Unsettled,
} from '../catalogue.ts';
import { everyPage } from '../pages.ts';
import { changedFields, type Fields, type Json, type ResourceState, sortedList, toJson } from '../state.ts';

const TYPE = 'AWS::EKS::Cluster';
const LOG = 'log ';
const REACH = ['endpointPublicAccess', 'endpointPrivateAccess', 'publicAccessCidrs'];

type Answer = Readonly<Record<string, unknown>>;

function call(operation: string, input: Fields): Call {
  return { service: 'eks', operation, input };
}

/** `{ clusterLogging: [{ types: ['api', 'audit'], enabled: true }] }` → `log api`, `log audit`. */
function logsOf(logging: Answer): Fields {
  const setups = listOf(logging, 'clusterLogging').flatMap((setup) =>
    textsOf(setup, 'types').map((type): readonly [string, Json] => [`${LOG}${type}`, setup['enabled'] === true]),
  );
  return Object.fromEntries(setups);
}

function reachOf(configuration: Answer): Fields {
  const given = REACH.filter((name) => name in configuration && configuration[name] !== null);
  return Object.fromEntries(
    given.map((name) => [
      name,
      Array.isArray(configuration[name]) ? sortedList(configuration[name]) : toJson(configuration[name]),
    ]),
  );
}

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const answer = await orNone(caller.call(call('DescribeCluster', { name: id })), 'ResourceNotFoundException');
  if (answer === null) return null;
  const cluster = objectOf(answer, 'cluster');
  if (cluster['status'] === 'UPDATING') throw new Unsettled('the cluster is still being updated');
  return { ...logsOf(objectOf(cluster, 'logging')), ...reachOf(objectOf(cluster, 'resourcesVpcConfig')) };
}

function changesOf({ request }: TrailEvent): Fields {
  return { ...logsOf(objectOf(request, 'logging')), ...reachOf(objectOf(request, 'resourcesVpcConfig')) };
}

/** Logging and reach, each in a call of its own. */
function lead(
  from: ResourceState,
  to: ResourceState,
  { name, token }: { readonly name: string; readonly token: string },
): readonly Call[] {
  if (from === null || to === null) return [];
  const changed = changedFields(from, to);
  const types = (enabled: boolean) =>
    changed
      .filter((field) => field.startsWith(LOG) && (to[field] ?? false) === enabled)
      .map((field) => field.slice(LOG.length));
  const clusterLogging = [true, false].flatMap((enabled) =>
    types(enabled).length === 0 ? [] : [{ types: types(enabled), enabled }],
  );
  const isReached = changed.some((field) => REACH.includes(field));
  // Addresses mean nothing, and are refused, where nobody reaches it from outside.
  const given = REACH.filter(
    (field) => isReached && field in to && (field !== 'publicAccessCidrs' || to['endpointPublicAccess'] !== false),
  );
  const resourcesVpcConfig = Object.fromEntries(given.map((field) => [field, to[field] ?? null]));
  return [
    ...(clusterLogging.length === 0
      ? []
      : [call('UpdateClusterConfig', { name, logging: { clusterLogging }, clientRequestToken: `${token}-logging` })]),
    ...(given.length === 0
      ? []
      : [call('UpdateClusterConfig', { name, resourcesVpcConfig, clientRequestToken: `${token}-reach` })]),
  ];
}

export const eksEntries: readonly CatalogueEntry[] = [
  {
    row: 11,
    events: ['eks:UpdateClusterConfig'],
    class: 'B',
    mode: 'after-answer',
    proof: 'emulator',
    resources: ({ request, account, region }) => {
      const id = textOf(request, 'name');
      return id === null ? [] : [{ type: TYPE, account, region, id }];
    },
    cannot: (event) =>
      Object.keys(changesOf(event)).length === 0
        ? 'of a cluster its logging and its reach are put back, and this changed neither'
        : null,
    read,
    after: (event, baseline) => (baseline === null ? undefined : { ...baseline, ...changesOf(event) }),
    lead: (from, to, { resource, token }) => lead(from, to, { name: resource.id, token }),
    isSettled: async (_call, answer, { caller, resource }) => {
      const updateId = textOf(objectOf(answer, 'update'), 'id');
      if (updateId === null) return true;
      const update = objectOf(await caller.call(call('DescribeUpdate', { name: resource.id, updateId })), 'update');
      const status = textOf(update, 'status');
      const [error] = listOf(update, 'errors');
      if (status === 'Failed' || status === 'Cancelled')
        throw new CallFailure(
          `Update${status}`,
          textOf(error ?? {}, 'errorMessage') ?? 'the cluster did not take it',
          false,
        );
      return status === 'Successful';
    },
  },
];

export const eksKinds: readonly ResourceKind[] = [
  {
    type: TYPE,
    reach: 'region',
    read,
    list: async (caller) => {
      const names = await everyPage(caller, call('ListClusters', {}), { member: 'clusters', token: ['nextToken'] });
      return names.filter((name): name is string => typeof name === 'string');
    },
  },
];
