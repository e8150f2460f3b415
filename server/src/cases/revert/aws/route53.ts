/**
 * Route 53: where names lead. Row 40.
 *
 * The surprise: the resource is the zone and every record of it a field, so that an event's changes go back in one batch, which AWS takes
 * whole or not at all.
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
  type TrailEvent,
} from '../catalogue.ts';
import { everyObject, inBatches } from '../pages.ts';
import {
  capitalised,
  changedFields,
  type Fields,
  type Json,
  type ResourceState,
  sortedList,
  toJson,
} from '../state.ts';

const TYPE = 'AWS::Route53::HostedZone';
const MOST_PAGES = 2_000;
/** AWS takes a thousand; putting one in place of another counts twice. */
const CHANGES_AT_ONCE = 400;

type Answer = Readonly<Record<string, unknown>>;

function call(operation: string, input: Fields): Call {
  return { service: 'route-53', operation, input };
}

/** `/hostedzone/Z1` and `Z1` are the same. */
function zoneId(given: string): string {
  return given.replace(/^\/?hostedzone\//, '');
}

/** Names in one spelling: lower case, a dot at the end, and `*` where AWS writes `\052`. */
function nameOf(given: unknown): string {
  const plain = (typeof given === 'string' ? given : '').replace(/\\(\d{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return `${plain.toLowerCase().replace(/\.$/, '')}.`;
}

/** One record set, as AWS lists it or as an event has it, capitalised. */
function recordOf(set: Answer): { readonly field: string; readonly record: Json } {
  const alias = objectOf(set, 'AliasTarget');
  const name = nameOf(set['Name']);
  const values = sortedList(listOf(set, 'ResourceRecords'));
  const { ResourceRecords: _, AliasTarget: __, ...rest } = toJson(set) as Fields;
  const record = {
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)),
    Name: name,
    ...(Array.isArray(values) && values.length > 0 ? { ResourceRecords: values } : {}),
    ...('AliasTarget' in set
      ? { AliasTarget: { ...(toJson(alias) as Fields), DNSName: nameOf(alias['DNSName']) } }
      : {}),
  };
  const field = [textOf(set, 'Type') ?? '', name, textOf(set, 'SetIdentifier') ?? ''].join(' ').trim();
  return { field, record };
}

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const records: Record<string, Json> = {};
  let next: Fields = {};
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const asked = caller.call(call('ListResourceRecordSets', { HostedZoneId: id, ...next }));
    const answer = await orNone(asked, 'NoSuchHostedZone');
    if (answer === null) return null;
    for (const set of listOf(answer, 'ResourceRecordSets')) {
      const { field, record } = recordOf(set);
      records[field] = record;
    }
    if (answer['IsTruncated'] !== true) return records;
    const identifier = textOf(answer, 'NextRecordIdentifier');
    next = {
      StartRecordName: textOf(answer, 'NextRecordName') ?? '',
      StartRecordType: textOf(answer, 'NextRecordType') ?? '',
      ...(identifier === null ? {} : { StartRecordIdentifier: identifier }),
    };
  }
  throw new CallFailure('TooManyPages', 'the zone has more records than anybody should read', false);
}

/** What the changes of the event made of the zone. */
function after({ request }: TrailEvent, baseline: ResourceState): ResourceState | undefined {
  const changes = listOf(objectOf(request, 'changeBatch'), 'changes');
  if (baseline === null || changes.length === 0) return undefined;
  const records: Record<string, Json> = { ...baseline };
  for (const change of changes) {
    const { field, record } = recordOf(capitalised(objectOf(change, 'resourceRecordSet')) as Fields);
    if (change['action'] === 'DELETE') delete records[field];
    else records[field] = record;
  }
  return records;
}

function lead(from: ResourceState, to: ResourceState, HostedZoneId: string): readonly Call[] {
  if (from === null || to === null) return [];
  const changes = changedFields(from, to).map((field): Json => {
    const record = to[field];
    return record === undefined
      ? { Action: 'DELETE', ResourceRecordSet: from[field] ?? null }
      : { Action: 'UPSERT', ResourceRecordSet: record };
  });
  return inBatches(changes, CHANGES_AT_ONCE).map((Changes) =>
    call('ChangeResourceRecordSets', { HostedZoneId, ChangeBatch: { Changes } }),
  );
}

export const route53Entries: readonly CatalogueEntry[] = [
  {
    row: 40,
    events: ['route53:ChangeResourceRecordSets'],
    class: 'B',
    mode: 'approve',
    proof: 'emulator',
    resources: ({ request, account }) => {
      const id = textOf(request, 'hostedZoneId');
      return id === null ? [] : [{ type: TYPE, account, region: 'aws-global', id: zoneId(id) }];
    },
    read,
    after,
    lead: (from, to, { resource }) => lead(from, to, resource.id),
    // Every server of the zone answers with it before it counts as done.
    isSettled: async (_call, answer, { caller }) => {
      const Id = textOf(objectOf(answer, 'ChangeInfo'), 'Id');
      if (Id === null) return true;
      const change = await caller.call(call('GetChange', { Id }));
      return objectOf(change, 'ChangeInfo')['Status'] === 'INSYNC';
    },
    remains: 'caches-keep',
  },
];

export const route53Kinds: readonly ResourceKind[] = [
  {
    type: TYPE,
    reach: 'global',
    read,
    list: async (caller) => {
      const all = { member: 'HostedZones', token: ['NextMarker', 'Marker'] } as const;
      const zones = await everyObject(caller, call('ListHostedZones', {}), all);
      return zones.flatMap((one) => textOf(one, 'Id') ?? []).map(zoneId);
    },
  },
];
