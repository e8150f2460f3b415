-- Objects of a trail until its digest has vouched for them, the digests themselves, and how each queue is doing.

create table trail_object (
  bucket text not null,
  key text not null,
  queue text not null,
  -- SHA-256 (hex) of what came out of it, unpacked; null: not taken yet.
  sha256 text,
  taken_ms bigint,
  -- Set while it cannot be taken.
  failing_since_ms bigint,
  failure text,
  primary key (bucket, key)
);

create index trail_object_failing on trail_object (queue, failing_since_ms) where failing_since_ms is not null;
create index trail_object_taken on trail_object (taken_ms) where taken_ms is not null;

create table trail_digest (
  -- What one trail writes in one account and region: bucket and key without the time.
  chain text primary key,
  bucket text not null,
  key text not null,
  signature text not null,
  end_ms bigint not null,
  seen_ms bigint not null
);

create table trail_queue (
  name text primary key,
  -- When it last let itself be read.
  read_ms bigint not null,
  -- Why it does not now; null: it does.
  failure text
);
