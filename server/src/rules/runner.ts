/** Runs a rule set on records: compiled once a source, facts gathered only for records that something matched. */
import { type Alert, type CompiledRules, compileRules, formatOutput, isoTime, type Rule } from '@countersign/falco';
import { SOURCES } from '../sources/catalogue.ts';
import type { EventFacts, Source, SourceName, SourceRecord } from '../sources/source.ts';
import { matchOfAlert } from './alert-match.ts';
import { metadataOf, type RuleMetadata } from './metadata.ts';
import { recordedMatches } from './recorded-match.ts';

/** A rule that matched a record, with what the rule says of itself. */
export interface RuleMatch {
  readonly rule: string;
  readonly priority: Rule['priority'];
  readonly tags: readonly string[];
  readonly techniques: readonly string[];
  /** What the rule adds, 0–100; null leaves it to the priority. */
  readonly risk: number | null;
  readonly facts: EventFacts;
  readonly output: string;
  readonly outputFields: Readonly<Record<string, unknown>>;
}

export interface Runner {
  run(source: Source, record: SourceRecord): readonly RuleMatch[];
  /** False only if no rule can match a record of the source with this value of its first index field. */
  mayMatch(source: SourceName, value: string | null): boolean;
  /** Of all rules, in load order. */
  readonly ruleNames: readonly string[];
  /** Enabled rules of a source. */
  ruleCount(source: SourceName): number;
}

const NOTHING: readonly RuleMatch[] = [];

export function createRunner(options: { readonly rules: readonly Rule[]; readonly match: 'first' | 'all' }): Runner {
  const compiled = new Map<SourceName, CompiledRules<SourceRecord>>();
  for (const source of SOURCES) {
    compiled.set(source.name, compileRules(options.rules, source.catalogue, { match: options.match }));
  }
  const metadata = new Map<string, RuleMetadata>(options.rules.map((rule) => [rule.name, metadataOf(rule.tags)]));
  return {
    ruleNames: options.rules.map(({ name }) => name),
    run(source, record) {
      const told = toldBefore(source, record);
      // Judged where it happened: a second verdict on what was kept of it would only know less.
      const rules =
        source.name === 'syscall' && told.length > 0 ? [] : (compiled.get(source.name)?.match(record) ?? []);
      if (rules.length === 0) return told;
      const facts = source.describe(record);
      const own = rules.map((rule) => {
        const { techniques = [], risk = null } = metadata.get(rule.name) ?? {};
        const { text, fields } = formatOutput(rule.output, source.catalogue, record);
        return {
          rule: rule.name,
          priority: rule.priority,
          tags: rule.tags,
          techniques,
          risk,
          facts,
          output: text,
          outputFields: fields,
        };
      });
      return [...told, ...own];
    },
    mayMatch(source, value) {
      const field = SOURCES.find(({ name }) => name === source)?.catalogue.indexFields[0];
      return field === undefined || (compiled.get(source)?.mayMatch(field, value) ?? true);
    },
    ruleCount: (source) => options.rules.filter((rule) => rule.enabled && rule.source === source).length,
  };
}

/** What somebody said of the record before it came here. */
function toldBefore(source: Source, record: SourceRecord): readonly RuleMatch[] {
  if (source.name === 'syscall') return recordedMatches(record);
  const alert = source.name === 'alert' ? matchOfAlert(record) : null;
  return alert === null ? NOTHING : [alert];
}

const NS_PER_MS = 1_000_000n;

/** A match as Falco would alert it. */
export function alertOf(match: RuleMatch, hostname: string): Alert {
  const time = isoTime(BigInt(match.facts.timeMs) * NS_PER_MS);
  return {
    hostname,
    output: `${time.slice(11, 29)}: ${match.priority} ${match.output}`,
    output_fields: match.outputFields as Alert['output_fields'],
    priority: match.priority,
    rule: match.rule,
    source: match.facts.source,
    tags: match.tags,
    time,
  };
}
