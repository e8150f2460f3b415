/**
 * The browsers that a person is notified in, and the routes with which one joins and leaves.
 *
 * The surprise: the address of a subscription is a secret. It is kept sealed, and leaves the server for nobody but the push service;
 * the console tells its own browser among them by the digest of the address.
 */
import { createHash, ECDH } from 'node:crypto';
import { type NotificationView, PushEnd, PushStart } from '@countersign/contract';
import type { HttpServer } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import { type Guards, signedInOf } from '../sign-in/guard.ts';
import type { SecretBox } from '../sign-in/secret-box.ts';
import { isOutside } from './outside.ts';
import type { OnCallTables } from './tables.ts';

export interface Browser {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

export interface BrowserRoutesOptions {
  readonly state: State;
  readonly guards: Guards;
  readonly nowMs: () => number;
  readonly box: SecretBox;
  readonly pushKey: string | null;
  /** How the person is reached now. */
  readonly view: (personId: string) => Promise<NotificationView>;
}

/** The oldest leave when there are more. */
const MOST_BROWSERS = 10;
const KEY_BYTES = 65;
const AUTH_BYTES = 16;

export function registerBrowsers(server: HttpServer, options: BrowserRoutesOptions): void {
  const { state, guards, nowMs, box, pushKey, view } = options;
  // Whoever says where a page goes could make it go nowhere: no token can.
  const config = { access: guards.human('member') };
  server.put('/api/me/push', { config, schema: { body: PushStart } }, async (request) => {
    const { id } = signedInOf(request).person;
    const { endpoint, keys } = request.body;
    if (pushKey === null) throw httpFailures.invalidInput('push', 'this server notifies no browsers');
    if (!isOutside(endpoint)) {
      throw httpFailures.invalidInput(
        'endpoint',
        'must be an https address outside: no bare addresses, no inner names',
      );
    }
    if (!areKeys(keys)) throw httpFailures.invalidInput('keys', "must be the browser's own");
    await state.transaction((trx) =>
      changeBrowsers(trx, { personId: id, box, nowMs: nowMs() }, (browsers) =>
        [...browsers.filter((one) => one.endpoint !== endpoint), { endpoint, keys }].slice(-MOST_BROWSERS),
      ),
    );
    return view(id);
  });
  server.delete('/api/me/push', { config, schema: { body: PushEnd } }, async (request) => {
    const { id } = signedInOf(request).person;
    const { endpoint } = request.body;
    await state.transaction((trx) =>
      changeBrowsers(trx, { personId: id, box, nowMs: nowMs() }, (browsers) =>
        endpoint === null ? [] : browsers.filter((one) => one.endpoint !== endpoint),
      ),
    );
    return view(id);
  });
}

/** The push service of these no longer knows them. */
export async function forgetBrowsers(
  state: State,
  { personId, box, nowMs }: { readonly personId: string; readonly box: SecretBox; readonly nowMs: number },
  endpoints: readonly string[],
): Promise<void> {
  await state.transaction((trx) =>
    changeBrowsers(trx, { personId, box, nowMs }, (browsers) =>
      browsers.filter(({ endpoint }) => !endpoints.includes(endpoint)),
    ),
  );
}

export function openBrowsers(box: SecretBox, personId: string, sealed: string | null): readonly Browser[] {
  if (sealed === null) return [];
  const opened = JSON.parse(box.open(sealed, purposeOf(personId))) as Browser | readonly Browser[];
  // One browser a person stood there before there could be several.
  return 'endpoint' in opened ? [opened] : opened;
}

/** By which the console knows whether its own browser is among them. */
export function digestOfBrowser({ endpoint }: Browser): string {
  return createHash('sha256').update(endpoint).digest('hex');
}

async function changeBrowsers(
  trx: StateTransaction,
  { personId, box, nowMs }: { readonly personId: string; readonly box: SecretBox; readonly nowMs: number },
  change: (browsers: readonly Browser[]) => readonly Browser[],
): Promise<void> {
  const db = trx.withTables<OnCallTables>();
  const nothing = { phone: null, webhook_url: null, webhook_secret_sealed: null, push_sealed: null, rules: null };
  await db
    .insertInto('person_contact')
    .values({ person_id: personId, ...nothing, updated_ms: nowMs })
    .onConflict((conflict) => conflict.column('person_id').doNothing())
    .execute();
  const { push_sealed: before } = await db
    .selectFrom('person_contact')
    .select('push_sealed')
    .where('person_id', '=', personId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  const browsers = change(openBrowsers(box, personId, before));
  const sealed = browsers.length === 0 ? null : box.seal(JSON.stringify(browsers), purposeOf(personId));
  await db
    .updateTable('person_contact')
    .set({ push_sealed: sealed, updated_ms: nowMs })
    .where('person_id', '=', personId)
    .execute();
}

/** What sealed subscriptions are bound to. */
function purposeOf(personId: string): string {
  return `push:${personId}`;
}

/** A point on P-256 and 16 bytes: with anything else no push could ever be sealed for the browser. */
function areKeys({ p256dh, auth }: Browser['keys']): boolean {
  const key = Buffer.from(p256dh, 'base64url');
  if (key.length !== KEY_BYTES || Buffer.from(auth, 'base64url').length !== AUTH_BYTES) return false;
  try {
    ECDH.convertKey(key, 'prime256v1');
    return true;
  } catch {
    return false;
  }
}
