/**
 * Signing in and enrolling: what may happen, in which order, and what the journal says of it.
 *
 * The surprise: whatever was wrong (address, passphrase, code), the answer is the same and takes the same work. The
 * passphrase is checked outside of any transaction, because it takes long on purpose.
 */
import type { EnrolmentFinish, EnrolmentStart, SignIn } from '@countersign/contract';
import type { Clock } from '../../ground/clock.ts';
import { Failure } from '../../ground/failure.ts';
import { appendJournal } from '../../ground/journal.ts';
import type { Random } from '../../ground/random.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import {
  ACCOUNT_ATTEMPTS,
  ADDRESS_ATTEMPTS,
  accountAttemptKey,
  addressAttemptKey,
  countAttempt,
  forgetAttempts,
  forgetOldAttempts,
} from './attempts.ts';
import { endLinksOf, FIRST_ADMIN_EMAIL, useSignInLink } from './links.ts';
import { hashPassphrase, verifyPassphrase } from './passphrase.ts';
import type { SecondFactor } from './second-factor.ts';
import { totpPurpose } from './second-factor.ts';
import type { SecretBox } from './secret-box.ts';
import { createSession, endSession, endSessionsOf, forgetEndedSessions, type SignedIn } from './sessions.ts';
import type { PeopleTables } from '../tables.ts';
import { createTotpSecret, matchTotpStep, totpUrl } from './totp.ts';

export interface SignInOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  readonly box: SecretBox;
  readonly secondFactor: SecondFactor;
}

const signInFailed = () => refusal('sign-in-failed', 401, 'address, passphrase and code do not belong together');
const linkInvalid = () => refusal('link-invalid', 401, 'this link was used, is too old, or never was one');
const notEnrolling = () => refusal('not-enrolling', 409, 'enrolment begins with a fresh sign-in link');
const wrongCode = () => refusal('wrong-code', 400, 'this is not the code that the authenticator shows now');
const emailTaken = () =>
  refusal('email-taken', 409, 'this address belongs to another person, who needs a link of their own');
const emailFixed = () =>
  refusal('email-fixed', 409, 'the configuration or the identity provider lists this person with another address');
const weakPassphrase = () =>
  refusal('weak-passphrase', 400, 'use more different characters, and not your address or name');

const LEAST_DIFFERENT_CHARACTERS = 6;

/** @returns the session's token. @throws Failure `sign-in-failed`, `rate-limited`. */
export async function signIn(options: SignInOptions, input: SignIn, address: string): Promise<string> {
  const { state, clock, random, secondFactor } = options;
  const email = input.email.trim().toLowerCase();
  const { limited, person } = await state.transaction(async (trx) => {
    const nowMs = clock.nowMs();
    await forgetOldAttempts(trx, nowMs);
    const byAddress = await countAttempt(trx, addressAttemptKey(address), { attempts: ADDRESS_ATTEMPTS, nowMs });
    const byAccount = await countAttempt(trx, accountAttemptKey(email), { attempts: ACCOUNT_ATTEMPTS, nowMs });
    return { limited: byAddress ?? byAccount, person: await findEnrolled(trx, email) };
  });
  if (limited !== null) {
    throw limited;
  }
  const knows = await verifyPassphrase(input.passphrase, person?.passphrase_hash ?? null);
  const token = await state.transaction(async (trx) => {
    const nowMs = clock.nowMs();
    if (person === null) {
      return null;
    }
    const current = await findEnrolled(trx, email);
    const unchanged = current?.passphrase_hash === person.passphrase_hash;
    const has = knows && unchanged && (await secondFactor.verifyTotp(trx, person.id, { code: input.code, nowMs }));
    const entry = { caseId: null, actor: person.id, parameters: { address }, timeMs: nowMs };
    if (!has) {
      await appendJournal(trx, { ...entry, kind: 'sign-in-refused' });
      return null;
    }
    await forgetAttempts(trx, accountAttemptKey(email));
    await forgetEndedSessions(trx, nowMs);
    await appendJournal(trx, { ...entry, kind: 'signed-in' });
    return createSession(trx, person.id, { enrolmentOnly: false, nowMs, random });
  });
  if (token === null) {
    throw signInFailed();
  }
  return token;
}

/** @returns the token of a session that may only enrol. @throws Failure `link-invalid`. */
export async function signInByLink(options: SignInOptions, link: string, address: string): Promise<string> {
  const { state, clock, random } = options;
  const token = await state.transaction(async (trx) => {
    const nowMs = clock.nowMs();
    const personId = await useSignInLink(trx, link, nowMs);
    if (personId === null) {
      return null;
    }
    const entry = { kind: 'signed-in-by-link', caseId: null, actor: personId, timeMs: nowMs };
    await appendJournal(trx, { ...entry, parameters: { address } });
    return createSession(trx, personId, { enrolmentOnly: true, nowMs, random });
  });
  if (token === null) {
    throw linkInvalid();
  }
  return token;
}

