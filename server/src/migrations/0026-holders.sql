-- Who holds a page is looked up for everybody who goes out of service: by an index, and not by reading every page that somebody holds.

create index case_by_holder on case_record ((document::jsonb #>> '{acknowledgedBy,id}')) where state = 'acknowledged';
