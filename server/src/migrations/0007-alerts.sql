-- Changes that other systems tell of, and monitors that must be heard from.

create table change_event (
  id text primary key,
  integration text not null,
  summary text not null,
  source text,
  time_ms bigint not null,
  received_ms bigint not null,
  details text not null,
  links text not null
);

create index change_event_by_time on change_event (time_ms desc, id);

create table heartbeat_monitor (
  name text primary key,
  -- When it was first configured: a monitor that never beat is late from here.
  since_ms bigint not null,
  last_beat_ms bigint,
  -- Set while it is late: the alert of this time is open.
  late_since_ms bigint
);
