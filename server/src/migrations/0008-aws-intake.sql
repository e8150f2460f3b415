-- When each account was last heard, and which troubles of intake have an open alert.

create table account_heard (
  account text primary key,
  newest_event_ms bigint not null,
  last_heard_ms bigint not null,
  batches bigint not null
);

create table intake_trouble (
  key text primary key,
  since_ms bigint not null
);
