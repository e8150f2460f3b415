/**
 * What loading yields: rules with macros, lists and exceptions already folded in.
 *
 * Both executions (interpreter and compiler) take a `Ruleset`; neither sees YAML.
 */
import type { Condition } from './ast.ts';

/** Falco's priorities, most urgent first; comparison is by index. */
export const PRIORITIES = [
  'Emergency',
  'Alert',
  'Critical',
  'Error',
  'Warning',
  'Notice',
  'Informational',
  'Debug',
] as const;
export type Priority = (typeof PRIORITIES)[number];

/** A piece of an output template. Absent values print `<NA>`. */
export type TemplatePart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'field';
      readonly field: string;
      readonly argument: string | null;
      readonly transforms: readonly string[];
      /** The text between `%` and the end of the placeholder: the key in `output_fields`. */
      readonly key: string;
    };

export interface OutputTemplate {
  readonly text: string;
  readonly parts: readonly TemplatePart[];
  /** A leading `*`: print even when a field is absent (Falco's default today). */
  readonly lenient: boolean;
}

export interface Rule {
  readonly name: string;
  readonly description: string;
  readonly source: string;
  readonly priority: Priority;
  readonly tags: readonly string[];
  readonly enabled: boolean;
  readonly output: OutputTemplate;
  /** Macros and lists resolved, exceptions appended as `and not (…)`. Holds no `macro` node. */
  readonly condition: Condition;
  /** The condition as a person wrote it, after appends: what the editor shows. */
  readonly conditionText: string;
  readonly file: string;
  readonly line: number;
}

export interface Ruleset {
  /** In load order: the order in which `match: first` tries them. Disabled rules are kept, marked. */
  readonly rules: readonly Rule[];
  readonly requiredEngineVersion: string | null;
}
