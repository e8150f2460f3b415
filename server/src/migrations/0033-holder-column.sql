-- Who holds a page stands in a column: the database takes no document apart any more, for what is text to it may hold halves of characters,
-- which it refuses as JSON. The page that one of them holds could not be acknowledged.
drop index case_by_holder;

alter table case_record add column holder_id text;

update case_record
set holder_id = substring(document from '"acknowledgedBy":\{(?:"name":"(?:[^"\\]|\\.)*",)?"id":"([^"\\]*)"')
where state = 'acknowledged';

create index case_by_holder on case_record (holder_id) where state = 'acknowledged';
