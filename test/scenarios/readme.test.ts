/** What the readme tells people to write is accepted as it stands. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readConfiguration } from '../../server/src/configuration.ts';

test('the configuration in the readme is valid', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const samples = [...readme.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  expect(samples).not.toHaveLength(0);
  for (const sample of samples) expect(readConfiguration(sample, 'README.md').diagnostics).toEqual([]);
});

test('the commented example is valid', () => {
  const text = readFileSync(new URL('../../examples/countersign.yaml', import.meta.url), 'utf8');
  expect(readConfiguration(text, 'examples/countersign.yaml').configuration).not.toBeNull();
});
