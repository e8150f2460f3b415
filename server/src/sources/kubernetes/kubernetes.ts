/**
 * The source `k8s_audit`: audit events of the Kubernetes API server.
 *
 * The surprise: one request makes up to three events with the same audit id, one a stage; they are different events here, and
 * rules that care look at `ka.stage`.
 */
import type { ActorKind } from '@countersign/contract';
import { asText, at, derivedId, isObject, list, member, nestsDeeper, textOrNull } from '../json-value.ts';
import type { Actor, Admission, EventFacts, Source, SourceRecord } from '../source.ts';
import { parseAuditTime } from './audit-time.ts';
import { kubernetesCatalogue } from './fields.ts';

const LONGEST_ID = 200;
const LONGEST_STAGE = 50;
/** The control plane's own users. */
const CONTROL_PLANE =
  /^system:(apiserver|kube-controller-manager|kube-scheduler|kube-proxy|cloud-controller-manager|node:.*)$/;
/** The service accounts of its controllers. Others in `kube-system` are add-ons, whose tokens are worth stealing. */
const CONTROLLER =
  /^system:serviceaccount:kube-system:([a-z-]+-controller|generic-garbage-collector|pod-garbage-collector|persistent-volume-binder|horizontal-pod-autoscaler|root-ca-cert-publisher|legacy-service-account-token-cleaner|bootstrap-signer|token-cleaner|cloud-provider|kube-proxy)$/;
/** A custom resource may nest as deep as its author likes; whoever writes it back as text would run out of stack. */
const DEEPEST_EVENT = 1_000;
/** What a change holds is stored and shown; custom resources may nest without end. */
const DEEPEST_CHANGE = 200;

export const kubernetesSource: Source = {
  name: 'k8s_audit',
  catalogue: kubernetesCatalogue(),
  claims: (value) =>
    isObject(value) &&
    ('auditID' in value ||
      (textOrNull(value['apiVersion'])?.startsWith('audit.k8s.io/') === true && value['kind'] === 'Event')),
  admit,
  describe,
};

function admit(value: unknown): Admission {
  if (!isObject(value)) return { type: 'malformed', reason: 'not a JSON object' };
  const auditId = value['auditID'];
  if (auditId !== undefined && (typeof auditId !== 'string' || auditId.length > LONGEST_ID)) {
    return { type: 'malformed', reason: 'auditID is not a text, or too long' };
  }
  const stage = value['stage'];
  if (stage !== undefined && stage !== null && (typeof stage !== 'string' || stage.length > LONGEST_STAGE)) {
    return { type: 'malformed', reason: 'stage is not a text, or too long' };
  }
  if (textOrNull(value['verb']) === null && textOrNull(value['requestURI']) === null) {
    return { type: 'malformed', reason: 'verb and requestURI are missing: it says of no request' };
  }
  if (nestsDeeper(value, DEEPEST_EVENT)) {
    return { type: 'malformed', reason: `it nests deeper than ${DEEPEST_EVENT} levels` };
  }
  const timeMs = parseAuditTime(value);
  if (timeMs === null)
    return { type: 'malformed', reason: 'none of stageTimestamp, requestReceivedTimestamp and timestamp is a time' };
  return { type: 'record', record: value, id: idOf(value), timeMs };
}

/** Every real event has an audit id; cut-down ones in tests and exports may not, and equal ones then are one event. */
function idOf(record: SourceRecord): string {
  const auditId = textOrNull(record['auditID']);
  const known = auditId === null || auditId === '' ? derivedId(record) : auditId;
  return `${known}/${asText(record['stage']) ?? 'ResponseComplete'}`;
}

function describe(record: SourceRecord): EventFacts {
  const target = record['objectRef'];
  const code = at(record, 'responseStatus', 'code');
  const resource = [asText(member(target, 'resource')), asText(member(target, 'subresource'))]
    .filter((part) => part !== null)
    .join('/');
  const verb = asText(record['verb']) ?? 'request';
  return {
    source: 'k8s_audit',
    id: idOf(record),
    timeMs: parseAuditTime(record) ?? 0,
    account: asText(at(record, 'annotations', 'cluster_name')),
    region: null,
    action: resource === '' ? verb : `${verb} ${resource}`,
    service: asText(member(target, 'apiGroup')) ?? 'core',
    actor: actorOf(record),
    resources: targetOf(target),
    sourceIp: asText(list(record['sourceIPs'])[0]),
    userAgent: asText(record['userAgent']),
    errorCode:
      typeof code === 'number' && code >= 400 ? (asText(at(record, 'responseStatus', 'reason')) ?? String(code)) : null,
    readOnly: ['get', 'list', 'watch'].includes(verb),
    change: { before: null, after: shallow(record['responseObject']), request: shallow(record['requestObject']) },
  };
}

function shallow(value: unknown): unknown {
  return nestsDeeper(value, DEEPEST_CHANGE) ? null : (value ?? null);
}

function targetOf(target: unknown): EventFacts['resources'] {
  const type = asText(member(target, 'resource'));
  if (type === null) return [];
  const path = [asText(member(target, 'namespace')), asText(member(target, 'name'))].filter((part) => part !== null);
  return [{ type, id: path.join('/') }];
}

/** Who acted: the one who signed in, also when impersonating; the borrowed name is the session. */
function actorOf(record: SourceRecord): Actor {
  const name = textOrNull(at(record, 'user', 'username')) ?? 'unknown';
  const borrowed = textOrNull(at(record, 'impersonatedUser', 'username'));
  const groups = list(at(record, 'user', 'groups'));
  const isOwn = CONTROL_PLANE.test(name) || CONTROLLER.test(name) || groups.includes('system:nodes');
  // Whoever borrows a name is not the control plane at its usual work.
  const isProvider = isOwn && borrowed === null;
  const kind: ActorKind = isProvider ? 'service' : kindOf(name);
  return {
    kind,
    id: name,
    name,
    session: borrowed,
    sessionKey: borrowed === null ? name : `${name} as ${borrowed}`,
    isProvider,
  };
}

function kindOf(name: string): ActorKind {
  if (name === 'system:anonymous') return 'anonymous';
  if (name.startsWith('system:serviceaccount:')) return 'service-account';
  if (name === 'unknown') return 'unknown';
  return name.startsWith('system:') ? 'service' : 'person';
}
