/**
 * AWS Config as a second memory, for what nobody vouched for: the last thing that it recorded before a change.
 *
 * The surprise: its items are not mapped to our states. They are played back as the answers that the services themselves would have
 * given, and the catalogue reads those as it reads everything. What an item does not hold is a call without an answer, and then
 * there is no baseline from here: half a state would be a wrong one.
 */
import { type Call, type Caller, CallFailure } from '../../../vendors/aws/calls.ts';
import { type CatalogueEntry, listOf, objectOf, orNone, type ResourceRef, textOf } from '../catalogue.ts';
import { capitalised, digestOfJson, type Json, toJson } from '../state.ts';
import type { Baseline } from './store.ts';

type Fields = Readonly<Record<string, unknown>>;

/** One recorded state of a resource, its texts parsed. */
interface Item {
  readonly recordedMs: number;
  readonly configuration: Fields;
  readonly supplementary: Fields;
}

interface Memory {
  /** Types of the catalogue whose resources stand in items of this kind. */
  readonly of: RegExp;
  /** As AWS Config calls it. */
  readonly type: string;
  /** By its name and not its id. */
  readonly byName: boolean;
  /** What the service would have answered. */
  answer(call: Call, item: Item): Fields;
}

const MEMORIES: readonly Memory[] = [
  { of: /^AWS::S3::Bucket/, type: 'AWS::S3::Bucket', byName: false, answer: bucketAnswer },
  { of: /^AWS::EC2::SecurityGroup$/, type: 'AWS::EC2::SecurityGroup', byName: false, answer: groupAnswer },
  {
    of: /^AWS::IAM::Role/,
    type: 'AWS::IAM::Role',
    byName: true,
    answer: (call, item) => identityAnswer('Role', call, item),
  },
  {
    of: /^AWS::IAM::User/,
    type: 'AWS::IAM::User',
    byName: true,
    answer: (call, item) => identityAnswer('User', call, item),
  },
];

/** @returns null when AWS Config does not record the resource, or not enough of it. */
export async function configHistory(
  caller: Caller,
  { entry, resource, beforeMs }: { entry: Pick<CatalogueEntry, 'read'>; resource: ResourceRef; beforeMs: number },
): Promise<Baseline | null> {
  const memory = MEMORIES.find(({ of }) => of.test(resource.type));
  if (memory === undefined) return null;
  try {
    const item = await itemBefore(caller, { memory, resource, beforeMs });
    if (item === null) return null;
    const played: Caller = { call: async (call) => memory.answer(call, item) };
    const state = await entry.read(played, resource);
    const because = `AWS Config, recorded ${new Date(item.recordedMs).toISOString()}`;
    return { state, digest: digestOfJson(state), takenMs: item.recordedMs, trust: 'config-history', because };
  } catch (error) {
    // Not allowed, not recorded, not enough: then nobody vouches for it, and a person decides.
    if (error instanceof CallFailure) return null;
    throw error;
  }
}

async function itemBefore(
  caller: Caller,
  { memory, resource, beforeMs }: { memory: Memory; resource: ResourceRef; beforeMs: number },
): Promise<Item | null> {
  const config = (operation: string, input: Fields) => caller.call({ service: 'config-service', operation, input });
  const [name = resource.id] = resource.id.split(/[|/]/);
  let resourceId = name;
  if (memory.byName) {
    const found = await config('ListDiscoveredResources', { resourceType: memory.type, resourceName: name });
    const [known] = listOf(found, 'resourceIdentifiers');
    if (known === undefined) return null;
    resourceId = textOf(known, 'resourceId') ?? name;
  }
  const input = { resourceType: memory.type, resourceId, laterTime: new Date(beforeMs), chronologicalOrder: 'Reverse' };
  const answer = await orNone(
    config('GetResourceConfigHistory', { ...input, limit: 1 }),
    'ResourceNotDiscoveredException',
  );
  const [item] = answer === null ? [] : listOf(answer, 'configurationItems');
  const at = item?.['configurationItemCaptureTime'];
  const recordedMs = at instanceof Date ? at.getTime() : Number.NaN;
  // What was deleted then, or recorded after all, tells nothing of what was trusted.
  if (item === undefined || !/^(OK|ResourceDiscovered)$/.test(textOf(item, 'configurationItemStatus') ?? ''))
    return null;
  if (!(recordedMs < beforeMs)) return null;
  const supplementary = Object.entries(objectOf(item, 'supplementaryConfiguration'));
  return {
    recordedMs,
    configuration: objectOf({ value: parsed(item['configuration']) }, 'value'),
    supplementary: Object.fromEntries(supplementary.map(([key, value]) => [key, parsed(value)])),
  };
}

