/**
 * Sign-in links: how the first admin comes in, how everybody else enrols, and how a lost second factor is replaced.
 *
 * A link works once and for a day. Making a new one for a person ends the older ones. The token belongs in a URL's
 * fragment, which no server sees, and from there in a request's body.
 */
import { Failure } from '../../ground/failure.ts';
import { appendJournal } from '../../ground/journal.ts';
import type { Random } from '../../ground/random.ts';
import type { StateTransaction } from '../../ground/state.ts';
import type { PeopleTables } from '../tables.ts';
import { createToken, hashToken } from './token.ts';

export const LINK_MS = 24 * 3_600_000;
/** The first admin has no address yet; this one can receive no mail (RFC 2606) and is replaced at enrolment. */
export const FIRST_ADMIN_EMAIL = 'first-admin@countersign.invalid';

export interface SignInLink {
  readonly personId: string;
  readonly token: string;
  readonly expiresMs: number;
}

interface At {
  readonly nowMs: number;
  readonly random: Random;
}

/** `https://host/sign-in#token`. */
export function signInUrl(publicUrl: string, token: string): string {
  return `${publicUrl}/sign-in#${token}`;
}

/**
 * A link for the first admin, or null when an admin can already sign in. Where the configuration lists an admin the link
 * is theirs, else a nameless admin is made.
 */
export async function createFirstSignInLink(trx: StateTransaction, at: At): Promise<SignInLink | null> {
  const db = trx.withTables<PeopleTables>();
  const admins = await db
    .selectFrom('person')
    .select(['id', 'enrolled_ms'])
    .where('role', '=', 'admin')
    .where('disabled_ms', 'is', null)
    .orderBy('configured', 'desc')
    .orderBy('created_ms')
    .orderBy('id')
    .execute();
  if (admins.some(({ enrolled_ms }) => enrolled_ms !== null)) {
    return null;
  }
  const personId = admins[0]?.id ?? (await createFirstAdmin(trx, at));
  return createLink(trx, personId, { ...at, createdBy: null });
}

/** @throws Failure `person-not-found`. */
export async function createSignInLink(
  trx: StateTransaction,
  who: { readonly id: string } | { readonly email: string },
  at: At & { readonly createdBy: string | null },
): Promise<SignInLink> {
  const people = trx.withTables<PeopleTables>().selectFrom('person').select('id').where('disabled_ms', 'is', null);
  const found = 'id' in who ? people.where('id', '=', who.id) : people.where('email', '=', who.email.toLowerCase());
  const person = await found.executeTakeFirst();
  if (person === undefined) {
    const message = 'there is no such person, or they may no longer sign in';
    throw new Failure(message, { code: 'person-not-found', httpStatus: 404, retryable: false });
  }
  return createLink(trx, person.id, at);
}

/** Uses a link up; null when it is unknown, used or too old. */
export async function useSignInLink(trx: StateTransaction, token: string, nowMs: number): Promise<string | null> {
  const db = trx.withTables<PeopleTables>();
  const used = await db
    .updateTable('sign_in_link')
    .set({ used_ms: nowMs })
    .where('token_hash', '=', hashToken(token))
    .where('used_ms', 'is', null)
    .where('expires_ms', '>', nowMs)
    .returning('person_id')
    .executeTakeFirst();
  if (used === undefined) {
    return null;
  }
  const person = await db
    .selectFrom('person')
    .select('id')
    .where('id', '=', used.person_id)
    .where('disabled_ms', 'is', null)
    .executeTakeFirst();
  return person?.id ?? null;
}

export async function endLinksOf(trx: StateTransaction, personId: string): Promise<void> {
  await trx.withTables<PeopleTables>().deleteFrom('sign_in_link').where('person_id', '=', personId).execute();
}

async function createLink(
  trx: StateTransaction,
  personId: string,
  { nowMs, random, createdBy }: At & { readonly createdBy: string | null },
): Promise<SignInLink> {
  await endLinksOf(trx, personId);
  const token = createToken(random);
  const expiresMs = nowMs + LINK_MS;
  await trx
    .withTables<PeopleTables>()
    .insertInto('sign_in_link')
    .values({
      token_hash: hashToken(token),
      person_id: personId,
      created_by: createdBy,
      created_ms: nowMs,
      expires_ms: expiresMs,
    })
    .execute();
  const entry = { kind: 'sign-in-link-created', caseId: null, actor: createdBy, timeMs: nowMs };
  await appendJournal(trx, { ...entry, parameters: { personId, expiresMs } });
  return { personId, token, expiresMs };
}

async function createFirstAdmin(trx: StateTransaction, { nowMs, random }: At): Promise<string> {
  const id = random.id(nowMs);
  await trx
    .withTables<PeopleTables>()
    .insertInto('person')
    .values({
      id,
      email: FIRST_ADMIN_EMAIL,
      name: 'Admin',
      role: 'admin',
      language: 'en',
      configured: false,
      provisioned: false,
      created_ms: nowMs,
      totp_last_step: 0,
    })
    .execute();
  return id;
}
