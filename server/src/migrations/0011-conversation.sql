-- Second factors that take their time, and the chat messages that show a case.

create table proof (
  id text primary key,
  case_id text not null references case_record (id),
  person_id text not null,
  factor text not null,
  -- Of exactly the changes shown when it began.
  digest text not null,
  reason text not null,
  state text not null check (state in ('started', 'waiting', 'proven', 'failed')),
  why text,
  -- What the other side knows it by.
  transaction_id text,
  -- Digest of the state that a browser brings back.
  state_hash text unique,
  created_ms bigint not null,
  expires_ms bigint not null,
  ended_ms bigint
);

create index proof_by_case on proof (case_id, created_ms desc);

create table slack_message (
  case_id text not null references case_record (id),
  -- question:<person>, page:<person>, thread
  purpose text not null,
  channel text not null,
  ts text not null,
  -- Digest of what it shows now; an update that changes nothing is not sent.
  shown text not null,
  -- The last journal entry of the case that its thread tells.
  last_sequence bigint not null default 0,
  updated_ms bigint not null,
  primary key (case_id, purpose)
);

create table slack_user (
  email text primary key,
  user_id text,
  looked_ms bigint not null
);

create index slack_user_by_id on slack_user (user_id);

-- Webhooks of PagerDuty that were taken, so that one that comes again changes nothing.
create table pagerduty_webhook (
  id text primary key,
  incident_id text not null,
  occurred_ms bigint not null,
  received_ms bigint not null
);

create index pagerduty_webhook_by_incident on pagerduty_webhook (incident_id, occurred_ms desc);
create index pagerduty_webhook_by_time on pagerduty_webhook (received_ms);
