/**
 * Tokens of programs: made with a second factor, stored as a digest, ended by time, by hand, or with their person.
 *
 * The surprise: a token never does more than its person may do now. Whoever loses a role or is disabled takes their tokens along,
 * but for those of identity providers: one of them may well be told to put its own maker out of service.
 */
import type { NewToken, Role, TokenPurpose } from '@countersign/contract';
import { appendJournal } from '../../ground/journal.ts';
import type { Random } from '../../ground/random.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import { toKnownPerson } from '../directory.ts';
import type { Person } from '../person.ts';
import { createToken, hashToken } from '../sign-in/token.ts';
import type { PeopleTables } from '../tables.ts';
import type { TokenTables } from './tables.ts';

/** Secret scanners find tokens by how they begin. */
export const TOKEN_PREFIX = 'cs_';
const DAY_MS = 86_400_000;
/** Being used is written down at most this often. */
const USED_STEP_MS = 60_000;
const RANK: Readonly<Record<Role, number>> = { member: 0, responder: 1, admin: 2 };

export interface FoundToken {
  readonly id: string;
  readonly purpose: TokenPurpose;
  /** With the role that counts: the lesser of the token's and the person's. */
  readonly person: Person;
}

export function lesserRole(one: Role, other: Role): Role {
  return RANK[one] <= RANK[other] ? one : other;
}

/** @returns the token, which cannot be had again. */
export async function makeToken(
  trx: StateTransaction,
  wanted: Omit<NewToken, 'code'>,
  at: { readonly person: Person; readonly nowMs: number; readonly random: Random },
): Promise<{ readonly id: string; readonly token: string; readonly expiresMs: number }> {
  const { person, nowMs, random } = at;
  const id = random.id(nowMs);
  const token = `${TOKEN_PREFIX}${createToken(random)}`;
  const expiresMs = nowMs + wanted.days * DAY_MS;
  const { name, purpose, role } = wanted;
  const row = { id, token_hash: hashToken(token), name, purpose, role, person_id: person.id };
  await trx
    .withTables<TokenTables>()
    .insertInto('api_token')
    .values({ ...row, created_ms: nowMs, expires_ms: expiresMs })
    .execute();
  const parameters = { token: id, name, purpose, role, expires: new Date(expiresMs).toISOString() };
  await appendJournal(trx, { kind: 'token-made', caseId: null, actor: person.id, parameters, timeMs: nowMs });
  return { id, token, expiresMs };
}

/** Null when the token is unknown, over or revoked, or its person may no longer sign in. */
export async function findToken(state: State, token: string, nowMs: number): Promise<FoundToken | null> {
  if (!token.startsWith(TOKEN_PREFIX)) return null;
  const db = state.db.withTables<TokenTables & PeopleTables>();
  const row = await db
    .selectFrom('api_token')
    .selectAll()
    .where('token_hash', '=', hashToken(token))
    .where('expires_ms', '>', nowMs)
    .where('revoked_ms', 'is', null)
    .executeTakeFirst();
  if (row === undefined) return null;
  const person = await db.selectFrom('person').selectAll().where('id', '=', row.person_id).executeTakeFirst();
  if (person === undefined || (person.disabled_ms !== null && row.purpose !== 'scim')) return null;
  if (nowMs - (row.used_ms ?? 0) >= USED_STEP_MS)
    await db.updateTable('api_token').set({ used_ms: nowMs }).where('id', '=', row.id).execute();
  const known = toKnownPerson(person);
  return { id: row.id, purpose: row.purpose, person: { ...known, role: lesserRole(row.role, known.role) } };
}

/** @returns false when there is no such token, or it is another's and `ofPerson` is not null. */
export async function revokeToken(
  trx: StateTransaction,
  id: string,
  at: { readonly by: string; readonly ofPerson: string | null; readonly nowMs: number },
): Promise<boolean> {
  const { by, ofPerson, nowMs } = at;
  let query = trx
    .withTables<TokenTables>()
    .updateTable('api_token')
    .set({ revoked_ms: nowMs })
    .where('id', '=', id)
    .where('revoked_ms', 'is', null);
  if (ofPerson !== null) query = query.where('person_id', '=', ofPerson);
  const row = await query.returning(['name', 'person_id']).executeTakeFirst();
  if (row === undefined) return false;
  const parameters = { token: id, name: row.name, of: row.person_id };
  await appendJournal(trx, { kind: 'token-revoked', caseId: null, actor: by, parameters, timeMs: nowMs });
  return true;
}
