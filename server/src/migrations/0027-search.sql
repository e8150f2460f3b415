-- Cases are found by what their findings name: rule, actor, resource, account, address. The words are made in `cases/search/words.ts`;
-- those of cases that were there before are made little by little.

alter table case_record add column words tsvector;

create index case_by_words on case_record using gin (words);
create index case_without_words on case_record (id) where words is null;
create index case_by_rule on case_record (rule, updated_ms desc);
