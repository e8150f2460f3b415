/**
 * Security Hub: the hub, and the standards that it checks. Row 7.
 *
 * The surprise: hub and standards are one resource, one in a region. A hub that is made again must not bring its default standards, and
 * what it found before, and which of its checks were switched off, is gone.
 */
import { type Call, type Caller, CallFailure } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  orNone,
  present,
  type ResourceKind,
  type ResourceRef,
  textOf,
  textsOf,
  type TrailEvent,
  Unsettled,
  objectOf,
} from '../catalogue.ts';
import { everyObject, inBatches } from '../pages.ts';
import { changedFields, type Fields, type Json, type ResourceState, toJson } from '../state.ts';

const TYPE = 'AWS::SecurityHub::Hub';
const STANDARD = 'standard ';
const STANDARDS_AT_ONCE = 25;

function call(operation: string, input: Fields): Call {
  return { service: 'securityhub', operation, input };
}

/** `arn:aws:securityhub:eu-west-1:111122223333:subscription/cis-aws-foundations-benchmark/v/1.2.0` → what comes after `subscription/`. */
function standardOf(subscriptionArn: string): string {
  return `${STANDARD}${subscriptionArn.replace(/^.*:subscription\//, '')}`;
}

/** A hub that is off says so by refusing, in one of two ways. */
async function hubOf(caller: Caller): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    return await orNone(caller.call(call('DescribeHub', {})), 'ResourceNotFoundException');
  } catch (error) {
    if (
      error instanceof CallFailure &&
      error.code === 'InvalidAccessException' &&
      /not subscribed/i.test(error.message)
    )
      return null;
    throw error;
  }
}

async function read(caller: Caller): Promise<ResourceState> {
  const hub = await hubOf(caller);
  if (hub === null) return null;
  const all = { member: 'StandardsSubscriptions', token: ['NextToken'] } as const;
  const standards = await everyObject(caller, call('GetEnabledStandards', {}), all);
  if (standards.some((one) => one['StandardsStatus'] === 'DELETING'))
    throw new Unsettled('a standard is still being switched off');
  const { Tags } = await caller.call(call('ListTagsForResource', { ResourceArn: textOf(hub, 'HubArn') ?? '' }));
  return {
    autoEnable: hub['AutoEnableControls'] === true,
    findings: textOf(hub, 'ControlFindingGenerator'),
    tags: toJson(Tags ?? {}),
    ...Object.fromEntries(
      standards.map((one): readonly [string, Json] => [
        standardOf(textOf(one, 'StandardsSubscriptionArn') ?? ''),
        { StandardsArn: textOf(one, 'StandardsArn'), StandardsInput: toJson(one['StandardsInput'] ?? {}) },
      ]),
    ),
  };
}

function lead(from: ResourceState, to: ResourceState, { account, region }: ResourceRef): readonly Call[] {
  if (to === null) return from === null ? [] : [call('DisableSecurityHub', {})];
  const hub = from === null ? created(to) : [];
  const changed = changedFields(from ?? {}, to).filter((field) => field.startsWith(STANDARD));
  const added = changed.filter((field) => field in to).map((field) => request(objectOf(to, field) as Fields));
  const gone = changed.filter((field) => !(field in to));
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
  const arns = gone.map(
    (field) => `arn:${partition}:securityhub:${region}:${account}:subscription/${field.slice(STANDARD.length)}`,
  );
  return [
    ...hub,
    ...inBatches(added, STANDARDS_AT_ONCE).map((StandardsSubscriptionRequests) =>
      call('BatchEnableStandards', { StandardsSubscriptionRequests }),
    ),
    ...inBatches(arns, STANDARDS_AT_ONCE).map((StandardsSubscriptionArns) =>
      call('BatchDisableStandards', { StandardsSubscriptionArns }),
    ),
  ];
}

function created(to: Fields): readonly Call[] {
  const Tags = to['tags'] ?? {};
  const tagged = Object.keys(Tags).length === 0 ? {} : { Tags };
  const findings = present({ ControlFindingGenerator: to['findings'] });
  return [
    call('EnableSecurityHub', { EnableDefaultStandards: false, ...findings, ...tagged }),
    call('UpdateSecurityHubConfiguration', { AutoEnableControls: to['autoEnable'] === true }),
  ];
}

function request({ StandardsArn = '', StandardsInput = {} }: Fields): Json {
  return { StandardsArn, ...(Object.keys(StandardsInput as Fields).length === 0 ? {} : { StandardsInput }) };
}

const hub = {
  row: 7,
  class: 'B',
  mode: 'after-answer',
  proof: 'shape',
  resources: ({ account, region }: TrailEvent) => [{ type: TYPE, account, region, id: region }],
  read,
  lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: ResourceRef }) =>
    lead(from, to, resource),
  fine: ['ResourceConflictException'],
  remains: 'findings-gone',
} as const satisfies Partial<CatalogueEntry>;

export const securityhubEntries: readonly CatalogueEntry[] = [
  { ...hub, events: ['securityhub:DisableSecurityHub'], after: () => null },
  {
    ...hub,
    events: ['securityhub:BatchDisableStandards'],
    after: ({ request: given }, baseline) => {
      if (baseline === null) return undefined;
      const gone = [...textsOf(given, 'StandardsSubscriptionArns'), ...textsOf(given, 'standardsSubscriptionArns')];
      const fields = gone.map(standardOf);
      return Object.fromEntries(Object.entries(baseline).filter(([field]) => !fields.includes(field)));
    },
  },
];

export const securityhubKinds: readonly ResourceKind[] = [
  { type: TYPE, reach: 'region', read, list: async (_caller, { region }) => [region] },
];
