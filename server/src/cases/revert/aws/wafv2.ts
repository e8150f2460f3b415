/**
 * AWS WAF: what a web ACL lets through, and what it stands before. Row 11.
 *
 * The surprise: a web ACL is known by its name here, since one that is made again has another id. CloudFront is not among the
 * associations: it has its web ACL in its own configuration.
 */
import { type Call, type Caller, CallFailure } from '../../../vendors/aws/calls.ts';
import {
  type CallPlace,
  type CatalogueEntry,
  objectOf,
  orNone,
  present,
  type ResourceKind,
  type ResourceRef,
  textOf,
  type TrailEvent,
  Unsettled,
} from '../catalogue.ts';
import { everyObject, everyPage } from '../pages.ts';
import {
  capitalised,
  changedFields,
  type Fields,
  type Json,
  type ResourceState,
  sortedList,
  toJson,
} from '../state.ts';

const ACL = 'AWS::WAFv2::WebACL';
const ASSOCIATION = 'AWS::WAFv2::WebACLAssociation';
const GONE = 'WAFNonexistentItemException';

type Answer = Readonly<Record<string, unknown>>;

function call(operation: string, input: Fields): Call {
  return { service: 'wafv2', operation, input };
}

const SETTINGS = [
  'DefaultAction',
  'Description',
  'Rules',
  'VisibilityConfig',
  'DataProtectionConfig',
  'CustomResponseBodies',
  'CaptchaConfig',
  'ChallengeConfig',
  'TokenDomains',
  'AssociationConfig',
  'OnSourceDDoSProtectionConfig',
  'ApplicationConfig',
  'MonetizationConfig',
];
const LOGGING = ['LogDestinationConfigs', 'RedactedFields', 'LoggingFilter'];

function settingsOf(of: Answer): Fields {
  return Object.fromEntries(
    SETTINGS.map((name): readonly [string, Json] => {
      if (name === 'Description') return [name, textOf(of, name) ?? ''];
      return [name, name === 'Rules' ? sortedList(of[name]) : toJson(of[name])];
    }),
  );
}

/** `REGIONAL/shop`. */
function partsOf(id: string): { readonly Scope: string; readonly Name: string } {
  const [Scope = '', Name = ''] = id.split('/');
  return { Scope, Name };
}

async function summaryOf(caller: Caller, id: string): Promise<Answer | null> {
  const { Scope, Name } = partsOf(id);
  const all = { member: 'WebACLs', token: ['NextMarker'] } as const;
  const summaries = await everyObject(caller, call('ListWebACLs', { Scope }), all);
  return summaries.find((one) => one['Name'] === Name) ?? null;
}

/** The web ACL as AWS has it now, with its lock token. */
async function find(caller: Caller, id: string): Promise<Answer | null> {
  const summary = await summaryOf(caller, id);
  if (summary === null) return null;
  const { Scope, Name } = partsOf(id);
  return orNone(caller.call(call('GetWebACL', { Scope, Name, Id: textOf(summary, 'Id') ?? '' })), GONE);
}

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const found = await find(caller, id);
  if (found === null) return null;
  const acl = objectOf(found, 'WebACL');
  const ResourceArn = textOf(acl, 'ARN') ?? '';
  const logging = await orNone(caller.call(call('GetLoggingConfiguration', { ResourceArn })), GONE);
  const configuration = objectOf(logging ?? {}, 'LoggingConfiguration');
  const tags = await orNone(caller.call(call('ListTagsForResource', { ResourceARN: ResourceArn })), GONE);
  return {
    ...settingsOf(acl),
    logging:
      logging === null ? null : present(Object.fromEntries(LOGGING.map((name) => [name, toJson(configuration[name])]))),
    tags: sortedList(objectOf(tags ?? {}, 'TagInfoForResource')['TagList']),
  };
}

