/**
 * People in the state database: brought up to date from the configuration at every start, and read as one snapshot in
 * which any actor can be resolved.
 *
 * The surprise: a person taken off the configuration is disabled at the next start, with their sessions and links; their
 * row stays, because the journal speaks of it.
 */
import { appendJournal } from '../ground/journal.ts';
import type { Random } from '../ground/random.ts';
import type { State, StateTransaction } from '../ground/state.ts';
import type { ConfiguredPerson, Directory, Identities, KnownPerson, Ownership } from './person.ts';
import type { PeopleTables, PersonTable } from './tables.ts';

export type StateReader = Pick<State['db'], 'withTables'>;

/** More people than this are not looked at. */
export const MAXIMUM_PEOPLE = 20_000;
export const NO_IDENTITIES: Identities = {
  arns: [],
  awsUsers: [],
  sessions: [],
  kubernetesUsers: [],
  accessKeys: [],
  slackUser: null,
  duoUsername: null,
};

/** Everybody who is not disabled, oldest first, with their names from the configuration. */
export async function readDirectory(reader: StateReader, ownership: Ownership): Promise<Directory> {
  const rows = await reader
    .withTables<PeopleTables>()
    .selectFrom('person')
    .selectAll()
    .where('disabled_ms', 'is', null)
    .orderBy('created_ms')
    .orderBy('id')
    .limit(MAXIMUM_PEOPLE)
    .execute();
  const identities = new Map(ownership.people.map((person) => [person.email, person.identities]));
  const { teams, accountOwners, defaultOwner, trustedRoles } = ownership;
  const people = rows.map((row) => toKnownPerson(row, identities.get(row.email) ?? NO_IDENTITIES));
  return { people, teams, accountOwners, defaultOwner, trustedRoles };
}

export function toKnownPerson(row: PersonTable, identities: Identities = NO_IDENTITIES): KnownPerson {
  const { id, name, email, role, language, configured } = row;
  return { id, name, email, role, language, configured, enrolled: row.enrolled_ms !== null, identities };
}

/** Brings the table up to date with the configuration. Repeating it changes nothing. */
export async function syncPeople(
  trx: StateTransaction,
  configured: readonly ConfiguredPerson[],
  at: { readonly nowMs: number; readonly random: Random },
): Promise<void> {
  const db = trx.withTables<PeopleTables>();
  for (const person of configured) {
    const { email, name, role, language } = person;
    await db
      .insertInto('person')
      .values({
        id: at.random.id(at.nowMs),
        email,
        name,
        role: role ?? 'member',
        language,
        configured: true,
        created_ms: at.nowMs,
        totp_last_step: 0,
      })
      .onConflict((conflict) =>
        conflict
          .column('email')
          .doUpdateSet({ name, configured: true, disabled_ms: null, ...(role === null ? {} : { role }) }),
      )
      .execute();
  }
  await disableMissing(trx, new Set(configured.map(({ email }) => email)), at.nowMs);
}

async function disableMissing(trx: StateTransaction, listed: ReadonlySet<string>, nowMs: number): Promise<void> {
  const db = trx.withTables<PeopleTables>();
  const before = await db
    .selectFrom('person')
    .select(['id', 'email'])
    .where('configured', '=', true)
    .where('disabled_ms', 'is', null)
    .execute();
  for (const { id } of before.filter(({ email }) => !listed.has(email))) {
    await db.updateTable('person').set({ disabled_ms: nowMs }).where('id', '=', id).execute();
    await db.deleteFrom('sign_in_session').where('person_id', '=', id).execute();
    await db.deleteFrom('sign_in_link').where('person_id', '=', id).execute();
    await appendJournal(trx, {
      kind: 'person-disabled',
      caseId: null,
      actor: null,
      parameters: { personId: id },
      timeMs: nowMs,
    });
  }
}
