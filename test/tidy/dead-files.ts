/** Files that nothing reaches: neither an entry of the product nor a test or benchmark imports them. */
import { type Fault, importsOf, isTest, resolveImport, type Tree } from './sources.ts';

const ENTRIES = [
  /^(falco|scap|contract)\/src\/index\.ts$/,
  /^server\/src\/(main|watch-process)\.ts$/,
  /^web\/src\/main\.tsx$/,
  /^web\/src\/push-worker\/push-worker\.ts$/,
  /^web\/vite\.config\.ts$/,
  /^server\/bin\/countersign\.js$/,
  /^bench\/[^/]+\.ts$/,
  /^scripts\/[^/]+\.mjs$/,
  /^test\/(reporter|global-setup)\.ts$/,
  /^test\/scenarios\/simulation\/main\.ts$/,
];

export function deadFiles(tree: Tree): Fault[] {
  const alive = new Set<string>();
  const queue = tree.filter((file) => ENTRIES.some((entry) => entry.test(file.path))).map((file) => file.path);
  const product = [...queue];
  reach(tree, product, alive);
  const tests = tree.filter((file) => /\.test\.tsx?$/.test(file.path)).map((file) => file.path);
  const withTests = new Set(alive);
  reach(tree, tests, withTests);
  return tree
    .filter((file) => (isTest(file.path) ? !withTests.has(file.path) : !alive.has(file.path)))
    .map((file) => ({ path: file.path, line: 1, message: 'nothing imports this file' }));
}

function reach(tree: Tree, start: readonly string[], reached: Set<string>): void {
  const byPath = new Map(tree.map((file) => [file.path, file]));
  const queue = [...start];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    const file = byPath.get(path);
    if (!file) continue;
    for (const { specifier } of importsOf(file)) {
      const target = resolveImport(tree, path, specifier);
      if (target !== null && !reached.has(target)) queue.push(target);
    }
  }
}