/** What the request makes of it: all of it, what it leaves out too. */
function updated({ request }: TrailEvent, baseline: Fields, current: ResourceState): Fields {
  const given = capitalised(request) as Fields;
  // The names of bodies are their owner's, not members of AWS's.
  const bodies = Object.entries(objectOf(request, 'customResponseBodies'));
  const named = bodies.map(([name, body]): readonly [string, Json] => [name, capitalised(body)]);
  const settings = settingsOf({
    ...given,
    CustomResponseBodies: named.length === 0 ? null : Object.fromEntries(named),
  });
  return { ...baseline, ...(sameBytes(settings, current) as Fields) };
}

/** CloudTrail writes the bytes that a rule looks for as text or as base64; the state has base64. */
function sameBytes(event: Json, current: Json): Json {
  if (Array.isArray(event))
    return event.map((one: Json, index) =>
      sameBytes(one, Array.isArray(current) ? ((current[index] as Json) ?? null) : null),
    );
  if (typeof event !== 'object' || event === null) return event;
  const there = objectOf({ current }, 'current') as Fields;
  return Object.fromEntries(
    Object.entries(event).map(([name, value]): readonly [string, Json] => {
      const now = there[name] ?? null;
      const isSame =
        name === 'SearchString' && typeof value === 'string' && Buffer.from(value).toString('base64') === now;
      return [name, isSame ? now : sameBytes(value, now)];
    }),
  );
}

function lead(from: ResourceState, to: ResourceState, id: string): readonly Call[] {
  const named = partsOf(id);
  if (to === null) return from === null ? [] : [call('DeleteWebACL', named)];
  const { logging = null, tags: _, ...settings } = to;
  const given = { ...named, ...present(settings) };
  if (from !== null)
    return changedFields(from, to).some((field) => SETTINGS.includes(field))
      ? [call('UpdateWebACL', withoutEmpty(given))]
      : [];
  const tags = sortedList(to['tags']);
  const created = { ...given, ...(Array.isArray(tags) && tags.length > 0 ? { Tags: tags } : {}) };
  return [
    call('CreateWebACL', withoutEmpty(created)),
    ...(logging === null ? [] : [call('PutLoggingConfiguration', { LoggingConfiguration: logging })]),
  ];
}

/** A description is either a text or left out. */
function withoutEmpty(input: Fields): Fields {
  return Object.fromEntries(Object.entries(input).filter(([name, value]) => name !== 'Description' || value !== ''));
}

async function complete(planned: Call, { caller, resource, from }: CallPlace): Promise<Call> {
  const input = withBytes(planned.input) as Call['input'];
  switch (planned.operation) {
    case 'UpdateWebACL':
    case 'DeleteWebACL': {
      const found = await find(caller, resource.id);
      if (found === null) throw new CallFailure('ChangedMeanwhile', 'the web ACL is gone', false);
      const acl = objectOf(found, 'WebACL');
      // The token must be of the state that the plan leads from.
      if (changedFields(settingsOf(acl), from).some((field) => SETTINGS.includes(field)))
        throw new CallFailure('ChangedMeanwhile', 'somebody changed the web ACL at the same moment', false);
      return { ...planned, input: { ...input, Id: acl['Id'], LockToken: found['LockToken'] } };
    }
    case 'PutLoggingConfiguration': {
      const ResourceArn = textOf((await summaryOf(caller, resource.id)) ?? {}, 'ARN') ?? '';
      const configuration = objectOf(input, 'LoggingConfiguration');
      return { ...planned, input: { LoggingConfiguration: { ...configuration, ResourceArn } } };
    }
    default:
      return { ...planned, input };
  }
}

/** What a rule looks for, as the bytes that the SDK wants. */
function withBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBytes);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, one]: [string, unknown]) => [
    name,
    name === 'SearchString' && typeof one === 'string' ? new Uint8Array(Buffer.from(one, 'base64')) : withBytes(one),
  ]);
  return Object.fromEntries(entries) as unknown;
}

async function readAssociation(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const answer = await orNone(caller.call(call('GetWebACLForResource', { ResourceArn: id })), GONE);
  const name = textOf(objectOf(answer ?? {}, 'WebACL'), 'Name');
  return name === null ? null : { webAcl: name };
}

