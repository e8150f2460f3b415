/** What is wrong in the section `telemetry` is said with its place and how to mend it. */
import { expect, test } from 'vitest';
import { readConfiguration } from '../../configuration.ts';

const faults = (yaml: string) =>
  readConfiguration(yaml, 'countersign.yaml').diagnostics.map(
    ({ line, message, hint }) => `${line}: ${message}; ${hint}`,
  );
const receiver = (text: string) => `telemetry:\n  remote_write:\n    - ${text}`;

test('left out, everything is kept as long as usual and nobody gets it', () => {
  const { configuration } = readConfiguration('', 'countersign.yaml');
  expect(configuration?.telemetry).toEqual({ kept: { samples: 7, minutes: 30, hours: 400 }, receivers: [] });
});

test('a receiver with its labels and its secret, which is named and not held', () => {
  const yaml = receiver(
    '{ url: "https://prometheus.example.com/api/v1/write", bearer_token: { env: PROMETHEUS_TOKEN }, labels: { cluster: shop } }',
  );
  expect(readConfiguration(yaml, 'countersign.yaml').configuration?.telemetry.receivers).toEqual([
    {
      name: 'receiver-1',
      url: 'https://prometheus.example.com/api/v1/write',
      credentials: { type: 'bearer', token: { env: 'PROMETHEUS_TOKEN' } },
      labels: [['cluster', 'shop']],
    },
  ]);
});

test.each([
  [receiver('{ url: "prometheus:9090" }'), '3: this is no http or https address'],
  [receiver('{ url: "https://ann:secret@prometheus" }'), '3: the address holds a secret'],
  [
    receiver('{ url: "http://prometheus:9090", bearer_token: { env: T } }'),
    '3: a secret would go over the network in the clear',
  ],
  [
    receiver('{ url: "https://a", bearer_token: { env: T }, basic: { user: a, password: { env: P } } }'),
    '3: basic and bearer_token exclude each other',
  ],
  [receiver('{ url: "https://a", labels: { "1st": x } }'), "3: '1st' is no name of a label"],
  [receiver('{ url: "https://a", labels: { host: x } }'), "3: 'host' is a label of ours"],
  [receiver('{ url: "https://a", labels: { cluster: "" } }'), '3: a label without a value is none'],
  [receiver('{ name: a, url: "https://a" }\n    - { name: a, url: "https://b" }'), "the name 'a' is used twice"],
  ['telemetry: { keep: { samples: 36h } }', "1: '36h' is not so many whole days"],
  ['telemetry: { keep: { samples: 60d } }', '1: what is finer would be kept for longer than what is coarser'],
])('%s', (yaml, fault) => {
  const found = faults(yaml).join('\n');
  expect(found).toContain(fault);
  expect(found).not.toContain('secret@');
});
