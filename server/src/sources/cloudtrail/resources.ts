/**
 * What a call was about. CloudTrail names resources outright only for some services; for the rest the request (and, for
 * things that were just made, the response) names them under members whose names say what they are.
 *
 * The surprise: it prefers to find less. Every resource counts towards the breadth of a burst, so filters, tags and the
 * roles that a call merely mentions are left out as far as names can tell.
 */
import { at, isObject, list, member, nestsDeeper, textOrNull } from '../json-value.ts';
import type { SourceRecord } from '../source.ts';

export interface Resource {
  readonly type: string;
  readonly id: string;
}

export const MOST_RESOURCES = 50;
const DEEPEST = 5;
/** What a change holds is stored and shown; nothing real nests nearly as deep. */
const DEEPEST_CHANGE = 200;

/** Member names in lower case that identify something, and what. */
const IDENTIFYING: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'access-key': 'accesskeyid',
    account: 'accountid',
    alarm: 'alarmname',
    alias: 'aliasname',
    api: 'apiid restapiid',
    bucket: 'bucketname bucket',
    certificate: 'certificatearn',
    cluster: 'clustername cluster clusteridentifier clusterarn',
    'config-rule': 'configrulename',
    'configuration-recorder': 'configurationrecordername',
    database: 'databasename',
    'db-cluster': 'dbclusteridentifier',
    'db-cluster-snapshot': 'dbclustersnapshotidentifier',
    'db-instance': 'dbinstanceidentifier',
    'db-snapshot': 'dbsnapshotidentifier',
    'delivery-channel': 'deliverychannelname',
    detector: 'detectorid',
    distribution: 'distributionid',
    document: 'documentname',
    domain: 'domainname',
    'event-bus': 'eventbusname',
    'event-data-store': 'eventdatastore',
    'file-system': 'filesystemid',
    'flow-log': 'flowlogid',
    function: 'functionname',
    group: 'groupname groupid',
    'hosted-zone': 'hostedzoneid',
    image: 'imageid',
    instance: 'instanceid',
    'instance-profile': 'instanceprofilename',
    'internet-gateway': 'internetgatewayid',
    key: 'keyid',
    'key-pair': 'keyname',
    layer: 'layername',
    'load-balancer': 'loadbalancerarn loadbalancername',
    'log-group': 'loggroupname',
    'metric-filter': 'filtername',
    'mfa-device': 'serialnumber virtualmfadevicename',
    'network-acl': 'networkaclid',
    'network-interface': 'networkinterfaceid',
    'oidc-provider': 'openidconnectproviderarn',
    'organizational-unit': 'organizationalunitid',
    parameter: 'parametername',
    'permission-set': 'permissionsetarn',
    policy: 'policyarn policyname policyid',
    profile: 'profileid',
    queue: 'queueurl',
    repository: 'repositoryname',
    resource: 'resourcearn resourceid resource arn',
    role: 'rolename rolearn',
    'route-table': 'routetableid',
    rule: 'rule rulename',
    'saml-provider': 'samlproviderarn',
    secret: 'secretid',
    'security-group': 'securitygroupid',
    snapshot: 'snapshotid',
    stack: 'stackname stackid',
    stream: 'streamname deliverystreamname',
    subnet: 'subnetid',
    table: 'tablename',
    target: 'target targetid',
    topic: 'topicarn',
    trail: 'trailname trailarn',
    'trust-anchor': 'trustanchorid',
    user: 'username',
    'user-pool': 'userpoolid',
    volume: 'volumeid',
    vpc: 'vpcid',
    'vpc-endpoint': 'vpcendpointid',
    'vpc-peering-connection': 'vpcpeeringconnectionid',
    'web-acl': 'webaclarn webaclid',
  }).flatMap(([type, names]) => names.split(' ').map((name) => [name, type] as const)),
);

/** Members below which names are search terms, labels or documents, and not what the call was about. */
const PASSED_OVER =
  /^(filter|filters|filterset|tags?|tagset|tagspecificationset|tagspecifications?|.*policydocument|bucketpolicy|attributevalues)$/;
/** Members that may name the thing itself when nothing more telling does, beside it and not deeper. */
const PLAIN_NAMES = new Set(['name', 'id', 'identifier', 'names', 'ids']);
const TELLING_END = /(id|name|arn|identifier)$/;
const NOT_TELLING =
  /^(client.*|.*token|.*sessionname|attributename|versionid|requestid|.*kmskeyid|featurename|metricname|displayname)$/;

type Add = (type: string, id: string) => void;

export function resourcesOf(record: SourceRecord): readonly Resource[] {
  const found: Resource[] = [];
  const add: Add = (stated, id) => {
    if (found.length >= MOST_RESOURCES || id === '') return;
    const type = stated === 'resource' ? (typeOfArn(id) ?? stated) : stated;
    if (!found.some((other) => other.type === type && isSame(other.id, id))) found.push({ type, id });
  };
  const service = textOrNull(record['eventSource'])?.split('.')[0] ?? '';
  const action = textOrNull(record['eventName']) ?? '';
  const request = record['requestParameters'];
  collect(request, { add, service, depth: 0 });
  collectPlain(request, nounOf(service, action), add);
  for (const resource of list(record['resources'])) {
    const arn = textOrNull(member(resource, 'ARN')) ?? textOrNull(member(resource, 'arn'));
    const type = textOrNull(member(resource, 'type'))?.split('::').at(-1);
    if (arn !== null) add(type === undefined ? 'resource' : kebab(type), arn);
  }
  if (found.length === 0 || isMaking(action)) {
    for (const [name, value] of entriesOf(record['responseElements'])) {
      collect(typeof value === 'object' ? value : { [name]: value }, { add, service, depth: 1 });
    }
  }
  if (found.length === 0) collectTelling(request, add);
  return found;
}

