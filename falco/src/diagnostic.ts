/**
 * Complaints as data. Loading never throws on what a person wrote; it returns these, all of a file at once.
 *
 * Codes are Falco's own where Falco has one (`LOAD_ERR_…`, `LOAD_WARNING_…` names), so that people can search for them.
 */

export type Severity = 'error' | 'warning';

export interface Diagnostic {
  /** Falco's code, such as `LOAD_ERR_COMPILE_CONDITION`, or one of ours where Falco has none. */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 units. */
  readonly column: number;
  /** The offending source line and, below it, a line with a caret. */
  readonly excerpt: string;
  /** How to mend it: the nearest known name, the accepted values. */
  readonly hint: string | null;
  /** The rule, macro or list that the complaint is about, when one was being read. */
  readonly item: { readonly kind: 'rule' | 'macro' | 'list' | 'file'; readonly name: string } | null;
}
