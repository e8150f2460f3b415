/**
 * What a call was about. CloudTrail names resources outright only for some services; for the rest the request (and, for
 * things that were just made, the response) names them under members whose names say what they are.
 */
import { at, isObject, list, member, textOrNull } from '../json-value.ts';
import type { SourceRecord } from '../source.ts';

export interface Resource {
  readonly type: string;
  readonly id: string;
}

export const MOST_RESOURCES = 50;
const DEEPEST = 5;

/** Member names (lower case) that identify something, and what. The order is the order of importance. */
const IDENTIFYING: Readonly<Record<string, string>> = {
  bucketname: 'bucket',
  bucket: 'bucket',
  groupid: 'security-group',
  securitygroupid: 'security-group',
  instanceid: 'instance',
  instanceprofilename: 'instance-profile',
  username: 'user',
  rolename: 'role',
  rolearn: 'role',
  policyarn: 'policy',
  policyname: 'policy',
  groupname: 'group',
  accesskeyid: 'access-key',
  snapshotid: 'snapshot',
  dbsnapshotidentifier: 'db-snapshot',
  dbinstanceidentifier: 'db-instance',
  dbclusteridentifier: 'db-cluster',
  dbclustersnapshotidentifier: 'db-cluster-snapshot',
  imageid: 'image',
  volumeid: 'volume',
  vpcid: 'vpc',
  subnetid: 'subnet',
  networkaclid: 'network-acl',
  routetableid: 'route-table',
  internetgatewayid: 'internet-gateway',
  flowlogid: 'flow-log',
  keyid: 'key',
  keyname: 'key-pair',
  functionname: 'function',
  layername: 'layer',
  trailname: 'trail',
  name: 'name',
  detectorid: 'detector',
  secretid: 'secret',
  parametername: 'parameter',
  documentname: 'document',
  target: 'target',
  clustername: 'cluster',
  cluster: 'cluster',
  repositoryname: 'repository',
  queueurl: 'queue',
  topicarn: 'topic',
  tablename: 'table',
  loggroupname: 'log-group',
  rule: 'rule',
  alarmname: 'alarm',
  stackname: 'stack',
  hostedzoneid: 'hosted-zone',
  domainname: 'domain',
  webaclarn: 'web-acl',
  trustanchorid: 'trust-anchor',
  profileid: 'profile',
  samlproviderarn: 'saml-provider',
  openidconnectproviderarn: 'oidc-provider',
  serialnumber: 'mfa-device',
  resourcearn: 'resource',
  resourceid: 'resource',
  arn: 'resource',
  accountid: 'account',
};

export function resourcesOf(record: SourceRecord): readonly Resource[] {
  const found = new Map<string, Resource>();
  const add = (type: string, id: string) => {
    if (found.size < MOST_RESOURCES && id !== '') found.set(`${type}\n${id}`, { type, id });
  };
  for (const resource of list(record['resources'])) {
    const arn = textOrNull(member(resource, 'ARN')) ?? textOrNull(member(resource, 'arn'));
    if (arn !== null) add(textOrNull(member(resource, 'type')) ?? 'resource', arn);
  }
  collect(record['requestParameters'], add, 0);
  if (found.size === 0 || isMaking(record)) {
    for (const [name, value] of Object.entries(
      isObject(record['responseElements']) ? record['responseElements'] : {},
    )) {
      if (isObject(value) || Array.isArray(value)) collect(value, add, 1);
      else collect({ [name]: value }, add, 1);
    }
  }
  return [...found.values()];
}

function isMaking(record: SourceRecord): boolean {
  return /^(Create|Run|Allocate|Register|Put|Import)/.test(textOrNull(record['eventName']) ?? '');
}

function collect(value: unknown, add: (type: string, id: string) => void, depth: number): void {
  if (depth > DEEPEST) return;
  if (Array.isArray(value)) {
    for (const item of value.slice(0, MOST_RESOURCES)) collect(item, add, depth + 1);
    return;
  }
  if (!isObject(value)) return;
  for (const [name, inner] of Object.entries(value)) {
    const type = IDENTIFYING[name.toLowerCase()];
    if (type !== undefined && typeof inner === 'string') add(type, inner);
    else if (typeof inner === 'object') collect(inner, add, depth + 1);
  }
}

/** The request, and what the event tells of before and after: usually the new state alone. */
export function changeOf(record: SourceRecord): { before: unknown; after: unknown; request: unknown } {
  const response = record['responseElements'] ?? null;
  const before =
    at(record, 'responseElements', 'previousValue') ?? at(record, 'additionalEventData', 'previousValue') ?? null;
  return { before, after: response, request: record['requestParameters'] ?? null };
}
