/**
 * Reads a file of rule tests: named events that build on each other, and for each rule what it must match and must miss.
 *
 * The surprise: an event is written as its difference from another one (`like`, `with`), and `each` makes several events of
 * one line. docs/rules.md has the format for people.
 */
import { type Static, Type } from 'typebox';
import { type ConfigDiagnostic, readConfigText } from '../ground/config.ts';
import type { ConfigPath } from '../ground/config-shape.ts';

const strict = { additionalProperties: false };
const Members = Type.Record(Type.String(), Type.Unknown());
const EventShape = Type.Object(
  {
    like: Type.Optional(Type.String()),
    with: Type.Optional(Members),
    each: Type.Optional(Type.Record(Type.String(), Type.Array(Type.Unknown(), { minItems: 1 }))),
    because: Type.Optional(Type.String()),
  },
  strict,
);
type EventShape = Static<typeof EventShape>;

const SpecSchema = Type.Object(
  {
    source: Type.Optional(Type.String()),
    rules: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    events: Type.Optional(Members),
    tests: Type.Array(
      Type.Object(
        {
          rule: Type.String(),
          source: Type.Optional(Type.String()),
          matches: Type.Array(EventShape, { minItems: 1 }),
          misses: Type.Array(EventShape, { minItems: 1 }),
        },
        strict,
      ),
      { minItems: 1 },
    ),
  },
  strict,
);

/** One event and what a rule must say to it. */
export interface SpecCase {
  readonly rule: string;
  readonly expected: 'match' | 'miss';
  /** The source that the file names; null leaves it to the rule. */
  readonly source: string | null;
  readonly event: Readonly<Record<string, unknown>>;
  /** What sets it apart: the values of `each`, or why it is there. */
  readonly title: string;
  readonly path: ConfigPath;
}

export interface SpecFile {
  /** The rule files it tests, as written; null: the file beside it. */
  readonly rules: readonly string[] | null;
  readonly cases: readonly SpecCase[];
  readonly diagnostics: readonly ConfigDiagnostic[];
  /** Places a later complaint in the file. */
  place(path: ConfigPath, message: string, hint?: string): ConfigDiagnostic;
}

/** An event that builds on more others than this builds on itself. */
const DEEPEST_LIKENESS = 20;
/** One line of `each` may become at most so many events. */
const MOST_VARIANTS = 5_000;

type Problem = { readonly path: ConfigPath; readonly message: string; readonly hint: string | null };

/** Never throws on what the file says; a faulty event is left out and complained about. */
export function readSpecFile(text: string, file: string): SpecFile {
  const reading = readConfigText(text, SpecSchema, file);
  const place = (path: ConfigPath, message: string, hint: string | null = null) =>
    reading.place({ severity: 'error', path, message, hint });
  if (reading.value === null) return { rules: null, cases: [], diagnostics: reading.diagnostics, place };
  const { value } = reading;
  const builder = new EventBuilder(value.events ?? {});
  const cases: SpecCase[] = [];
  const problems: Problem[] = [];
  for (const [index, test] of value.tests.entries()) {
    for (const [key, expected] of [
      ['matches', 'match'],
      ['misses', 'miss'],
    ] as const) {
      for (const [number, shape] of test[key].entries()) {
        const path = ['tests', index, key, number];
        const built = builder.build(shape, path);
        if ('message' in built) {
          problems.push(built);
          continue;
        }
        for (const { event, title } of built.variants) {
          cases.push({ rule: test.rule, expected, source: test.source ?? value.source ?? null, event, title, path });
        }
      }
    }
  }
  const diagnostics = problems.map(({ path, message, hint }) => place(path, message, hint));
  return { rules: value.rules ?? null, cases, diagnostics, place };
}

interface Variant {
  readonly event: Readonly<Record<string, unknown>>;
  readonly title: string;
}

class EventBuilder {
  readonly #named: Readonly<Record<string, unknown>>;

  constructor(named: Readonly<Record<string, unknown>>) {
    this.#named = named;
  }

  build(shape: EventShape, path: ConfigPath): { readonly variants: readonly Variant[] } | Problem {
    const base = shape.like === undefined ? {} : this.#resolve(shape.like, path, 0);
    if (isProblem(base)) return base;
    const event = merge(base, shape.with ?? {}) as Readonly<Record<string, unknown>>;
    let variants: Variant[] = [{ event, title: shape.because ?? '' }];
    for (const [name, values] of Object.entries(shape.each ?? {})) {
      if (variants.length * values.length > MOST_VARIANTS) {
        return { path, message: `'each' makes more than ${MOST_VARIANTS} events`, hint: null };
      }
      variants = variants.flatMap((variant) => values.map((value) => vary(variant, name, value)));
    }
    return { variants };
  }

  /** A named event is either an event, or a difference from another one. */
  #resolve(name: string, path: ConfigPath, depth: number): Readonly<Record<string, unknown>> | Problem {
    const found = Object.hasOwn(this.#named, name) ? this.#named[name] : undefined;
    if (!isObject(found)) {
      return { path, message: `no event has the name '${name}'`, hint: namesOf(Object.keys(this.#named)) };
    }
    if (typeof found['like'] !== 'string') return found;
    if (depth >= DEEPEST_LIKENESS) return { path, message: `the event '${name}' builds on itself`, hint: null };
    const base = this.#resolve(found['like'], ['events', name, 'like'], depth + 1);
    return isProblem(base) ? base : (merge(base, found['with'] ?? {}) as Readonly<Record<string, unknown>>);
  }
}

/** Objects are merged member by member; anything else replaces; null removes. */
export function merge(base: unknown, over: unknown): unknown {
  if (!isObject(over)) return over;
  const members = new Map(isObject(base) ? Object.entries(base) : []);
  for (const [name, value] of Object.entries(over)) {
    if (value === null) members.delete(name);
    else members.set(name, merge(members.get(name), value));
  }
  return Object.fromEntries(members);
}

/** `userIdentity.type` is the member `type` of the member `userIdentity`; an event whose own members have dots in their names is flat. */
function vary({ event, title }: Variant, name: string, value: unknown): Variant {
  const isFlat = Object.keys(event).some((member) => member.includes('.'));
  const steps = isFlat ? [name] : name.split('.');
  const over = steps.reduceRight<unknown>((inner, step) => Object.fromEntries([[step, inner]]), value);
  const shown = `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`;
  return {
    event: merge(event, over) as Readonly<Record<string, unknown>>,
    title: title === '' ? shown : `${title}, ${shown}`,
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isProblem(value: object): value is Problem {
  return 'message' in value && 'path' in value && 'hint' in value;
}

const MOST_NAMES = 12;

function namesOf(names: readonly string[]): string {
  if (names.length === 0) return 'name events under the key events';
  return `known: ${names.slice(0, MOST_NAMES).join(', ')}${names.length > MOST_NAMES ? ' …' : ''}`;
}
