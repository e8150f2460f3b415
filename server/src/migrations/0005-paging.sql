-- The times of a case (T0 … T7 of docs/numbers.md) and what they are grouped by; windows in which low pages wait.

alter table case_record
  add column t0_ms bigint,
  add column t1_ms bigint,
  add column t2_ms bigint,
  add column t3_ms bigint,
  add column t4_ms bigint,
  add column t5_ms bigint,
  add column t6_ms bigint,
  add column t7_ms bigint,
  add column drill boolean not null default false,
  add column team text,
  add column account text,
  add column rule text;

update case_record set t0_ms = first_ms, t1_ms = opened_ms;

create index case_by_event_time on case_record (t0_ms);
create index case_by_person on case_record (person_id, state);

create table maintenance_window (
  id text primary key,
  -- Globs; null means any.
  source text,
  account text,
  rule text,
  reason text not null,
  from_ms bigint not null,
  to_ms bigint not null check (to_ms > from_ms),
  created_by text not null,
  created_ms bigint not null,
  ended_ms bigint
);

create index maintenance_window_by_end on maintenance_window (to_ms);