/** Config gives JSON in texts, sometimes twice. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

function unknown({ service, operation }: Call): never {
  throw new CallFailure('NotRecorded', `AWS Config does not record what ${service} ${operation} tells`, false);
}

function bucketAnswer(call: Call, { supplementary }: Item): Fields {
  switch (call.operation) {
    case 'GetBucketLocation':
      return {};
    case 'GetBucketPolicy': {
      if (!('BucketPolicy' in supplementary)) return unknown(call);
      const policy = textOf(objectOf(supplementary, 'BucketPolicy'), 'policyText');
      if (policy === null) throw new CallFailure('NoSuchBucketPolicy', 'there was none', false);
      return { Policy: policy };
    }
    // Whether it was public is a note that nobody compares; Config does not say.
    case 'GetBucketPolicyStatus':
      throw new CallFailure('AccessDenied', 'AWS Config does not say', false);
    case 'GetBucketTagging': {
      const sets = listOf(objectOf(supplementary, 'BucketTaggingConfiguration'), 'tagSets');
      const tags = sets.flatMap((set) => Object.entries(objectOf(set, 'tags')));
      if (tags.length === 0) throw new CallFailure('NoSuchTagSet', 'there was none', false);
      return { TagSet: tags.map(([Key, Value]) => ({ Key, Value })) };
    }
    case 'GetPublicAccessBlock':
    case 'GetBucketPublicAccessBlock': {
      if (!('PublicAccessBlockConfiguration' in supplementary)) return unknown(call);
      return { PublicAccessBlockConfiguration: capitalised(supplementary['PublicAccessBlockConfiguration']) };
    }
    case 'GetBucketVersioning': {
      if (!('BucketVersioningConfiguration' in supplementary)) return unknown(call);
      const versioning = objectOf(supplementary, 'BucketVersioningConfiguration');
      const status = textOf(versioning, 'status');
      // With MFA delete only root could put it back: that is told by nobody here.
      if (versioning['isMfaDeleteEnabled'] === true) return unknown(call);
      return status === null || status === 'Off' ? {} : { Status: status };
    }
    default:
      return unknown(call);
  }
}

function groupAnswer(call: Call, { configuration }: Item): Fields {
  const groupId = textOf(configuration, 'groupId');
  switch (call.operation) {
    case 'DescribeSecurityGroups':
      return { SecurityGroups: [{ GroupId: groupId }] };
    case 'DescribeSecurityGroupRules':
      return {
        SecurityGroupRules: [
          ...listOf(configuration, 'ipPermissions').flatMap((one) => rulesOf(one, { groupId, isEgress: false })),
          ...listOf(configuration, 'ipPermissionsEgress').flatMap((one) => rulesOf(one, { groupId, isEgress: true })),
        ],
      };
    default:
      return unknown(call);
  }
}

/** A permission of many peers as the rules of one peer each that EC2 makes of it. */
function rulesOf(
  permission: Fields,
  { groupId, isEgress }: { readonly groupId: string | null; readonly isEgress: boolean },
): readonly Fields[] {
  const { ipProtocol, fromPort, toPort } = permission;
  const common = {
    ...{ GroupId: groupId, IsEgress: isEgress, IpProtocol: ipProtocol },
    // EC2 says -1 where all ports are meant.
    ...{ FromPort: fromPort ?? -1, ToPort: toPort ?? -1 },
  };
  const described = (one: Fields) => ('description' in one ? { Description: one['description'] } : {});
  const peers = (list: string, member: string, name: string) =>
    listOf(permission, list).map((one) => ({ ...common, [name]: one[member], ...described(one) }));
  return [
    ...peers('ipv4Ranges', 'cidrIp', 'CidrIpv4'),
    ...peers('ipv6Ranges', 'cidrIpv6', 'CidrIpv6'),
    ...peers('prefixListIds', 'prefixListId', 'PrefixListId'),
    ...listOf(permission, 'userIdGroupPairs').map((one) => ({
      ...common,
      ReferencedGroupInfo: { GroupId: one['groupId'], UserId: one['userId'] },
      ...described(one),
    })),
  ];
}

function identityAnswer(kind: 'Role' | 'User', call: Call, { configuration }: Item): Fields {
  const lower = kind.toLowerCase();
  const inline = listOf(configuration, `${lower}PolicyList`);
  const isComplete = Array.isArray(configuration[`${lower}PolicyList`]);
  const name = (member: string) => call.input[member];
  switch (call.operation) {
    case `Get${kind}`:
      return { [kind]: capitalised(configuration) };
    case `Get${kind}Policy`: {
      const found = inline.find((one) => one['policyName'] === name('PolicyName'));
      if (!isComplete) return unknown(call);
      if (found === undefined) throw new CallFailure('NoSuchEntity', 'there was none', false);
      return { PolicyName: name('PolicyName'), PolicyDocument: textOrJson(found['policyDocument']) };
    }
    case `List${kind}Policies`:
      return isComplete ? { PolicyNames: inline.flatMap((one) => textOf(one, 'policyName') ?? []) } : unknown(call);
    case `ListAttached${kind}Policies`: {
      if (!Array.isArray(configuration['attachedManagedPolicies'])) return unknown(call);
      return { AttachedPolicies: capitalised(configuration['attachedManagedPolicies']) };
    }
    default:
      return unknown(call);
  }
}

function textOrJson(value: unknown): Json {
  return typeof value === 'string' ? value : JSON.stringify(toJson(value));
}
