-- Findings overtake what else an agent tells, so how far each of the two has come is kept by itself.
alter table agent rename column last_sequence to last_may_sequence;
alter table agent add column last_must_sequence bigint not null default 0;
