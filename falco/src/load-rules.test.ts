/** Loading rules: appends, overrides, exceptions, places of complaints, and text that means harm. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compileRules,
  type FieldCatalogue,
  formatDiagnostic,
  formatOutput,
  loadRules,
  syscallFieldCatalogue,
} from './index.ts';

const syscall = syscallFieldCatalogue();
const load = (...texts: string[]) =>
  loadRules(
    texts.map((text, index) => ({ name: `${index + 1}.yaml`, text })),
    { catalogues: new Map([['syscall', syscall as unknown as FieldCatalogue<never>]]) },
  );
const rule = (condition: string, more = '') =>
  `- rule: r\n  desc: d\n  condition: ${condition}\n  output: o (%proc.name)\n  priority: notice\n${more}`;
const errorsOf = (...texts: string[]) => load(...texts).diagnostics.filter(({ severity }) => severity === 'error');
const matches = (texts: string[], event: Record<string, string>) => {
  const { ruleset, diagnostics } = load(...texts);
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return compileRules(ruleset.rules, syscall, { match: 'all' }).match(event).length > 0;
};
const OPEN = { 'evt.type': 'open' };

describe('later files change earlier rules', () => {
  test('a condition is appended', () => {
    const more = '- rule: r\n  condition: and proc.name = sh\n  append: true\n';
    expect(matches([rule('evt.type = open'), more], { ...OPEN, 'proc.name': 'sh' })).toBe(true);
    expect(matches([rule('evt.type = open'), more], { ...OPEN, 'proc.name': 'cat' })).toBe(false);
  });

  test('override appends and replaces what it names and leaves the rest', () => {
    const more =
      '- rule: r\n  condition: or evt.type = openat\n  priority: critical\n  tags: [b]\n  override: {condition: append, priority: replace, tags: append}\n';
    const { ruleset, diagnostics } = load(rule('evt.type = open', '  tags: [a]\n'), more);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(ruleset.rules[0]).toMatchObject({
      priority: 'Critical',
      tags: ['a', 'b'],
      conditionText: 'evt.type = open or evt.type = openat',
    });
  });

  test('a rule is switched off and on by its name alone', () => {
    expect(load(rule('evt.type = open'), '- rule: r\n  enabled: false\n').ruleset.rules[0]?.enabled).toBe(false);
    expect(
      load(
        rule('evt.type = open', '  enabled: false\n'),
        '- rule: r\n  enabled: true\n  override: {enabled: replace}\n',
      ).ruleset.rules[0]?.enabled,
    ).toBe(true);
  });

  test('lists and macros grow', () => {
    const base = `- list: l\n  items: [a]\n- macro: m\n  condition: proc.name in (l)\n${rule('evt.type = open and m')}`;
    const more = '- list: l\n  items: [b]\n  override: {items: append}\n';
    expect(matches([base, more], { ...OPEN, 'proc.name': 'b' })).toBe(true);
  });
});

describe('exceptions', () => {
  const excepted = (exceptions: string, event: Record<string, string>, ...more: string[]) =>
    !matches([rule('evt.type = open', `  exceptions:\n${exceptions}`), ...more], { ...OPEN, ...event });

  test('of a single field', () => {
    const text = '    - {name: e, fields: proc.name, values: [a, b]}\n';
    expect(excepted(text, { 'proc.name': 'b' })).toBe(true);
    expect(excepted(text, { 'proc.name': 'c' })).toBe(false);
  });

  test('of tuples, with operators of their own and values that are lists', () => {
    const text = '    - {name: e, fields: [proc.name, fd.name], comps: [in, startswith], values: [[[a, b], /tmp]]}\n';
    expect(excepted(text, { 'proc.name': 'b', 'fd.name': '/tmp/x' })).toBe(true);
    expect(excepted(text, { 'proc.name': 'b', 'fd.name': '/etc/x' })).toBe(false);
  });

  test('whose values come later', () => {
    const text = '    - {name: e, fields: [proc.name]}\n';
    expect(excepted(text, { 'proc.name': 'a' })).toBe(false);
    const more = '- rule: r\n  exceptions:\n    - {name: e, values: [[a]]}\n  override: {exceptions: append}\n';
    expect(excepted(text, { 'proc.name': 'a' }, more)).toBe(true);
  });
});

describe('complaints stand where the fault is', () => {
  test.each<[string, string, number, number]>([
    ['plain', rule('evt.type = open and proc.nam = sh'), 3, 34],
    ['quoted', rule('"evt.type = open and proc.nam = sh"'), 3, 35],
    ['folded', rule('>\n    evt.type = open and\n    proc.nam = sh'), 5, 5],
    ['literal', rule('|\n    evt.type = open\n    and proc.nam = sh'), 5, 9],
  ])('in a %s scalar', (_style, text, line, column) => {
    const [diagnostic] = errorsOf(text);
    expect(diagnostic).toMatchObject({
      code: 'LOAD_ERR_COMPILE_CONDITION',
      line,
      column,
      hint: 'did you mean proc.name?',
    });
    expect(diagnostic?.excerpt.split('\n')[1]?.indexOf('^')).toBe(column - 1);
    expect(formatDiagnostic(diagnostic!)).toContain(`1.yaml:${line}:${column}: error`);
  });

  test('in the file that appended it', () => {
    const [diagnostic] = errorsOf(
      rule('evt.type = open'),
      '\n- rule: r\n  condition: and foo.bar = 1\n  append: true\n',
    );
    expect(diagnostic).toMatchObject({ file: '2.yaml', line: 3 });
  });

  test('all of a file at once', () => {
    const text = [
      rule('evt.type ='),
      '- macro: m',
      '  condition: (a',
      '- list: l',
      '- rule: x',
      '  desc: d',
      '  condition: evt.type = opn',
      '  output: "%nothing.here"',
      '  priority: loud',
      '',
    ].join('\n');
    expect(new Set(errorsOf(text).map(({ item }) => item?.name))).toEqual(new Set(['r', 'm', 'l', 'x']));
  });
});

describe('text that means harm', () => {
  test.each<[string, string]>([
    ['parentheses without end', rule(`${'('.repeat(10_000)}evt.type = open`)],
    ['negation without end', rule(`${'not '.repeat(10_000)}evt.type = open`)],
    [
      'aliases that multiply',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
        .split('')
        .map(
          (name, index) =>
            `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefghij'[index]}`).join(',')}]`,
        )
        .join('\n')}\n`,
    ],
    [
      'macros that multiply',
      `- macro: m0\n  condition: proc.name = a\n${Array.from({ length: 40 }, (_, index) => `- macro: m${index + 1}\n  condition: m${index} or m${index}\n`).join('')}${rule('evt.type = open and m40')}`,
    ],
    [
      'a list of a hundred thousand',
      rule(
        `evt.type = open and proc.name in (${Array.from({ length: 100_000 }, (_, index) => `p${index}`).join(', ')})`,
      ),
    ],
    ['a pattern that is too long', rule(`evt.type = open and proc.name regex "${'a'.repeat(20_000)}"`)],
  ])('%s ends soon and never throws', (_what, text) => {
    const started = performance.now();
    load(text);
    expect(performance.now() - started).toBeLessThan(8_000);
  });

  test('mutated rules never throw', () => {
    const base = rule(
      'evt.type in (open, openat) and not (proc.name = "sh" or fd.name pmatch (/etc))',
      '  exceptions:\n    - {name: e, fields: [proc.name], comps: [in], values: [[[a]]]}\n',
    );
    const edit = fc.record({
      at: fc.nat(base.length),
      drop: fc.nat(12),
      put: fc.string({ maxLength: 8, unit: 'grapheme' }),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const text = edits.reduce(
          (before, { at, drop, put }) => `${before.slice(0, at)}${put}${before.slice(at + drop)}`,
          base,
        );
        for (const { line, column } of load(text).diagnostics) expect(Math.min(line, column)).toBeGreaterThan(0);
      }),
      { numRuns: 1_500 },
    );
  });
});

test('output prints what is there, and <NA> for what is not', () => {
  const { ruleset } = load(
    '- rule: r\n  desc: d\n  condition: evt.type = open\n  output: "File %fd.name by %proc.aname[2], %toupper(proc.name)."\n  priority: notice\n',
  );
  const formatted = formatOutput(ruleset.rules[0]!.output, syscall, { 'proc.name': 'sh', 'proc.aname[2]': 'init' });
  expect(formatted).toEqual({
    text: 'File <NA> by init, SH.',
    fields: { 'fd.name': null, 'proc.aname[2]': 'init', 'toupper(proc.name)': 'SH' },
  });
});
