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
  /** The thing that the complaint is about, named as Falco names it in its validation results. */
  readonly item: { readonly kind: DiagnosticItemKind; readonly name: string } | null;
}

export type DiagnosticItemKind =
  | 'rule'
  | 'macro'
  | 'list'
  | 'exception'
  | 'required_engine_version'
  | 'required_plugin_versions'
  | 'rules content'
  | 'rules content item';

/** For a terminal: `file:line:column: error CODE: message`, the line with a caret, the hint. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, code, message, excerpt, hint, item } = diagnostic;
  const about = item === null || item.name === '' ? '' : ` (${item.kind} '${item.name}')`;
  const lines = [`${file}:${line}:${column}: ${severity} ${code}: ${message}${about}`];
  if (excerpt !== '') lines.push(excerpt.replace(/^/gm, '    '));
  if (hint !== null) lines.push(`    hint: ${hint}`);
  return lines.join('\n');
}
