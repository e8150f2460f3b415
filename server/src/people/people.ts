/**
 * What the rooms to the right need of people: who did it or answers for it, and whether a second factor holds.
 *
 * The surprise: `resolve` never comes back empty-handed without saying so. Its `nobody` must end in a page.
 */
import type { EventFacts } from '../sources/source.ts';
import { readDirectory, type StateReader } from './directory.ts';
import { type Directory, type Ownership, type Resolution, resolveActor, resolveOwner } from './person.ts';
import type { SecondFactor } from './sign-in/second-factor.ts';

export interface People extends SecondFactor {
  /** One snapshot, for a batch: then `resolveActor` and `isKnownPerson` are pure. */
  directory(reader: StateReader): Promise<Directory>;
  /** Who is asked: the actor where they can answer, else (or when `ask` is `owner`) who answers for the account. */
  resolve(
    reader: StateReader,
    facts: Pick<EventFacts, 'source' | 'account' | 'actor'>,
    ask: 'actor' | 'owner',
  ): Promise<Resolution>;
}

export function createPeople(ownership: Ownership, secondFactor: SecondFactor): People {
  return {
    hasTotp: (trx, personId) => secondFactor.hasTotp(trx, personId),
    verifyTotp: (trx, personId, attempt) => secondFactor.verifyTotp(trx, personId, attempt),
    directory: (reader) => readDirectory(reader, ownership),
    resolve: async (reader, facts, ask) => {
      const directory = await readDirectory(reader, ownership);
      return ask === 'actor' ? resolveActor(facts, directory) : resolveOwner(facts.account, directory);
    },
  };
}
