-- What is old is found without reading everything.

create index challenge_link_by_expiry on challenge_link (expires_ms);
create index proof_by_end on proof (ended_ms) where ended_ms is not null;
