-- Tokens for programs and calendars, and what an identity provider keeps of people and groups.

create table api_token (
  id text primary key,
  -- Only the digest is kept.
  token_hash text not null unique,
  name text not null,
  purpose text not null check (purpose in ('api', 'calendar', 'scim')),
  -- Never more than the maker's own role at the time of use.
  role text not null check (role in ('admin', 'responder', 'member')),
  person_id text not null references person (id),
  created_ms bigint not null,
  expires_ms bigint not null check (expires_ms > created_ms),
  used_ms bigint,
  revoked_ms bigint
);

create index api_token_by_person on api_token (person_id);

-- Kept by an identity provider; null in `identities`: no names besides the address.
alter table person add column provisioned boolean not null default false;
alter table person add column identities text;

create table scim_user (
  person_id text primary key references person (id),
  -- In lower case: names are the same whatever their case.
  user_name text not null unique,
  external_id text,
  -- The attributes as the provider wrote them.
  attributes text not null,
  active boolean not null,
  created_ms bigint not null,
  updated_ms bigint not null
);

create index scim_user_by_external on scim_user (external_id);

create table scim_group (
  id text primary key,
  display_name text not null,
  -- In lower case.
  name_key text not null unique,
  external_id text,
  created_ms bigint not null,
  updated_ms bigint not null
);

create table scim_member (
  group_id text not null references scim_group (id) on delete cascade,
  person_id text not null references person (id),
  position integer not null,
  primary key (group_id, person_id)
);

create index scim_member_by_person on scim_member (person_id);
