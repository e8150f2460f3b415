-- Which incident of PagerDuty stands for which case: its notes and responders name the incident alone, and where a service has alerts
-- its acknowledgements do, too. After a page that began anew a case has several incidents, and only the newest says how it stands.
create table pagerduty_incident (
  incident_id text primary key,
  case_id text not null,
  created_ms bigint not null
);

create index pagerduty_incident_by_case on pagerduty_incident (case_id, created_ms desc);

alter table pagerduty_webhook
  -- X-Webhook-Id: the same for every try of one delivery.
  add column delivery_id text,
  -- What it changes: only a newer message about the same thing makes one late.
  add column topic text;

create unique index pagerduty_webhook_by_delivery on pagerduty_webhook (delivery_id) where delivery_id is not null;
create index pagerduty_webhook_by_topic on pagerduty_webhook (incident_id, topic, occurred_ms desc);
drop index pagerduty_webhook_by_incident;
