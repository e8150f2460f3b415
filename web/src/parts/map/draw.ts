/** Draws the map on a canvas. Meaning never hangs on colour alone: kinds have shapes, failing lines are dashed. */
import type { MapEdge } from '@countersign/contract';
import type { ShownNode } from './fold.ts';
import {
  isFailing,
  neighboursOf,
  type Picked,
  placeOf,
  radiusOf,
  type Scene,
  type Size,
  type View,
  widthOf,
} from './scene.ts';

export interface Ink {
  readonly paper: string;
  readonly line: string;
  readonly ink: string;
  readonly quiet: string;
  readonly accent: string;
  readonly act: string;
  readonly font: string;
}

export interface Drawing {
  readonly scene: Scene;
  readonly view: View;
  readonly size: Size;
  readonly ink: Ink;
  /** What is pointed at or chosen: it and its neighbours are lit. */
  readonly lit: Picked | null;
  /** Nodes whose name was searched for. */
  readonly found: ReadonlySet<string>;
}

const MOST_LABELS = 160;
const LABEL_HEIGHT = 12;
const LEAST_LABEL_SCALE = 0.35;
/** Smaller than this, arrows are only specks. */
const ARROW_SCALE = 0.45;
const ARROW = 7;

export function draw(context: CanvasRenderingContext2D, drawing: Drawing, ratio: number): void {
  const { scene, view, size } = drawing;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.translate(size.width / 2, size.height / 2);
  context.scale(view.scale, view.scale);
  context.translate(-view.x, -view.y);
  const near = neighboursOf(scene, drawing.lit);
  for (const edge of scene.shown.edges) drawEdge(context, edge, { drawing, near });
  for (const node of scene.shown.nodes) drawNode(context, node, { drawing, near });
  drawLabels(context, drawing, near);
}

interface Light {
  readonly drawing: Drawing;
  readonly near: ReadonlySet<string> | null;
}

function drawEdge(context: CanvasRenderingContext2D, edge: MapEdge, { drawing, near }: Light): void {
  const { scene, ink, view, lit } = drawing;
  const [x1, y1] = placeOf(scene, edge.source);
  const [x2, y2] = placeOf(scene, edge.target);
  const isLit = isEdgeLit(edge, lit);
  context.globalAlpha = near === null ? 0.7 : isLit ? 1 : 0.12;
  context.strokeStyle = isFailing(edge) ? ink.act : isLit && near !== null ? ink.accent : ink.line;
  context.lineWidth = widthOf(edge) / Math.max(view.scale, 0.4);
  context.setLineDash(isFailing(edge) ? [7, 5] : []);
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
  context.setLineDash([]);
  if (view.scale > ARROW_SCALE && (near === null || isLit)) drawArrow(context, { edge, scene, x1, y1, x2, y2 });
}

function isEdgeLit({ source, target }: MapEdge, lit: Picked | null): boolean {
  if (lit === null) return false;
  if (lit.type === 'node') return source === lit.id || target === lit.id;
  return source === lit.edge.source && target === lit.edge.target;
}

function drawArrow(
  context: CanvasRenderingContext2D,
  { edge, scene, x1, y1, x2, y2 }: { edge: MapEdge; scene: Scene; x1: number; y1: number; x2: number; y2: number },
): void {
  const target = scene.shown.nodes[scene.indexOf.get(edge.target) ?? -1];
  const length = Math.hypot(x2 - x1, y2 - y1);
  const back = (target === undefined ? 0 : radiusOf(target)) + 2;
  if (length < back + ARROW * 2) return;
  const [dx, dy] = [(x2 - x1) / length, (y2 - y1) / length];
  const [tipX, tipY] = [x2 - dx * back, y2 - dy * back];
  context.fillStyle = context.strokeStyle;
  context.beginPath();
  context.moveTo(tipX, tipY);
  context.lineTo(tipX - dx * ARROW - dy * ARROW * 0.5, tipY - dy * ARROW + dx * ARROW * 0.5);
  context.lineTo(tipX - dx * ARROW + dy * ARROW * 0.5, tipY - dy * ARROW - dx * ARROW * 0.5);
  context.fill();
}

