/**
 * What files say, before any of it is understood: lists, macros and rules with appends and overrides already applied, each
 * with where its parts stand. `rule-collector` fills these, `rule-resolver` reads them.
 */
import type { GluedText, Place } from './rule-text.ts';
import type { Priority } from './ruleset.ts';

export interface ListItem {
  readonly kind: 'list';
  readonly name: string;
  readonly place: Place;
  items: readonly ListValue[];
  /** Grows with every item read. A list sees only lists that were first defined before it was last changed. */
  readonly index: number;
  visibility: number;
  used: boolean;
}

export interface ListValue {
  readonly text: string;
  readonly place: Place;
}

export interface MacroItem {
  readonly kind: 'macro';
  readonly name: string;
  readonly place: Place;
  condition: GluedText;
  readonly index: number;
  visibility: number;
  used: boolean;
}

/** `exceptions:` of a rule. A single field has `comps` and values that are plain; a tuple has one of each a field. */
export interface RuleException {
  readonly name: string;
  readonly place: Place;
  readonly single: boolean;
  readonly fields: readonly string[];
  readonly comparisons: readonly string[];
  values: readonly ExceptionValue[];
}

export type ExceptionValue =
  | { readonly type: 'text'; readonly text: string; readonly quoted: boolean; readonly place: Place }
  | { readonly type: 'list'; readonly items: readonly ExceptionValue[]; readonly place: Place };

export interface RuleItem {
  readonly kind: 'rule';
  readonly name: string;
  readonly place: Place;
  readonly source: string;
  condition: GluedText;
  output: GluedText;
  description: string;
  priority: Priority;
  tags: readonly string[];
  exceptions: readonly RuleException[];
  enabled: boolean;
  warnEventTypes: boolean;
  skipIfUnknownFilter: boolean;
  readonly index: number;
  visibility: number;
}
