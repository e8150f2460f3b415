/** Tests of the tests: a spec file that lies must fail, in the right place and with the reason. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundledRulesets, loadPack } from './pack.ts';
import { testRules } from './spec.ts';
import { merge, readSpecFile } from './spec-file.ts';

const RULES = `
- rule: Trail stopped
  desc: Nobody sees what comes next.
  condition: ct.src = cloudtrail.amazonaws.com and ct.name in (StopLogging, DeleteTrail)
  output: stopped %ct.name
  priority: WARNING
  source: aws_cloudtrail
`;

const EVENTS = `
source: aws_cloudtrail
events:
  call:
    eventTime: "2026-01-15T09:30:00Z"
    eventSource: example.amazonaws.com
    userIdentity: { type: IAMUser, userName: alice }
  trail: { like: call, with: { eventSource: cloudtrail.amazonaws.com } }
tests:
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rule-tests-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

async function run(tests: string, rules = RULES) {
  write('own.yaml', rules);
  write('own.test.yaml', EVENTS + tests);
  return testRules([folder]);
}

describe('a file of rule tests', () => {
  test('passes when the rule matches what it must and misses what it must', async () => {
    const result = await run(`
  - rule: Trail stopped
    matches:
      - { like: trail, each: { eventName: [StopLogging, DeleteTrail] } }
    misses:
      - { like: trail, with: { eventName: StartLogging } }
      - { like: call, with: { eventName: StopLogging }, because: another service }
`);
    expect(result).toEqual({ passed: 4, failed: 0, text: '' });
  });

  test('fails with place, event and what matched instead', async () => {
    const { failed, text } = await run(`
  - rule: Trail stopped
    matches:
      - { like: trail, each: { eventName: [StopLogging, StartLogging] } }
    misses:
      - { like: trail, with: { eventName: DeleteTrail }, because: it only deletes }
`);
    expect(failed).toBe(2);
    expect(text).toContain(
      "own.test.yaml:13:9: error: 'Trail stopped' must match this event (eventName: StartLogging)",
    );
    expect(text).toContain('no rule matches it');
    expect(text).toContain("own.test.yaml:15:9: error: 'Trail stopped' must not match this event (it only deletes)");
  });

  test('fails for a rule that has no test, and for rules without a test file', async () => {
    const more = `${RULES}
- rule: Untried
  desc: Never seen to match.
  condition: ct.name = A
  output: a
  priority: WARNING
  source: aws_cloudtrail
`;
    write('alone.yaml', RULES.replace('Trail stopped', 'Alone'));
    const { failed, text } = await run(
      `
  - rule: Trail stopped
    matches: [{ like: trail, with: { eventName: StopLogging } }]
    misses: [{ like: trail, with: { eventName: StartLogging } }]
`,
      more,
    );
    expect(failed).toBe(2);
    expect(text).toContain("own.yaml:9:1: error: the rule 'Untried' has no test");
    expect(text).toContain('alone.yaml:1:1: error: no test file tests these rules');
  });

  test.each([
    [
      'an unknown rule',
      '{ rule: Nothing, matches: [{ like: trail }], misses: [{ like: trail }] }',
      "no rule has the name 'Nothing'",
    ],
    [
      'an unknown event',
      '{ rule: Trail stopped, matches: [{ like: tail }], misses: [{ like: trail }] }',
      "no event has the name 'tail'",
    ],
    ['no near miss', '{ rule: Trail stopped, matches: [{ like: trail }] }', "'misses' is missing"],
    [
      'a mistyped key',
      '{ rule: Trail stopped, match: [], matches: [{ like: trail }], misses: [{ like: trail }] }',
      "'match' is not known here",
    ],
    [
      'no event at all',
      '{ rule: Trail stopped, matches: [{ with: { a: 1 } }], misses: [{ like: trail }] }',
      'this is no event of aws_cloudtrail',
    ],
  ])('says where there is %s', async (_what, line, message) => {
    const { failed, text } = await run(`  - ${line}\n`);
    expect(failed).toBeGreaterThan(0);
    expect(text).toMatch(/own\.test\.yaml:\d+:\d+: error: /);
    expect(text).toContain(message);
  });

  test('is not run when its rules cannot be read: that is the one complaint', async () => {
    const { failed, text } = await run(
      '  - { rule: Trail stopped, matches: [{ like: trail }], misses: [{ like: trail }] }\n',
      RULES.replace('ct.src =', 'ct.source ='),
    );
    expect(failed).toBe(1);
    expect(text).toContain('LOAD_ERR_COMPILE_CONDITION');
  });

  test('says that a path is nothing', async () => {
    expect((await testRules([join(folder, 'absent')])).text).toContain('there is no such file or folder');
  });
});

describe('an event written as a difference', () => {
  test('has the members of both, the later winning, null removing', () => {
    expect(merge({ a: { b: 1, c: 2 }, d: [1], e: 1 }, { a: { b: 3 }, d: [2, 3], e: null })).toEqual({
      a: { b: 3, c: 2 },
      d: [2, 3],
    });
  });

  test('cannot reach the prototype of anything', () => {
    const merged = merge({}, JSON.parse('{"__proto__": {"polluted": true}}')) as Record<string, unknown>;
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(merged['polluted']).toBeUndefined();
  });

  test('that builds on itself is told, not followed', () => {
    const text = `
events: { a: { like: b }, b: { like: a } }
tests: [{ rule: R, matches: [{ like: a }], misses: [{ like: b }] }]
`;
    const { diagnostics } = readSpecFile(text, 'loop.test.yaml');
    expect(diagnostics.map(({ message }) => message)).toEqual([
      expect.stringContaining('builds on itself'),
      expect.stringContaining('builds on itself'),
    ]);
  });

  test('becomes one event for each value, or for each pair of values, and not for millions', () => {
    const spec = (each: string) =>
      readSpecFile(`tests: [{ rule: R, matches: [{ each: ${each} }], misses: [{}] }]`, 'each.test.yaml');
    expect(spec('{ a: [1, 2], b.c: [3, 4, 5] }').cases.filter(({ expected }) => expected === 'match')).toHaveLength(6);
    const many = `[${Array.from({ length: 100 }, (_, index) => index).join(', ')}]`;
    expect(spec(`{ a: ${many}, b: ${many} }`).diagnostics[0]?.message).toContain('makes more than 5000 events');
  });
});

describe('what docs/rules.md shows', () => {
  const blocks = readFileSync(fileURLToPath(new URL('../../../docs/rules.md', import.meta.url)), 'utf8')
    .split('```yaml\n')
    .slice(1)
    .map((part) => part.split('```')[0] ?? '');

  test('loads after our own rules: exceptions, and rules switched off', () => {
    const [changes = ''] = blocks;
    expect(changes).toContain('override:');
    const { diagnostics, ruleset } = loadPack([...bundledRulesets(), write('ours.yaml', changes)]);
    expect(diagnostics).toEqual([]);
    expect(ruleset.rules.find(({ name }) => name === 'Stored objects listed')?.enabled).toBe(false);
    expect(ruleset.rules.find(({ name }) => name === 'Role trust changed')?.conditionText).toContain('our_build_roles');
  });

  test('is a test file that passes', async () => {
    write('own.yaml', RULES);
    write('own.test.yaml', blocks[1] ?? '');
    expect(await testRules([folder])).toEqual({ passed: 4, failed: 0, text: '' });
  });
});
