/**
 * Failures at the edge: what went wrong outside our own logic, with a stable code that the console can put into words.
 *
 * Expected outcomes are return values, and bugs are plain errors; only this third kind is thrown on purpose.
 */

export interface FailureOptions {
  /** Stable, kebab-case. */
  readonly code: string;
  readonly httpStatus: number;
  /** Whether trying again later can help. */
  readonly retryable: boolean;
  readonly parameters?: Readonly<Record<string, string | number | null>>;
  readonly cause?: unknown;
}

export class Failure extends Error {
  readonly code: string;
  readonly httpStatus: number;
  readonly retryable: boolean;
  readonly parameters: Readonly<Record<string, string | number | null>>;

  constructor(message: string, options: FailureOptions) {
    super(message, { cause: options.cause });
    this.name = 'Failure';
    this.code = options.code;
    this.httpStatus = options.httpStatus;
    this.retryable = options.retryable;
    this.parameters = options.parameters ?? {};
  }
}

/** The message of anything thrown, for logs and `failure` columns. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
