/** What is drawn, measured: sizes of nodes and lines, what lies under the pointer, the part of the map that is in view. Pure. */
import type { MapEdge } from '@countersign/contract';
import type { Shown, ShownNode } from './fold.ts';

export interface View {
  /** The point of the map in the middle of the picture, and how much it is enlarged. */
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Scene {
  readonly shown: Shown;
  /** `x, y` of each node. */
  readonly places: Float32Array;
  readonly indexOf: ReadonlyMap<string, number>;
}

export type Picked = { readonly type: 'node'; readonly id: string } | { readonly type: 'edge'; readonly edge: MapEdge };

const LEAST_RADIUS = 6;
const MOST_RADIUS = 24;
const NEAR_LINE = 6;
const LEAST_SCALE = 0.05;
const MOST_SCALE = 6;
/** Of a line whose tries fail more often than this, failing is the message. */
const FAILING = 0.2;

export function radiusOf({ sentBytes, receivedBytes, members, insideBytes }: ShownNode): number {
  const bytes = sentBytes + receivedBytes + insideBytes;
  const size = LEAST_RADIUS + Math.log10(bytes + 1) * 1.2 + (members > 0 ? 3 + Math.sqrt(members) : 0);
  return Math.min(MOST_RADIUS, size);
}

export function widthOf({ sentBytes, receivedBytes }: MapEdge): number {
  return Math.min(6, 0.6 + Math.log10(sentBytes + receivedBytes + 1) * 0.45);
}

export function isFailing({ opened, failed }: MapEdge): boolean {
  return failed > (opened + failed) * FAILING;
}

export function placeOf({ places, indexOf }: Scene, id: string): readonly [number, number] {
  const index = indexOf.get(id) ?? -1;
  return [places[index * 2] ?? 0, places[index * 2 + 1] ?? 0];
}

/** The whole of it, with a margin. */
export function fit({ places }: Scene, { width, height }: Size): View {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let index = 0; index + 1 < places.length; index += 2) {
    left = Math.min(left, places[index] ?? 0);
    right = Math.max(right, places[index] ?? 0);
    top = Math.min(top, places[index + 1] ?? 0);
    bottom = Math.max(bottom, places[index + 1] ?? 0);
  }
  if (left > right) return { x: 0, y: 0, scale: 1 };
  const scale = Math.min(width / (right - left + 160), height / (bottom - top + 120), 1.4);
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale: Math.max(scale, LEAST_SCALE) };
}

/** Enlarges around a point of the picture, which stays where it is. */
export function zoom(view: View, factor: number, { at, size }: { at: readonly [number, number]; size: Size }): View {
  const scale = Math.min(MOST_SCALE, Math.max(LEAST_SCALE, view.scale * factor));
  const [x, y] = toMap(view, at, size);
  const [dx, dy] = [at[0] - size.width / 2, at[1] - size.height / 2];
  return { x: x - dx / scale, y: y - dy / scale, scale };
}

export function toMap(
  view: View,
  [x, y]: readonly [number, number],
  { width, height }: Size,
): readonly [number, number] {
  return [view.x + (x - width / 2) / view.scale, view.y + (y - height / 2) / view.scale];
}

/** The node, else the line, at a point of the map. */
export function pick(scene: Scene, [x, y]: readonly [number, number], scale: number): Picked | null {
  const slack = 4 / scale;
  for (const node of scene.shown.nodes) {
    const [nodeX, nodeY] = placeOf(scene, node.id);
    if (Math.hypot(nodeX - x, nodeY - y) <= radiusOf(node) + slack) return { type: 'node', id: node.id };
  }
  let nearest: MapEdge | null = null;
  let distance = NEAR_LINE / scale;
  for (const edge of scene.shown.edges) {
    const found = distanceTo([x, y], placeOf(scene, edge.source), placeOf(scene, edge.target));
    if (found < distance) [nearest, distance] = [edge, found];
  }
  return nearest === null ? null : { type: 'edge', edge: nearest };
}

function distanceTo(
  [x, y]: readonly [number, number],
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
): number {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - x1) * dx + (y - y1) * dy) / length));
  return Math.hypot(x - x1 - along * dx, y - y1 - along * dy);
}

/** The node and what it has a line to; null when nothing is pointed at. */
export function neighboursOf({ shown }: Scene, picked: Picked | null): ReadonlySet<string> | null {
  if (picked === null) return null;
  if (picked.type === 'edge') return new Set([picked.edge.source, picked.edge.target]);
  const near = new Set([picked.id]);
  for (const { source, target } of shown.edges) {
    if (source === picked.id) near.add(target);
    if (target === picked.id) near.add(source);
  }
  return near;
}
