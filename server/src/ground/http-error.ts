/**
 * Errors that cross HTTP: a stable code, a status, whether trying again helps, and parameters for the console's words.
 *
 * Rooms throw `apiFailure(…)` for outcomes a caller must handle; anything else that is thrown is a bug and becomes
 * `internal` without a word of what happened, which stays in the log under the request's id.
 */
import type { ApiError } from '@countersign/contract';

export interface ApiFailureParts {
  /** Stable, kebab-case: the console translates it. */
  readonly code: string;
  readonly status: number;
  /** English, for people without the console; no secrets, no input repeated. */
  readonly message: string;
  readonly retryable?: boolean;
  readonly parameters?: ApiError['parameters'];
  readonly cause?: unknown;
}

export class ApiFailure extends Error {
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly parameters: ApiError['parameters'];

  constructor(parts: ApiFailureParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = parts.code;
    this.status = parts.status;
    this.retryable = parts.retryable ?? false;
    this.parameters = parts.parameters ?? {};
  }

  /** What is sent. */
  toBody(): ApiError {
    const { code, message, retryable, parameters } = this;
    return { code, message, retryable, parameters };
  }
}

export function apiFailure(parts: ApiFailureParts): ApiFailure {
  return new ApiFailure(parts);
}

/** The failures that every room may meet. */
export const httpFailures = {
  invalidInput: (where: string, what: string) =>
    apiFailure({
      code: 'invalid-input',
      status: 400,
      message: `${where} is not as it must be: ${what}`,
      parameters: { where, what },
    }),
  notFound: () => apiFailure({ code: 'not-found', status: 404, message: 'there is nothing at this address' }),
  signInRequired: () => apiFailure({ code: 'sign-in-required', status: 401, message: 'sign in first' }),
  forbidden: () => apiFailure({ code: 'forbidden', status: 403, message: 'your role does not allow this' }),
  crossSite: () =>
    apiFailure({
      code: 'cross-site',
      status: 403,
      message:
        "this did not come from the console's own pages; a tool sends an Origin header with this server's address",
    }),
  tooLarge: () => apiFailure({ code: 'too-large', status: 413, message: 'the request is too large' }),
  unsupportedMediaType: () =>
    apiFailure({ code: 'unsupported-media-type', status: 415, message: 'send application/json' }),
  rateLimited: (seconds: number) =>
    apiFailure({
      code: 'rate-limited',
      status: 429,
      message: `too many requests; try again in ${seconds} seconds`,
      retryable: true,
      parameters: { seconds },
    }),
  internal: () =>
    apiFailure({ code: 'internal', status: 500, message: 'something went wrong here; it is logged', retryable: true }),
} as const;
