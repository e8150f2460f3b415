/** The roles of people whom an identity provider keeps: responders by their groups, and never admins. */
import type { StateTransaction } from '../../ground/state.ts';
import type { PeopleTables } from '../tables.ts';
import type { ScimTables } from './tables.ts';

/** Brings the roles in step with the groups. Repeating it changes nothing; whom the configuration lists stays as listed there. */
export async function syncRoles(trx: StateTransaction, responderGroups: readonly string[]): Promise<void> {
  const db = trx.withTables<PeopleTables & ScimTables>();
  const keys = responderGroups.map((name) => name.toLowerCase());
  const members =
    keys.length === 0
      ? []
      : await db
          .selectFrom('scim_member')
          .innerJoin('scim_group', 'scim_group.id', 'scim_member.group_id')
          .select('scim_member.person_id')
          .distinct()
          .where('scim_group.name_key', 'in', keys)
          .execute();
  const ids = members.map(({ person_id: id }) => id);
  const ours = db.updateTable('person').where('provisioned', '=', true).where('configured', '=', false);
  const lowered = ours.set({ role: 'member' }).where('role', '=', 'responder');
  await (ids.length === 0 ? lowered : lowered.where('id', 'not in', ids)).execute();
  if (ids.length > 0)
    await ours.set({ role: 'responder' }).where('role', '=', 'member').where('id', 'in', ids).execute();
}
