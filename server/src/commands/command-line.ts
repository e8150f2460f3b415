/**
 * How a command reads its arguments and speaks: stdout is data, stderr is for people, exit codes are honest.
 *
 * Exit codes: 0 fine, 1 bad input or findings of a check, 2 usage. A command never calls `process.exit`; it returns.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Clock } from '../ground/clock.ts';
import type { Random } from '../ground/random.ts';

export const EXIT_FINE = 0;
export const EXIT_BAD_INPUT = 1;
export const EXIT_USAGE = 2;

/** The world as a command may touch it. */
export interface Terminal {
  readonly clock: Clock;
  readonly random: Random;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly isErrorTerminal: boolean;
  readonly hostname: string;
  readonly interrupted: AbortSignal;
  /** Writes data and waits while the reader is slow. Rejects never; a closed pipe ends the program. */
  print(text: string): Promise<void> | void;
  /** Writes for people. */
  say(text: string): void;
}

/** One command: `run` gets the arguments after its name. */
export interface Command {
  readonly name: string;
  readonly usage: string;
  run(argv: readonly string[], terminal: Terminal): Promise<number>;
}

/** A mistake in how the command was called: printed with the usage, exit 2. */
export class UsageError extends Error {}

/** Bad input that the person can mend: printed as it is, exit 1. */
export class InputError extends Error {}

/** What a flag may be: a text, several texts, or present. */
export type Flags = Readonly<Record<string, 'text' | 'texts' | 'present'>>;

export interface Arguments {
  readonly positionals: readonly string[];
  /** The last value of a flag, or undefined. */
  text(flag: string): string | undefined;
  /** Every value of a repeated flag. */
  texts(flag: string): readonly string[];
  has(flag: string): boolean;
}

/** `util.parseArgs` with its complaints turned into a `UsageError`. */
export function parseArguments(argv: readonly string[], flags: Flags): Arguments {
  const options: NonNullable<ParseArgsConfig['options']> = Object.fromEntries(
    Object.entries(flags).map(([flag, kind]) => [
      flag,
      { type: kind === 'present' ? ('boolean' as const) : ('string' as const), multiple: kind === 'texts' },
    ]),
  );
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  return {
    positionals,
    text: (flag) => (typeof values[flag] === 'string' ? values[flag] : undefined),
    texts: (flag) => (Array.isArray(values[flag]) ? values[flag].filter((value) => typeof value === 'string') : []),
    has: (flag) => values[flag] === true,
  };
}

/** The value if it is one of `choices`; a UsageError otherwise. */
export function choice<const T extends readonly string[]>(flag: string, value: string, choices: T): T[number] {
  if (!choices.includes(value))
    throw new UsageError(`--${flag} is '${value}', it must be one of: ${choices.join(', ')}`);
  return value;
}
