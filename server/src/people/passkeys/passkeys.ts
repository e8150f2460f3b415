/**
 * Passkeys (WebAuthn): enrolling them, and proving with one exactly what was shown.
 *
 * The surprise: a challenge is a row that is deleted when it is used, and it names the person and what is confirmed. An assertion
 * for anything else, of anybody else, or for the second time, finds no row.
 */
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { appendJournal } from '../../ground/journal.ts';
import type { StateTransaction } from '../../ground/state.ts';
import type { Person } from '../person.ts';
import type { PeopleTables } from '../tables.ts';
import type { PasskeyTables } from './tables.ts';

export interface PasskeyOptions {
  /** Where people reach the console: its host is what keys are bound to. */
  readonly publicUrl: () => string;
}

export interface Passkeys {
  has(trx: StateTransaction, personId: string): Promise<boolean>;
  /** Options for the browser; null when the person has no key. */
  begin(
    trx: StateTransaction,
    input: { readonly personId: string; readonly binding: string; readonly nowMs: number },
  ): Promise<PublicKeyCredentialRequestOptionsJSON | null>;
  /** True exactly once for an assertion of this person over a challenge that was begun for exactly this. Rejects never on garbage. */
  verify(
    trx: StateTransaction,
    input: { readonly personId: string; readonly binding: string; readonly response: unknown; readonly nowMs: number },
  ): Promise<boolean>;
  beginEnrolment(trx: StateTransaction, person: Person, nowMs: number): Promise<PublicKeyCredentialCreationOptionsJSON>;
  /** False when the answer is none to a challenge of ours. */
  finishEnrolment(
    trx: StateTransaction,
    person: Person,
    input: { readonly name: string; readonly response: unknown; readonly nowMs: number },
  ): Promise<boolean>;
}

const CHALLENGE_MS = 5 * 60_000;
const ENROL = 'enrol';
const MOST_KEYS = 20;
const NAME = 'Countersign';

export function createPasskeys({ publicUrl }: PasskeyOptions): Passkeys {
  const origin = () => new URL(publicUrl()).origin;
  const rpId = () => new URL(publicUrl()).hostname;
  return {
    has: async (trx, personId) => (await keysOf(trx, personId)).length > 0,
    async begin(trx, { personId, binding, nowMs }) {
      const keys = await keysOf(trx, personId);
      if (keys.length === 0) return null;
      const allowCredentials = keys.map((key) => ({ id: key.credential_id, transports: transportsOf(key.transports) }));
      const options = await generateAuthenticationOptions({
        rpID: rpId(),
        allowCredentials,
        userVerification: 'required',
      });
      await remember(trx, { challenge: options.challenge, personId, purpose: `confirm:${binding}`, nowMs });
      return options;
    },
    verify: (trx, input) => verify(trx, input, { origin: origin(), rpId: rpId() }),
    async beginEnrolment(trx, person, nowMs) {
      const keys = await keysOf(trx, person.id);
      const options = await generateRegistrationOptions({
        rpName: NAME,
        rpID: rpId(),
        userName: person.email,
        userDisplayName: person.name,
        userID: new Uint8Array(Buffer.from(person.id)),
        attestationType: 'none',
        excludeCredentials: keys.map(({ credential_id: id }) => ({ id })),
        authenticatorSelection: { userVerification: 'required', residentKey: 'preferred' },
      });
      await remember(trx, { challenge: options.challenge, personId: person.id, purpose: ENROL, nowMs });
      return options;
    },
    finishEnrolment: (trx, person, input) => enrol(trx, person, input, { origin: origin(), rpId: rpId() }),
  };
}

interface Place {
  readonly origin: string;
  readonly rpId: string;
}