function drawNode(context: CanvasRenderingContext2D, node: ShownNode, { drawing, near }: Light): void {
  const { scene, ink, found } = drawing;
  const [x, y] = placeOf(scene, node.id);
  const radius = radiusOf(node);
  context.globalAlpha = near === null || near.has(node.id) ? 1 : 0.2;
  context.fillStyle = node.kind === 'external' ? ink.paper : node.kind === 'group' ? ink.line : ink.accent;
  context.strokeStyle = found.has(node.id) ? ink.act : node.kind === 'external' ? ink.quiet : ink.paper;
  context.lineWidth = found.has(node.id) ? 3 : 1.5;
  context.beginPath();
  outline(context, node.kind, { x, y, radius });
  context.fill();
  context.stroke();
  if (node.members > 0) {
    context.fillStyle = ink.ink;
    context.font = `600 ${Math.max(9, radius * 0.8)}px ${ink.font}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(String(node.members), x, y);
  }
}

/** Workloads are round, hosts square, the outside stands on its tip, folded groups have round corners. */
function outline(
  context: CanvasRenderingContext2D,
  kind: ShownNode['kind'],
  { x, y, radius }: { readonly x: number; readonly y: number; readonly radius: number },
): void {
  switch (kind) {
    case 'workload':
      context.arc(x, y, radius, 0, Math.PI * 2);
      return;
    case 'host':
      context.rect(x - radius * 0.85, y - radius * 0.85, radius * 1.7, radius * 1.7);
      return;
    case 'group':
      context.roundRect(x - radius, y - radius, radius * 2, radius * 2, radius * 0.45);
      return;
    case 'external':
      context.moveTo(x, y - radius);
      context.lineTo(x + radius, y);
      context.lineTo(x, y + radius);
      context.lineTo(x - radius, y);
      context.closePath();
  }
}

/** Whatever is lit or was searched for has its name, then the busiest, as long as no name covers another. */
function drawLabels(context: CanvasRenderingContext2D, drawing: Drawing, near: ReadonlySet<string> | null): void {
  const { scene, ink, view, found } = drawing;
  const height = LABEL_HEIGHT / Math.max(view.scale, LEAST_LABEL_SCALE);
  context.textAlign = 'center';
  context.textBaseline = 'top';
  context.font = `500 ${height}px ${ink.font}`;
  context.lineWidth = 3 / view.scale;
  context.globalAlpha = 1;
  context.strokeStyle = ink.paper;
  const taken: Box[] = [];
  for (const node of inOrderOfMeaning(scene.shown.nodes, found, near)) {
    if (taken.length >= MOST_LABELS) return;
    const [x, y] = placeOf(scene, node.id);
    const text = node.name.length > 28 ? `${node.name.slice(0, 13)}…${node.name.slice(-13)}` : node.name;
    const half = context.measureText(text).width / 2;
    const top = y + radiusOf(node) + 3;
    const box = { left: x - half, right: x + half, top, bottom: top + height };
    if (taken.some((other) => covers(box, other))) continue;
    taken.push(box);
    context.fillStyle = found.has(node.id) ? ink.act : node.kind === 'external' ? ink.quiet : ink.ink;
    context.strokeText(text, x, top);
    context.fillText(text, x, top);
  }
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function covers(one: Box, other: Box): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

/** The server sends the busiest first. */
function inOrderOfMeaning(
  nodes: readonly ShownNode[],
  found: ReadonlySet<string>,
  near: ReadonlySet<string> | null,
): readonly ShownNode[] {
  const lit = near === null ? nodes : nodes.filter(({ id }) => near.has(id));
  if (found.size === 0) return lit;
  return [...nodes.filter(({ id }) => found.has(id)), ...lit.filter(({ id }) => !found.has(id))];
}
