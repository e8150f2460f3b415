/**
 * The project's own TypeScript, parsed once: what the house rules look at.
 *
 * A `Tree` is plain data (paths and texts), so that a test can hand the rules a tree with a planted fault and see that it
 * is found; rules that never saw a file would otherwise be green for ever.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

export interface SourceFile {
  /** From the root, with `/`: `server/src/cases/case.ts`. */
  readonly path: string;
  readonly text: string;
}

export type Tree = readonly SourceFile[];

/** An ESTree node, as far as the rules need to know. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

export interface Fault {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

const FOLDERS = ['falco', 'contract', 'scap', 'server', 'web', 'test', 'bench', 'scripts'];
const SKIPPED = new Set(['node_modules', 'dist', '.build']);

export function readTree(root: string): Tree {
  return FOLDERS.flatMap((folder) => filesBelow(root, folder))
    .filter((path) => /\.(ts|tsx|mjs|js)$/.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

function filesBelow(root: string, folder: string): string[] {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesBelow(root, path);
    return entry.isFile() ? [path] : [];
  });
}

const parsed = new WeakMap<SourceFile, Node>();

export function astOf(file: SourceFile): Node {
  let ast = parsed.get(file);
  if (!ast) {
    const lang = file.path.endsWith('x') ? 'tsx' : 'ts';
    ast = parseAst(file.text, { lang, sourceType: 'module' }, file.path) as unknown as Node;
    parsed.set(file, ast);
  }
  return ast;
}

export function walk(node: Node, visit: (node: Node, parent: Node | null) => void, parent: Node | null = null): void {
  visit(node, parent);
  for (const member of Object.values(node)) {
    for (const child of Array.isArray(member) ? member : [member]) {
      if (isNode(child)) walk(child, visit, node);
    }
  }
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

export function lineOf(file: SourceFile, offset: number): number {
  let line = 1;
  for (
    let index = file.text.indexOf('\n');
    index !== -1 && index < offset;
    index = file.text.indexOf('\n', index + 1)
  ) {
    line += 1;
  }
  return line;
}

export function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path) || path.startsWith('test/') || path.includes('/testing/');
}

/** Every module specifier a file imports or re-exports, static or dynamic, with where it stands. */
export function importsOf(file: SourceFile): { specifier: string; offset: number }[] {
  const found: { specifier: string; offset: number }[] = [];
  walk(astOf(file), (node) => {
    const source = node['source'];
    if (isNode(source) && typeof source['value'] === 'string' && /Import|Export/.test(node.type)) {
      found.push({ specifier: source['value'], offset: node.start });
    }
    const url = assetOf(node);
    if (url !== null) found.push({ specifier: url, offset: node.start });
  });
  return found;
}

/** `new URL('./child.ts', import.meta.url)`: how a worker or a child process is named. */
function assetOf(node: Node): string | null {
  if (node.type !== 'NewExpression') return null;
  const callee = node['callee'];
  const first = (node['arguments'] as readonly unknown[] | undefined)?.[0];
  if (!isNode(callee) || callee['name'] !== 'URL' || !isNode(first)) return null;
  const value = first['value'];
  return typeof value === 'string' && /^\.\.?\/.*\.(ts|js|tsx)$/.test(value) ? value : null;
}

/** The file of the tree that a relative specifier names, or null for packages and files that are not sources. */
export function resolveImport(tree: Tree, from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  const path = parts.join('/');
  const candidates = [path, path.replace(/\.js$/, '.ts'), path.replace('/dist/', '/src/').replace(/\.js$/, '.ts')];
  return candidates.find((candidate) => tree.some((file) => file.path === candidate)) ?? null;
}
