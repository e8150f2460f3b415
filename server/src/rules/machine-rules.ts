/**
 * Rules over the state of a machine, compiled once. Most events touch no rule: their types are left out before anything of them
 * is looked at.
 */
import { compileRules, formatOutput, type Rule } from '@countersign/falco';
import { EVENT_TABLE, type Machine, printableText } from '@countersign/scap';
import { syscallCatalogue } from '../sources/captures/syscall-catalogue.ts';
import type { RecordedMatch } from '../sources/syscall/record.ts';
import { PRIORITY_RISK, metadataOf } from './metadata.ts';

export interface MachineRules {
  /** Whether a rule may match events of this type, by code. */
  isInteresting(code: number): boolean;
  /** Names of the types that some rule is about: what a sensor has to tell. */
  readonly eventNames: readonly string[];
  /** The rules that hold for the machine's current event. */
  match(machine: Machine): readonly Rule[];
}

export function compileMachineRules(rules: readonly Rule[], match: 'first' | 'all'): MachineRules {
  const compiled = compileRules(rules, syscallCatalogue, { match });
  const mayMatch = EVENT_TABLE.map(({ name }) => compiled.mayMatch('evt.type', name));
  const names = new Set(EVENT_TABLE.filter((_, code) => mayMatch[code] === true).map(({ name }) => name));
  return {
    isInteresting: (code) => mayMatch[code] === true || saysItsNameItself(EVENT_TABLE[code]?.name ?? ''),
    eventNames: [...names].sort(),
    match: (machine) => compiled.match(machine),
  };
}

function saysItsNameItself(name: string): boolean {
  return name === 'syscall' || name === 'asyncevent';
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
