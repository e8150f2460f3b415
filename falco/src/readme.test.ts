/** The example of the package's readme runs, and prints what it should. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as library from './index.ts';

test('the example of the readme runs', () => {
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  const names = /import \{ (.*) \} from '@countersign\/falco';/.exec(code)?.[1]?.split(', ') ?? [];
  expect(names.length).toBeGreaterThan(3);
  const printed: string[] = [];
  const complained: string[] = [];
  const output = {
    log: (...words: string[]) => printed.push(words.join(' ')),
    error: (word: string) => complained.push(word),
  };
  // oxlint-disable-next-line typescript/no-implied-eval -- the example is ours, and has to be run as it stands
  const run = new Function('console', ...names, code.replace(/^import .*$/m, ''));
  const exported: Readonly<Record<string, unknown>> = { ...library };
  run(output, ...names.map((name) => exported[name]));
  expect(complained).toEqual([]);
  expect(printed).toEqual(['Shell spawned sh was started by nginx']);
});