async function verify(
  trx: StateTransaction,
  input: { readonly personId: string; readonly binding: string; readonly response: unknown; readonly nowMs: number },
  { origin, rpId }: Place,
): Promise<boolean> {
  const { personId, binding, nowMs } = input;
  const response = input.response as AuthenticationResponseJSON;
  const key = (await keysOf(trx, personId)).find(({ credential_id: id }) => id === idOf(response));
  if (key === undefined) return false;
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response,
      expectedChallenge: (challenge) => take(trx, { challenge, personId, purpose: `confirm:${binding}`, nowMs }),
      expectedOrigin: origin,
      expectedRPID: rpId,
      requireUserVerification: true,
      credential: {
        id: key.credential_id,
        publicKey: new Uint8Array(Buffer.from(key.public_key, 'base64url')),
        counter: key.counter,
        transports: transportsOf(key.transports),
      },
    });
    if (!verified) return false;
    await trx
      .withTables<PasskeyTables>()
      .updateTable('passkey')
      .set({ counter: authenticationInfo.newCounter, used_ms: nowMs })
      .where('credential_id', '=', key.credential_id)
      .execute();
    return true;
  } catch (error) {
    return refusal(error);
  }
}

async function enrol(
  trx: StateTransaction,
  person: Person,
  { name, response, nowMs }: { readonly name: string; readonly response: unknown; readonly nowMs: number },
  { origin, rpId }: Place,
): Promise<boolean> {
  if ((await keysOf(trx, person.id)).length >= MOST_KEYS) return false;
  try {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: response as RegistrationResponseJSON,
      expectedChallenge: (challenge) => take(trx, { challenge, personId: person.id, purpose: ENROL, nowMs }),
      expectedOrigin: origin,
      expectedRPID: rpId,
      requireUserVerification: true,
    });
    if (!verified || registrationInfo === undefined) return false;
    const { credential } = registrationInfo;
    await trx
      .withTables<PasskeyTables>()
      .insertInto('passkey')
      .values({
        credential_id: credential.id,
        person_id: person.id,
        name,
        public_key: Buffer.from(credential.publicKey).toString('base64url'),
        counter: credential.counter,
        transports: JSON.stringify(credential.transports ?? []),
        created_ms: nowMs,
      })
      .execute();
    const parameters = { name, credential: credential.id };
    await appendJournal(trx, { kind: 'passkey-enrolled', caseId: null, actor: person.id, parameters, timeMs: nowMs });
    return true;
  } catch (error) {
    return refusal(error);
  }
}

/** The library throws on what does not verify; a database that fails must not look like that. */
function refusal(error: unknown): false {
  const isDatabase = typeof error === 'object' && error !== null && 'severity' in error;
  if (isDatabase) throw error;
  return false;
}

async function remember(
  trx: StateTransaction,
  row: { readonly challenge: string; readonly personId: string; readonly purpose: string; readonly nowMs: number },
): Promise<void> {
  const db = trx.withTables<PasskeyTables>();
  const { challenge, personId, purpose, nowMs } = row;
  await db.deleteFrom('passkey_challenge').where('expires_ms', '<', nowMs).execute();
  await db
    .insertInto('passkey_challenge')
    .values({ challenge, person_id: personId, purpose, expires_ms: nowMs + CHALLENGE_MS })
    .execute();
}

async function take(
  trx: StateTransaction,
  row: { readonly challenge: string; readonly personId: string; readonly purpose: string; readonly nowMs: number },
): Promise<boolean> {
  const taken = await trx
    .withTables<PasskeyTables>()
    .deleteFrom('passkey_challenge')
    .where('challenge', '=', row.challenge)
    .where('person_id', '=', row.personId)
    .where('purpose', '=', row.purpose)
    .where('expires_ms', '>', row.nowMs)
    .returning('challenge')
    .executeTakeFirst();
  return taken !== undefined;
}

/** None of whoever was put out of service. */
export async function keysOf(trx: StateTransaction, personId: string): Promise<readonly PasskeyTables['passkey'][]> {
  return trx
    .withTables<PasskeyTables & PeopleTables>()
    .selectFrom('passkey')
    .innerJoin('person', 'person.id', 'passkey.person_id')
    .selectAll('passkey')
    .where('passkey.person_id', '=', personId)
    .where('person.disabled_ms', 'is', null)
    .orderBy('passkey.created_ms')
    .limit(MOST_KEYS)
    .execute();
}

type Transports = NonNullable<RegistrationResponseJSON['response']['transports']>;

function transportsOf(text: string): Transports {
  return JSON.parse(text) as Transports;
}

function idOf(response: unknown): string {
  const { id } = (response ?? {}) as { readonly id?: unknown };
  return typeof id === 'string' ? id : '';
}
