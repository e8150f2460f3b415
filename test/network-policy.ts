/**
 * What a cluster would do with network policies: who may call whom, by the rules of `networking.k8s.io/v1`, and whether an object is one at all,
 * by the client that is generated from the API's own description.
 */
import { BlockList, isIPv6 } from 'node:net';
import * as kubernetes from '@kubernetes/client-node';
import type { KnownWorkload } from '../server/src/inventory/store.ts';

type Labels = Readonly<Record<string, string>>;

interface Selector {
  readonly matchLabels?: Labels;
}

interface PeerRule {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string };
}

interface PortRule {
  readonly protocol?: string;
  readonly port?: number | string;
}

export interface NetworkPolicy {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes: readonly string[];
    readonly ingress: readonly { readonly from?: readonly PeerRule[]; readonly ports?: readonly PortRule[] }[];
    readonly egress: readonly { readonly to?: readonly PeerRule[]; readonly ports?: readonly PortRule[] }[];
  };
}

/** By addresses, as packets have them behind every service. */
export interface Call {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

/** Both ends must allow it; a pod that no policy chooses allows everything. */
export function allows(policies: readonly NetworkPolicy[], call: Call, world: readonly KnownWorkload[]): boolean {
  const podAt = (ip: string) => world.find(({ kind, addresses }) => kind === 'pod' && addresses.includes(ip));
  const [from, to] = [podAt(call.from), podAt(call.to)];
  return (
    side(policies, to, ({ spec }) => spec.ingress.map((rule) => [rule.from, rule.ports] as const), {
      call,
      ip: call.from,
      pod: from,
    }) &&
    side(policies, from, ({ spec }) => spec.egress.map((rule) => [rule.to, rule.ports] as const), {
      call,
      ip: call.to,
      pod: to,
    })
  );
}

interface Other {
  readonly call: Call;
  readonly ip: string;
  readonly pod: KnownWorkload | undefined;
}

type Rules = readonly (readonly [peers: readonly PeerRule[] | undefined, ports: readonly PortRule[] | undefined])[];

function side(
  policies: readonly NetworkPolicy[],
  own: KnownWorkload | undefined,
  rulesOf: (policy: NetworkPolicy) => Rules,
  { call, ip, pod }: Other,
): boolean {
  if (own === undefined) return true;
  const choosing = policies.filter(
    ({ metadata, spec }) => metadata.namespace === own.namespace && selects(spec.podSelector, own.labels),
  );
  if (choosing.length === 0) return true;
  return choosing
    .flatMap(rulesOf)
    .some(
      ([peers, ports]) =>
        (peers === undefined || peers.some((peer) => isPeer(peer, { ip, pod, own }))) &&
        (ports === undefined || ports.some((port) => port.protocol === call.protocol && port.port === call.port)),
    );
}

function isPeer(
  { ipBlock, namespaceSelector, podSelector }: PeerRule,
  { ip, pod, own }: { readonly ip: string; readonly pod: KnownWorkload | undefined; readonly own: KnownWorkload },
): boolean {
  if (ipBlock !== undefined) {
    const [network = '', prefix] = ipBlock.cidr.split('/');
    const family = isIPv6(network) ? 'ipv6' : 'ipv4';
    const block = new BlockList();
    block.addSubnet(network, Number(prefix), family);
    return isIPv6(ip) === isIPv6(network) && block.check(ip, family);
  }
  if (pod === undefined || pod.cluster !== own.cluster) return false;
  const isInNamespace =
    namespaceSelector === undefined
      ? pod.namespace === own.namespace
      : selects(namespaceSelector, { 'kubernetes.io/metadata.name': pod.namespace });
  return isInNamespace && (podSelector === undefined || selects(podSelector, pod.labels));
}

function selects({ matchLabels = {} }: Selector, labels: Labels): boolean {
  return Object.entries(matchLabels).every(([name, value]) => labels[name] === value);
}

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

/** Members that the API does not have, and values of another type than it has; empty: none. */
export function faultsOf(value: unknown, type: string, path = type): readonly string[] {
  const [, item] = /^Array<(.+)>$/.exec(type) ?? [];
  if (item !== undefined)
    return Array.isArray(value)
      ? value.flatMap((one, index) => faultsOf(one, item, `${path}[${index}]`))
      : [`${path} is no list`];
  const model = (kubernetes as unknown as Record<string, { getAttributeTypeMap?(): Attribute[] } | undefined>)[type];
  if (model?.getAttributeTypeMap === undefined) return isOfPlainType(value, type) ? [] : [`${path} is no ${type}`];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is no object`];
  const attributes = model.getAttributeTypeMap();
  return Object.entries(value).flatMap(([name, member]) => {
    const attribute = attributes.find(({ baseName }) => baseName === name);
    return attribute === undefined
      ? [`${path}.${name} is not known`]
      : faultsOf(member, attribute.type, `${path}.${name}`);
  });
}

function isOfPlainType(value: unknown, type: string): boolean {
  if (type === 'IntOrString') return typeof value === 'string' || Number.isInteger(value);
  if (type.startsWith('{'))
    return typeof value === 'object' && Object.values(value ?? {}).every((one) => typeof one === 'string');
  return typeof value === type;
}
