/** The map as a file: everything is in it, and nothing in it acts. */
import { expect, test } from 'vitest';
import type { Scene } from './scene.ts';
import { svgOf } from './svg.ts';

const INK = {
  paper: '#fff',
  line: '#ccc',
  ink: '#111',
  quiet: '#666',
  accent: '#06f',
  act: '#c00',
  font: 'Inter, "x"',
};
const bytes = { sentBytes: 1_000, receivedBytes: 10, insideBytes: 0, members: 0 };
const counts = { opened: 3, failed: 0, sentBytes: 5, receivedBytes: 5, retransmits: 0 };
const edge = { ...counts, firstAt: '', lastAt: '', addresses: [], addressCount: 0 };

function sceneOf(names: readonly string[]): Scene {
  const kinds = ['workload', 'external', 'host', 'group'] as const;
  const nodes = names.map((name, index) => ({ id: name, kind: kinds[index % 4] ?? 'host', name, group: '', ...bytes }));
  const [first = '', second = ''] = names;
  const edges = [
    { ...edge, source: first, target: second, ports: ['443/tcp'] },
    { ...edge, source: second, target: first, ports: [], failed: 9 },
  ];
  return {
    shown: { nodes, edges },
    places: Float32Array.from(names.flatMap((_, index) => [index * 100, index * -50])),
    indexOf: new Map(names.map((name, index) => [name, index])),
  };
}

test('every node and line is there, each kind with its shape, a failing line dashed', () => {
  const svg = svgOf(sceneOf(['web', 'evil.example', 'node-1', 'shop']), INK, 'Map');
  expect(svg.match(/<g>/g)).toHaveLength(4);
  expect(svg.match(/<line /g)).toHaveLength(2);
  expect(svg.match(/stroke-dasharray/g)).toHaveLength(1);
  for (const shape of ['<circle cx="0" cy="0"', '<polygon points="100,', 'rx="0"', '>shop</text>', '443/tcp'])
    expect(svg).toContain(shape);
  expect(svg).toContain('viewBox="-80 -230 460 310"');
});

test('what somebody chose as a name is text and nothing else', () => {
  const svg = svgOf(sceneOf(['</text><script>alert(1)</script>', '"onload="x\u0000\u0007', "&'"]), INK, '<b>');
  for (const wrong of ['<script', '<b>', '\u0000', '\u0007']) expect(svg).not.toContain(wrong);
  expect(svg).toContain('&lt;script&gt;');
  expect(svg.match(/="[^"]*"/g)?.some((value) => value.includes('<'))).toBe(false);
});

test('an empty map is a file too', () => {
  expect(svgOf({ ...sceneOf([]), shown: { nodes: [], edges: [] } }, INK, 'Map')).toMatch(
    /^<svg [^>]*viewBox="-80 -80 160 160"/,
  );
});
