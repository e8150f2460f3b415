/**
 * Keeps the words of a case, with every finding that it takes.
 *
 * The surprise: a case without words (null) keeps none when it takes a finding. It is from before there were words, and `indexing.ts` makes
 * all of its words at once; a few of them would make it look done.
 */
import { sql } from 'kysely';
import { findingsById } from '../../findings/store.ts';
import type { StateTransaction } from '../../ground/state.ts';
import type { Case } from '../case.ts';
import { wordsOfCase } from './words.ts';

/** A burst of thousands repeats itself: what its first findings name is enough. */
const MOST_FINDINGS = 200;
/** A `tsvector` holds 1 MB. So many, those of one save more (`MOST_WORDS`), each of `LONGEST_WORD` with three bytes a letter, stay below. */
const MOST_KEPT = 1_200;

/** In the transaction that writes the case. */
export async function indexCase(
  trx: StateTransaction,
  found: Pick<Case, 'id' | 'person' | 'findingIds'>,
  { added, isNew }: { readonly added: readonly string[]; readonly isNew: boolean },
): Promise<void> {
  if (isNew) return indexWhole(trx, found);
  const room = MOST_FINDINGS - (found.findingIds.length - added.length);
  if (room <= 0) return;
  const words = wordsOfCase(found, await findingsById(trx, added.slice(0, room)));
  await sql`
    update case_record set words = words || array_to_tsvector(${words}::text[])
    where id = ${found.id} and length(words) < ${MOST_KEPT}`.execute(trx);
}

/** All its words, whatever it had. */
export async function indexWhole(
  trx: StateTransaction,
  found: Pick<Case, 'id' | 'person' | 'findingIds'>,
): Promise<void> {
  const words = wordsOfCase(found, await findingsById(trx, found.findingIds.slice(0, MOST_FINDINGS)));
  await sql`update case_record set words = array_to_tsvector(${words}::text[]) where id = ${found.id}`.execute(trx);
}
