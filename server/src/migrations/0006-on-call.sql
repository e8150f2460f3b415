-- Who stands in for whom, how people want to be reached, and whose turn it is.

create table on_call_override (
  id text primary key,
  schedule text not null,
  person_id text not null references person (id),
  from_ms bigint not null,
  to_ms bigint not null check (to_ms > from_ms),
  created_by text not null references person (id),
  created_ms bigint not null,
  ended_ms bigint
);

create index on_call_override_by_end on on_call_override (schedule, to_ms);

create table person_contact (
  person_id text primary key references person (id),
  phone text,
  webhook_url text,
  -- Signs what is sent there; sealed with the server's key.
  webhook_secret_sealed text,
  -- Sealed JSON: endpoint and keys of browsers that take pushes.
  push_sealed text,
  -- JSON: {"high": [{"channel", "afterMs"}], "low": […]}; null: as the server thinks best.
  rules text,
  updated_ms bigint not null
);

create table escalation_turn (
  escalation text primary key,
  turn bigint not null
);

-- Keys that the server made for itself, sealed with its own.
create table server_secret (
  name text primary key,
  sealed text not null
);
