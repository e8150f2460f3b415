/**
 * Users that an identity provider keeps: made, changed, put out of service and removed in step with `person`.
 *
 * The surprise: a user and somebody the configuration lists under the same address are one person. The configuration then decides
 * name and role, the provider whether the person may act at all; nobody becomes admin here, and the last admin stays.
 */
import { appendJournal } from '../../ground/journal.ts';
import type { Random } from '../../ground/random.ts';
import type { StateTransaction } from '../../ground/state.ts';
import type { StateReader } from '../directory.ts';
import type { PasskeyTables } from '../passkeys/tables.ts';
import { endLinksOf } from '../sign-in/links.ts';
import { endSessionsOf } from '../sign-in/sessions.ts';
import type { PeopleTables, PersonTable } from '../tables.ts';
import { personOf, scimFailure, type UserAttributes } from './resource.ts';
import { syncRoles } from './roles.ts';
import type { ScimTables } from './tables.ts';

export interface ScimUser {
  readonly id: string;
  readonly attributes: UserAttributes;
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** What every change needs to know. */
export interface ScimChange {
  /** The token of the provider, for the journal. */
  readonly by: string;
  readonly nowMs: number;
  readonly random: Random;
  /** Groups whose people answer pages. */
  readonly responderGroups: readonly string[];
}

export async function findUser(reader: StateReader, id: string): Promise<ScimUser | null> {
  const row = await reader
    .withTables<ScimTables>()
    .selectFrom('scim_user')
    .selectAll()
    .where('person_id', '=', id)
    .executeTakeFirst();
  return row === undefined ? null : toUser(row);
}

/** As `findUser`; whoever else would change them waits, so that two changes at once are both kept. */
export async function lockUser(trx: StateTransaction, id: string): Promise<ScimUser | null> {
  const db = trx.withTables<ScimTables>();
  await db.selectFrom('scim_user').select('person_id').where('person_id', '=', id).forUpdate().execute();
  return findUser(trx, id);
}

/** Oldest first; by a name where one is given, which an index answers. */
export async function listUsers(
  reader: StateReader,
  by: { readonly column: 'user_name' | 'external_id'; readonly value: string } | null,
  limit: number,
): Promise<readonly ScimUser[]> {
  let query = reader.withTables<ScimTables>().selectFrom('scim_user').selectAll();
  if (by !== null) query = query.where(by.column, '=', by.value);
  const rows = await query.orderBy('created_ms').orderBy('person_id').limit(limit).execute();
  return rows.map(toUser);
}

/** @throws Failure 409 when the user or the address is there already. */
export async function createUser(trx: StateTransaction, user: UserAttributes, change: ScimChange): Promise<ScimUser> {
  const db = trx.withTables<PeopleTables & ScimTables>();
  const { email, name, language, identities } = personOf(user);
  const known = await lockByEmail(trx, email);
  if (known !== null && (await findUser(trx, known.id)) !== null)
    throw scimFailure(409, 'uniqueness', `there is a user with the address ${email}`);
  await refuseName(trx, user.userName, null);
  const id = known?.id ?? change.random.id(change.nowMs);
  const parts = { provisioned: true, identities: JSON.stringify(identities) };
  if (known === null) {
    const made = { role: 'member', configured: false, created_ms: change.nowMs, totp_last_step: 0 } as const;
    await db
      .insertInto('person')
      .values({ id, email, name, language, ...parts, ...made })
      .execute();
  } else {
    await db.updateTable('person').set(parts).where('id', '=', id).execute();
  }
  await db
    .insertInto('scim_user')
    .values({ person_id: id, ...columnsOf(user), created_ms: change.nowMs, updated_ms: change.nowMs })
    .execute();
  await journal(trx, 'person-provisioned', id, change, { adopted: known !== null });
  await setActive(trx, id, user.active, change);
  await syncRoles(trx, change.responderGroups);
  return { id, attributes: user, createdMs: change.nowMs, updatedMs: change.nowMs };
}

/** @throws Failure 404, 409. */
export async function replaceUser(
  trx: StateTransaction,
  id: string,
  user: UserAttributes,
  change: ScimChange,
): Promise<ScimUser> {
  const db = trx.withTables<PeopleTables & ScimTables>();
  const before = await findUser(trx, id);
  const person = await lock(trx, id);
  if (before === null || person === null) throw noUser(id);
  const { email, name, identities } = personOf(user);
  await refuseName(trx, user.userName, id);
  if (email !== person.email) await refuseAddress(trx, person, email);
  await db
    .updateTable('person')
    .set({ email, identities: JSON.stringify(identities), ...(person.configured ? {} : { name }) })
    .where('id', '=', id)
    .execute();
  await db
    .updateTable('scim_user')
    .set({ ...columnsOf(user), updated_ms: change.nowMs })
    .where('person_id', '=', id)
    .execute();
  if (email !== person.email) await journal(trx, 'person-readdressed', id, change, { from: person.email, to: email });
  await setActive(trx, id, user.active, change);
  return { id, attributes: user, createdMs: before.createdMs, updatedMs: change.nowMs };
}

/**
 * The person is put out of service and what they could prove with is forgotten, so that whoever comes back under the same address
 * begins anew. Their row stays, because the journal speaks of it. @throws Failure 404, 409.
 */
export async function removeUser(trx: StateTransaction, id: string, change: ScimChange): Promise<void> {
  const db = trx.withTables<PeopleTables & ScimTables & PasskeyTables>();
  if ((await findUser(trx, id)) === null) throw noUser(id);
  await setActive(trx, id, false, change);
  await db.deleteFrom('scim_member').where('person_id', '=', id).execute();
  await db.deleteFrom('scim_user').where('person_id', '=', id).execute();
  await db.deleteFrom('passkey').where('person_id', '=', id).execute();
  await db
    .updateTable('person')
    .set({ provisioned: false, identities: null, enrolled_ms: null, passphrase_hash: null, totp_sealed: null })
    .where('id', '=', id)
    .execute();
  await journal(trx, 'person-removed', id, change, {});
}

/** @throws Failure 409 when nobody who can administer would be left. */
async function setActive(trx: StateTransaction, id: string, active: boolean, change: ScimChange): Promise<void> {
  const db = trx.withTables<PeopleTables>();
  const person = await lock(trx, id);
  if (person === null || (person.disabled_ms === null) === active) return;
  if (!active && person.role === 'admin') await refuseLastAdmin(trx, id);
  await db
    .updateTable('person')
    .set({ disabled_ms: active ? null : change.nowMs })
    .where('id', '=', id)
    .execute();
  if (!active) {
    await endSessionsOf(trx, id);
    await endLinksOf(trx, id);
  }
  await journal(trx, active ? 'person-enabled' : 'person-disabled', id, change, {});
}

async function refuseLastAdmin(trx: StateTransaction, id: string): Promise<void> {
  const others = await trx
    .withTables<PeopleTables>()
    .selectFrom('person')
    .select('id')
    .where('role', '=', 'admin')
    .where('id', '!=', id)
    .where('disabled_ms', 'is', null)
    .where('enrolled_ms', 'is not', null)
    .limit(1)
    .execute();
  if (others.length === 0)
    throw scimFailure(409, 'mutability', 'this is the last admin; name another one in the configuration first');
}

async function refuseName(trx: StateTransaction, userName: string, id: string | null): Promise<void> {
  const [other] = await listUsers(trx, { column: 'user_name', value: userName.toLowerCase() }, 1);
  if (other !== undefined && other.id !== id)
    throw scimFailure(409, 'uniqueness', `there is a user with the userName ${userName}`);
}

async function refuseAddress(trx: StateTransaction, person: PersonTable, email: string): Promise<void> {
  if (person.configured)
    throw scimFailure(409, 'mutability', `the configuration lists this person as ${person.email}; change it there`);
  if (person.role === 'admin')
    throw scimFailure(409, 'mutability', 'the address of an admin is not changed from outside');
  if ((await lockByEmail(trx, email)) !== null)
    throw scimFailure(409, 'uniqueness', `the address ${email} belongs to another person`);
}

async function lock(trx: StateTransaction, id: string): Promise<PersonTable | null> {
  const db = trx.withTables<PeopleTables>();
  return (await db.selectFrom('person').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()) ?? null;
}

async function lockByEmail(trx: StateTransaction, email: string): Promise<PersonTable | null> {
  const db = trx.withTables<PeopleTables>();
  return (await db.selectFrom('person').selectAll().where('email', '=', email).forUpdate().executeTakeFirst()) ?? null;
}

function columnsOf(user: UserAttributes) {
  return {
    user_name: user.userName.toLowerCase(),
    external_id: user.externalId ?? null,
    attributes: JSON.stringify(user),
    active: user.active,
  };
}

function toUser(row: ScimTables['scim_user']): ScimUser {
  const { person_id: id, attributes, created_ms: createdMs, updated_ms: updatedMs } = row;
  // Written by `columnsOf`, after it was checked.
  return { id, attributes: JSON.parse(attributes) as UserAttributes, createdMs, updatedMs };
}

function noUser(id: string) {
  return scimFailure(404, null, `there is no user ${id}`);
}

async function journal(
  trx: StateTransaction,
  kind: string,
  personId: string,
  { by, nowMs }: ScimChange,
  parameters: Readonly<Record<string, string | boolean>>,
): Promise<void> {
  await appendJournal(trx, {
    kind,
    caseId: null,
    actor: null,
    parameters: { personId, provider: by, ...parameters },
    timeMs: nowMs,
  });
}
