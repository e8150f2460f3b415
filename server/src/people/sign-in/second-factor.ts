/**
 * A person's one-time codes in the state database. A code counts once, for whatever it is used: the time step of the last
 * accepted code is kept, and only a later one is accepted.
 */
import type { StateTransaction } from '../../ground/state.ts';
import type { SecretBox } from './secret-box.ts';
import type { PeopleTables } from '../tables.ts';
import { matchTotpStep } from './totp.ts';

export interface SecondFactor {
  /** Whether the person has an authenticator. */
  hasTotp(trx: StateTransaction, personId: string): Promise<boolean>;
  /**
   * True exactly once for a code of this person about now. False for a wrong or used code, an unknown or disabled
   * person, and one without a second factor. Rolling the transaction back gives the code back.
   */
  verifyTotp(trx: StateTransaction, personId: string, attempt: { code: string; nowMs: number }): Promise<boolean>;
}

export function totpPurpose(personId: string): string {
  return `totp:${personId}`;
}

export function createSecondFactor(box: SecretBox): SecondFactor {
  return {
    async hasTotp(trx, personId) {
      const person = await trx
        .withTables<PeopleTables>()
        .selectFrom('person')
        .select('id')
        .where('id', '=', personId)
        .where('disabled_ms', 'is', null)
        .where('totp_sealed', 'is not', null)
        .executeTakeFirst();
      return person !== undefined;
    },
    async verifyTotp(trx, personId, { code, nowMs }) {
      const db = trx.withTables<PeopleTables>();
      const person = await db
        .selectFrom('person')
        .select('totp_sealed')
        .where('id', '=', personId)
        .where('disabled_ms', 'is', null)
        .executeTakeFirst();
      if (person === undefined || person.totp_sealed === null) {
        return false;
      }
      const step = matchTotpStep(box.open(person.totp_sealed, totpPurpose(personId)), code, nowMs);
      if (step === null) {
        return false;
      }
      const used = await db
        .updateTable('person')
        .set({ totp_last_step: step })
        .where('id', '=', personId)
        .where('totp_last_step', '<', step)
        .returning('id')
        .executeTakeFirst();
      return used !== undefined;
    },
  };
}
