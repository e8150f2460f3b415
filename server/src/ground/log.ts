/**
 * What operators read: one JSON line an entry on stderr. A member whose name smells of a secret is never written.
 */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log that adds `fields` to every entry. */
  with(fields: LogFields): Log;
}

export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

const SECRET_NAME = /secret|token|passphrase|password|authorization|cookie|routing_?key|api_?key|otpauth/i;
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const LONGEST_TEXT = 4_000;
const DEEPEST = 4;

/** Writes entries of at least `level` through `write`, one line each. */
export function createLog(options: { write: (line: string) => void; nowMs: () => number; level: LogLevel }): Log {
  return fromSink((entry) => {
    if (LEVELS.indexOf(entry.level) < LEVELS.indexOf(options.level)) return;
    const time = new Date(options.nowMs()).toISOString();
    options.write(`${JSON.stringify({ time, level: entry.level, message: entry.message, ...entry.fields })}\n`);
  });
}

/** Keeps entries, so that a test can fail on an error that it did not expect. */
export function recordingLog(): Log & { readonly entries: readonly LogEntry[] } {
  const entries: LogEntry[] = [];
  return Object.assign(
    fromSink((entry) => entries.push(entry)),
    { entries },
  );
}

export const silentLog: Log = fromSink(() => undefined);

function fromSink(sink: (entry: LogEntry) => void, always: LogFields = {}): Log {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
    sink({ level, message, fields: redactFields({ ...always, ...fields }) });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => fromSink(sink, { ...always, ...fields }),
  };
}

function redactFields(fields: LogFields): LogFields {
  return redact(fields, 0) as LogFields;
}

function redact(value: unknown, depth: number): unknown {
  if (value instanceof Error) return describeError(value);
  if (typeof value === 'string') return value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEEPEST) return '…';
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      SECRET_NAME.test(name) ? '[removed]' : redact(member, depth + 1),
    ]),
  );
}

/** The message and code of an error and of its causes; no stack, which may hold arguments. */
function describeError(error: Error): unknown {
  const code = (error as { code?: unknown }).code;
  const cause = error.cause instanceof Error ? { cause: describeError(error.cause) } : {};
  return { name: error.name, message: error.message, ...(code === undefined ? {} : { code }), ...cause };
}
