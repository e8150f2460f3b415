-- Reading accounts: at enrolment, and again and again for what drifted from its baseline.

-- All baselines of one type in an account and region.
create index baseline_by_place on baseline (resource_key text_pattern_ops);

-- One row for each type in each region of an account.
create table baseline_reading (
  account text not null,
  region text not null,
  type text not null,
  -- `enrol` takes what nobody vouched for; `drift` only compares.
  purpose text not null check (purpose in ('enrol', 'drift')),
  -- At enrolment: what differs is taken, too.
  replaces boolean not null default false,
  due_ms bigint not null,
  -- A reading that died goes on after this resource.
  after_id text,
  seen integer not null default 0,
  taken integer not null default 0,
  differing integer not null default 0,
  unreadable integer not null default 0,
  -- Why the last reading came to nothing.
  failure text,
  started_ms bigint,
  finished_ms bigint,
  -- Of the last enrolment that came to its end.
  enrolled_ms bigint,
  holder text,
  lease_until_ms bigint,
  primary key (account, region, type)
);

create index baseline_reading_due on baseline_reading (due_ms);

-- What differs from its baseline, told once and until it does no more.
create table baseline_drift (
  resource_key text primary key,
  digest text not null,
  since_ms bigint not null
);
