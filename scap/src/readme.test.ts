/** The example of the package's readme runs, and prints what it should. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as library from './index.ts';

const THREAD = 7n;

/** Two pieces of a capture in which the thread 7 changes into /tmp. */
function chunks(): readonly Buffer[] {
  const pieces: Buffer[] = [];
  const writer = new library.CaptureWriter((bytes) => pieces.push(bytes));
  writer.section();
  const code = library.EVENT_TABLE.find(({ name, isExit }) => name === 'chdir' && isExit)?.code ?? 0;
  const parameters = [Buffer.alloc(8), Buffer.from('/tmp\0')];
  writer.tell({ code, timeNs: 1_700_000_000_000_000_001n, tid: THREAD, flags: 0, parameters });
  writer.end();
  const whole = Buffer.concat(pieces);
  return [whole.subarray(0, 50), whole.subarray(50)];
}

test('the example of the readme runs', () => {
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  const names = /import \{ (.*) \} from '@countersign\/scap';/.exec(code)?.[1]?.split(', ') ?? [];
  expect(names.length).toBeGreaterThan(3);
  const printed: string[] = [];
  const output = { log: (...words: unknown[]) => printed.push(words.map(String).join(' ')) };
  // oxlint-disable-next-line typescript/no-implied-eval -- the example is ours, and has to be run as it stands
  const run = new Function('console', 'chunks', ...names, code.replace(/^import .*$/m, ''));
  const exported: Readonly<Record<string, unknown>> = { ...library };
  run(output, chunks(), ...names.map((name) => exported[name]));
  expect(printed).toEqual(['chdir <NA> null', '1 event', '<NA>']);
});
