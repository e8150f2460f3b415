-- Forms of Slack that were submitted and done, so that one that comes again changes nothing.
create table slack_form (
  -- Digest of the form as it was opened and of what was entered.
  id text primary key,
  done_ms bigint not null
);

create index slack_form_by_time on slack_form (done_ms);
