/** Bearer tokens of links and sessions: 256 bits, handed out once; only a digest of them is ever stored. */
import { createHash } from 'node:crypto';
import type { Random } from '../../ground/random.ts';

const TOKEN_BYTES = 32;

export function createToken(random: Random): string {
  return Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url');
}

/** Tokens are long and random, so a plain digest cannot be searched, and looking one up by it leaks no timing of use. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
