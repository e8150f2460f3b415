-- Rules that matched, and what actors did before. `document` is JSON as text: jsonb refuses some texts that logs contain.

create table finding (
  id text primary key,
  rule text not null,
  source text not null,
  account text,
  burst_key text not null,
  risk integer not null check (risk between 0 and 100),
  time_ms bigint not null,
  created_ms bigint not null,
  document text not null
);

create index finding_by_burst on finding (burst_key, time_ms);
create index finding_by_time on finding (time_ms desc, id);
create index finding_by_creation on finding (created_ms);

create table actor_history (
  account text not null,
  actor_id text not null,
  finding_count bigint not null,
  day_count integer not null,
  last_day integer not null,
  hour_counts text not null,
  actions text not null,
  primary key (account, actor_id)
);

create table account_history (
  account text primary key,
  since_ms bigint not null
);
