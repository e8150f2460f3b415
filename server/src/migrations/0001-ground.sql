-- What everything stands on: the journal, the outbox, the inbox. Times are milliseconds since 1970, UTC.
-- JSON is kept as text: jsonb refuses texts that logs contain (a NUL, half a surrogate pair), and would not keep the bytes
-- that were hashed.

create table journal (
  sequence bigint primary key,
  time_ms bigint not null,
  kind text not null,
  case_id text,
  actor text,
  parameters text not null,
  previous_hash text not null,
  hash text not null
);

create index journal_by_case on journal (case_id, sequence) where case_id is not null;

-- The one row that every writer locks: it makes the chain gapless and tells how long it must be.
create table journal_head (
  id integer primary key check (id = 1),
  entries bigint not null,
  hash text not null
);

insert into journal_head (id, entries, hash) values (1, 0, repeat('0', 64));

create function refuse_journal_change() returns trigger language plpgsql as $$
begin
  raise exception 'the journal is append-only';
end
$$;

create trigger journal_is_append_only before update or delete on journal
  for each row execute function refuse_journal_change();

create trigger journal_is_never_truncated before truncate on journal
  for each statement execute function refuse_journal_change();

-- What has been decided and is still to be done.
create table outbox (
  id bigint generated always as identity primary key,
  key text not null unique,
  kind text not null,
  case_id text,
  payload text not null,
  due_ms bigint not null,
  attempts integer not null default 0,
  lease_until_ms bigint,
  lease_owner text,
  failure text,
  created_ms bigint not null,
  finished_ms bigint,
  outcome text check (outcome in ('done', 'cancelled')),
  check ((finished_ms is null) = (outcome is null))
);

create index outbox_due on outbox (due_ms) where finished_ms is null;
create index outbox_by_case on outbox (case_id, id) where case_id is not null;

-- What was accepted and is still to be processed. The body leaves with the batch; the row stays for its key.
create table inbox (
  id bigint generated always as identity primary key,
  key text not null unique,
  source text not null,
  origin text not null,
  body text,
  record_count integer not null,
  received_ms bigint not null,
  attempts integer not null default 0,
  -- Nobody takes the batch before: a lease while lease_owner is set, a pause after a failure when it is not.
  free_at_ms bigint not null default 0,
  lease_owner text,
  failure text,
  finished_ms bigint,
  check ((finished_ms is null) = (body is not null))
);

create index inbox_waiting on inbox (id) where finished_ms is null;
create index inbox_finished on inbox (finished_ms) where finished_ms is not null;

-- Records that could not be admitted, in full: bytes, since they may be no valid text.
create table malformed (
  key text primary key,
  source text not null,
  origin text not null,
  record_index bigint not null,
  reason text not null,
  raw bytea not null,
  received_ms bigint not null
);

create index malformed_by_time on malformed (received_ms);

-- How each source is doing.
create table intake (
  source text primary key,
  accepted_records bigint not null default 0,
  processed_records bigint not null default 0,
  malformed_records bigint not null default 0,
  newest_event_ms bigint,
  last_heard_ms bigint
);

-- Files of watched folders that were taken whole.
create table file_checkpoint (
  path text primary key,
  size_bytes bigint not null,
  modified_ms bigint not null,
  taken_ms bigint not null
);
