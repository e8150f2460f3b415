/**
 * The house rules as tests. Each rule is first shown a tree with a planted fault and must find it, and then the real tree,
 * of which it must have seen enough: a rule that looks at nothing is not a rule.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { banned } from './tidy/banned.ts';
import { deadFiles } from './tidy/dead-files.ts';
import { importLaw } from './tidy/import-law.ts';
import { sizes } from './tidy/sizes.ts';
import { type Fault, readTree, type Tree } from './tidy/sources.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const tree = readTree(ROOT);
const FEWEST_FILES = 60;

const planted = (path: string, text: string): Tree => [{ path, text: `/** What for. */\n${text}` }];
const messages = (faults: readonly Fault[]) => faults.map((fault) => `${fault.path}:${fault.line} ${fault.message}`);

test('the rules look at every workspace and at enough files', () => {
  expect(tree.length).toBeGreaterThan(FEWEST_FILES);
  for (const folder of ['falco/src/', 'scap/src/', 'contract/src/', 'server/src/', 'web/src/', 'test/', 'scripts/']) {
    expect(
      tree.some((file) => file.path.startsWith(folder)),
      folder,
    ).toBe(true);
  }
});

test('imports point left', () => {
  const left = { path: 'server/src/sources/a.ts', text: `import { b } from '../cases/b.ts';\n` };
  const lazy = { path: 'server/src/sources/c.ts', text: `const b = import('../cases/b.ts');\n` };
  const right = { path: 'server/src/cases/b.ts', text: `import { a } from '../sources/a.ts';\n` };
  expect(importLaw([left, lazy, right]).map((fault) => fault.path)).toEqual([left.path, lazy.path]);
  expect(importLaw(planted('falco/src/a.ts', `import type { A } from '@countersign/contract';`))).toHaveLength(1);
  expect(importLaw(planted('web/src/a.ts', `export * from '@countersign/falco';`))).toHaveLength(1);
  expect(messages(importLaw(tree))).toEqual([]);
});

test('time, chance and the outside world are arguments, and types are not silenced', () => {
  for (const line of [
    'Date.now()',
    'new Date()',
    'Math.random()',
    'process.env.HOME',
    'fetch("/")',
    'globalThis.setTimeout(f)',
  ]) {
    expect(banned(planted('server/src/cases/a.ts', `export const a = () => ${line};`)), line).toHaveLength(1);
    expect(banned(planted('server/src/ground/a.ts', `export const a = () => ${line};`)), line).toHaveLength(0);
  }
  for (const line of [
    'let a: any',
    'enum A { B }',
    'namespace A { export const b = 1; }',
    'export default 1',
    'a!.b',
  ]) {
    expect(banned(planted('server/src/ground/a.ts', line)), line).toHaveLength(1);
  }
  expect(banned(planted('server/src/cases/utils.ts', ''))).toHaveLength(1);
  expect(banned(planted('server/src/cases/caseStore.ts', ''))).toHaveLength(1);
  expect(messages(banned(tree))).toEqual([]);
});

test('files and functions fit a reader, and every file says what it is for', () => {
  expect(sizes([{ path: 'server/src/a.ts', text: 'export const a = 1;\n' }])).toHaveLength(1);
  expect(sizes(planted('server/src/a.ts', '\n'.repeat(600)))).toHaveLength(1);
  expect(sizes(planted('server/src/a.ts', `function a() {${'\n'.repeat(80)}}`))).toHaveLength(1);
  expect(messages(sizes(tree))).toEqual([]);
});

test('no file is dead', () => {
  expect(deadFiles(planted('server/src/cases/orphan.ts', 'export const a = 1;'))).toHaveLength(1);
  expect(messages(deadFiles(tree))).toEqual([]);
});

test('English and Japanese have the same words', async () => {
  const { en } = await import('../web/src/words/en.ts');
  const { ja } = await import('../web/src/words/ja.ts');
  const english = keysOf(en);
  expect(english.length).toBeGreaterThan(100);
  expect(keysOf(ja)).toEqual(english);
  expect(keysOf({ a: { b: 1 } })).not.toEqual(keysOf({ a: { c: 1 } }));
});

test('links between documents lead somewhere', () => {
  expect(brokenLinks('README.md', '[gone](no/such/file.md)')).toHaveLength(1);
  const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
  expect(documents.flatMap((file) => brokenLinks(file, readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
});

test('the readme stays short', () => {
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n').length).toBeLessThan(150);
});

function keysOf(words: object, prefix = ''): string[] {
  return Object.entries(words)
    .flatMap(([key, value]) =>
      typeof value === 'object' && value !== null ? keysOf(value, `${prefix}${key}.`) : [`${prefix}${key}`],
    )
    .sort();
}

function brokenLinks(file: string, text: string): string[] {
  return [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
    .map((match) => match[1] ?? '')
    .filter((link) => !existsSync(join(ROOT, dirname(file), link)))
    .map((link) => `${file} links to ${link}`);
}
