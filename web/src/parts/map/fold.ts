/**
 * Groups of the map, folded to one node or unfolded to their members. Pure.
 *
 * The surprise: lines inside a folded group vanish from the picture, but their bytes stay told, as the group's own.
 */
import type { MapEdge, MapNode } from '@countersign/contract';

export interface ShownNode {
  readonly id: string;
  readonly kind: MapNode['kind'] | 'group';
  readonly name: string;
  readonly group: string;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** How many nodes a folded group stands for; 0 for a node that is itself. */
  readonly members: number;
  /** Bytes between the members of a folded group. */
  readonly insideBytes: number;
}

export interface Shown {
  readonly nodes: readonly ShownNode[];
  readonly edges: readonly MapEdge[];
}

const MOST_PORTS = 8;
const MOST_ADDRESSES = 20;
/** So many nodes are taken in at a glance; larger maps begin with their groups folded. */
export const MOST_UNFOLDED = 60;

export function groupName(group: string): string {
  return group.slice(group.indexOf(':') + 1);
}

/** The groups that a map of that size begins with unfolded. */
export function openAtFirst(nodes: readonly MapNode[]): ReadonlySet<string> {
  return new Set(nodes.length <= MOST_UNFOLDED ? nodes.map(({ group }) => group) : []);
}

export function fold(
  { nodes, edges }: { readonly nodes: readonly MapNode[]; readonly edges: readonly MapEdge[] },
  open: ReadonlySet<string>,
): Shown {
  const shown = new Map<string, { -readonly [Name in keyof ShownNode]: ShownNode[Name] }>();
  const shownAs = new Map<string, string>();
  for (const node of nodes) {
    if (node.group === '' || open.has(node.group)) {
      shown.set(node.id, { ...node, members: 0, insideBytes: 0 });
      shownAs.set(node.id, node.id);
      continue;
    }
    const id = `group:${node.group}`;
    const group = shown.get(id) ?? emptyGroup(id, node.group);
    group.members += 1;
    group.sentBytes += node.sentBytes;
    group.receivedBytes += node.receivedBytes;
    shown.set(id, group);
    shownAs.set(node.id, id);
  }
  const lines = new Map<string, MapEdge>();
  for (const edge of edges) {
    const source = shownAs.get(edge.source);
    const target = shownAs.get(edge.target);
    if (source === undefined || target === undefined) continue;
    const inside = shown.get(source);
    if (source === target && inside?.kind === 'group') {
      inside.insideBytes += edge.sentBytes + edge.receivedBytes;
      continue;
    }
    const key = `${source}\n${target}`;
    const known = lines.get(key);
    lines.set(key, known === undefined ? { ...edge, source, target } : joined(known, edge));
  }
  return { nodes: [...shown.values()], edges: [...lines.values()] };
}

function emptyGroup(id: string, group: string) {
  const sums = { sentBytes: 0, receivedBytes: 0, members: 0, insideBytes: 0 };
  return { id, kind: 'group' as const, name: groupName(group), group: '', ...sums };
}

function joined(one: MapEdge, other: MapEdge): MapEdge {
  const addresses = [...new Set([...one.addresses, ...other.addresses])];
  return {
    ...one,
    addresses: addresses.slice(0, MOST_ADDRESSES),
    // Of those that neither line names it is not known which are the same.
    addressCount: Math.max(addresses.length, one.addressCount, other.addressCount),
    ports: [...new Set([...one.ports, ...other.ports])].slice(0, MOST_PORTS),
    opened: one.opened + other.opened,
    failed: one.failed + other.failed,
    sentBytes: one.sentBytes + other.sentBytes,
    receivedBytes: one.receivedBytes + other.receivedBytes,
    retransmits: one.retransmits + other.retransmits,
    firstAt: one.firstAt < other.firstAt ? one.firstAt : other.firstAt,
    lastAt: one.lastAt > other.lastAt ? one.lastAt : other.lastAt,
  };
}

/** The node, and everything within so many lines of it. */
export function focusOn({ nodes, edges }: Shown, id: string, hops: number): Shown {
  let reached = new Set([id]);
  for (let hop = 0; hop < hops; hop += 1) {
    const next = new Set(reached);
    for (const { source, target } of edges) {
      if (reached.has(source)) next.add(target);
      if (reached.has(target)) next.add(source);
    }
    reached = next;
  }
  return {
    nodes: nodes.filter((node) => reached.has(node.id)),
    edges: edges.filter(({ source, target }) => reached.has(source) && reached.has(target)),
  };
}
