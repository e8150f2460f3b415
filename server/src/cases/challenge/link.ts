/**
 * Links to the challenge page. A token is signed with the server's key, so that garbage never reaches the database, and kept
 * as a digest, so that reading the database gives nobody a link. It names the case and the person and ends at the deadline.
 *
 * ```
 *  base64url( JSON [case id, person id, expiry ms, nonce] ) . base64url( HMAC-SHA256 )
 * ```
 *
 * Opening a link spends nothing; answering ends the question, and with it every link to it.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../ground/random.ts';
import type { StateTransaction } from '../../ground/state.ts';
import type { CaseTables } from '../tables.ts';

export interface ChallengeTicket {
  readonly caseId: string;
  readonly personId: string;
  readonly expiresMs: number;
}

export interface LinkSigner {
  mint(trx: StateTransaction, ticket: ChallengeTicket, nowMs: number): Promise<string>;
  /** Null for anything that we did not mint. A token past its expiry still opens: the page then says what happened. */
  read(trx: StateTransaction, token: string): Promise<ChallengeTicket | null>;
}

const NONCE_BYTES = 16;

export function createLinkSigner(serverKey: Uint8Array, random: Random): LinkSigner {
  const key = createHmac('sha256', serverKey).update('challenge-link').digest();
  const sign = (body: string) => createHmac('sha256', key).update(body).digest();
  return {
    async mint(trx, { caseId, personId, expiresMs }, nowMs) {
      const nonce = random.bytes(NONCE_BYTES).toString('base64url');
      const body = Buffer.from(JSON.stringify([caseId, personId, expiresMs, nonce])).toString('base64url');
      const token = `${body}.${sign(body).toString('base64url')}`;
      await trx
        .withTables<CaseTables>()
        .insertInto('challenge_link')
        .values({
          token_hash: hashOf(token),
          case_id: caseId,
          person_id: personId,
          created_ms: nowMs,
          expires_ms: expiresMs,
        })
        .execute();
      return token;
    },
    async read(trx, token) {
      const [body, signature, ...more] = token.split('.');
      if (body === undefined || signature === undefined || more.length > 0) return null;
      const given = Buffer.from(signature, 'base64url');
      const expected = sign(body);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
      const row = await trx
        .withTables<CaseTables>()
        .selectFrom('challenge_link')
        .select(['case_id', 'person_id', 'expires_ms'])
        .where('token_hash', '=', hashOf(token))
        .executeTakeFirst();
      return row === undefined ? null : { caseId: row.case_id, personId: row.person_id, expiresMs: row.expires_ms };
    },
  };
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
