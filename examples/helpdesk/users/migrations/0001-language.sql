alter table users add column language text not null default 'en' check (language in ('en', 'de'));
create or replace view active_users as select * from users where deleted_at is null;
