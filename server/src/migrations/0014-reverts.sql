-- Putting back: trusted states of resources, what was planned and done, and whose turn a resource is.

create table baseline_content (
  digest text primary key,
  -- Canonical JSON; `null` for "is not there".
  state text not null
);

create table baseline (
  resource_key text not null,
  taken_ms bigint not null,
  digest text not null references baseline_content (digest),
  trust text not null check (trust in ('enrolled', 'confirmed', 'infrastructure-as-code', 'config-history')),
  -- The person, case or repository that vouches for it.
  because text not null,
  primary key (resource_key, taken_ms)
);

create table revert (
  id text primary key,
  case_id text,
  event_id text not null,
  resource_key text not null,
  account text not null,
  row_number integer not null,
  state text not null check (
    state in ('planned', 'approved', 'running', 'reverted', 'already-done', 'conflict', 'failed', 'held', 'undoing', 'undone')
  ),
  mode text not null check (mode in ('plan', 'approve', 'auto', 'page')),
  -- JSON of `Plan`.
  plan text not null,
  -- Of the plan: what a person approves, and nothing else.
  digest text not null,
  approved_by text references person (id),
  -- Our calls have begun to leave.
  started_ms bigint,
  failure text,
  created_ms bigint not null,
  updated_ms bigint not null,
  -- One event is put back once.
  unique (event_id, resource_key)
);

create index revert_by_case on revert (case_id, created_ms);
create index revert_by_account on revert (account, started_ms);

create table revert_lock (
  resource_key text primary key,
  revert_id text not null references revert (id),
  until_ms bigint not null
);

-- Our own calls, by which our own events are recognised when they come back.
create table revert_call (
  revert_id text not null references revert (id),
  number integer not null,
  account text not null,
  -- `service:EventName` as CloudTrail tells it.
  event text not null,
  called_ms bigint not null,
  primary key (revert_id, number)
);

create index revert_call_by_event on revert_call (account, event, called_ms);
