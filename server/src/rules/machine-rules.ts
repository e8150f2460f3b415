/**
 * Rules over the state of a machine, compiled once for each type of event: for most types none is left, and their events pass by
 * unread.
 */
import { compileRules, formatOutput, type NarrowedRules, type OpenRules, type Rule } from '@countersign/falco';
import {
  CODE,
  EVENT_FLAG,
  EVENT_TABLE,
  type Machine,
  printableText,
  SYSCALL_NAMES,
  typeFieldsOf,
} from '@countersign/scap';
import { syscallCatalogue } from '../sources/captures/syscall-catalogue.ts';
import type { RecordedMatch } from '../sources/syscall/record.ts';
import { PRIORITY_RISK, metadataOf } from './metadata.ts';

export interface MachineRules {
  /** Whether a rule may match events of this type, by code. */
  isInteresting(code: number): boolean;
  /** Names of the types that some rule is about: what a sensor has to tell. */
  readonly eventNames: readonly string[];
  /** Whether one may match an event of this type of the machine's current thread, by what that is. */
  mayMatter(machine: Machine, code: number): boolean;
  /** The rules that hold for the machine's current event. */
  match(machine: Machine): readonly Rule[];
}

const OWN_NAMES: ReadonlySet<string> = new Set(EVENT_TABLE.map(({ name }) => name));
const NOTHING: readonly Rule[] = [];

export function compileMachineRules(rules: readonly Rule[], match: 'first' | 'all'): MachineRules {
  const compiled = compileRules(rules, syscallCatalogue, { match });
  const byCode = EVENT_TABLE.map(({ code, name, flags }) => {
    if (code === CODE.generic || (flags & EVENT_FLAG.unused) !== 0) return null;
    // These say their name themselves.
    if (code !== CODE.async && !compiled.mayMatch('evt.type', name)) return null;
    return orNull(compiled.narrow(typeFieldsOf(code)));
  });
  const ofCalls = typeFieldsOf(CODE.generic);
  const byCall = SYSCALL_NAMES.map((call) => {
    // As in Falco: rules about a call with a type of its own mean that type.
    if (OWN_NAMES.has(call) || !compiled.mayMatch('evt.type', call)) return null;
    return orNull(
      compiled.narrow((name, argument) =>
        name === 'evt.type' || name === 'syscall.type' ? call : ofCalls(name, argument),
      ),
    );
  });
  const hasCalls = byCall.some((narrowed) => narrowed !== null);
  const names = new Set(EVENT_TABLE.filter(({ name }) => compiled.mayMatch('evt.type', name)).map(({ name }) => name));
  // Types that some rule is about, counted: what was concluded about a thread is kept by these numbers.
  let counted = 0;
  const places = byCode.map((narrowed) => (narrowed === null ? -1 : counted++));
  const owner = {};
  const openFor = (machine: Machine, code: number, narrowed: NarrowedRules<Machine>): OpenRules<Machine> => {
    const { currentThread } = machine;
    if (currentThread === null || machine.announced !== null) return narrowed;
    const { facts } = currentThread;
    if (facts.owner !== owner) {
      facts.owner = owner;
      facts.conclusions.length = 0;
      for (let place = 0; place < counted; place += 1) facts.conclusions.push(null);
    }
    const place = places[code] ?? 0;
    const known = facts.conclusions[place] as OpenRules<Machine> | null;
    if (known !== null) return known;
    const open = narrowed.outlook(machine);
    facts.conclusions[place] = open;
    return open;
  };
  return {
    isInteresting: (code) => (code === CODE.generic ? hasCalls : byCode[code] !== null),
    eventNames: [...names].sort(),
    mayMatter: (machine, code) => {
      const narrowed = byCode[code] ?? null;
      return code === CODE.generic || (narrowed !== null && !openFor(machine, code, narrowed).isEmpty);
    },
    match: (machine) => {
      const { current } = machine;
      if (current.code === CODE.generic) return byCall[current.u32(0)]?.match(machine) ?? NOTHING;
      const narrowed = byCode[current.code] ?? null;
      return narrowed === null ? NOTHING : openFor(machine, current.code, narrowed).match(machine);
    },
  };
}

function orNull(narrowed: NarrowedRules<Machine>): NarrowedRules<Machine> | null {
  return narrowed.isEmpty ? null : narrowed;
}

/** What a rule says of the machine's current event, to be kept. */
export function recordMatch(rule: Rule, machine: Machine): RecordedMatch {
  const { text, fields } = formatOutput(rule.output, syscallCatalogue, machine);
  return {
    rule: rule.name,
    priority: rule.priority,
    tags: rule.tags,
    // A folded text in YAML ends with a line break that nobody meant.
    output: printableText(text.trimEnd()),
    outputFields: fields,
  };
}

/** The risk that a rule adds: what it says, or what its priority does. */
export function riskOfRule(rule: Pick<Rule, 'tags' | 'priority'>): number {
  return metadataOf(rule.tags).risk ?? PRIORITY_RISK[rule.priority];
}
