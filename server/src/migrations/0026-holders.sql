-- Who holds a page is looked up for everybody who goes out of service: by an index, and not by reading every page that somebody holds. A
-- column, for the database takes no document apart: what is text to it may hold halves of characters, which it refuses as JSON.

alter table case_record add column holder_id text;

update case_record
set holder_id = substring(document from '"acknowledgedBy":\{(?:"name":"(?:[^"\\]|\\.)*",)?"id":"([^"\\]*)"')
where state = 'acknowledged';

create index case_by_holder on case_record (holder_id) where state = 'acknowledged';
