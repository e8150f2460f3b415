-- Agents on hosts: how they join, and when they were last heard.
create table agent_invitation (
  token_hash text primary key,
  made_by text not null,
  created_ms bigint not null,
  expires_ms bigint not null,
  used_ms bigint,
  agent_id text
);

create table agent (
  id text primary key,
  host text not null,
  secret_hash text not null unique,
  version text not null,
  enrolled_ms bigint not null,
  last_heard_ms bigint,
  last_sequence bigint not null default 0,
  dropped bigint not null default 0,
  retired_ms bigint
);

-- One agent speaks for a host; one that joins again takes the place of the former.
create unique index agent_of_host on agent (host) where retired_ms is null;
