/**
 * How often somebody may try to sign in: counted before the passphrase is looked at, so that many at once cannot pass
 * together, by account and by address, within a window.
 */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { httpFailures } from '../../ground/http-error.ts';
import type { StateTransaction } from '../../ground/state.ts';
import type { PeopleTables } from '../tables.ts';

export const ATTEMPT_WINDOW_MS = 15 * 60_000;
export const ACCOUNT_ATTEMPTS = 10;
export const ADDRESS_ATTEMPTS = 50;

/** The key of an account holds a digest: an address typed in the wrong field may be a passphrase. */
export function accountAttemptKey(email: string): string {
  return `account:${createHash('sha256').update(email).digest('hex')}`;
}

export function addressAttemptKey(address: string): string {
  return `address:${address}`;
}

/** Counts one attempt. Returns the failure to throw after the transaction has committed, so that the count stays. */
export async function countAttempt(
  trx: StateTransaction,
  key: string,
  limit: { readonly attempts: number; readonly nowMs: number },
): Promise<Error | null> {
  const expiredMs = limit.nowMs - ATTEMPT_WINDOW_MS;
  const row = await trx
    .withTables<PeopleTables>()
    .insertInto('sign_in_attempt')
    .values({ key, count: 1, first_ms: limit.nowMs })
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet({
        count: sql`case when sign_in_attempt.first_ms <= ${expiredMs}::bigint then 1 else sign_in_attempt.count + 1 end`,
        first_ms: sql`case when sign_in_attempt.first_ms <= ${expiredMs}::bigint then ${limit.nowMs}::bigint
          else sign_in_attempt.first_ms end`,
      }),
    )
    .returning(['count', 'first_ms'])
    .executeTakeFirstOrThrow();
  if (row.count <= limit.attempts) {
    return null;
  }
  return httpFailures.rateLimited(Math.ceil((row.first_ms + ATTEMPT_WINDOW_MS - limit.nowMs) / 1_000));
}

export async function forgetAttempts(trx: StateTransaction, key: string): Promise<void> {
  await trx.withTables<PeopleTables>().deleteFrom('sign_in_attempt').where('key', '=', key).execute();
}

export async function forgetOldAttempts(trx: StateTransaction, nowMs: number): Promise<void> {
  await trx
    .withTables<PeopleTables>()
    .deleteFrom('sign_in_attempt')
    .where('first_ms', '<=', nowMs - ATTEMPT_WINDOW_MS)
    .execute();
}
