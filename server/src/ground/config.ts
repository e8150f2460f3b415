/**
 * Reads a YAML file against a schema and complains with line, column, excerpt and hint: all mistakes of a file at once.
 *
 * The surprise: complaints never repeat a value, and a line that smells of a secret is not shown: a routing key pasted in
 * the wrong place must not reach a terminal's history or a log.
 */
import type { Static, TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { type ConfigPath, describeMismatches } from './config-shape.ts';

/** A complaint about a value; `path` leads to it: `['accounts', '111122223333', 'owner']`. */
export interface ConfigProblem {
  readonly severity: 'error' | 'warning';
  readonly path: ConfigPath;
  readonly message: string;
  readonly hint: string | null;
}

/** The same where a person can find it. Line and column count from 1. */
export interface ConfigDiagnostic {
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line and a caret below it; empty where the line may hold a secret. */
  readonly excerpt: string;
  readonly hint: string | null;
}

export const MAXIMUM_CONFIG_BYTES = 4 * 1024 * 1024;
const MAXIMUM_ALIASES = 100;
const LONGEST_EXCERPT = 160;
const SECRET_NAME = /secret|key|token|pass|credential/i;

export interface ConfigReading<T> {
  /** Null when any diagnostic is an error. */
  readonly value: T | null;
  readonly diagnostics: readonly ConfigDiagnostic[];
  /** Places later problems (those that no schema can find) in the same text. */
  place(problem: ConfigProblem): ConfigDiagnostic;
}

/** Never throws on what a person wrote. An empty file is an empty mapping. */
export function readConfigText<S extends TSchema>(text: string, schema: S, file: string): ConfigReading<Static<S>> {
  const lines = new LineCounter();
  const tooLarge = Buffer.byteLength(text) > MAXIMUM_CONFIG_BYTES;
  const document = parseDocument(tooLarge ? '' : text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number, problem: Omit<ConfigProblem, 'path'>, isSecret: boolean): ConfigDiagnostic => {
    const { line, col } = lines.linePos(offset);
    const { severity, message, hint } = problem;
    const excerpt = isSecret ? '' : excerptOf(text, line, col);
    return { severity, message, file, line: Math.max(line, 1), column: Math.max(col, 1), excerpt, hint };
  };
  const place = (problem: ConfigProblem) =>
    at(offsetOf(document.contents, problem.path), problem, isSecretPath(problem.path));
  const fail = (diagnostics: readonly ConfigDiagnostic[]) => ({ value: null, diagnostics, place });

  if (tooLarge) {
    const message = `the file is larger than ${MAXIMUM_CONFIG_BYTES} bytes`;
    return fail([at(0, { severity: 'error', message, hint: null }, true)]);
  }
  if (document.errors.length > 0) {
    return fail(
      document.errors.map((error) =>
        at(error.pos[0], { severity: 'error', message: firstLine(error.message), hint: null }, false),
      ),
    );
  }
  const value = toPlain(document);
  if (value === TOO_MANY_ALIASES) {
    const message = 'too many aliases';
    return fail([at(0, { severity: 'error', message, hint: 'write the values out' }, true)]);
  }
  const problems = describeMismatches(schema, value).map((mismatch) => ({ ...mismatch, severity: 'error' as const }));
  if (problems.length > 0) {
    return fail(problems.map(place));
  }
  if (!Check(schema, value)) {
    return fail([place({ severity: 'error', path: [], message: 'the file is not as it must be', hint: null })]);
  }
  return { value, diagnostics: [], place };
}

const TOO_MANY_ALIASES = Symbol('too many aliases');

/** A few lines of nested aliases can mean gigabytes; the parser counts and gives up. */
function toPlain(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: MAXIMUM_ALIASES }) ?? {};
  } catch (error) {
    if (error instanceof ReferenceError) {
      return TOO_MANY_ALIASES;
    }
    throw error;
  }
}

/** Where the value of a path begins, or the nearest thing around it that exists. */
function offsetOf(root: unknown, path: ConfigPath): number {
  let node = root;
  let offset = startOf(root as Node | null);
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) {
        return offset;
      }
      offset = startOf((pair.value ?? pair.key) as Node | null, startOf(pair.key as Node | null, offset));
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step];
      offset = startOf(node as Node | null, offset);
    } else {
      return offset;
    }
  }
  return offset;
}

function startOf(node: Node | null | undefined, otherwise = 0): number {
  return node?.range?.[0] ?? otherwise;
}

function isSecretPath(path: ConfigPath): boolean {
  return path.some((step) => typeof step === 'string' && SECRET_NAME.test(step));
}

function excerptOf(text: string, line: number, column: number): string {
  const source = text.split('\n')[line - 1]?.trimEnd() ?? '';
  if (SECRET_NAME.test(source) || source.length > LONGEST_EXCERPT) {
    return '';
  }
  return `${source}\n${' '.repeat(Math.max(0, column - 1))}^`;
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? message;
}

/** For terminals: `file:line:column: error: message`, the line with a caret, and the hint. */
export function formatConfigDiagnostic({
  severity,
  message,
  file,
  line,
  column,
  excerpt,
  hint,
}: ConfigDiagnostic): string {
  const parts = [`${file}:${line}:${column}: ${severity}: ${message}`];
  if (excerpt !== '') {
    parts.push(excerpt);
  }
  if (hint !== null) {
    parts.push(`hint: ${hint}`);
  }
  return parts.join('\n');
}
