-- Narrow, expiring exceptions to findings, made by a person with a second factor.

create table exemption (
  id text primary key,
  rule text not null,
  actor text not null,
  resource text not null,
  account text not null,
  reason text not null,
  created_by text not null references person (id),
  created_ms bigint not null,
  expires_ms bigint not null check (expires_ms > created_ms),
  ended_ms bigint,
  hidden_count bigint not null default 0,
  last_hidden_ms bigint
);

create index exemption_by_expiry on exemption (expires_ms);
