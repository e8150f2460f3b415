/**
 * An enrolled person without the long way through links and authenticators: for tests of what comes after enrolment.
 */
import type { Random } from '../server/src/ground/random.ts';
import type { State } from '../server/src/ground/state.ts';
import { totpPurpose } from '../server/src/people/sign-in/second-factor.ts';
import type { SecretBox } from '../server/src/people/sign-in/secret-box.ts';
import { createTotpSecret, totpCode } from '../server/src/people/sign-in/totp.ts';
import type { PeopleTables } from '../server/src/people/tables.ts';

export interface SamplePerson {
  readonly id: string;
  readonly email: string;
  /** What their authenticator shows at a time. */
  code(nowMs: number): string;
}

/** Their passphrase opens nothing: sign in through a session made for them. */
export async function enrolSamplePerson(
  state: State,
  world: { readonly random: Random; readonly box: SecretBox; readonly nowMs: number },
  parts: Partial<Pick<PeopleTables['person'], 'email' | 'name' | 'role' | 'language'>> = {},
): Promise<SamplePerson> {
  const { random, box, nowMs } = world;
  const id = random.id(nowMs);
  const secret = createTotpSecret(random);
  const email = parts.email ?? 'alice@example.com';
  await state.db
    .withTables<PeopleTables>()
    .insertInto('person')
    .values({
      id,
      email,
      name: parts.name ?? 'Alice Example',
      role: parts.role ?? 'member',
      language: parts.language ?? 'en',
      configured: true,
      passphrase_hash: 'none',
      totp_sealed: box.seal(secret, totpPurpose(id)),
      totp_last_step: 0,
      enrolled_ms: nowMs,
      created_ms: nowMs,
    })
    .execute();
  return { id, email, code: (at) => totpCode(secret, at) };
}