export async function signOut({ state, clock }: SignInOptions, { sessionId, person }: SignedIn): Promise<void> {
  await state.transaction(async (trx) => {
    await endSession(trx, sessionId);
    const entry = { kind: 'signed-out', caseId: null, actor: person.id, parameters: {} };
    await appendJournal(trx, { ...entry, timeMs: clock.nowMs() });
  });
}

/** A fresh secret for the authenticator; a second call replaces the first. @throws Failure `not-enrolling`. */
export async function startEnrolment(options: SignInOptions, signedIn: SignedIn): Promise<EnrolmentStart> {
  const { state, random, box } = options;
  const { person, sessionId, enrolmentOnly } = signedIn;
  if (!enrolmentOnly) {
    throw notEnrolling();
  }
  const secret = createTotpSecret(random);
  await state.db
    .withTables<PeopleTables>()
    .updateTable('sign_in_session')
    .set({ pending_totp_sealed: box.seal(secret, totpPurpose(person.id)) })
    .where('token_hash', '=', sessionId)
    .execute();
  const label = person.email === FIRST_ADMIN_EMAIL ? 'admin' : person.email;
  return { otpauthUrl: totpUrl(secret, label), secret };
}

/**
 * Ends all sessions and links of the person and begins a full session.
 *
 * @returns its token. @throws Failure `not-enrolling`, `wrong-code`, `email-taken`, `email-fixed`, `weak-passphrase`.
 */
export async function finishEnrolment(
  options: SignInOptions,
  signedIn: SignedIn,
  input: EnrolmentFinish,
): Promise<string> {
  const { state, clock, random } = options;
  const { person } = signedIn;
  if (!signedIn.enrolmentOnly) {
    throw notEnrolling();
  }
  const email = input.email.trim().toLowerCase();
  const name = input.name.trim();
  refuseWeak(input.passphrase, [email, name]);
  const passphraseHash = await hashPassphrase(input.passphrase, random);
  return state.transaction(async (trx) => {
    const nowMs = clock.nowMs();
    const { sealed, step } = await checkPendingCode(trx, options, { signedIn, code: input.code, nowMs });
    await refuseEmail(trx, person.id, email);
    await trx
      .withTables<PeopleTables>()
      .updateTable('person')
      .set({
        email,
        name,
        language: input.language,
        passphrase_hash: passphraseHash,
        totp_sealed: sealed,
        totp_last_step: step,
        enrolled_ms: nowMs,
      })
      .where('id', '=', person.id)
      .execute();
    await endSessionsOf(trx, person.id);
    await endLinksOf(trx, person.id);
    const entry = { kind: 'person-enrolled', caseId: null, actor: person.id, timeMs: nowMs };
    await appendJournal(trx, { ...entry, parameters: { again: person.enrolled } });
    return createSession(trx, person.id, { enrolmentOnly: false, nowMs, random });
  });
}

async function findEnrolled(trx: StateTransaction, email: string): Promise<PeopleTables['person'] | null> {
  const person = await trx
    .withTables<PeopleTables>()
    .selectFrom('person')
    .selectAll()
    .where('email', '=', email)
    .where('disabled_ms', 'is', null)
    .where('enrolled_ms', 'is not', null)
    .executeTakeFirst();
  return person ?? null;
}

async function checkPendingCode(
  trx: StateTransaction,
  { box }: SignInOptions,
  { signedIn, code, nowMs }: { readonly signedIn: SignedIn; readonly code: string; readonly nowMs: number },
): Promise<{ readonly sealed: string; readonly step: number }> {
  const session = await trx
    .withTables<PeopleTables>()
    .selectFrom('sign_in_session')
    .select('pending_totp_sealed')
    .where('token_hash', '=', signedIn.sessionId)
    .forUpdate()
    .executeTakeFirst();
  const sealed = session?.pending_totp_sealed ?? null;
  if (sealed === null) {
    throw notEnrolling();
  }
  const step = matchTotpStep(box.open(sealed, totpPurpose(signedIn.person.id)), code, nowMs);
  if (step === null) {
    throw wrongCode();
  }
  return { sealed, step };
}

async function refuseEmail(trx: StateTransaction, personId: string, email: string): Promise<void> {
  const db = trx.withTables<PeopleTables>();
  const own = await db
    .selectFrom('person')
    .select(['email', 'configured', 'provisioned'])
    .where('id', '=', personId)
    .executeTakeFirst();
  if (own !== undefined && (own.configured || own.provisioned) && own.email !== email) {
    throw emailFixed();
  }
  const taken = await db.selectFrom('person').select('id').where('email', '=', email).executeTakeFirst();
  if (taken !== undefined && taken.id !== personId) {
    throw emailTaken();
  }
}

function refuseWeak(passphrase: string, names: readonly string[]): void {
  const different = new Set(passphrase.toLowerCase()).size;
  if (different < LEAST_DIFFERENT_CHARACTERS || names.includes(passphrase.trim().toLowerCase())) {
    throw weakPassphrase();
  }
}

function refusal(code: string, httpStatus: number, message: string): Failure {
  return new Failure(message, { code, httpStatus, retryable: false });
}