/** One thing may be named by its name and by its ARN. */
function isSame(one: string, other: string): boolean {
  if (one === other) return true;
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return long.startsWith('arn:') && (long.endsWith(`:${short}`) || long.endsWith(`/${short}`));
}

/** `arn:aws:iam::1:role/x` → `role`; null for what is no ARN or says no type. */
function typeOfArn(text: string): string | null {
  const [arn, , service, , , ...rest] = text.split(':');
  const name = rest.join(':');
  if (arn !== 'arn' || name === '') return null;
  if (service === 's3') return name.includes('/') ? 'object' : 'bucket';
  if (service === 'sns') return 'topic';
  if (service === 'sqs') return 'queue';
  const type = /^([A-Za-z-]+)[/:]/.exec(name)?.[1];
  return type === undefined ? null : kebab(type);
}

function isMaking(action: string): boolean {
  return /^(Create|Run|Allocate|Register|Put|Import)/.test(action);
}

interface Collecting {
  readonly add: Add;
  readonly service: string;
  readonly depth: number;
}

function collect(value: unknown, { add, service, depth }: Collecting): void {
  if (depth > DEEPEST) return;
  const deeper = { add, service, depth: depth + 1 };
  if (Array.isArray(value)) {
    for (const item of value.slice(0, MOST_RESOURCES)) collect(item, deeper);
    return;
  }
  for (const [name, inner] of entriesOf(value)) {
    const lower = name.toLowerCase();
    if (PASSED_OVER.test(lower)) continue;
    const type = IDENTIFYING.get(lower) ?? IDENTIFYING.get(lower.replace(/(s|list)$/, ''));
    const texts = textsOf(inner);
    if (type === undefined || texts.length === 0) collect(inner, deeper);
    else for (const text of texts) add(typeIn(service, type), text);
  }
}

/** One identifier, several, or one as EC2 writes it: `{"tag": 1, "content": "fl-1"}`. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  const content = member(value, 'content');
  if (typeof content === 'string') return [content];
  return list(value)
    .slice(0, MOST_RESOURCES)
    .filter((item) => typeof item === 'string');
}

/** What EC2 calls a group guards a network; elsewhere it gathers people. */
function typeIn(service: string, type: string): string {
  return type === 'group' && (service === 'ec2' || service === 'rds') ? 'security-group' : type;
}

/** `name` and the like: of what the action's own name says. One wrapper (`DeleteFlowLogsRequest`) may be around it. */
function collectPlain(request: unknown, type: string, add: Add): void {
  const entries = entriesOf(request).flatMap((entry) => (entry[0].endsWith('Request') ? entriesOf(entry[1]) : [entry]));
  for (const [name, value] of entries) {
    if (PLAIN_NAMES.has(name.toLowerCase())) for (const text of textsOf(value)) add(type, text);
  }
}

/** The last resort: members whose names end like an identifier's. */
function collectTelling(request: unknown, add: Add): void {
  for (const [name, value] of entriesOf(request)) {
    const lower = name.toLowerCase();
    if (typeof value !== 'string' || !TELLING_END.test(lower) || NOT_TELLING.test(lower)) continue;
    add(kebab(name.replace(/(Id|ID|Name|Arn|ARN|Identifier)$/, '')), value);
  }
}

/** `CreateEventDataStore` → `event-data-store`; what CloudTrail's own calls name is a trail. */
function nounOf(service: string, action: string): string {
  if (service === 'cloudtrail') return 'trail';
  const noun = action.replace(/\d{8}.*$/, '').replace(/^(Batch)?[A-Z][a-z]+/, '');
  return noun === '' ? 'resource' : kebab(noun).replace(/(?<=[^s])s$/, '');
}

function kebab(name: string): string {
  return name.replace(/([a-z\d])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$3-$2').toLowerCase();
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isObject(value) ? Object.entries(value) : [];
}

/** The request, and what the event tells of before and after: usually the new state alone. */
export function changeOf(record: SourceRecord): { before: unknown; after: unknown; request: unknown } {
  const response = shallow(record['responseElements']);
  return { before: beforeOf(response), after: response, request: shallow(record['requestParameters']) };
}

function shallow(value: unknown): unknown {
  return nestsDeeper(value, DEEPEST_CHANGE) ? null : (value ?? null);
}

const PREVIOUS = /^(previous|old)[A-Z]/;

/** `previousState` of instances and the like; null when the response tells nothing of what was. */
function beforeOf(response: unknown): unknown {
  const found = previousIn(response, 0);
  return found.length === 0 ? null : found.length === 1 ? found[0] : found;
}

function previousIn(value: unknown, depth: number): readonly unknown[] {
  if (depth > DEEPEST) return [];
  if (Array.isArray(value)) return value.slice(0, MOST_RESOURCES).flatMap((item) => previousIn(item, depth + 1));
  const entries = entriesOf(value);
  const previous = entries.filter(([name]) => PREVIOUS.test(name));
  if (previous.length === 0) return entries.flatMap(([, inner]) => previousIn(inner, depth + 1));
  const id = at(value, 'instanceId');
  return [Object.fromEntries(typeof id === 'string' ? [['instanceId', id], ...previous] : previous)];
}
