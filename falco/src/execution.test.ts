/** The compiler against its oracle: on generated rules and events the fast execution and the obvious one always agree. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ComparisonNode, Condition, LiteralNode, Operand, RightSide } from './ast.ts';
import { compileRules } from './compiler.ts';
import { checkCondition } from './condition-check.ts';
import { parseCondition } from './condition-parser.ts';
import { printCondition } from './condition-printer.ts';
import type { FieldCatalogue, FieldDefinition, FieldType, FieldValue } from './fields.ts';
import { interpret } from './interpreter.ts';
import type { Rule } from './ruleset.ts';

type Event = Readonly<Record<string, FieldValue>>;

const TYPES: Readonly<Record<string, FieldType>> = {
  'a.name': 'string',
  'a.path': 'string',
  'a.any': 'any',
  'a.count': 'number',
  'a.flag': 'boolean',
  'a.ip': 'ip',
  'a.net': 'net',
  'a.port': 'port',
  'a.list': 'string',
  'a.numbers': 'number',
  'a.arg': 'string',
};
const LISTS = new Set(['a.list', 'a.numbers']);
const LASTING = ['a.name', 'a.any', 'a.count', 'a.list'];

function definition(name: string, type: FieldType): FieldDefinition<Event> {
  return {
    name,
    type,
    isList: LISTS.has(name),
    argument: name === 'a.arg' ? { required: true, kind: 'key' } : null,
    description: '',
    isLasting: LASTING.includes(name),
    extract: (event, argument) => event[argument === null ? name : `${name}[${argument}]`] ?? null,
  };
}

const catalogue: FieldCatalogue<Event> = {
  source: 'test',
  fields: new Map(Object.entries(TYPES).map(([name, type]) => [name, definition(name, type)])),
  indexFields: ['a.name'],
};

const span = { start: 0, end: 0 };
const WORDS = [
  '',
  'a',
  'b',
  'ab',
  'abc',
  'Abc',
  '/etc',
  '/etc/passwd',
  '/etcetera',
  'x*',
  '*',
  'a?c',
  '10',
  'true',
  '0x10',
  'c2g=',
];
const NUMBERS = ['0', '1', '10', '-1', '0x10', '443', '9007199254740993'];
const ADDRESSES = ['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '::1', 'fe80::/10', '192.168.1.7'];
const literal = (text: string): LiteralNode => ({ type: 'literal', text, quoted: true, span });

const literalFor = (type: FieldType): fc.Arbitrary<LiteralNode> => {
  if (type === 'number' || type === 'port') return fc.constantFrom(...NUMBERS).map(literal);
  if (type === 'boolean') return fc.constantFrom('true', 'false').map(literal);
  if (type === 'ip' || type === 'net') return fc.constantFrom(...ADDRESSES).map(literal);
  return fc.constantFrom(...WORDS).map(literal);
};

const TEXT_OPERATORS = [
  '=',
  '!=',
  'contains',
  'icontains',
  'startswith',
  'endswith',
  'glob',
  'iglob',
  'regex',
  'in',
  'intersects',
  'pmatch',
] as const;
const NUMBER_OPERATORS = ['=', '!=', '<', '<=', '>', '>=', 'in', 'intersects'] as const;
const OTHER_OPERATORS = ['=', '!=', 'in', 'intersects'] as const;

const field = (name: string): Operand => ({ type: 'field', name, argument: name === 'a.arg' ? 'k' : null, span });
const isList = (operator: string) => operator === 'in' || operator === 'intersects' || operator === 'pmatch';

const comparison: fc.Arbitrary<Condition> = fc.constantFrom(...Object.keys(TYPES)).chain((name) => {
  const type = TYPES[name] ?? 'any';
  const isNumber = type === 'number' || type === 'port';
  const isText = type === 'string' || type === 'any';
  const wrap = isText
    ? fc.constantFrom(null, null, null, 'toupper', 'tolower', 'basename', 'b64', 'len')
    : fc.constant(null);
  return wrap.chain((transform) => {
    const left: Operand =
      transform === null ? field(name) : { type: 'transform', name: transform, operands: [field(name)], span };
    const seen: FieldType = transform === null ? type : transform === 'len' ? 'number' : 'string';
    const operators =
      seen === 'number' || isNumber
        ? NUMBER_OPERATORS
        : seen === 'string' || seen === 'any'
          ? TEXT_OPERATORS
          : OTHER_OPERATORS;
    return fc.constantFrom(...operators).chain((operator): fc.Arbitrary<Condition> => {
      const single = literalFor(seen).filter(({ text }) => operator !== 'regex' || text !== '*');
      const node = (right: RightSide, modifier: ComparisonNode['modifier'] = null): Condition => ({
        type: 'comparison',
        left,
        operator,
        modifier,
        right,
        span,
      });
      const many = fc
        .array(single, { minLength: 1, maxLength: 5 })
        .map((items): RightSide => ({ type: 'list', items, span }));
      if (isList(operator)) return many.map((right) => node(right));
      return fc.oneof(
        { weight: 5, arbitrary: single.map((right) => node(right)) },
        {
          weight: 1,
          arbitrary: fc
            .tuple(many, fc.constantFrom('anyof' as const, 'allof' as const, 'oneof' as const))
            .map(([right, modifier]) => node(right, modifier)),
        },
        { weight: 1, arbitrary: fc.constant(node(isText ? field('a.any') : field(name))) },
      );
    });
  });
});

const condition: fc.Arbitrary<Condition> = fc.letrec<{ node: Condition }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 4, arbitrary: comparison },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(...Object.keys(TYPES))
        .map((name): Condition => ({ type: 'exists', left: field(name), span })),
    },
    { weight: 2, arbitrary: tie('node').map((child): Condition => ({ type: 'not', child, span })) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('node'), { minLength: 2, maxLength: 5 }))
        .map(([type, children]): Condition => ({ type, children, span })),
    },
  ),
})).node;

const text = fc.constantFrom(...WORDS);
const number = fc.constantFrom(0, 1, 10, -1, 16, 443, 9007199254740993n);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const event: fc.Arbitrary<Event> = fc.record({
  'a.name': maybe(text),
  'a.path': maybe(text),
  'a.any': maybe(fc.oneof(text, number, fc.boolean())),
  'a.count': maybe(number),
  'a.flag': maybe(fc.boolean()),
  'a.ip': maybe(fc.constantFrom('10.0.0.1', '192.168.1.7', '::1', 'no address')),
  'a.net': maybe(fc.constantFrom('10.0.0.1', 'fe80::1')),
  'a.port': maybe(fc.constantFrom(0, 443, 10)),
  'a.list': maybe(fc.array(text, { maxLength: 3 })),
  'a.numbers': maybe(fc.array(number, { maxLength: 3 })),
  'a.arg[k]': maybe(text),
});

const ruleOf = (node: Condition, index: number): Rule => ({
  name: `rule ${index}`,
  description: '',
  source: 'test',
  priority: 'Notice',
  tags: [],
  enabled: true,
  output: { text: '', parts: [], lenient: false },
  condition: node,
  conditionText: '',
  file: 'test.yaml',
  line: 1,
});

describe('the compiler agrees with the interpreter', () => {
  test('on every generated rule and event, and generated rules are not all alike', () => {
    let held = 0;
    let failed = 0;
    fc.assert(
      fc.property(condition, fc.array(event, { minLength: 1, maxLength: 6 }), (node, events) => {
        fc.pre(checkCondition(node, catalogue).length === 0);
        const compiled = compileRules([ruleOf(node, 0)], catalogue, { match: 'all' });
        for (const one of events) {
          const expected = interpret(node, catalogue, one);
          if (expected) held += 1;
          else failed += 1;
          expect(compiled.match(one).length === 1).toBe(expected);
        }
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(held, failed)).toBeGreaterThan(1_000);
  });

  test('on rule sets, for the first match and for all, in load order', () => {
    fc.assert(
      fc.property(
        fc.array(condition, { minLength: 2, maxLength: 25 }),
        fc.array(event, { minLength: 1, maxLength: 5 }),
        (nodes, events) => {
          const valid = nodes.filter((node) => checkCondition(node, catalogue).length === 0);
          const rules = valid.map(ruleOf);
          const all = compileRules(rules, catalogue, { match: 'all' });
          const first = compileRules(rules, catalogue, { match: 'first' });
          for (const one of events) {
            const expected = rules.filter((rule) => interpret(rule.condition, catalogue, one));
            expect(all.match(one)).toEqual(expected);
            expect(first.match(one)).toEqual(expected.slice(0, 1));
            const name = one['a.name'] ?? null;
            const names = Object.keys(one);
            const known = names.filter((_, index) => index % 2 === 0);
            const told = (field: string, argument: string | null): string =>
              argument === null ? field : `${field}[${argument}]`;
            const narrow = (compiled: typeof all, some: readonly string[]) =>
              compiled.narrow((field, argument) =>
                some.includes(told(field, argument)) ? (one[told(field, argument)] ?? null) : undefined,
              );
            expect(narrow(all, known).match(one)).toEqual(expected);
            expect(narrow(first, known).match(one)).toEqual(expected.slice(0, 1));
            expect(narrow(all, names).isEmpty).toBe(expected.length === 0);
            if (expected.length > 0) expect(all.mayMatch('a.name', typeof name === 'string' ? name : null)).toBe(true);
          }
        },
      ),
      { numRuns: 600 },
    );
  });

  test('on what lasting fields leave of the rules, for every event that has them', () => {
    let nothingLeft = 0;
    let fewLeft = 0;
    fc.assert(
      fc.property(
        fc.array(condition, { minLength: 1, maxLength: 25 }),
        event,
        fc.array(event, { minLength: 1, maxLength: 8 }),
        (nodes, one, others) => {
          const rules = nodes.filter((node) => checkCondition(node, catalogue).length === 0).map(ruleOf);
          const lasting = Object.fromEntries(LASTING.map((name) => [name, one[name] ?? null]));
          for (const match of ['all', 'first'] as const) {
            const narrowed = compileRules(rules, catalogue, { match }).narrow(() => undefined);
            const open = narrowed.outlook(one);
            if (open.isEmpty) nothingLeft += 1;
            else if (open !== narrowed.outlook({})) fewLeft += 1;
            for (const other of [one, ...others.map((next): Event => ({ ...next, ...lasting }))]) {
              expect(open.match(other)).toEqual(narrowed.match(other));
            }
          }
        },
      ),
      { numRuns: 600 },
    );
    expect(Math.min(nothingLeft, fewLeft)).toBeGreaterThan(20);
  });

  test('a planted difference would be found', () => {
    const node = parseCondition('a.name = a').condition;
    if (node === null) throw new Error('the condition parses');
    const lying: FieldCatalogue<Event> = {
      ...catalogue,
      fields: new Map([['a.name', { ...definition('a.name', 'string'), extract: () => 'b' }]]),
    };
    expect(compileRules([ruleOf(node, 0)], lying, { match: 'all' }).match({ 'a.name': 'a' })).toHaveLength(0);
    expect(interpret(node, catalogue, { 'a.name': 'a' })).toBe(true);
  });
});

test('printing a condition and parsing it again gives the same condition', () => {
  const strip = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value, (key, member: unknown) => (key === 'span' ? undefined : member)));
  fc.assert(
    fc.property(condition, (node) => {
      const parsed = parseCondition(printCondition(node));
      expect(parsed.problems).toEqual([]);
      expect(strip(parsed.condition)).toEqual(strip(node));
    }),
    { numRuns: 2_000 },
  );
});

test('no text of a rule becomes code', () => {
  const hostile = [
    '");process.exit(1);("',
    '`${process.exit(1)}`',
    "'+process.exit(1)+'",
    '\u2028process.exit(1)',
    '*/process.exit(1)/*',
  ];
  for (const word of hostile) {
    const printed = `a.name = ${JSON.stringify(word)} or a.path contains ${JSON.stringify(word)} or a.any in (${JSON.stringify(word)})`;
    const { condition: node } = parseCondition(printed.replaceAll('\u2028', ' '));
    if (node === null) continue;
    expect(compileRules([ruleOf(node, 0)], catalogue, { match: 'all' }).match({ 'a.name': 'x' })).toEqual([]);
  }
});
