/**
 * Calls and constructs that the house does not use: time, chance and the outside world come as arguments, and types are
 * not silenced. Only `ground/`, `vendors/` and `main.ts` touch the world.
 */
import { astOf, type Fault, isNode, isTest, lineOf, type Node, type Tree, walk } from './sources.ts';

const WORLD = /^server\/src\/(ground|vendors)\/|^server\/src\/main\.ts$/;
const WORLD_CALLS = new Set([
  'setTimeout',
  'setInterval',
  'fetch',
  'randomUUID',
  'randomBytes',
  'Date.now',
  'Math.random',
  'crypto.randomUUID',
  'crypto.getRandomValues',
  'performance.now',
]);
const BANNED_TYPES: Readonly<Record<string, string>> = {
  TSAnyKeyword: 'no `any`: use `unknown` at the border and parse it once',
  TSEnumDeclaration: 'no `enum`: use a union of literals',
  TSModuleDeclaration: 'no `namespace`',
  Decorator: 'no decorators',
  TSNonNullExpression: 'no `!`: prove it or handle it',
  ExportDefaultDeclaration: 'no default export',
};
const VAGUE_NAME = /(^|\/)(utils?|helpers?|common|misc|services?|managers?)(\/|\.[a-z]+$)/;

export function banned(tree: Tree): Fault[] {
  return tree.flatMap((file) => {
    const faults: Fault[] = [];
    const add = (offset: number, message: string) =>
      faults.push({ path: file.path, line: lineOf(file, offset), message });
    if (VAGUE_NAME.test(file.path))
      add(0, 'a file or folder is named by a noun of the domain, not by a drawer for odds and ends');
    if (/(^|\/)[^/]*[A-Z_][^/]*\.tsx?$/.test(file.path)) add(0, 'file names are kebab-case');
    if (isTest(file.path) || !/^[a-z]+\/src\//.test(file.path)) return faults;
    walk(astOf(file), (node) => {
      const message = complaintOf(file.path, node);
      if (message !== null) add(node.start, message);
    });
    return faults;
  });
}

function complaintOf(path: string, node: Node): string | null {
  // `declare module 'fastify'` adds to a library's types; it makes no namespace.
  if (node.type === 'TSModuleDeclaration' && isNode(node['id']) && node['id'].type === 'Literal') return null;
  const byType = BANNED_TYPES[node.type];
  if (byType !== undefined) return byType;
  if (WORLD.test(path) || path.startsWith('web/')) return null;
  if (node.type === 'CallExpression' && WORLD_CALLS.has(nameOf(node['callee']))) {
    return `${nameOf(node['callee'])}() belongs in ground/ or vendors/: take it as an argument`;
  }
  if (
    node.type === 'NewExpression' &&
    nameOf(node['callee']) === 'Date' &&
    (node['arguments'] as unknown[]).length === 0
  ) {
    return 'new Date() without an argument reads the clock: take the time as an argument';
  }
  if (node.type === 'MemberExpression' && nameOf(node) === 'process.env')
    return 'process.env belongs in ground/ or main.ts';
  return null;
}

function nameOf(node: unknown): string {
  if (!isNode(node)) return '';
  if (node.type === 'Identifier') return String(node['name']);
  if (node.type !== 'MemberExpression' || node['computed'] === true) return '';
  const object = nameOf(node['object']).replace(/^globalThis\.?/, '');
  const property = nameOf(node['property']);
  return object === '' ? property : `${object}.${property}`;
}
