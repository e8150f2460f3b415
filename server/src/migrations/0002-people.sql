-- Who can be asked and who may sign in. Secrets are hashed, or sealed with the server's key.

create table person (
  id text primary key,
  email text not null unique check (email = lower(email)),
  name text not null,
  role text not null check (role in ('admin', 'responder', 'member')),
  language text not null check (language in ('en', 'ja')),
  -- Listed in the configuration: the file decides name, role and whether the person may sign in.
  configured boolean not null,
  disabled_ms bigint,
  passphrase_hash text,
  totp_sealed text,
  -- The last time step whose code was used: a code counts once.
  totp_last_step bigint not null default 0,
  enrolled_ms bigint,
  created_ms bigint not null,
  check (enrolled_ms is null or (passphrase_hash is not null and totp_sealed is not null))
);

-- A single-use link; only the hash of its token is kept.
create table sign_in_link (
  token_hash text primary key,
  person_id text not null references person (id),
  created_by text references person (id),
  created_ms bigint not null,
  expires_ms bigint not null,
  used_ms bigint
);

create index sign_in_link_by_person on sign_in_link (person_id);

create table sign_in_session (
  token_hash text primary key,
  person_id text not null references person (id),
  -- Came by a link: may enrol and nothing else.
  enrolment_only boolean not null,
  pending_totp_sealed text,
  created_ms bigint not null,
  seen_ms bigint not null,
  expires_ms bigint not null
);

create index sign_in_session_by_person on sign_in_session (person_id);
create index sign_in_session_by_expiry on sign_in_session (expires_ms);

-- Attempts to sign in, by account and by address, within a window.
create table sign_in_attempt (
  key text primary key,
  count integer not null,
  first_ms bigint not null
);

create index sign_in_attempt_by_time on sign_in_attempt (first_ms);
