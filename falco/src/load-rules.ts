/** The front door: files of rules → a checked rule set and every complaint about them, in order of file and line. */
import type { Diagnostic } from './diagnostic.ts';
import { type FieldCatalogue, findField } from './fields.ts';
import { collectItems } from './rule-collector.ts';
import { readRuleFile } from './rule-documents.ts';
import { resolveItems } from './rule-resolver.ts';
import type { RuleFile } from './rule-text.ts';
import type { Rule, Ruleset } from './ruleset.ts';

/** The version of Falco's engine whose language this is. */
export const ENGINE_VERSION = '0.62.0';

export interface LoadOptions {
  /** The fields of each known source. A rule of another source is skipped with a warning, as Falco does. */
  readonly catalogues: ReadonlyMap<string, FieldCatalogue<never>>;
  readonly engineVersion?: string;
  /** Plugins by name with the version that we stand in for: `required_plugin_versions` is held against them. */
  readonly plugins?: ReadonlyMap<string, string>;
  /** Applied in this order, like Falco's `-T`, `-t` and `-D`: by exact tag, by exact tag (all others off), by part of the name. */
  readonly disabledTags?: readonly string[];
  readonly onlyTags?: readonly string[];
  readonly disabledRules?: readonly string[];
}

export interface LoadResult {
  /** Every rule that could be read; the faulty ones are left out. */
  readonly ruleset: Ruleset;
  readonly diagnostics: readonly Diagnostic[];
}

/** Never throws on what the files say. */
export function loadRules(files: readonly RuleFile[], options: LoadOptions): LoadResult {
  const read = files.map(readRuleFile);
  const collected = collectItems(
    read.flatMap(({ items }) => items),
    {
      engineVersion: options.engineVersion ?? ENGINE_VERSION,
      plugins: options.plugins ?? new Map(),
      sources: new Set(options.catalogues.keys()),
      isField: (source, name) => {
        const catalogue = options.catalogues.get(source);
        return catalogue === undefined || findField(catalogue, name, null) !== null;
      },
    },
  );
  const resolved = resolveItems(collected, options.catalogues);
  const diagnostics = [...read.flatMap((file) => file.diagnostics), ...collected.diagnostics, ...resolved.diagnostics];
  const order = new Map(files.map((file, index) => [file.name, index]));
  diagnostics.sort(
    (one, other) =>
      (order.get(one.file) ?? 0) - (order.get(other.file) ?? 0) || one.line - other.line || one.column - other.column,
  );
  const rules = resolved.rules.map((rule) => choose(rule, options));
  return { ruleset: { rules, requiredEngineVersion: collected.requiredEngineVersion }, diagnostics };
}

function choose(rule: Rule, options: LoadOptions): Rule {
  const { onlyTags, disabledTags, disabledRules } = options;
  let enabled = rule.enabled;
  if (onlyTags !== undefined && onlyTags.length > 0) enabled = rule.tags.some((tag) => onlyTags.includes(tag));
  if (disabledTags !== undefined && rule.tags.some((tag) => disabledTags.includes(tag))) enabled = false;
  if (disabledRules?.some((part) => rule.name.includes(part)) === true) enabled = false;
  return enabled === rule.enabled ? rule : { ...rule, enabled };
}
