-- Hosts that are watched, what was lost of their streams, and what is kept of them as captures.

create table host (
  host text primary key,
  state text not null,
  problem text,
  -- When the state began, and when anything was last heard of the process that watches.
  since_ms bigint not null,
  last_heard_ms bigint,
  last_event_ms bigint,
  events bigint not null default 0,
  events_per_second double precision not null default 0,
  lost bigint not null default 0,
  repeats bigint not null default 0,
  look_back_ms bigint not null default 0,
  look_back_bytes bigint not null default 0,
  containers integer not null default 0,
  -- Asked for in the console, and not only in the configuration.
  wanted boolean not null default false
);

create table host_gap (
  host text not null,
  class text not null,
  from_ms bigint not null,
  to_ms bigint not null,
  lost bigint not null,
  primary key (host, to_ms, from_ms, class)
);

create table capture (
  id text primary key,
  host text not null,
  rule text not null,
  state text not null,
  from_ms bigint not null,
  to_ms bigint not null,
  size_bytes bigint not null,
  sha256 text not null,
  created_ms bigint not null
);
create index capture_by_host on capture (host, to_ms);
