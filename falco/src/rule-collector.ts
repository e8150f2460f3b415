/**
 * Items of files, in order → lists, macros and rules, with `append` and `override` applied as Falco applies them.
 *
 * It is long because every key has its own way of being wrong, and the complaints stand where the key is read.
 *
 * The surprise: a rule that is defined again takes the place of the old one in the order, and sees everything defined
 * until now; the order is what `match: first` tries.
 */
import type { Diagnostic, DiagnosticItemKind } from './diagnostic.ts';
import { nearestName } from './nearest-name.ts';
import type { RawItem, YamlEntry, YamlValue } from './rule-documents.ts';
import { readExceptions } from './rule-exceptions.ts';
import type { ListItem, ListValue, MacroItem, RuleItem } from './rule-items.ts';
import { diagnosticAt, glue, type GluedText, type Place } from './rule-text.ts';
import { PRIORITIES, type Priority } from './ruleset.ts';
import { compareVersions, parseVersion } from './version.ts';

export interface CollectorOptions {
  readonly engineVersion: string;
  readonly plugins: ReadonlyMap<string, string>;
  readonly sources: ReadonlySet<string>;
  readonly isField: (source: string, name: string) => boolean;
}

export interface Collected {
  readonly lists: ReadonlyMap<string, ListItem>;
  readonly macros: ReadonlyMap<string, MacroItem>;
  /** In the order of their first definition. */
  readonly rules: ReadonlyMap<string, RuleItem>;
  readonly requiredEngineVersion: string | null;
  readonly diagnostics: readonly Diagnostic[];
}

const DEFAULT_SOURCE = 'syscall';
const APPENDABLE = ['condition', 'output', 'desc', 'tags', 'exceptions'] as const;
const REPLACEABLE = [
  ...APPENDABLE,
  'priority',
  'enabled',
  'warn_evttypes',
  'skip-if-unknown-filter',
  'capture',
  'capture_duration',
] as const;
const RULE_KEYS = new Set<string>(['rule', 'source', 'append', 'override', ...REPLACEABLE]);
const MACRO_KEYS = new Set(['macro', 'condition', 'append', 'override']);
const LIST_KEYS = new Set(['list', 'items', 'append', 'override']);

export function collectItems(items: readonly RawItem[], options: CollectorOptions): Collected {
  return new Collector(options).collect(items);
}

/** Stops reading one item; the complaint has been recorded. */
class ItemFault extends Error {}

class Collector {
  readonly #options: CollectorOptions;
  readonly #lists = new Map<string, ListItem>();
  readonly #macros = new Map<string, MacroItem>();
  readonly #rules = new Map<string, RuleItem>();
  readonly #diagnostics: Diagnostic[] = [];
  #engineVersion: string | null = null;
  #index = 0;
  #about: { kind: DiagnosticItemKind; name: string } = { kind: 'rules content item', name: '' };

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  collect(items: readonly RawItem[]): Collected {
    for (const item of items) {
      this.#index += 1;
      try {
        this.#read(item);
      } catch (error) {
        if (!(error instanceof ItemFault)) throw error;
      }
    }
    return {
      lists: this.#lists,
      macros: this.#macros,
      rules: this.#rules,
      requiredEngineVersion: this.#engineVersion,
      diagnostics: this.#diagnostics,
    };
  }

