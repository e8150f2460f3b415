-- Cases and the challenges of them. `document` is the case as `case.ts` decides on it; the columns are for finding it.

create table case_record (
  id text primary key,
  burst_key text not null,
  state text not null check (state in ('asked', 'confirmed', 'paged', 'acknowledged', 'resolved')),
  version integer not null,
  risk integer not null,
  person_id text,
  first_ms bigint not null,
  last_ms bigint not null,
  opened_ms bigint not null,
  updated_ms bigint not null,
  document text not null
);

create index case_by_burst on case_record (burst_key, last_ms);
create index case_by_update on case_record (updated_ms desc, id);
create index case_by_state on case_record (state, updated_ms desc, id);

-- A finding belongs to one case at most.
create table case_finding (
  finding_id text primary key,
  case_id text not null references case_record (id)
);

create index case_finding_by_case on case_finding (case_id);

-- Links are bearer tokens: only their digests are kept.
create table challenge_link (
  token_hash text primary key,
  case_id text not null references case_record (id),
  person_id text not null,
  created_ms bigint not null,
  expires_ms bigint not null
);

create index challenge_link_by_case on challenge_link (case_id);
