/** Providers send several changes of one group or user at once, and there may be several servers: every change is kept. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../../../../test/data.ts';
import { freshDatabase, POSTGRES_PRESENT } from '../../../../test/postgres.ts';
import { silentLog } from '../../ground/log.ts';
import { systemRandom } from '../../ground/random.ts';
import { openState, type State } from '../../ground/state.ts';
import { createGroup, findGroup, lockGroup, replaceGroup } from './groups.ts';
import { patched } from './patch.ts';
import { readGroup, readUser } from './resource.ts';
import { createUser, findUser, lockUser, replaceUser, type ScimChange } from './users.ts';

const CHANGE: ScimChange = {
  by: 'provider',
  nowMs: 1_800_000_000_000,
  random: systemRandom,
  responderGroups: ['Duty'],
};
const MANY = 8;

describeWith({ name: 'PostgreSQL', present: POSTGRES_PRESENT })('at once', () => {
  let state: State;
  beforeAll(async () => {
    state = await openState({ url: await freshDatabase(), log: silentLog });
  }, 120_000);
  afterAll(() => state?.close());

  const made = (name: string) =>
    state.transaction((trx) => createUser(trx, readUser({ userName: `${name}@example.com` }), CHANGE));

  test('members who are added one by one are all there', { timeout: 60_000 }, async () => {
    const users = await Promise.all(Array.from({ length: MANY }, (_, index) => made(`member-${index}`)));
    const group = await state.transaction((trx) => createGroup(trx, readGroup({ displayName: 'Duty' }), CHANGE));
    const add = (value: string) =>
      state.transaction(async (trx) => {
        const { displayName = '', members } = (await lockGroup(trx, group.id)) ?? {};
        const before = { displayName, members: (members ?? []).map((one) => ({ value: one })) };
        const body = { Operations: [{ op: 'Add', path: 'members', value: [{ $ref: null, value }] }] };
        return replaceGroup(trx, group.id, readGroup(patched('Group', before, body)), CHANGE);
      });
    await Promise.all(users.map(({ id }) => add(id)));
    const { members } = (await findGroup(state.db, group.id)) ?? {};
    expect([...(members ?? [])].sort()).toEqual(users.map(({ id }) => id).sort());
  });

  test('who is taken out of service stays out, whatever else is changed meanwhile', { timeout: 60_000 }, async () => {
    const { id } = await made('leaver');
    const change = (operation: object) =>
      state.transaction(async (trx) => {
        const { attributes } = (await lockUser(trx, id)) ?? {};
        return replaceUser(trx, id, readUser(patched('User', attributes ?? {}, { Operations: [operation] })), CHANGE);
      });
    const names = Array.from({ length: MANY }, (_, index) => ({
      op: 'Replace',
      path: 'displayName',
      value: `${index}`,
    }));
    await Promise.all([...names.map(change), change({ op: 'Replace', path: 'active', value: 'False' })]);
    expect((await findUser(state.db, id))?.attributes).toMatchObject({
      active: false,
      displayName: expect.any(String),
    });
  });
});