  #read(item: RawItem): void {
    const { entries } = item;
    this.#about = { kind: 'rules content item', name: '' };
    if (entries.has('required_engine_version')) this.#readEngineVersion(item);
    else if (entries.has('required_plugin_versions')) this.#readPluginVersions(item);
    else if (entries.has('list')) this.#readList(item);
    else if (entries.has('macro')) this.#readMacro(item);
    else if (entries.has('rule')) this.#readRule(item);
    else {
      this.#report(item, item.offset, 'LOAD_UNKNOWN_ITEM', 'Unknown top level item', {
        severity: 'warning',
        hint: 'begin with one of: rule, macro, list, required_engine_version, required_plugin_versions',
      });
    }
  }

  #readEngineVersion(item: RawItem): void {
    this.#about = { kind: 'required_engine_version', name: '' };
    const wanted = this.#text(item, 'required_engine_version');
    const version = parseVersion(/^\d+$/.test(wanted) ? `0.${wanted}.0` : wanted);
    const ours = parseVersion(this.#options.engineVersion);
    if (version === null || ours === null) {
      this.#fail(item, 'LOAD_ERR_VALIDATE', `Unable to parse engine version '${wanted}'`, 'write it like 0.57.0 or 57');
    }
    if (compareVersions(version, ours) > 0) {
      const message = `Rules require engine version ${wanted}, but engine version is ${this.#options.engineVersion}`;
      this.#fail(item, 'LOAD_ERR_VALIDATE', message, null);
    }
    this.#engineVersion = wanted;
  }

  #readPluginVersions(item: RawItem): void {
    this.#about = { kind: 'required_plugin_versions', name: '' };
    const value = item.entries.get('required_plugin_versions')?.value;
    for (const requirement of value?.type === 'list' ? value.items : []) {
      if (requirement.type !== 'map') continue;
      const alternatives = requirement.entries.get('alternatives')?.value;
      const candidates = [requirement, ...(alternatives?.type === 'list' ? alternatives.items : [])];
      const wanted = candidates.flatMap((candidate) => (candidate.type === 'map' ? [pluginOf(candidate.entries)] : []));
      if (wanted.some(({ name, version }) => name === null || parseVersion(version ?? '') === null)) {
        this.#fail(
          item,
          'LOAD_ERR_YAML_VALIDATE',
          "Item has no mapping for key 'name' or 'version'",
          'write `- name: json` and `version: 0.7.0`',
        );
      }
      this.#requirePlugin(item, wanted);
    }
  }

  /** Satisfied by any alternative we have; plugins that we do not know at all are no error: their rules are skipped. */
  #requirePlugin(item: RawItem, wanted: readonly { name: string | null; version: string | null }[]): void {
    const known = wanted.filter(({ name }) => name !== null && this.#options.plugins.has(name));
    const satisfied = known.some(({ name, version }) =>
      isCompatible(this.#options.plugins.get(name ?? '') ?? '', version ?? ''),
    );
    const first = known[0];
    if (first === undefined || satisfied) return;
    const have = this.#options.plugins.get(first.name ?? '');
    const message = `Plugin '${first.name}' version '${have}' is not compatible with required plugin version '${first.version}'`;
    this.#fail(item, 'LOAD_ERR_VALIDATE', message, null);
  }

  #readList(item: RawItem): void {
    const name = this.#name(item, 'list');
    this.#warnUnknownKeys(item, LIST_KEYS);
    const known = this.#lists.get(name);
    const mode = this.#mode(item, ['items'], ['items'], known !== undefined);
    const value = item.entries.get('items')?.value;
    if (value === undefined)
      this.#fail(item, 'LOAD_ERR_YAML_VALIDATE', "Item has no mapping for key 'items'", 'add `items: [a, b]`');
    const items = this.#listValues(value, item);
    if (mode.append.has('items') && known !== undefined) {
      known.items = [...known.items, ...items];
      known.visibility = this.#index;
    } else if (known !== undefined) {
      known.items = items;
      known.visibility = this.#index;
    } else {
      const place = { file: item.file, offset: item.offset };
      this.#lists.set(name, {
        kind: 'list',
        name,
        place,
        items,
        index: this.#index,
        visibility: this.#index,
        used: false,
      });
    }
  }

  #listValues(value: YamlValue, item: RawItem): ListValue[] {
    if (value.type === 'text')
      return value.piece.value === ''
        ? []
        : [{ text: value.piece.value, place: { file: item.file, offset: value.piece.start } }];
    if (value.type === 'map')
      this.#fail(item, 'LOAD_ERR_YAML_VALIDATE', "The value of 'items' is not a list", 'write `items: [a, b]`');
    return value.items.flatMap((element) =>
      element.type === 'text'
        ? [{ text: element.piece.value, place: { file: item.file, offset: element.piece.start } }]
        : this.#listValues(element, item),
    );
  }

  #readMacro(item: RawItem): void {
    const name = this.#name(item, 'macro');
    this.#warnUnknownKeys(item, MACRO_KEYS);
    const known = this.#macros.get(name);
    const mode = this.#mode(item, ['condition'], ['condition'], known !== undefined);
    const condition = this.#glued(item, 'condition');
    if (known !== undefined) {
      known.condition = mode.append.has('condition') ? glue(known.condition, condition) : condition;
      known.visibility = this.#index;
      return;
    }
    const place = { file: item.file, offset: item.offset };
    this.#macros.set(name, {
      kind: 'macro',
      name,
      place,
      condition,
      index: this.#index,
      visibility: this.#index,
      used: false,
    });
  }

  #readRule(item: RawItem): void {
    const name = this.#name(item, 'rule');
    this.#warnUnknownKeys(item, RULE_KEYS);
    const known = this.#rules.get(name);
    const mode = this.#mode(item, APPENDABLE, REPLACEABLE, known !== undefined);
    if (known !== undefined && mode.partial) this.#changeRule(item, known, mode);
    else if (this.#isOnlyEnabled(item)) this.#enableRule(item, known);
    else this.#defineRule(item, name, known);
  }

  #isOnlyEnabled(item: RawItem): boolean {
    return (
      item.entries.has('enabled') && !['condition', 'output', 'desc', 'priority'].some((key) => item.entries.has(key))
    );
  }

  #enableRule(item: RawItem, known: RuleItem | undefined): void {
    if (known === undefined) {
      this.#fail(
        item,
        'LOAD_ERR_VALIDATE',
        "Rule has 'enabled' key but no rule by that name already exists",
        'define the rule before',
      );
    }
    known.enabled = this.#flag(item, 'enabled', known.enabled);
  }

  #defineRule(item: RawItem, name: string, known: RuleItem | undefined): void {
    const source = this.#optionalText(item, 'source') ?? DEFAULT_SOURCE;
    for (const key of ['condition', 'output', 'desc', 'priority']) {
      if (!item.entries.has(key))
        this.#fail(item, 'LOAD_ERR_YAML_VALIDATE', `Item has no mapping for key '${key}'`, `add \`${key}:\``);
    }
    if (known !== undefined && known.source !== source) {
      this.#fail(
        item,
        'LOAD_ERR_VALIDATE',
        'Rule has been re-defined with a different source',
        `its source was ${known.source}`,
      );
    }
    if (!this.#options.sources.has(source)) {
      const hint = nearestName(source, this.#options.sources);
      const offset = offsetOf(item.entries.get('source')) ?? item.offset;
      this.#report(item, offset, 'LOAD_UNKNOWN_SOURCE', `Unknown source ${source}, skipping`, {
        severity: 'warning',
        hint: hint === null ? `sources are: ${[...this.#options.sources].join(', ')}` : `did you mean ${hint}?`,
      });
      return;
    }
    const exceptions = item.entries.get('exceptions')?.value;
    const rule: RuleItem = {
      kind: 'rule',
      name,
      place: { file: item.file, offset: item.offset },
      source,
      condition: this.#glued(item, 'condition'),
      output: this.#glued(item, 'output'),
      description: this.#optionalText(item, 'desc') ?? '',
      priority: this.#priority(item),
      tags: this.#tags(item),
      exceptions: exceptions === undefined ? [] : this.#exceptions(item, exceptions, source, []),
      enabled: this.#flag(item, 'enabled', true),
      warnEventTypes: this.#flag(item, 'warn_evttypes', true),
      skipIfUnknownFilter: this.#flag(item, 'skip-if-unknown-filter', false),
      index: known?.index ?? this.#index,
      visibility: this.#index,
    };
    this.#rules.set(name, rule);
  }

  #changeRule(item: RawItem, rule: RuleItem, mode: Mode): void {
    const { append, replace, legacy } = mode;
    if (legacy && !item.entries.has('condition') && !item.entries.has('exceptions')) {
      this.#fail(
        item,
        'LOAD_ERR_VALIDATE',
        'Appended rule must have exceptions or condition property',
        'add `condition:` or `exceptions:`',
      );
    }
    if (append.has('condition')) rule.condition = glue(rule.condition, this.#glued(item, 'condition'));
    if (replace.has('condition')) rule.condition = this.#glued(item, 'condition');
    if (append.has('output')) rule.output = glue(rule.output, this.#glued(item, 'output'));
    if (replace.has('output')) rule.output = this.#glued(item, 'output');
    if (append.has('desc')) rule.description = `${rule.description} ${this.#text(item, 'desc')}`;
    if (replace.has('desc')) rule.description = this.#text(item, 'desc');
    if (append.has('tags')) rule.tags = [...new Set([...rule.tags, ...this.#tags(item)])];
    if (replace.has('tags')) rule.tags = this.#tags(item);
    if (replace.has('priority')) rule.priority = this.#priority(item);
    if (replace.has('enabled')) rule.enabled = this.#flag(item, 'enabled', rule.enabled);
    if (replace.has('warn_evttypes')) rule.warnEventTypes = this.#flag(item, 'warn_evttypes', true);
    if (replace.has('skip-if-unknown-filter'))
      rule.skipIfUnknownFilter = this.#flag(item, 'skip-if-unknown-filter', false);
    const exceptions = item.entries.get('exceptions')?.value;
    if (exceptions !== undefined && (append.has('exceptions') || replace.has('exceptions'))) {
      this.#checkAppendedExceptions(item, exceptions, append.has('exceptions') ? rule.exceptions : []);
      rule.exceptions = this.#exceptions(
        item,
        exceptions,
        rule.source,
        append.has('exceptions') ? rule.exceptions : [],
      );
    }
    rule.visibility = this.#index;
  }

  /** An appended exception that is new to the rule must say which fields it is about. */
  #checkAppendedExceptions(item: RawItem, value: YamlValue, existing: readonly { name: string }[]): void {
    for (const element of value.type === 'list' ? value.items : []) {
      if (element.type !== 'map') continue;
      const name = textIn(element.entries.get('name'));
      if (name === null || element.entries.has('fields') || existing.some((known) => known.name === name)) continue;
      this.#about = { kind: 'exception', name };
      this.#fail(
        item,
        'LOAD_ERR_VALIDATE',
        'Rule exception must have fields property with a list of fields',
        'add `fields: […]`',
      );
    }
  }

  #exceptions(
    item: RawItem,
    value: YamlValue,
    source: string,
    existing: RuleItem['exceptions'],
  ): RuleItem['exceptions'] {
    const isField = (name: string) => this.#options.isField(source, name);
    return readExceptions(value, existing, { file: item.file, isField, diagnostics: this.#diagnostics });
  }

  /** Which keys are appended and which replaced; complains as Falco does. */
  #mode(item: RawItem, appendable: readonly string[], replaceable: readonly string[], exists: boolean): Mode {
    const kind = this.#about.kind;
    const title = kind.charAt(0).toUpperCase() + kind.slice(1);
    const legacy = this.#flag(item, 'append', false);
    const override = item.entries.get('override')?.value;
    const append = new Set<string>();
    const replace = new Set<string>();
    if (override !== undefined && legacy) {
      this.#fail(
        item,
        'LOAD_ERR_VALIDATE',
        "Keys 'append' and 'override' cannot be used together.",
        'remove `append: true`',
      );
    }
    if (legacy) {
      if (!exists) {
        this.#fail(
          item,
          'LOAD_ERR_VALIDATE',
          `${title} has 'append' key but no ${kind} by that name already exists`,
          'define it before',
        );
      }
      for (const key of appendable) if (item.entries.has(key)) append.add(key);
    }
    for (const [key, entry] of override?.type === 'map' ? override.entries : []) {
      const how = textIn(entry);
      const allowed = how === 'append' ? appendable : how === 'replace' ? replaceable : null;
      if (allowed === null)
        this.#fail(
          item,
          'LOAD_ERR_VALIDATE',
          `Invalid override operation for key '${key}': '${how ?? ''}'`,
          "use 'append' or 'replace'",
        );
      if (!allowed.includes(key))
        this.#fail(
          item,
          'LOAD_ERR_VALIDATE',
          `Key '${key}' cannot be ${how === 'append' ? 'appended to' : 'replaced'}`,
          `keys that can: ${allowed.join(', ')}`,
        );
      if (!item.entries.has(key))
        this.#fail(
          item,
          'LOAD_ERR_VALIDATE',
          `An ${how} override for '${key}' was specified but '${key}' is not defined`,
          `add \`${key}:\``,
        );
      (how === 'append' ? append : replace).add(key);
    }
    if (override !== undefined && !exists) {
      this.#fail(
        item,
        'LOAD_ERR_VALIDATE',
        `${title} has 'override' key but no ${kind} by that name already exists`,
        'define it before',
      );
    }
    return { append, replace, legacy, partial: legacy || override !== undefined };
  }

  #name(item: RawItem, kind: 'rule' | 'macro' | 'list'): string {
    const name = this.#text(item, kind);
    this.#about = { kind, name };
    if (name === '')
      this.#fail(item, 'LOAD_ERR_YAML_VALIDATE', `The ${kind} has an empty name`, `write \`- ${kind}: name\``);
    return name;
  }

  #priority(item: RawItem): Priority {
    const text = this.#text(item, 'priority');
    const wanted = text.toLowerCase() === 'info' ? 'informational' : text.toLowerCase();
    const found = PRIORITIES.find((priority) => priority.toLowerCase() === wanted);
    if (found !== undefined) return found;
    return this.#fail(
      item,
      'LOAD_ERR_YAML_VALIDATE',
      'Invalid priority',
      `use one of: ${PRIORITIES.join(', ')}`,
      'priority',
    );
  }

  #tags(item: RawItem): readonly string[] {
    const value = item.entries.get('tags')?.value;
    return value === undefined ? [] : [...new Set(this.#listValues(value, item).map(({ text }) => text))];
  }

  #flag(item: RawItem, key: string, otherwise: boolean): boolean {
    const text = this.#optionalText(item, key)?.toLowerCase();
    if (text === undefined) return otherwise;
    if (['true', 'yes', 'on', 'y'].includes(text)) return true;
    if (['false', 'no', 'off', 'n'].includes(text)) return false;
    return this.#fail(
      item,
      'LOAD_ERR_YAML_VALIDATE',
      `Can't decode key '${key}' as a boolean`,
      'use true or false',
      key,
    );
  }

  #glued(item: RawItem, key: string): GluedText {
    this.#text(item, key);
    const value = item.entries.get(key)?.value;
    if (value?.type !== 'text') throw new ItemFault();
    return { pieces: [value.piece] };
  }

  #text(item: RawItem, key: string): string {
    const text = this.#optionalText(item, key);
    if (text !== undefined) return text;
    return this.#fail(item, 'LOAD_ERR_YAML_VALIDATE', `Item has no mapping for key '${key}'`, `add \`${key}:\``);
  }

  #optionalText(item: RawItem, key: string): string | undefined {
    const value = item.entries.get(key)?.value;
    if (value === undefined) return undefined;
    if (value.type === 'text') return value.piece.value;
    return this.#fail(
      item,
      'LOAD_ERR_YAML_VALIDATE',
      `The value of '${key}' is not a text`,
      `write \`${key}: text\``,
      key,
    );
  }

  #warnUnknownKeys(item: RawItem, known: ReadonlySet<string>): void {
    for (const [key, { keyOffset }] of item.entries) {
      if (known.has(key)) continue;
      const near = nearestName(key, known);
      this.#report(item, keyOffset, 'LOAD_UNKNOWN_KEY', `Unknown key '${key}'`, {
        severity: 'warning',
        hint: near === null ? `known keys: ${[...known].join(', ')}` : `did you mean ${near}?`,
      });
    }
  }

  #fail(item: RawItem, code: string, message: string, hint: string | null, key?: string): never {
    const offset = key === undefined ? undefined : offsetOf(item.entries.get(key));
    this.#report(item, offset ?? item.offset, code, message, { severity: 'error', hint });
    throw new ItemFault();
  }

  #report(
    item: RawItem,
    offset: number,
    code: string,
    message: string,
    more: { severity: Diagnostic['severity']; hint: string | null },
  ): void {
    const place: Place = { file: item.file, offset };
    this.#diagnostics.push(diagnosticAt(place, { code, message, item: this.#about, ...more }));
  }
}

interface Mode {
  readonly append: ReadonlySet<string>;
  readonly replace: ReadonlySet<string>;
  readonly legacy: boolean;
  /** The item changes what is there instead of defining anew. */
  readonly partial: boolean;
}

function pluginOf(entries: ReadonlyMap<string, YamlEntry>): { name: string | null; version: string | null } {
  return { name: textIn(entries.get('name')), version: textIn(entries.get('version')) };
}

/** Same major version, and not older: the rule of Falco's plugins. */
function isCompatible(have: string, wanted: string): boolean {
  const ours = parseVersion(have);
  const theirs = parseVersion(wanted);
  return ours !== null && theirs !== null && ours[0] === theirs[0] && compareVersions(ours, theirs) >= 0;
}

function textIn(entry: YamlEntry | undefined): string | null {
  return entry?.value.type === 'text' ? entry.value.piece.value : null;
}

function offsetOf(entry: YamlEntry | undefined): number | undefined {
  if (entry === undefined) return undefined;
  return entry.value.type === 'text' ? entry.value.piece.start : entry.value.offset;
}
