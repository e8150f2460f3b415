/**
 * The one shape of every error the API sends. The server sends a code and parameters; the console has the words.
 */
import { type Static, Type } from 'typebox';

export const ApiError = Type.Object({
  /** Stable, kebab-case: `case-not-found`, `sign-in-required`, `invalid-input`, `rate-limited` … */
  code: Type.String(),
  /** English, for people without the console (curl, logs). */
  message: Type.String(),
  retryable: Type.Boolean(),
  parameters: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Null()])),
});
export type ApiError = Static<typeof ApiError>;
