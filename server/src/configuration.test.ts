/** `countersign.yaml`: the example holds, every mistake is found where it is, and no secret is repeated. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sampleActor, sampleFacts, sampleFinding } from '../../test/sample-finding.ts';
import { defaultConfiguration, readConfiguration } from './configuration.ts';
import { formatConfigDiagnostic } from './ground/config.ts';

const EXAMPLE = readFileSync(new URL('../../examples/countersign.yaml', import.meta.url), 'utf8');
const read = (text: string) => readConfiguration(text, 'countersign.yaml');

test('the example is without a fault and means what it says', () => {
  const { configuration, diagnostics } = read(EXAMPLE);
  expect(diagnostics).toEqual([]);
  expect(configuration?.accounts.get('111122223333')).toMatchObject({ name: 'shop-prod', label: 'prod' });
  expect(configuration?.ownership.people.map(({ email, role }) => [email, role])).toEqual([
    ['alice@example.com', null],
    ['bob@example.com', null],
    ['carol@example.com', 'responder'],
  ]);
  expect(configuration?.pages).toMatchObject([
    { type: 'pagerduty', routingKey: { env: 'PAGERDUTY_ROUTING_KEY' } },
    { type: 'webhook', secret: { file: '/run/secrets/webhook' } },
  ]);
  const deploy = sampleActor({ kind: 'role', id: 'arn:aws:iam::777788889999:role/deploy', name: 'deploy' });
  const finding = sampleFinding({ facts: sampleFacts({ actor: deploy, service: 'ec2', action: 'StopInstances' }) });
  expect(configuration?.policy.decide(finding, 99, { actorIsPerson: false })).toEqual({ type: 'record' });
});

test('without a file, and with an empty one, the defaults hold', () => {
  for (const configuration of [defaultConfiguration(), read('').configuration, read('# nothing\n').configuration]) {
    expect(configuration).toMatchObject({ publicUrl: null, pages: [], sources: [], rules: [] });
    expect(configuration?.policy.decide(sampleFinding(), 90, { actorIsPerson: false })).toMatchObject({ type: 'page' });
  }
});

describe('a mistake is told where it is:', () => {
  const rows: readonly [
    sentence: string,
    text: string,
    line: number,
    column: number,
    message: RegExp,
    hint: RegExp | null,
  ][] = [
    ['a mistyped section', 'acounts: {}\n', 1, 10, /'acounts' is not known/, /did you mean 'accounts'/],
    ['a mistyped key', 'accounts:\n  "1": { lable: prod }\n', 2, 17, /'lable' is not known/, /'label'/],
    ['an unquoted number', 'owner: 111122223333\n', 1, 8, /must be text/, /quotes/],
    ['broken YAML', 'accounts:\n  - {\n', 3, 1, /./, null],
    ['the same key twice', 'owner: a\nowner: b\n', 2, 1, /unique/, null],
    [
      'an owner who is nobody',
      'accounts:\n  "1":\n    owner: ghosts\n',
      3,
      12,
      /no team and no person/,
      /none is configured/,
    ],
    ['a team of strangers', 'teams:\n  blue: [x@example.com]\n', 2, 10, /nobody has the address/, /add the person/],
    [
      'a person listed twice',
      'people:\n  - email: a@example.com\n  - email: A@example.com\n',
      3,
      12,
      /listed twice/,
      /one entry/,
    ],
    [
      'a role that does not exist',
      'people:\n  - email: a@example.com\n    role: boss\n',
      3,
      11,
      /admin or responder or member/,
      null,
    ],
    ['an address that is none', 'people:\n  - email: alice\n', 2, 12, /does not look/, null],
    [
      'a policy without an end',
      'policy:\n  - when: { risk: ">= 5" }\n    then: page\n',
      2,
      5,
      /matches everything/,
      /record/,
    ],
    [
      'a wrong risk in a policy',
      'policy:\n  - when: { risk: "5" }\n    then: page\n  - { when: {}, then: page }\n',
      2,
      19,
      /comparison/,
      />= 50/,
    ],
    ['a url without a scheme', 'server: { url: example.com }\n', 1, 16, /address/, /https/],
  ];
  test.each(rows)('%s', (_sentence, text, line, column, message, hint) => {
    const { configuration, diagnostics } = read(text);
    expect(configuration).toBeNull();
    const [first] = diagnostics;
    expect([first?.line, first?.column]).toEqual([line, column]);
    expect(first?.message).toMatch(message);
    if (hint !== null) {
      expect(first?.hint).toMatch(hint);
    }
  });
});

test('all mistakes of a file are told at once', () => {
  const text = `people:\n${'  - emial: x\n'.repeat(12)}`;
  expect(read(text).diagnostics).toHaveLength(24);
});

test('a secret written in the clear is refused and not repeated', () => {
  const text =
    'pages:\n  - pagerduty: { routing_key: R0UTINGKEY }\n  - webhook: { url: "https://a.example", secret: hush }\n';
  const { configuration, diagnostics } = read(text);
  expect(configuration).toBeNull();
  const told = diagnostics.map(formatConfigDiagnostic).join('\n');
  expect(told).toContain('this must be { env: … } or { file: … }');
  expect(told).toContain('countersign.yaml:2:31');
  expect(told).not.toMatch(/R0UTINGKEY|hush/);
});

test('a file that unfolds without end is refused', () => {
  const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 9; level += 1) {
    bomb.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')}]`);
  }
  const { configuration, diagnostics } = read(bomb.join('\n'));
  expect(configuration).toBeNull();
  expect(diagnostics[0]?.message).toBe('too many aliases');
});

test('a complaint shows the line with a caret', () => {
  const [first] = read('owner: 5\n').diagnostics;
  expect(formatConfigDiagnostic(first!)).toBe(
    'countersign.yaml:1:8: error: this must be text\nowner: 5\n       ^\nhint: put it in quotes',
  );
});
