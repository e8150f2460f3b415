/**
 * The tables of `migrations/0002-people.sql` as Kysely sees them. Types and not interfaces, because Kysely wants an index
 * signature of them. Times are milliseconds since 1970, UTC.
 */
import type { Role } from '@countersign/contract';
import type { Language } from './person.ts';

export type PersonTable = {
  id: string;
  email: string;
  name: string;
  role: Role;
  language: Language;
  configured: boolean;
  disabled_ms: number | null;
  passphrase_hash: string | null;
  totp_sealed: string | null;
  totp_last_step: number;
  enrolled_ms: number | null;
  created_ms: number;
  /** Kept by an identity provider; with `identities`, of `migrations/0012-programs.sql`. */
  provisioned: boolean;
  /** JSON of the names the provider tells besides the address; null: none. */
  identities: string | null;
};

export type SignInLinkTable = {
  token_hash: string;
  person_id: string;
  created_by: string | null;
  created_ms: number;
  expires_ms: number;
  used_ms: number | null;
};

export type SignInSessionTable = {
  token_hash: string;
  person_id: string;
  enrolment_only: boolean;
  pending_totp_sealed: string | null;
  created_ms: number;
  seen_ms: number;
  expires_ms: number;
};

export type SignInAttemptTable = {
  key: string;
  count: number;
  first_ms: number;
};

export type PeopleTables = {
  person: PersonTable;
  sign_in_link: SignInLinkTable;
  sign_in_session: SignInSessionTable;
  sign_in_attempt: SignInAttemptTable;
};

export type ServerTables = { server_secret: { name: string; sealed: string } };
