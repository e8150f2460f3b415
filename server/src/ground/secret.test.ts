/** Secrets come from where the reference points, and a missing one is a clear failure. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSecret } from './secret.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-secret-'));
  await writeFile(join(directory, 'key'), 'from a file\n');
  await writeFile(join(directory, 'empty'), '\n');
});
afterAll(() => rm(directory, { recursive: true }));

test('a secret is read from the environment, or from a file without its last line break', async () => {
  expect(await readSecret({ env: 'KEY' }, { KEY: 'from the environment' })).toBe('from the environment');
  expect(await readSecret({ file: join(directory, 'key') }, {})).toBe('from a file');
});

test('a missing or empty secret is told by its reference', async () => {
  await expect(readSecret({ env: 'KEY' }, {})).rejects.toThrow('variable KEY is not set or empty');
  await expect(readSecret({ env: 'KEY' }, { KEY: '' })).rejects.toThrow('not set or empty');
  await expect(readSecret({ file: join(directory, 'none') }, {})).rejects.toThrow('cannot be read');
  await expect(readSecret({ file: join(directory, 'empty') }, {})).rejects.toThrow('not set or empty');
});
