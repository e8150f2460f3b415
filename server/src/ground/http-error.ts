/**
 * The failures that any room may meet over HTTP, and the one shape in which every failure is sent.
 *
 * A thrown `Failure` is sent with its code; anything else that is thrown is a bug and is sent as `internal`, without a
 * word of what happened, which stays in the log under the request's id.
 */
import type { ApiError } from '@countersign/contract';
import { Failure } from './failure.ts';

export const httpFailures = {
  invalidInput: (where: string, what: string) =>
    new Failure(`${where} is not as it must be: ${what}`, {
      code: 'invalid-input',
      httpStatus: 400,
      retryable: false,
      parameters: { where, what },
    }),
  notFound: () => refusal('not-found', 404, 'there is nothing at this address'),
  signInRequired: () => refusal('sign-in-required', 401, 'sign in first'),
  forbidden: () => refusal('forbidden', 403, 'your role does not allow this'),
  crossSite: () =>
    refusal(
      'cross-site',
      403,
      "this did not come from the console's own pages; a tool sends an Origin header with this server's address",
    ),
  tooLarge: () => refusal('too-large', 413, 'the request is too large'),
  unsupportedMediaType: () => refusal('unsupported-media-type', 415, 'send application/json'),
  rateLimited: (seconds: number) =>
    new Failure(`too many requests; try again in ${seconds} seconds`, {
      code: 'rate-limited',
      httpStatus: 429,
      retryable: true,
      parameters: { seconds },
    }),
  internal: () => new Failure(LOGGED, { code: 'internal', httpStatus: 500, retryable: true }),
} as const;

const LOGGED = 'something went wrong here; it is logged';

/** What is sent of a failure. Of our own faults only the code: their messages may name hosts and files. */
export function failureBody({ code, message, httpStatus, retryable, parameters }: Failure): ApiError {
  return httpStatus >= 500
    ? { code, message: LOGGED, retryable, parameters: {} }
    : { code, message, retryable, parameters: { ...parameters } };
}

function refusal(code: string, httpStatus: number, message: string): Failure {
  return new Failure(message, { code, httpStatus, retryable: false });
}
