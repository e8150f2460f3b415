-- Searches of the activity that people keep under a name, and gaps found by their time over all hosts.

-- Whoever has the address of one may open it; only its owner changes it.
create table saved_search (
  id text primary key,
  person_id text not null references person (id),
  name text not null,
  -- As it stands in the console's address: `with=user:root&q=curl&minutes=60`.
  query text not null,
  saved_ms bigint not null,
  unique (person_id, name)
);

create index host_gap_by_time on host_gap (to_ms, from_ms);
