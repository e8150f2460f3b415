/**
 * Secrets by reference: the configuration names an environment variable or a file, and this reads it when it is needed.
 *
 * A secret that is missing or empty is a failure that names the reference and never a default.
 */
import { readFile } from 'node:fs/promises';
import { type Static, Type } from 'typebox';
import { Failure } from './failure.ts';

const strict = { additionalProperties: false } as const;

/** Where a secret is: `{ env: NAME }` or `{ file: PATH }`. */
export const SecretReference = Type.Union([
  Type.Object({ env: Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }) }, strict),
  Type.Object({ file: Type.String({ minLength: 1 }) }, strict),
]);
export type SecretReference = Static<typeof SecretReference>;

export type Environment = Readonly<Record<string, string | undefined>>;

/** The secret without the line break that editors put at the end. @throws Failure `secret-missing`. */
export async function readSecret(reference: SecretReference, environment: Environment): Promise<string> {
  const value = 'env' in reference ? environment[reference.env] : await readSecretFile(reference.file);
  const secret = (value ?? '').replace(/\r?\n$/, '');
  if (secret === '') {
    throw missing(`${describeSecret(reference)} is not set or empty`);
  }
  return secret;
}

/** For messages: which reference, never what it holds. */
export function describeSecret(reference: SecretReference): string {
  return 'env' in reference ? `the environment variable ${reference.env}` : `the file ${reference.file}`;
}

async function readSecretFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw missing(`the file ${path}, which must hold a secret, cannot be read`, error);
  }
}

function missing(message: string, cause?: unknown): Failure {
  return new Failure(message, { code: 'secret-missing', httpStatus: 500, retryable: false, cause });
}
