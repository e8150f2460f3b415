/**
 * The map as a file that can be enlarged without end, put into a document and searched: every node has its whole name, every line what it
 * carries as a title. Pure.
 *
 * The surprise: names come from processes and DNS, so that anybody may have chosen them. Whatever is text is escaped.
 */
import type { MapEdge } from '@countersign/contract';
import type { Ink } from './draw.ts';
import type { ShownNode } from './fold.ts';
import { isFailing, placeOf, radiusOf, type Scene, widthOf } from './scene.ts';

const MARGIN = 80;
const LABEL = 12;

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
/** What XML 1.0 has no place for, also not escaped. */
// oxlint-disable-next-line no-control-regex -- they are what is to be taken out
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

export function svgOf(scene: Scene, ink: Ink, title: string): string {
  const { nodes, edges } = scene.shown;
  const places = nodes.map(({ id }) => placeOf(scene, id));
  const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs, 0) - MARGIN, Math.min(...ys, 0) - MARGIN];
  const [right, bottom] = [Math.max(...xs, 0) + MARGIN, Math.max(...ys, 0) + MARGIN];
  const box = [left, top, right - left, bottom - top].map(number).join(' ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}" font-family="${text(ink.font)}" font-size="${LABEL}" text-anchor="middle">`,
    `<title>${text(title)}</title>`,
    `<rect x="${number(left)}" y="${number(top)}" width="100%" height="100%" fill="${text(ink.paper)}"/>`,
    ...edges.map((edge) => lineOf(scene, edge, ink)),
    ...nodes.map((node) => nodeOf(scene, node, ink)),
    '</svg>',
    '',
  ].join('\n');
}

function lineOf(scene: Scene, edge: MapEdge, ink: Ink): string {
  const [x1, y1] = placeOf(scene, edge.source);
  const [x2, y2] = placeOf(scene, edge.target);
  const colour = isFailing(edge) ? ink.act : ink.line;
  const dashes = isFailing(edge) ? ' stroke-dasharray="7 5"' : '';
  const ends = `x1="${number(x1)}" y1="${number(y1)}" x2="${number(x2)}" y2="${number(y2)}"`;
  const told = `${edge.source} → ${edge.target} ${edge.ports.join(', ')}`;
  return `<line ${ends} stroke="${text(colour)}" stroke-width="${number(widthOf(edge))}"${dashes}><title>${text(told)}</title></line>`;
}

function nodeOf(scene: Scene, node: ShownNode, ink: Ink): string {
  const [x, y] = placeOf(scene, node.id);
  const radius = radiusOf(node);
  const fill = node.kind === 'external' ? ink.paper : node.kind === 'group' ? ink.line : ink.accent;
  const paint = `fill="${text(fill)}" stroke="${text(ink.quiet)}"`;
  const label = `<text x="${number(x)}" y="${number(y + radius + LABEL)}" fill="${text(ink.ink)}">${text(node.name)}</text>`;
  return `<g><title>${text(node.id)}</title>${outlineOf(node.kind, { x, y, radius }, paint)}${label}</g>`;
}

function outlineOf(
  kind: ShownNode['kind'],
  { x, y, radius }: { readonly x: number; readonly y: number; readonly radius: number },
  paint: string,
): string {
  if (kind === 'workload') return `<circle cx="${number(x)}" cy="${number(y)}" r="${number(radius)}" ${paint}/>`;
  if (kind === 'external') {
    const corners = [
      [x, y - radius],
      [x + radius, y],
      [x, y + radius],
      [x - radius, y],
    ];
    return `<polygon points="${corners.map((corner) => corner.map((at) => number(at)).join(',')).join(' ')}" ${paint}/>`;
  }
  const half = kind === 'host' ? radius * 0.85 : radius;
  const round = kind === 'host' ? 0 : radius * 0.45;
  const sides = `width="${number(half * 2)}" height="${number(half * 2)}" rx="${number(round)}"`;
  return `<rect x="${number(x - half)}" y="${number(y - half)}" ${sides} ${paint}/>`;
}

function text(raw: string): string {
  return raw.replace(FORBIDDEN, '').replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? '');
}

function number(value: number): string {
  return String(Math.round(value * 10) / 10);
}
