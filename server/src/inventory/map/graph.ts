/**
 * Who talks to whom, as a graph at one level: nodes and the lines between them, in any range of time. Pure: rows of ends go in, the graph
 * comes out.
 *
 * The surprise: a connection is told twice, by the caller's host and by the called one's, and drawn once. Both ends know the called address
 * and the service's port, so a caller's line meets the called one there; whatever meets nobody leads to whoever uses the address, or outside.
 */
import type { Addressed, AddressDirectory } from '../address-directory.ts';
import type { LineEnd } from '../connections/line-end.ts';
import { placeAt, throughServices } from './places.ts';

export type MapLevel = 'namespace' | 'application' | 'host' | 'container' | 'process';

export type NodeKind = 'workload' | 'external' | 'host';

export interface MapNode {
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
  /** The node of the next higher level that it belongs to; empty at the top. */
  readonly group: string;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface MapEdge {
  readonly source: string;
  readonly target: string;
  /** Up to `MOST_PORTS`, the busiest first. */
  readonly ports: readonly string[];
  readonly opened: number;
  readonly failed: number;
  /** From source to target, and back. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly retransmits: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Of an end outside: the addresses behind its name, the busiest first, up to `MOST_ADDRESSES`; and how many there are. */
  readonly addresses: readonly string[];
  readonly addressCount: number;
}

export interface MapGraph {
  readonly nodes: readonly MapNode[];
  readonly edges: readonly MapEdge[];
  /** Outside addresses that are drawn together as one node, since there were too many. */
  readonly externalsGrouped: number;
}

export interface GraphOptions {
  readonly level: MapLevel;
  /** More outside nodes than this are drawn as one. */
  readonly mostExternals: number;
  /** Whose an address outside is that no name server named; empty when nobody knows. */
  readonly networkOf?: (ip: string) => string;
  /** Pods, services and nodes by address: whom no agent tells of. */
  readonly directory?: AddressDirectory;
}

const MOST_PORTS = 8;
const MOST_ADDRESSES = 20;
export const OTHER_EXTERNALS = 'external:*';

/** Draws the graph of all ends of a range. */
export function drawGraph(ends: readonly LineEnd[], options: GraphOptions): MapGraph {
  const { level, mostExternals, networkOf, directory } = options;
  const externalOf = externals(networkOf ?? (() => ''));
  const strangerOf = (end: LineEnd) => {
    const place = placeAt(directory, end);
    return place === null ? externalOf(end) : nodeOfPlace(place, level);
  };
  const owners = ownersOf(ends, level, strangerOf);
  const callersSeen = new Set(ends.filter(isCaller).map(meetingPoint));
  const services = throughServices(ends, directory);
  // Which container of a service was called only the called end knows.
  const isFine = level !== 'namespace' && level !== 'application';
  const edges = new Map<string, EdgeDraft>();
  for (const end of ends) {
    if (isCaller(end)) {
      if (isFine && services.isToldByCalled(end)) continue;
      addTo(edges, { end, source: nodeOf(end, level), target: owners.of(end), sentFirst: true });
    } else if (!callersSeen.has(meetingPoint(end))) {
      if (services.isToldByCaller(end) && !isFine) continue;
      addTo(edges, { end, source: owners.callerOf(end), target: nodeOf(end, level), sentFirst: false });
    }
  }
  const grouped = groupExternals([...edges.values()], mostExternals);
  return { ...finish(grouped.edges), externalsGrouped: grouped.count };
}

/** What is between two addresses and a port, whoever tells it. */
function meetingPoint(end: LineEnd): string {
  const [caller, called] = isCaller(end) ? [end.localIp, end.remoteIp] : [end.remoteIp, end.localIp];
  return `${end.scope}|${end.protocol}|${caller}|${called}|${end.port}`;
}

function isCaller({ direction }: LineEnd): boolean {
  return direction !== 'in';
}

interface NodeRef {
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
  readonly group: string;
}

/** The node at which an end stands. */
export function nodeOf(end: LineEnd, level: MapLevel): NodeRef {
  const namespace = namespaceOf(end);
  switch (level) {
    case 'namespace':
      return { id: `namespace:${namespace}`, kind: 'workload', name: namespace, group: '' };
    case 'host':
      return { id: `host:${end.host}`, kind: 'host', name: end.host, group: '' };
    case 'application':
      return workload(end.application, nameOf(end.application), `namespace:${namespace}`);
    case 'container': {
      const id = end.container === '' ? `${end.host}/${end.application}` : end.container;
      return workload(
        `${end.application}#${id}`,
        end.container.slice(0, 12) || end.host,
        `workload:${end.application}`,
      );
    }
    case 'process':
      return workload(`${end.application}›${end.process}`, end.process, `workload:${end.application}`);
  }
}

/** Of what the inventory knows at an address: a pod has one workload and host, a service stands for whatever is behind it. */
function nodeOfPlace({ kind, id, name, namespace, application, host }: Addressed, level: MapLevel): NodeRef {
  if (kind === 'node' || kind === 'host') return { id: `host:${name}`, kind: 'host', name, group: '' };
  const isService = kind === 'service';
  switch (level) {
    case 'namespace':
      return { id: `namespace:${namespace}`, kind: 'workload', name: namespace, group: '' };
    case 'application':
      return workload(application, nameOf(application), `namespace:${namespace}`);
    case 'host':
      if (!isService && host !== '') return { id: `host:${host}`, kind: 'host', name: host, group: '' };
      return workload(application, nameOf(application), '');
    case 'container':
      return workload(`${application}#${isService ? `service/${name}` : id}`, name, `workload:${application}`);
    case 'process':
      return workload(`${application}›?`, '?', `workload:${application}`);
  }
}

function workload(id: string, name: string, group: string): NodeRef {
  return { id: `workload:${id}`, kind: 'workload', name, group };
}

/** `shop/deployment/web` is in `shop`; a unit or a program is on its host. */
function namespaceOf({ application, host }: LineEnd): string {
  const slash = application.indexOf('/');
  return slash > 0 && !application.startsWith('unit:') ? application.slice(0, slash) : host;
}

function nameOf(application: string): string {
  return application.split('/').at(-1) ?? application;
}

/** An address outside by the name that was looked up, else whose it is, else as it is. What has one name is one node. */
function externals(networkOf: (ip: string) => string): (end: LineEnd) => NodeRef {
  return ({ remoteIp, remoteName }) => {
    const name = remoteName || networkOf(remoteIp) || remoteIp;
    return { id: `external:${name}`, kind: 'external', name, group: 'external' };
  };
}

const ANY_HOST = '*';

/**
 * Who answers at an address: whoever was seen to be called at that port; else the only one who uses the address; else its host. One on the
 * caller's own host comes first, since every host may have the same inner network for its containers.
 */
function ownersOf(
  ends: readonly LineEnd[],
  level: MapLevel,
  strangerOf: (end: LineEnd) => NodeRef,
): { of(end: LineEnd): NodeRef; callerOf(end: LineEnd): NodeRef } {
  const listeners = new Map<string, NodeRef>();
  const users = new Map<string, NodeRef>();
  for (const end of ends) {
    const node = nodeOf(end, level);
    for (const host of [end.host, ANY_HOST]) {
      const place = `${host}|${end.scope}|${end.localIp}`;
      if (end.direction === 'in') listeners.set(`${place}|${end.protocol}|${end.port}`, node);
      const known = users.get(place);
      if (known === undefined) users.set(place, node);
      else if (known.id !== node.id) users.set(place, nodeOf(end, 'host'));
    }
  }
  const placeOf = (host: string, { scope, remoteIp }: LineEnd) => `${host}|${scope}|${remoteIp}`;
  const listenerAt = (host: string, end: LineEnd) => listeners.get(`${placeOf(host, end)}|${end.protocol}|${end.port}`);
  const userOf = (end: LineEnd) => users.get(placeOf(end.host, end)) ?? users.get(placeOf(ANY_HOST, end));
  return {
    of: (end) => listenerAt(end.host, end) ?? listenerAt(ANY_HOST, end) ?? userOf(end) ?? strangerOf(end),
    callerOf: (end) => userOf(end) ?? strangerOf(end),
  };
}

interface EdgeDraft {
  source: NodeRef;
  target: NodeRef;
  readonly ports: Map<string, number>;
  readonly addresses: Map<string, number>;
  opened: number;
  failed: number;
  sentBytes: number;
  receivedBytes: number;
  retransmits: number;
  firstMs: number;
  lastMs: number;
}

interface Addition {
  readonly end: LineEnd;
  readonly source: NodeRef;
  readonly target: NodeRef;
  /** The end that tells it is the source. */
  readonly sentFirst: boolean;
}

function addTo(edges: Map<string, EdgeDraft>, { end, source, target, sentFirst }: Addition): void {
  const key = `${source.id}\n${target.id}`;
  let edge = edges.get(key);
  if (edge === undefined) {
    edge = emptyEdge(source, target, end);
    edges.set(key, edge);
  }
  const bytes = end.sentBytes + end.receivedBytes;
  const port = `${end.port}/${end.protocol}`;
  addCount(edge.ports, port, bytes);
  if (source.kind === 'external' || target.kind === 'external') addCount(edge.addresses, end.remoteIp, bytes);
  edge.opened += end.opened;
  edge.failed += end.failed;
  edge.sentBytes += sentFirst ? end.sentBytes : end.receivedBytes;
  edge.receivedBytes += sentFirst ? end.receivedBytes : end.sentBytes;
  edge.retransmits += end.retransmits;
  edge.firstMs = Math.min(edge.firstMs, end.firstMs);
  edge.lastMs = Math.max(edge.lastMs, end.lastMs);
}

function addCount(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}

function emptyEdge(
  source: NodeRef,
  target: NodeRef,
  { firstMs, lastMs }: { firstMs: number; lastMs: number },
): EdgeDraft {
  return {
    source,
    target,
    ports: new Map(),
    addresses: new Map(),
    opened: 0,
    failed: 0,
    sentBytes: 0,
    receivedBytes: 0,
    retransmits: 0,
    firstMs,
    lastMs,
  };
}

const OTHERS: NodeRef = { id: OTHER_EXTERNALS, kind: 'external', name: '*', group: 'external' };

/** The busiest outside addresses keep a node of their own; the others become one. */
function groupExternals(
  edges: readonly EdgeDraft[],
  most: number,
): { readonly edges: readonly EdgeDraft[]; readonly count: number } {
  const bytes = new Map<string, number>();
  for (const { source, target, sentBytes, receivedBytes } of edges)
    for (const { id, kind } of [source, target])
      if (kind === 'external') bytes.set(id, (bytes.get(id) ?? 0) + sentBytes + receivedBytes);
  if (bytes.size <= most) return { edges, count: 0 };
  const kept = new Set(
    [...bytes]
      .sort((one, other) => other[1] - one[1])
      .slice(0, most)
      .map(([id]) => id),
  );
  const merged = new Map<string, EdgeDraft>();
  const seen = (node: NodeRef) => (node.kind === 'external' && !kept.has(node.id) ? OTHERS : node);
  for (const edge of edges) {
    const source = seen(edge.source);
    const target = seen(edge.target);
    const key = `${source.id}\n${target.id}`;
    const into = merged.get(key) ?? emptyEdge(source, target, edge);
    merged.set(key, into);
    for (const [port, count] of edge.ports) addCount(into.ports, port, count);
    for (const [address, count] of edge.addresses) addCount(into.addresses, address, count);
    into.opened += edge.opened;
    into.failed += edge.failed;
    into.sentBytes += edge.sentBytes;
    into.receivedBytes += edge.receivedBytes;
    into.retransmits += edge.retransmits;
    into.firstMs = Math.min(into.firstMs, edge.firstMs);
    into.lastMs = Math.max(into.lastMs, edge.lastMs);
  }
  return { edges: [...merged.values()], count: bytes.size - kept.size };
}

function finish(drafts: readonly EdgeDraft[]): Pick<MapGraph, 'nodes' | 'edges'> {
  const nodes = new Map<string, { -readonly [Name in keyof MapNode]: MapNode[Name] }>();
  const count = (ref: NodeRef, sentBytes: number, receivedBytes: number) => {
    const node = nodes.get(ref.id) ?? { ...ref, sentBytes: 0, receivedBytes: 0 };
    node.sentBytes += sentBytes;
    node.receivedBytes += receivedBytes;
    nodes.set(ref.id, node);
  };
  const edges = drafts.map(({ source, target, ports, addresses, ...sums }) => {
    count(source, sums.sentBytes, sums.receivedBytes);
    count(target, sums.receivedBytes, sums.sentBytes);
    return {
      source: source.id,
      target: target.id,
      ports: busiest(ports, MOST_PORTS),
      ...sums,
      addresses: busiest(addresses, MOST_ADDRESSES),
      addressCount: addresses.size,
    };
  });
  const byBytes = (one: MapNode, other: MapNode) =>
    other.sentBytes + other.receivedBytes - one.sentBytes - one.receivedBytes || (one.id < other.id ? -1 : 1);
  return { nodes: [...nodes.values()].sort(byBytes), edges };
}

function busiest(counts: ReadonlyMap<string, number>, most: number): readonly string[] {
  const sorted = [...counts].sort((one, other) => other[1] - one[1]);
  return sorted.slice(0, most).map(([name]) => name);
}
