/**
 * The keys with which pushes to browsers are signed: made once, kept sealed beside everything else. A browser's subscription is
 * bound to them, so that losing them would silence every phone.
 */
import type { State } from './ground/state.ts';
import type { SecretBox } from './people/sign-in/secret-box.ts';
import type { ServerTables } from './people/tables.ts';
import { createVapidKeys, type VapidKeys } from './vendors/web-push.ts';

const NAME = 'vapid';

export async function loadVapidKeys(state: State, box: SecretBox): Promise<VapidKeys> {
  return state.transaction(async (trx) => {
    const db = trx.withTables<ServerTables>();
    const sealed = box.seal(JSON.stringify(createVapidKeys()), NAME);
    await db
      .insertInto('server_secret')
      .values({ name: NAME, sealed })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
    const row = await db
      .selectFrom('server_secret')
      .select('sealed')
      .where('name', '=', NAME)
      .executeTakeFirstOrThrow();
    return JSON.parse(box.open(row.sealed, NAME)) as VapidKeys;
  });
}
