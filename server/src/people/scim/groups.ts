/** Groups that an identity provider keeps; each is a team that can own accounts, in the order its people came. */
import { appendJournal } from '../../ground/journal.ts';
import type { StateTransaction } from '../../ground/state.ts';
import type { StateReader } from '../directory.ts';
import { type GroupAttributes, scimFailure } from './resource.ts';
import { syncRoles } from './roles.ts';
import type { ScimTables } from './tables.ts';
import type { ScimChange } from './users.ts';

export interface ScimGroup {
  readonly id: string;
  readonly displayName: string;
  readonly externalId: string | null;
  /** Ids of users; null: they were not asked for. */
  readonly members: readonly string[] | null;
  readonly createdMs: number;
  readonly updatedMs: number;
}

const MOST_GROUPS = 2_000;
const INSERT_AT_ONCE = 500;

export async function findGroup(reader: StateReader, id: string): Promise<ScimGroup | null> {
  const db = reader.withTables<ScimTables>();
  const row = await db.selectFrom('scim_group').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return null;
  const members = await db
    .selectFrom('scim_member')
    .select('person_id')
    .where('group_id', '=', id)
    .orderBy('position')
    .orderBy('person_id')
    .execute();
  return toGroup(
    row,
    members.map(({ person_id: personId }) => personId),
  );
}

/** As `findGroup`; whoever else would change it waits, so that two changes at once are both kept. */
export async function lockGroup(trx: StateTransaction, id: string): Promise<ScimGroup | null> {
  const db = trx.withTables<ScimTables>();
  await db.selectFrom('scim_group').select('id').where('id', '=', id).forUpdate().execute();
  return findGroup(trx, id);
}

/** Without members, oldest first. */
export async function listGroups(reader: StateReader): Promise<readonly ScimGroup[]> {
  const rows = await reader
    .withTables<ScimTables>()
    .selectFrom('scim_group')
    .selectAll()
    .orderBy('created_ms')
    .orderBy('id')
    .limit(MOST_GROUPS)
    .execute();
  return rows.map((row) => toGroup(row, null));
}

/** The same groups, each with its members. */
export async function withMembers(reader: StateReader, groups: readonly ScimGroup[]): Promise<readonly ScimGroup[]> {
  if (groups.length === 0) return groups;
  const ids = groups.map(({ id }) => id);
  const rows = await reader
    .withTables<ScimTables>()
    .selectFrom('scim_member')
    .select(['group_id', 'person_id'])
    .where('group_id', 'in', ids)
    .orderBy('position')
    .orderBy('person_id')
    .execute();
  const members = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const { group_id: group, person_id: person } of rows) members.get(group)?.push(person);
  return groups.map((group) => ({ ...group, members: members.get(group.id) ?? [] }));
}

/** @throws Failure 409 when a group has the name, 400 for members that are no users. */
export async function createGroup(
  trx: StateTransaction,
  group: GroupAttributes,
  change: ScimChange,
): Promise<ScimGroup> {
  const db = trx.withTables<ScimTables>();
  await refuseName(trx, group.displayName, null);
  const count = await db.selectFrom('scim_group').select('id').limit(MOST_GROUPS).execute();
  if (count.length >= MOST_GROUPS) throw scimFailure(409, null, `there are ${MOST_GROUPS} groups already`);
  const id = change.random.id(change.nowMs);
  await db
    .insertInto('scim_group')
    .values({ id, ...columnsOf(group), created_ms: change.nowMs, updated_ms: change.nowMs })
    .execute();
  return finish(trx, id, group, change, 'group-provisioned');
}

/** @throws Failure 404, 409, 400. */
export async function replaceGroup(
  trx: StateTransaction,
  id: string,
  group: GroupAttributes,
  change: ScimChange,
): Promise<ScimGroup> {
  const db = trx.withTables<ScimTables>();
  await refuseName(trx, group.displayName, id);
  const set = { ...columnsOf(group), updated_ms: change.nowMs };
  const row = await db.updateTable('scim_group').set(set).where('id', '=', id).returning('id').executeTakeFirst();
  if (row === undefined) throw noGroup(id);
  await db.deleteFrom('scim_member').where('group_id', '=', id).execute();
  return finish(trx, id, group, change, 'group-changed');
}

/** @throws Failure 404. */
export async function removeGroup(trx: StateTransaction, id: string, change: ScimChange): Promise<void> {
  const db = trx.withTables<ScimTables>();
  const row = await db.deleteFrom('scim_group').where('id', '=', id).returning('display_name').executeTakeFirst();
  if (row === undefined) throw noGroup(id);
  await syncRoles(trx, change.responderGroups);
  const parameters = { group: id, name: row.display_name, provider: change.by };
  await appendJournal(trx, { kind: 'group-removed', caseId: null, actor: null, parameters, timeMs: change.nowMs });
}

async function finish(
  trx: StateTransaction,
  id: string,
  group: GroupAttributes,
  change: ScimChange,
  kind: string,
): Promise<ScimGroup> {
  const members = [...new Set((group.members ?? []).map(({ value }) => value))];
  await refuseStrangers(trx, members);
  const rows = members.map((personId, position) => ({ group_id: id, person_id: personId, position }));
  for (let from = 0; from < rows.length; from += INSERT_AT_ONCE) {
    await trx
      .withTables<ScimTables>()
      .insertInto('scim_member')
      .values(rows.slice(from, from + INSERT_AT_ONCE))
      .execute();
  }
  await syncRoles(trx, change.responderGroups);
  const parameters = { group: id, name: group.displayName, members: members.length, provider: change.by };
  await appendJournal(trx, { kind, caseId: null, actor: null, parameters, timeMs: change.nowMs });
  const found = await findGroup(trx, id);
  if (found === null) throw noGroup(id);
  return found;
}

async function refuseStrangers(trx: StateTransaction, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const rows = await trx
    .withTables<ScimTables>()
    .selectFrom('scim_user')
    .select('person_id')
    .where('person_id', 'in', [...ids])
    .execute();
  const known = new Set(rows.map(({ person_id: id }) => id));
  const stranger = ids.find((id) => !known.has(id));
  if (stranger !== undefined) throw scimFailure(400, 'invalidValue', `members: there is no user ${stranger}`);
}

async function refuseName(trx: StateTransaction, displayName: string, id: string | null): Promise<void> {
  const row = await trx
    .withTables<ScimTables>()
    .selectFrom('scim_group')
    .select('id')
    .where('name_key', '=', displayName.toLowerCase())
    .executeTakeFirst();
  if (row !== undefined && row.id !== id)
    throw scimFailure(409, 'uniqueness', `there is a group with the displayName ${displayName}`);
}

function columnsOf({ displayName, externalId }: GroupAttributes) {
  return { display_name: displayName, name_key: displayName.toLowerCase(), external_id: externalId ?? null };
}

function toGroup(row: ScimTables['scim_group'], members: readonly string[] | null): ScimGroup {
  const { id, display_name: displayName, external_id: externalId, created_ms: createdMs, updated_ms: updatedMs } = row;
  return { id, displayName, externalId, members, createdMs, updatedMs };
}

function noGroup(id: string) {
  return scimFailure(404, null, `there is no group ${id}`);
}
