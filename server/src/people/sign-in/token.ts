/** Bearer tokens of links and sessions: 256 bits, handed out once; only a digest of them is ever stored. */
import { createHash } from 'node:crypto';
import type { SecretBytes } from './passphrase.ts';

const TOKEN_BYTES = 32;

export function createToken(secretBytes: SecretBytes): string {
  return Buffer.from(secretBytes(TOKEN_BYTES)).toString('base64url');
}

/** Tokens are long and random, so a plain digest cannot be searched, and looking one up by it leaks no timing of use. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
