/** Keeps the words of a case, with every finding that it takes. */
import { sql } from 'kysely';
import { findingsById } from '../../findings/store.ts';
import type { StateTransaction } from '../../ground/state.ts';
import type { Case } from '../case.ts';
import { wordsOfCase } from './words.ts';

/** A burst of thousands repeats itself: what its first findings name is enough. */
export const MOST_FINDINGS = 200;

/** In the transaction that writes the case. */
export async function indexCase(
  trx: StateTransaction,
  found: Pick<Case, 'id' | 'person' | 'findingIds'>,
  added: readonly string[],
): Promise<void> {
  const room = MOST_FINDINGS - (found.findingIds.length - added.length);
  if (room <= 0) return;
  const findings = await findingsById(trx, added.slice(0, room));
  const words = wordsOfCase(found, findings);
  await sql`
    update case_record set words = coalesce(words, ''::tsvector) || array_to_tsvector(${words}::text[])
    where id = ${found.id}`.execute(trx);
}
