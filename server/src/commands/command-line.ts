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

type Options = NonNullable<ParseArgsConfig['options']>;

/** `util.parseArgs` with its complaints turned into a `UsageError`. */
export function parseArguments<const T extends Options>(argv: readonly string[], options: T, positionals: boolean) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: positionals, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The value if it is one of `choices`; a UsageError otherwise. */
export function choice<const T extends readonly string[]>(flag: string, value: string, choices: T): T[number] {
  if (!choices.includes(value)) throw new UsageError(`--${flag} is '${value}', it must be one of: ${choices.join(', ')}`);
  return value;
}
