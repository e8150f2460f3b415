-- Reverts that outlive their server: which run holds a resource, what each of our calls was about, and the events that one revert
-- answers for.

-- A run that died is not the run that goes on after it: each holds the lock under a name of its own.
alter table revert_lock add column holder text not null default '';

-- The names of the resource in the call's input (JSON): an echo must speak of the same.
alter table revert_call add column subjects text not null default '[]';
-- Of the first event that a call explained; another request is not ours.
alter table revert_call add column request_digest text;

-- Undoing has begun, too, and may be gone on with.
alter table revert add column undo_started_ms bigint;

create table revert_event (
  event_id text not null,
  resource_key text not null,
  revert_id text not null references revert (id),
  primary key (event_id, resource_key)
);

insert into revert_event (event_id, resource_key, revert_id) select event_id, resource_key, id from revert;