/** The ARN of a web ACL that is called by its name in the plan, since it may be a new one. */
async function completeAssociation(planned: Call, { caller }: CallPlace): Promise<Call> {
  const name = textOf(planned.input, 'WebACLArn');
  if (name === null) return planned;
  const WebACLArn = textOf((await summaryOf(caller, `REGIONAL/${name}`)) ?? {}, 'ARN');
  // Deleted by another event, whose own revert brings it back.
  if (WebACLArn === null) throw new Unsettled(`the web ACL ${name} is not there`);
  return { ...planned, input: { ...planned.input, WebACLArn } };
}

const row = { row: 11, class: 'B', mode: 'after-answer', proof: 'emulator' } as const;
const acl = {
  ...row,
  resources: ({ request, account, region }: TrailEvent) => {
    const name = textOf(request, 'name');
    const scope = textOf(request, 'scope');
    return name === null || scope === null ? [] : [{ type: ACL, account, region, id: `${scope}/${name}` }];
  },
  read,
  lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: ResourceRef }) =>
    lead(from, to, resource.id),
  complete,
} as const satisfies Partial<CatalogueEntry>;

export const wafv2Entries: readonly CatalogueEntry[] = [
  {
    ...acl,
    events: ['wafv2:UpdateWebACL'],
    after: (event, baseline, _resource, current) => (baseline === null ? undefined : updated(event, baseline, current)),
  },
  { ...acl, events: ['wafv2:DeleteWebACL'], after: () => null, remains: 'new-id' },
  {
    ...row,
    events: ['wafv2:DisassociateWebACL'],
    resources: ({ request, account, region }) => {
      const id = textOf(request, 'resourceArn');
      return id === null ? [] : [{ type: ASSOCIATION, account, region, id }];
    },
    read: readAssociation,
    after: () => null,
    lead: (from, to, { resource }) => {
      const ResourceArn = resource.id;
      if (to === null) return from === null ? [] : [call('DisassociateWebACL', { ResourceArn })];
      return [call('AssociateWebACL', { ResourceArn, WebACLArn: to['webAcl'] ?? '' })];
    },
    complete: completeAssociation,
  },
];

/** Where CloudFront's web ACLs live. */
const CLOUDFRONT_REGION = 'us-east-1';
const ASSOCIATED = [
  'APPLICATION_LOAD_BALANCER',
  'API_GATEWAY',
  'APPSYNC',
  'COGNITO_USER_POOL',
  'APP_RUNNER_SERVICE',
  'VERIFIED_ACCESS_INSTANCE',
  'AMPLIFY',
];

async function acls(caller: Caller, region: string): Promise<readonly { readonly id: string; readonly arn: string }[]> {
  const found: { readonly id: string; readonly arn: string }[] = [];
  for (const Scope of region === CLOUDFRONT_REGION ? ['REGIONAL', 'CLOUDFRONT'] : ['REGIONAL']) {
    const all = { member: 'WebACLs', token: ['NextMarker'] } as const;
    for (const one of await everyObject(caller, call('ListWebACLs', { Scope }), all))
      found.push({ id: `${Scope}/${textOf(one, 'Name') ?? ''}`, arn: textOf(one, 'ARN') ?? '' });
  }
  return found;
}

export const wafv2Kinds: readonly ResourceKind[] = [
  {
    type: ACL,
    reach: 'region',
    read,
    list: async (caller, { region }) => (await acls(caller, region)).map(({ id }) => id),
  },
  {
    type: ASSOCIATION,
    reach: 'region',
    read: readAssociation,
    list: async (caller, { region }) => {
      const resources: string[] = [];
      for (const { id, arn } of await acls(caller, region)) {
        if (!id.startsWith('REGIONAL/')) continue;
        for (const ResourceType of ASSOCIATED) {
          const asked = call('ListResourcesForWebACL', { WebACLArn: arn, ResourceType });
          const listed = await everyPage(caller, asked, { member: 'ResourceArns', token: ['NextMarker'] });
          resources.push(...listed.filter((one): one is string => typeof one === 'string'));
        }
      }
      return resources;
    },
  },
];
