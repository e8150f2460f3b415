-- Ladders about which an alert is open, since within a day they reach nobody.
create table on_call_trouble (
  escalation text primary key,
  since_ms bigint not null
);
