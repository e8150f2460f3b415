-- Activity that must not leave with its age: what a search found when somebody said why.
create table activity_hold (
  id text primary key,
  reason text not null,
  -- As it stands in the console's address, with its times: `with=user:root&from=2026-03-02T00:00:00.000Z&to=…`.
  query text not null,
  placed_by text not null references person (id),
  placed_ms bigint not null,
  -- Rows are copied and removed after the request was answered, by whoever comes to it.
  state text not null check (state in ('copying', 'kept', 'releasing', 'released', 'failed')),
  -- Null until they are copied.
  row_count bigint,
  problem text,
  released_by text references person (id),
  released_ms bigint
);

create index activity_hold_open on activity_hold (placed_ms) where state in ('copying', 'releasing');
