/** What the guides tell people to write is what the server takes. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readConfiguration } from '../../server/src/configuration.ts';

const blocks = (file: string) => {
  const text = readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
  // The manifest of Slack's app is Slack's to read.
  return [...text.matchAll(/```yaml\n([\s\S]*?)```/g)]
    .map(([, yaml = '']) => yaml)
    .filter((yaml) => !yaml.includes('display_information'));
};

test('the first hour, all steps together, is a configuration without a complaint', () => {
  const steps = blocks('getting-started.md');
  expect(steps.length).toBeGreaterThanOrEqual(3);
  const { configuration, diagnostics } = readConfiguration(steps.join('\n'), 'getting-started.md');
  expect(diagnostics).toEqual([]);
  expect([...(configuration?.onCall.schedules.keys() ?? [])]).toEqual(['security']);
});

test('so is what the guide to AWS shows', () => {
  const [aws = ''] = blocks('aws.md');
  const { diagnostics } = readConfiguration(
    `${aws}people: [{ email: ann@example.com }]\nteams: { payments: [ann@example.com] }\n`,
    'aws.md',
  );
  expect(diagnostics).toEqual([]);
});
