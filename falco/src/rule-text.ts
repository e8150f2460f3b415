/**
 * Where text stands: from an offset in a condition back to file, line and column, through YAML's plain, quoted, literal
 * and folded scalars, and through `append`, which glues conditions of several files together.
 */
import type { Diagnostic, DiagnosticItemKind, Severity } from './diagnostic.ts';

export interface RuleFile {
  /** What diagnostics call it: a path, as given. */
  readonly name: string;
  readonly text: string;
}

/** A value as YAML gave it, and the stretch of the file it came from. */
export interface TextPiece {
  readonly value: string;
  readonly file: RuleFile;
  /** UTF-16 offsets of the scalar in the file, quotes and block header included. */
  readonly start: number;
  readonly end: number;
}

/** One or more pieces, joined by a blank: a condition with everything that was appended to it. */
export interface GluedText {
  readonly pieces: readonly TextPiece[];
}

export function textOf(glued: GluedText): string {
  return glued.pieces.map((piece) => piece.value).join(' ');
}

export function glue(one: GluedText, other: GluedText): GluedText {
  return { pieces: [...one.pieces, ...other.pieces] };
}

export interface Place {
  readonly file: RuleFile;
  readonly offset: number;
}

export interface Complaint {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly hint?: string | null;
  readonly item?: { readonly kind: DiagnosticItemKind; readonly name: string } | null;
}

/** The place of an offset of the glued text. */
export function placeIn(glued: GluedText, offset: number): Place {
  let rest = offset;
  for (const piece of glued.pieces) {
    if (rest <= piece.value.length) return { file: piece.file, offset: sourceOffset(piece, rest) };
    rest -= piece.value.length + 1;
  }
  const last = glued.pieces.at(-1);
  if (last === undefined) throw new Error('a glued text has at least one piece');
  return { file: last.file, offset: last.end };
}

export function diagnosticAt(place: Place, complaint: Complaint): Diagnostic {
  const { line, column, text } = lineAt(place);
  const caret = `${text.slice(0, column - 1).replace(/[^\t]/g, ' ')}^`;
  return {
    code: complaint.code,
    severity: complaint.severity,
    message: complaint.message,
    file: place.file.name,
    line,
    column,
    excerpt: text.trim() === '' ? '' : cut(text, caret, column),
    hint: complaint.hint ?? null,
    item: complaint.item ?? null,
  };
}

/** A line longer than this is shown around its caret. */
const WIDEST_EXCERPT = 160;

function cut(text: string, caret: string, column: number): string {
  if (text.length <= WIDEST_EXCERPT) return `${text}\n${caret}`;
  const from = Math.max(0, column - 1 - WIDEST_EXCERPT / 2);
  return `${text.slice(from, from + WIDEST_EXCERPT)}\n${caret.slice(from)}`;
}

function lineAt(place: Place): { line: number; column: number; text: string } {
  const { text } = place.file;
  const offset = Math.min(Math.max(place.offset, 0), text.length);
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  let line = 1;
  for (let index = text.indexOf('\n'); index !== -1 && index < start; index = text.indexOf('\n', index + 1)) line += 1;
  return {
    line,
    column: offset - start + 1,
    text: text.slice(start, end === -1 ? text.length : end).replace(/\r$/, ''),
  };
}

/**
 * Follows value and source side by side. YAML only ever drops or folds white space and resolves escapes, so each visible
 * character of the value is found by walking on in the source.
 */
function sourceOffset(piece: TextPiece, offset: number): number {
  const source = piece.file.text;
  let at = skipHeader(source, piece.start);
  for (let index = 0; index < piece.value.length; index += 1) {
    const wanted = piece.value[index] ?? '';
    if (!/\s/.test(wanted)) {
      while (at < piece.end && source[at] !== wanted) at += 1;
      if (index >= offset) return Math.min(at, piece.end);
      at += 1;
    } else if (index >= offset) {
      return Math.min(at, piece.end);
    } else if (/\s/.test(source[at] ?? '')) {
      at += 1;
    }
  }
  return Math.min(at, piece.end);
}

/** Behind the opening quote or the block header (`>-2 # comment`). */
function skipHeader(source: string, start: number): number {
  const first = source[start];
  if (first === '"' || first === "'") return start + 1;
  if (first !== '>' && first !== '|') return start;
  const newline = source.indexOf('\n', start);
  return newline === -1 ? start : newline + 1;
}
