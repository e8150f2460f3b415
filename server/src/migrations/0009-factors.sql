-- Passkeys, and the challenges that they sign.

create table passkey (
  credential_id text primary key,
  person_id text not null references person (id),
  name text not null,
  public_key text not null,
  counter bigint not null,
  transports text not null,
  created_ms bigint not null,
  used_ms bigint
);

create index passkey_by_person on passkey (person_id);

create table passkey_challenge (
  challenge text primary key,
  person_id text not null references person (id),
  -- enrol, or what is confirmed: the case and the digest of exactly its changes.
  purpose text not null,
  expires_ms bigint not null
);

create index passkey_challenge_by_expiry on passkey_challenge (expires_ms);
