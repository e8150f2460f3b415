/**
 * Who is signed in. A session is a random token in a cookie, stored as a digest; it ends by itself after an absolute time,
 * after a while unused, at sign-out, and when its person is disabled or enrols anew.
 *
 * The surprise: a session that came by a link may enrol and nothing else, whoever its person is; a link is no second
 * factor.
 */
import type { Random } from '../../ground/random.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import { toKnownPerson } from '../directory.ts';
import type { Person } from '../person.ts';
import type { PeopleTables } from '../tables.ts';
import { createToken, hashToken } from './token.ts';

export const SESSION_MS = 12 * 3_600_000;
export const SESSION_IDLE_MS = 2 * 3_600_000;
export const ENROLMENT_SESSION_MS = 30 * 60_000;
/** Being seen is written down at most this often. */
const SEEN_STEP_MS = 60_000;

export interface SignedIn {
  readonly person: Person;
  readonly enrolmentOnly: boolean;
  /** Names the session, or the token of a program, in the database. */
  readonly sessionId: string;
  /** A person at a console, or a program with a token of theirs. */
  readonly via: 'session' | 'token';
}

/** @returns the token for the cookie; it cannot be had again. */
export async function createSession(
  trx: StateTransaction,
  personId: string,
  options: { readonly enrolmentOnly: boolean; readonly nowMs: number; readonly random: Random },
): Promise<string> {
  const { enrolmentOnly, nowMs, random } = options;
  const token = createToken(random);
  await trx
    .withTables<PeopleTables>()
    .insertInto('sign_in_session')
    .values({
      token_hash: hashToken(token),
      person_id: personId,
      enrolment_only: enrolmentOnly,
      created_ms: nowMs,
      seen_ms: nowMs,
      expires_ms: nowMs + (enrolmentOnly ? ENROLMENT_SESSION_MS : SESSION_MS),
    })
    .execute();
  return token;
}

/** Null when the token is unknown, ended, or its person may no longer sign in. */
export async function findSession(state: State, token: string, nowMs: number): Promise<SignedIn | null> {
  const db = state.db.withTables<PeopleTables>();
  const sessionId = hashToken(token);
  const session = await db
    .selectFrom('sign_in_session')
    .selectAll()
    .where('token_hash', '=', sessionId)
    .where('expires_ms', '>', nowMs)
    .where('seen_ms', '>', nowMs - SESSION_IDLE_MS)
    .executeTakeFirst();
  if (session === undefined) {
    return null;
  }
  const person = await db
    .selectFrom('person')
    .selectAll()
    .where('id', '=', session.person_id)
    .where('disabled_ms', 'is', null)
    .executeTakeFirst();
  if (person === undefined) {
    return null;
  }
  if (nowMs - session.seen_ms >= SEEN_STEP_MS) {
    await db.updateTable('sign_in_session').set({ seen_ms: nowMs }).where('token_hash', '=', sessionId).execute();
  }
  return { person: toKnownPerson(person), enrolmentOnly: session.enrolment_only, sessionId, via: 'session' };
}

export async function endSession(trx: StateTransaction, sessionId: string): Promise<void> {
  await trx.withTables<PeopleTables>().deleteFrom('sign_in_session').where('token_hash', '=', sessionId).execute();
}

export async function endSessionsOf(trx: StateTransaction, personId: string): Promise<void> {
  await trx.withTables<PeopleTables>().deleteFrom('sign_in_session').where('person_id', '=', personId).execute();
}

export async function forgetEndedSessions(trx: StateTransaction, nowMs: number): Promise<void> {
  await trx.withTables<PeopleTables>().deleteFrom('sign_in_session').where('expires_ms', '<=', nowMs).execute();
}
