-- What an agent is to do on its host, and when it was last ready to: whoever asks waits for the answer. A state of containment stands on the
-- host itself and in its revert; these rows are only the way there.
create table host_order (
  id text primary key,
  host text not null,
  operation text not null,
  input text not null,
  created_ms bigint not null,
  expires_ms bigint not null,
  taken_ms bigint,
  answered_ms bigint,
  -- JSON: { "answer": … } or { "code": …, "message": … }.
  answer text
);
create index host_order_waiting on host_order (host, created_ms) where taken_ms is null;
alter table agent add column ready_ms bigint;
