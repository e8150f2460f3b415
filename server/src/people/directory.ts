/**
 * People in the state database: brought up to date from the configuration at every start, and read as one snapshot in
 * which any actor can be resolved.
 *
 * The surprise: a person taken off the configuration is disabled at the next start, with their sessions and links; their
 * row stays, because the journal speaks of it. Whom an identity provider keeps as well stays in service, as a member, and whom it put
 * out of service stays out, whatever the configuration lists.
 */
import { appendJournal } from '../ground/journal.ts';
import type { Random } from '../ground/random.ts';
import type { State, StateTransaction } from '../ground/state.ts';
import type { ConfiguredPerson, Directory, Identities, KnownPerson, Ownership } from './person.ts';
import type { ScimTables } from './scim/tables.ts';
import type { PeopleTables, PersonTable } from './tables.ts';

export type StateReader = Pick<State['db'], 'withTables'>;

/** More people than this are not looked at. */
export const MAXIMUM_PEOPLE = 20_000;
export const NO_IDENTITIES: Identities = {
  arns: [],
  awsUsers: [],
  sessions: [],
  kubernetesUsers: [],
  hostUsers: [],
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
  const people = rows.map((row) => toKnownPerson(row, identities.get(row.email) ?? NO_IDENTITIES));
  const { people: _, ...rest } = ownership;
  return { ...rest, people, teams: new Map([...(await readGroups(reader)), ...ownership.teams]) };
}

/** A person is called what the configuration says and what an identity provider says. */
export function toKnownPerson(row: PersonTable, configured: Identities = NO_IDENTITIES): KnownPerson {
  const { id, name, email, role, language } = row;
  // Written by the SCIM routes, after they checked it.
  const told = row.identities === null ? {} : (JSON.parse(row.identities) as Partial<Identities>);
  const both = <K extends 'arns' | 'awsUsers' | 'sessions' | 'kubernetesUsers' | 'hostUsers' | 'accessKeys'>(
    key: K,
  ) => [...configured[key], ...(told[key] ?? [])];
  return {
    id,
    name,
    email,
    role,
    language,
    configured: row.configured || row.provisioned,
    enrolled: row.enrolled_ms !== null,
    identities: {
      arns: both('arns'),
      awsUsers: both('awsUsers'),
      sessions: both('sessions'),
      kubernetesUsers: both('kubernetesUsers'),
      hostUsers: both('hostUsers'),
      accessKeys: both('accessKeys'),
      slackUser: configured.slackUser ?? told.slackUser ?? null,
      duoUsername: configured.duoUsername ?? told.duoUsername ?? null,
    },
  };
}

/** The groups of an identity provider, as teams; a team of the configuration with the same name counts instead. */
async function readGroups(reader: StateReader): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await reader
    .withTables<PeopleTables & ScimTables>()
    .selectFrom('scim_member')
    .innerJoin('scim_group', 'scim_group.id', 'scim_member.group_id')
    .innerJoin('person', 'person.id', 'scim_member.person_id')
    .select(['scim_group.display_name as team', 'person.email'])
    .where('person.disabled_ms', 'is', null)
    .orderBy('scim_member.position')
    .orderBy('person.id')
    .execute();
  const teams = new Map<string, string[]>();
  for (const { team, email } of rows) teams.set(team, [...(teams.get(team) ?? []), email]);
  return teams;
}

/** Brings the table up to date with the configuration. Repeating it changes nothing. */
export async function syncPeople(
  trx: StateTransaction,
  configured: readonly ConfiguredPerson[],
  at: { readonly nowMs: number; readonly random: Random },
): Promise<void> {
  const db = trx.withTables<PeopleTables>();
  for (const person of configured) {
    const { email, name, role, language, onCall } = person;
    const least = onCall ? 'responder' : 'member';
    const stated = role === 'member' ? least : role;
    await db
      .insertInto('person')
      .values({
        id: at.random.id(at.nowMs),
        email,
        name,
        role: stated ?? least,
        language,
        configured: true,
        provisioned: false,
        created_ms: at.nowMs,
        totp_last_step: 0,
      })
      .onConflict((conflict) =>
        conflict.column('email').doUpdateSet({
          name,
          configured: true,
          disabled_ms: null,
          // Whom the file gives no role stays what they are: the first admin may well stand on a ladder.
          ...(stated === null ? {} : { role: stated }),
        }),
      )
      .execute();
    if (onCall) {
      const members = db.updateTable('person').where('email', '=', email).where('role', '=', 'member');
      await members.set({ role: 'responder' }).execute();
    }
  }
  await disableMissing(trx, new Set(configured.map(({ email }) => email)), at.nowMs);
  const inactive = trx.withTables<ScimTables>().selectFrom('scim_user').select('person_id').where('active', '=', false);
  await db
    .updateTable('person')
    .set({ disabled_ms: at.nowMs })
    .where('disabled_ms', 'is', null)
    .where('id', 'in', inactive)
    .execute();
}

async function disableMissing(trx: StateTransaction, listed: ReadonlySet<string>, nowMs: number): Promise<void> {
  const db = trx.withTables<PeopleTables>();
  const before = await db
    .selectFrom('person')
    .select(['id', 'email', 'provisioned'])
    .where('configured', '=', true)
    .where('disabled_ms', 'is', null)
    .execute();
  for (const { id, provisioned } of before.filter(({ email }) => !listed.has(email))) {
    if (provisioned) {
      await db.updateTable('person').set({ configured: false, role: 'member' }).where('id', '=', id).execute();
      continue;
    }
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
